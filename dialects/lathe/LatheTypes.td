#ifndef LATHE_DIALECTS_LATHE_LATHETYPES_TD
#define LATHE_DIALECTS_LATHE_LATHETYPES_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinTypeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "dialects/lathe/LatheDialect.td"
include "dialects/lathe/LatheInterfaces.td"

class Lathe_Type<string name, string typeMnemonic, list<Trait> traits = []> : TypeDef<Lathe_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
}

def Lathe_StateKind : I32EnumAttr<"StateKind", "how a state is kept for a sequence", [
    I32EnumAttrCase<"Paged", 0, "paged">,
    I32EnumAttrCase<"Slot", 1, "slot">,
    I32EnumAttrCase<"Static", 2, "static">]> {
  let cppNamespace = "::lathe";
}

def Lathe_StateType : Lathe_Type<"State", "state"> {
  let summary = "Memory that outlives a call: a KV cache, a recurrent state";
  let description = [{
    A state enters an operation and leaves it as a new value; at most one operation may replace a state value, and all
    other uses come before that one, so that planning can keep it in place.

    * `paged`: `shape` is `[layers, heads, key width + value width]` for each token. Pages hold 16 tokens and lie one
      after the other in a pool; a block table for each sequence names its pages. Within a page, for each layer: keys
      `[heads, 16, key width]`, then values `[heads, 16, value width]`. `window` > 0 says that only the last `window`
      tokens are ever read, so that older pages can go back to the pool. The element may be `!lathe.gguf<q8_0>`, whose
      blocks of 32 lie within one head's key or value.
    * `slot`: `shape` is what each sequence holds, fixed in size (recurrent and convolutional states).
    * `static`: like `slot`, but written once (the keys and values of cross-attention).

    Example: `!lathe.state<paged, 2x2x128xf32>`, `!lathe.state<paged, 6x1x512xbf16, window = 1024>`.
  }];
  let parameters = (ins EnumParameter<Lathe_StateKind>:$kind, ArrayRefParameter<"int64_t">:$shape,
                        "::mlir::Type":$element, DefaultValuedParameter<"int64_t", "0">:$window);
  let hasCustomAssemblyFormat = 1; // "2x2x128xf32" is one dimension list, which no declarative format can parse
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Tokens in a page.
    static constexpr int64_t PageTokens = 16;
    /// Bytes of one page (paged) or of one sequence's state (slot, static).
    int64_t getUnitBytes() const;
  }];
}

def Lathe_SizesType : Lathe_Type<"Sizes", "sizes"> {
  let summary = "Sizes that operations take for the shapes of their results";
  let description = [{
    A value with `rank` dimensions and no elements: operations read its dimensions alone, as they do those of a tensor.
    Example: `!lathe.sizes<2>`.
  }];
  let parameters = (ins "int64_t":$rank);
  let assemblyFormat = "`<` $rank `>`";
}

def Lathe_SequenceType : Lathe_Type<"Sequence", "sequence"> {
  let summary = "A list of values of one type, as ONNX's sequence";
  let parameters = (ins "::mlir::Type":$element);
  let assemblyFormat = "`<` $element `>`";
}

def Lathe_OptionalType : Lathe_Type<"Optional", "optional"> {
  let summary = "A value or nothing, as ONNX's optional";
  let parameters = (ins "::mlir::Type":$element);
  let assemblyFormat = "`<` $element `>`";
}

def Lathe_StringType : Lathe_Type<"String", "string", [DeclareTypeInterfaceMethods<VectorElementTypeInterface>]> {
  let summary = "UTF-8 text of any length, as an element of a tensor";
}

class Lathe_QuantizedType<string name, string typeMnemonic>
    : Lathe_Type<name, typeMnemonic, [VectorElementTypeInterface,
        DeclareTypeInterfaceMethods<Lathe_QuantizedTypeInterface>]>;

def Lathe_GgufType : Lathe_QuantizedType<"Gguf", "gguf"> {
  let summary = "A block format of GGUF files, by its name there";
  let description = [{
    Blocks are one row high. The authority for sizes and decoding is the table in `runtime/gguf/BlockFormat.h`.
    Example: `tensor<256x256x!lathe.gguf<q4_k>>`.
  }];
  let parameters = (ins StringRefParameter<"lower-case name of the format">:$format);
  let assemblyFormat = "`<` custom<FormatName>($format) `>`";
  let genVerifyDecl = 1;
}

