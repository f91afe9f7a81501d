#ifndef LATHE_DIALECTS_PLAN_PLAN_TD
#define LATHE_DIALECTS_PLAN_PLAN_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/lathe/LatheAttrs.td"
include "dialects/lathe/LatheInterfaces.td"

def Plan_Dialect : Dialect {
  let name = "plan";
  let cppNamespace = "::lathe::plan";
  let summary = "What the machine does: memory, order, launches";
  let description = [{
    Planning turns each entry point into a `plan.program`: buffers at known offsets, launches and copies in order. Sizes and
    offsets are affine maps `()[s0, s1, ...] -> (...)` over the program's symbols, evaluated once a call. A launch keeps
    its fusion's body on tensors until code generation, so that the reference can run a plan against byte memory.

    Symbols are numbered through: first the program's, which the shapes of the inputs give, then the clone's data symbols,
    each of which one operation of the clone defines: `plan.read_sizes`, `plan.if` or `plan.loop`. Memory whose size depends on
    data symbols comes from `plan.allocate`, all else from the arena.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::lathe::LatheDialect"];
}

class Plan_Op<string mnemonic, list<Trait> traits = []> : Op<Plan_Dialect, mnemonic, traits>;

def Plan_BufferType : TypeDef<Plan_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "An address on the device; whoever uses it says how many bytes";
}

def Plan_PortAttr : AttrDef<Plan_Dialect, "Port"> {
  let mnemonic = "port";
  let summary = "An input, output or state of a program: what a caller sees";
  let description = [{
    `type` is the element type, or the state's type. `dims` gives each dimension over the program's symbols; for a state
    it is empty.
    Example: `#plan.port<"image", "tensor", f32, ()[s0] -> (s0, 1, 8, 8)>`.
  }];
  let mnemonic = "port";
  let parameters = (ins StringRefParameter<"name">:$name, StringRefParameter<"role">:$role, "::mlir::Type":$type,
                        "::mlir::AffineMap":$dims);
  let assemblyFormat = "`<` $name `,` $role `,` $type `,` $dims `>`";
}
def Plan_PortArrayAttr : TypedArrayAttrBase<Plan_PortAttr, "array of ports">;
def Plan_SymbolArrayAttr : TypedArrayAttrBase<Lathe_SymbolAttr, "array of symbols">;

def Plan_DataOp : Plan_Op<"data", [Symbol, IsolatedFromAbove, SingleBlock]> {
  let summary = "A tensor of the artifact's weights section, and the program that makes its bytes";
  let description = [{
    The region is a weight program: `lathe` operations over `lathe.weight` that yield the tensor. It runs when the artifact
    is written. `offset` counts from the start of the section.
    Constraints:
    * (C1) The region yields one value of type `type`.
    * (C2) `offset` is a multiple of 256.
    Example:
    ```mlir
    plan.data @w0 "blk.0.attn_q.weight" offset 0 : tensor<256x256x!lathe.gguf<q4_k>> {
      %0 = lathe.weight "blk.0.attn_q.weight" file 0 offset 4096 bytes 36864 : tensor<256x256x!lathe.gguf<q4_k>>
      lathe.yield %0 : tensor<256x256x!lathe.gguf<q4_k>>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$name, I64Attr:$offset, TypeAttrOf<AnyRankedTensor>:$type);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name $name `offset` $offset attr-dict `:` $type $body";
  let hasRegionVerifier = 1;
}

def Plan_ProgramOp : Plan_Op<"program", [Symbol, IsolatedFromAbove, NoTerminator, SingleBlock]> {
  let summary = "One entry point: what a caller sees, and the plans that serve it";
  let description = [{
    The block's arguments are the addresses of the inputs, the outputs and the states, in this order. The region holds one
    or more `plan.clone`; the first whose range holds the value of its symbol serves the call.
    Constraints:
    * (C1) The block has one `!plan.buffer` argument for each port.
    * (C2) The region holds nothing but `plan.clone`, at least one.
    * (C3) For each value of the symbols there is a clone that serves it.
    Example:
    ```mlir
    plan.program @forward "tensor" symbols [#lathe.symbol<"batch", 1, 64>]
        inputs [#plan.port<"x", "tensor", f32, ()[s0] -> (s0, 4)>]
        outputs [#plan.port<"y", "tensor", f32, ()[s0] -> (s0, 4)>] states [] {
    ^bb0(%x: !plan.buffer, %y: !plan.buffer):
      plan.clone range [] arena affine_map<()[s0] -> (0)> {
        plan.copy %x to %y bytes affine_map<()[s0] -> (s0 * 16)>
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$kind, Plan_SymbolArrayAttr:$symbols,
                       Plan_PortArrayAttr:$inputs, Plan_PortArrayAttr:$outputs, Plan_PortArrayAttr:$states);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name $kind `symbols` $symbols `inputs` $inputs `outputs` $outputs `states` $states attr-dict-with-keyword $body
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The program's symbols, then the data symbols of its first clone: what the sizes of outputs are made of.
    ::llvm::SmallVector<::lathe::SymbolAttr> getPortSymbols();
    /// True when a size of output `index` depends on data: `plan.output` then gives its address.
    bool isDataDependent(unsigned index);
  }];
}

def Plan_CloneOp : Plan_Op<"clone", [HasParent<"ProgramOp">, NoTerminator, SingleBlock]> {
  let summary = "A plan for one range of a symbol's values";
  let description = [{
    `range` is empty (any value) or one `#lathe.symbol` whose bounds this clone serves. `data` holds the data symbols. `arena`
    gives the bytes of activation memory that it needs.
    Constraints:
    * (C1) `range` has at most one entry, named as one of the program's symbols.
    * (C2) Buffers that are in use at the same time do not overlap and lie inside of the arena, for all values of the
      symbols.
    * (C3) Launches and copies stay inside of the buffers that they use, for all values of the symbols.
    * (C4) Allocations that are in use at the same time have different slots, but for one that keeps what another wrote.
    Example: see `plan.program`.
  }];
  let arguments = (ins Plan_SymbolArrayAttr:$range, OptionalAttr<Plan_SymbolArrayAttr>:$data, AffineMapAttr:$arena);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`range` $range (`data` $data^)? `arena` $arena attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The program's symbols with the bounds that this clone serves, then the data symbols.
    ::llvm::SmallVector<::lathe::SymbolAttr> getAllSymbols();
  }];
}

def Plan_AddressOp : Plan_Op<"address", [Pure]> {
  let summary = "The address of a tensor in the weights section";
  let description = [{
    Example:
    ```mlir
    %w = plan.address @w0
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$data);
  let results = (outs Plan_BufferType:$result);
  let assemblyFormat = "$data attr-dict";
}

def Plan_BufferOp : Plan_Op<"buffer", [Pure]> {
  let summary = "A piece of the activation arena";
  let description = [{
    It is in use from the first to the last operation that names it or what is made of it (`plan.view`, the results of
    `plan.if` and `plan.loop`). One that stands outside of a loop and is named in it is in use during all rounds.
    Example:
    ```mlir
    %b = plan.buffer at affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (s0 * 1024)>
    ```
  }];
  let arguments = (ins AffineMapAttr:$offset, AffineMapAttr:$bytes);
  let results = (outs Plan_BufferType:$result);
  let assemblyFormat = "`at` $offset `bytes` $bytes attr-dict";
}

def Plan_LaunchOp : Plan_Op<"launch", [AttrSizedOperandSegments, IsolatedFromAbove, SingleBlock,
    Lathe_KernelRegion]> {
  let summary = "Run one kernel";
  let description = [{
    The region is the body of a `lathe.fusion`: it takes tensors at `inputs` and yields those to be written at `outputs`. A
    state stands in both and is changed in place. `shapes` gives the dimensions of each input, then of each output.
    Constraints:
    * (C1) The region takes one value for each input and yields one for each output.
    * (C2) `shapes` has a map for each input and output, with as many results as the value has dimensions (a state: none)
      and the static sizes of its type.
    Example:
    ```mlir
    plan.launch #lathe.kernel<"elementwise", {}, "no reduction"> ins(%x) outs(%y)
        shapes [affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> (s0)>] {
    ^bb0(%a0: tensor<?xf32>):
      %0 = lathe.relu %a0 : tensor<?xf32>
      lathe.yield %0 : tensor<?xf32>
    }
    ```
  }];
  let arguments = (ins Lathe_KernelAttr:$kernel, Variadic<Plan_BufferType>:$inputs, Variadic<Plan_BufferType>:$outputs,
                       AffineMapArrayAttr:$shapes);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $kernel `ins` `(` $inputs `)` `outs` `(` $outputs `)` `shapes` $shapes attr-dict-with-keyword $body
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// Types of the inputs, then of the outputs, as the region sees them.
    ::llvm::SmallVector<::mlir::Type> getPortTypes();
    /// The distinct expressions behind the sizes that the types leave open, in order of first appearance: what a kernel
    /// receives as `dims`. `indices[i][d]` is the place of dimension d of port i in that list, or -1 where it is static.
    ::llvm::SmallVector<::mlir::AffineExpr> getDynamicDims(
        ::llvm::SmallVectorImpl<::llvm::SmallVector<int64_t>> *indices = nullptr);
  }];
}

def Plan_CopyOp : Plan_Op<"copy"> {
  let summary = "Copy bytes from one buffer to another";
  let description = [{
    Example: see `plan.program`.
  }];
  let arguments = (ins Plan_BufferType:$source, Plan_BufferType:$target, AffineMapAttr:$bytes);
  let assemblyFormat = "$source `to` $target `bytes` $bytes attr-dict";
}

def Plan_NullOp : Plan_Op<"null", [Pure]> {
  let summary = "The address of a value without bytes";
  let description = [{
    Stands for operands of which a launch reads the dimensions alone (`!lathe.sizes`).
    Example:
    ```mlir
    %n = plan.null
    ```
  }];
  let results = (outs Plan_BufferType:$result);
  let assemblyFormat = "attr-dict";
}

def Plan_ViewOp : Plan_Op<"view", [Pure]> {
  let summary = "A piece of a buffer";
  let description = [{
    `bytes` bytes from `offset` on: one row of what a loop scans or stacks.
    Example:
    ```mlir
    %row = plan.view %b at affine_map<()[s0] -> (s0 * 16)> bytes affine_map<()[s0] -> (16)>
    ```
  }];
  let arguments = (ins Plan_BufferType:$source, AffineMapAttr:$offset, AffineMapAttr:$bytes);
  let results = (outs Plan_BufferType:$result);
  let assemblyFormat = "$source `at` $offset `bytes` $bytes attr-dict";
}

def Plan_AllocateOp : Plan_Op<"allocate"> {
  let summary = "Memory whose size is known only now";
  let description = [{
    The runtime keeps one piece of memory for each slot and enlarges it where it is too small: sizes that repeat allocate
    nothing. What the slot held before is gone, but for the first `keep` bytes. With `round`, the number of the symbol that
    counts the rounds of a loop, the slots are `slot` in even and `slot + 1` in odd rounds: what a round writes does not
    touch what the round before left.
    Example:
    ```mlir
    %b = plan.allocate slot 2 bytes affine_map<()[s0] -> (s0 * 4)>
    ```
  }];
  let arguments = (ins I64Attr:$slot, OptionalAttr<I64Attr>:$round, AffineMapAttr:$bytes, OptionalAttr<AffineMapAttr>:$keep);
  let results = (outs Plan_BufferType:$result);
  let assemblyFormat = "`slot` $slot (`round` $round^)? `bytes` $bytes (`keep` $keep^)? attr-dict";
  let extraClassDeclaration = [{
    /// Slots that it takes: 2 with `round`.
    int64_t getNumSlots() { return getRound() ? 2 : 1; }
  }];
}

def Plan_OutputOp : Plan_Op<"output"> {
  let summary = "The address of an output whose sizes depend on data";
  let description = [{
    Tells the caller the sizes that output number `index` has in this call and gives the address to write it to. The call ends
    when the caller's memory is too small.
    Constraints:
    * (C1) The program has an output of that number, with as many dimensions.
    Example:
    ```mlir
    %y = plan.output 0 sizes affine_map<()[s0, s1] -> (s1, 4)>
    ```
  }];
  let arguments = (ins I64Attr:$index, AffineMapAttr:$sizes);
  let results = (outs Plan_BufferType:$result);
  let assemblyFormat = "$index `sizes` $sizes attr-dict";
  let hasVerifier = 1;
}

def Plan_ReadSizesOp : Plan_Op<"read_sizes"> {
  let summary = "Let data say what symbols are";
  let description = [{
    Element i of the i64 values in `source` becomes the value of symbol `symbols[i]`; -1 names none. The call ends when one is
    not from `min` to `max`.
    Constraints:
    * (C1) `symbols`, `min` and `max` have as many entries; symbols are data symbols of the clone.
    Example:
    ```mlir
    plan.read_sizes %counts to [1] min [0] max [100]
    ```
  }];
  let arguments = (ins Plan_BufferType:$source, DenseI64ArrayAttr:$symbols, DenseI64ArrayAttr:$min,
                       DenseI64ArrayAttr:$max);
  let assemblyFormat = "$source `to` $symbols `min` $min `max` $max attr-dict";
  let hasVerifier = 1;
}

def Plan_IfOp : Plan_Op<"if", [SingleBlock]> {
  let summary = "One of two lists of steps, chosen by a byte in memory";
  let description = [{
    Runs the first region where the byte at `condition` is not 0, the second one otherwise. The results are the addresses that
    it yields; the symbols in `defines` become the sizes that it yields.
    Constraints:
    * (C1) Each region yields one address for each result and one size for each symbol in `defines`.
    Example:
    ```mlir
    %r = plan.if %c : !plan.buffer {
      plan.yield %a
    } else {
      plan.yield %b
    }
    ```
  }];
  let arguments = (ins Plan_BufferType:$condition, DefaultValuedOptionalAttr<DenseI64ArrayAttr, "{}">:$defines);
  let results = (outs Variadic<Plan_BufferType>:$results);
  let regions = (region SizedRegion<1>:$thenBody, SizedRegion<1>:$elseBody);
  let assemblyFormat = [{
    $condition (`defines` $defines^)? attr-dict-with-keyword (`:` type($results)^)? $thenBody `else` $elseBody
  }];
  let hasRegionVerifier = 1;
}

def Plan_LoopOp : Plan_Op<"loop", [AttrSizedOperandSegments, SingleBlock]> {
  let summary = "Steps that are repeated";
  let description = [{
    Rounds are counted by the data symbol number `round`: within the region it is the number of the round, from 0; behind the
    loop it is how many there were. Rounds go on while there are fewer than `limit`, and fewer than the i64 at `trip`, and the
    byte at the condition is not 0: that of `condition` before the first round, afterwards the one that the region yielded.
    With `count` the number of the round is written there before each one.

    `carried` are addresses that go from round to round; the results are those after the last one. The symbols in `defines` are
    `sizes` before the first round, and afterwards what the region yields.
    Constraints:
    * (C1) The region takes one address for each carried one; so many results there are.
    * (C2) The region yields an address for the condition if there is one, then one for each carried one, and one size for
      each symbol in `defines`, as `sizes` has.
    Example:
    ```mlir
    %r = plan.loop while %c round 1 limit affine_map<()[s0, s1] -> (s0)> carried(%a) : !plan.buffer {
    ^bb0(%x: !plan.buffer):
      plan.yield %c, %x
    }
    ```
  }];
  let arguments = (ins Optional<Plan_BufferType>:$trip, Optional<Plan_BufferType>:$condition,
                       Optional<Plan_BufferType>:$count, Variadic<Plan_BufferType>:$carried, I64Attr:$round,
                       OptionalAttr<AffineMapAttr>:$limit,
                       DefaultValuedOptionalAttr<DenseI64ArrayAttr, "{}">:$defines, OptionalAttr<AffineMapAttr>:$sizes);
  let results = (outs Variadic<Plan_BufferType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`trip` $trip^)? (`while` $condition^)? `round` $round (`count` $count^)? (`limit` $limit^)?
    (`carried` `(` $carried^ `)`)? (`defines` $defines^ `from` $sizes)? attr-dict-with-keyword (`:` type($results)^)? $body
  }];
  let hasRegionVerifier = 1;
}

def Plan_YieldOp : Plan_Op<"yield", [Terminator, ParentOneOf<["IfOp", "LoopOp"]>]> {
  let summary = "Ends a list of steps and passes addresses and sizes on";
  let description = [{
    Example: see `plan.if`.
  }];
  let arguments = (ins Variadic<Plan_BufferType>:$addresses, OptionalAttr<AffineMapAttr>:$sizes);
  let assemblyFormat = "($addresses^)? (`sizes` $sizes^)? attr-dict";
}

#endif // LATHE_DIALECTS_PLAN_PLAN_TD
