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
}

def Plan_CloneOp : Plan_Op<"clone", [HasParent<"ProgramOp">, NoTerminator, SingleBlock]> {
  let summary = "A plan for one range of a symbol's values";
  let description = [{
    `range` is empty (any value) or one `#lathe.symbol` whose bounds this clone serves. `arena` gives the bytes of
    activation memory that it needs.
    Constraints:
    * (C1) `range` has at most one entry, named as one of the program's symbols.
    * (C2) Buffers that are in use at the same time do not overlap and lie inside of the arena, for all values of the
      symbols.
    * (C3) Launches and copies stay inside of the buffers that they use, for all values of the symbols.
    Example: see `plan.program`.
  }];
  let arguments = (ins Plan_SymbolArrayAttr:$range, AffineMapAttr:$arena);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`range` $range `arena` $arena attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
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
    It is in use from the first to the last operation that names it.
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

#endif // LATHE_DIALECTS_PLAN_PLAN_TD