def Lathe_GgufPanelsType : Lathe_QuantizedType<"GgufPanels", "gguf_panels"> {
  let summary = "Blocks of a GGUF format, those of 16 rows side by side";
  let description = [{
    The same values in the order that a product reads them in: a block is 16 rows high, and the 16 blocks that it is made of
    are dealt out in units, unit 0 of each row, then unit 1 of each. The authority for units is `runtime/gguf/BlockPanels.h`.
    Example: `tensor<256x256x!lathe.gguf_panels<q4_k>>`.
  }];
  let parameters = (ins StringRefParameter<"lower-case name of the format">:$format);
  let assemblyFormat = "`<` custom<FormatName>($format) `>`";
  let genVerifyDecl = 1;
}

def Lathe_GgufTilesType : Lathe_QuantizedType<"GgufTiles", "gguf_tiles"> {
  let summary = "Blocks of a GGUF format as tensor cores read them";
  let description = [{
    The same values in tiles of 16 rows and 128 or 256 columns, each in the order of a matrix instruction's left operand. The
    authority is `runtime/gguf/BlockTiles.h`.
    Example: `tensor<256x256x!lathe.gguf_tiles<q4_k>>`.
  }];
  let parameters = (ins StringRefParameter<"lower-case name of the format">:$format);
  let assemblyFormat = "`<` custom<FormatName>($format) `>`";
  let genVerifyDecl = 1;
}

def Lathe_Nf4Type : Lathe_Type<"Nf4", "nf4"> {
  let summary = "A place in the table of QLoRA's 4-bit NormalFloat";
  let description = [{
    Code i of 0 to 15 is the i-th quantile, ascending, of a normal distribution that is scaled to [-1, 1]; 7 is zero. The
    authority is the table in `runtime/SmallNumbers.h`. It is the code of a blocked type and no element on its own.
    Example: `!lathe.blocked<!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none>`.
  }];
}

def Lathe_BlockedType : Lathe_QuantizedType<"Blocked", "blocked"> {
  let summary = "Codes of a small type with a scale for each block";
  let description = [{
    value = (code - zero) * (scale * outer_scale). `code` is the stored type (an integer, `f8E4M3FN`, `f4E2M1FN`,
    `!lathe.nf4`), `scale` and `zero` the types of the numbers kept for each block of `rows` x `columns`, `outer_scale` the
    type of one number for the whole tensor. An absent part is `none`. Each of the three operations is rounded to f32.

    A scale may be a number of blocks itself (double quantization): `scale` is then a blocked type without an outer scale,
    whose block counts blocks of this type, and both together are one block.

    Bytes: for each block in row-major order its scale, its zero, then its codes, row by row, the low bits of a byte first;
    each block is padded to whole bytes. Quantized scales stand in front of the codes of all blocks that share their
    scale. The outer scale stands before the first block.

    Packing finds the scale of a block by a small search: of some scales around the largest magnitude / the largest code,
    and the one that fits the codes so found by least squares, it takes the one of least squared error
    (`dialects/lathe/BlockedPacking.cpp`). Codes are the nearest, ties to even, and saturate. What is not finite is refused.

    Formats have names for users (`dialects/lathe/BlockedFormats.h`): `int4_g32`, `fp8_e4m3`, `nf4`, `nvfp4`.

    Constraints:
    * (C1) `code` is an integer or float of at most 8 bits, or `!lathe.nf4`.
    * (C2) `rows` and `columns` are above 0.
    * (C3) `scale` is a float, none, or a blocked type of 8-bit codes with a float for a scale and no outer scale.
    * (C4) `zero` is an integer, a float or none.
    * (C5) `outer_scale` is a float or none.
    Example: NVFP4 is `!lathe.blocked<f4E2M1FN, block = [1, 16], scale = f8E4M3FN, zero = none, outer_scale = f32>`.
  }];
  let parameters = (ins "::mlir::Type":$code, "int64_t":$rows, "int64_t":$columns, "::mlir::Type":$scale,
                        "::mlir::Type":$zero, "::mlir::Type":$outerScale);
  let assemblyFormat = [{
    `<` $code `,` `block` `=` `[` $rows `,` $columns `]` `,` `scale` `=` $scale `,` `zero` `=` $zero `,`
    `outer_scale` `=` $outerScale `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bits of a code.
    int64_t getCodeBits() const;
    /// Bytes of the codes of one scale, padded.
    int64_t getCodeBytes() const;
    /// How many scales, down and across, share a scale of theirs: one where scales are plain numbers.
    std::array<int64_t, 2> getScaleBlock() const;
  }];
}

#endif // LATHE_DIALECTS_LATHE_LATHETYPES_TD
