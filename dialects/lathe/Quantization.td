// Floats to blocks. The way back is a `lathe.cast`; products and gathers read blocks as they are.

def Lathe_QuantizeOp : Lathe_ModelOp<"quantize", [Lathe_HasRule]> {
  let summary = "Round floats to the nearest that quantized blocks can hold";
  let description = [{
    The blocks that the element type of the result makes of the values (`QuantizedTypeInterface::pack`), taken as f32. Of
    weights it is a part of their weight program, so nothing runs when the model does. Followed by a `lathe.cast` it is fake
    quantization. Its derivative is straight-through: the gradient of the blocks' values is that of the input.
    Constraints:
    * (C1) Operand and result have the same shape.
    * (C2) The element type of the result is one that can be packed: not panels or tiles, nor a format without an encoder.
    * (C3) The last dimension, and of blocks of several rows the one before it, are known and hold whole blocks.
    Example:
    ```mlir
    %q = lathe.quantize %w : tensor<32x64xf32> -> tensor<32x64x!lathe.gguf<q8_0>>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input);
  let results = (outs Lathe_QuantizedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_JoinBlocksOp : Lathe_ModelOp<"join_blocks", [Lathe_NotDifferentiable]> {
  let summary = "Blocks from codes, scales and zeros that are given apart";
  let description = [{
    Puts codes, the scale and the zero of each block side by side, as a model's file has them apart: no number changes.
    `codes` has a byte for each element, the code in its low bits, or, of codes of less than 8 bits, the bytes that they are
    packed in, the low bits of a byte first.
    Constraints:
    * (C1) The result is a matrix of whole blocks of a `!lathe.blocked` with a float scale and without an outer scale.
    * (C2) `codes` has the result's shape, or, packed, rows of as many bytes as the codes of a row take; then blocks are one
      row high and their codes fill whole bytes.
    * (C3) `scales` has the type of the scale, and an element for each block or 1 in a dimension where all blocks share it.
    * (C4) `zeros` is the same of the zero, and there where the type has one.
    Example:
    ```mlir
    %b = lathe.join_blocks %codes, %scales : (tensor<32x64xi8>, tensor<32x1xf32>)
        -> tensor<32x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
    ```
  }];
  let arguments = (ins Lathe_CodeTensor:$codes, Lathe_FloatTensor:$scales, Optional<Lathe_PlainTensor>:$zeros);
  let results = (outs Lathe_QuantizedTensor:$result);
  let assemblyFormat = "$codes `,` $scales (`,` $zeros^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Lathe_FakeQuantizeOp : Lathe_ModelOp<"fake_quantize", [Lathe_HasRule]> {
  let summary = "The nearest values that integers of a scale can hold, as floats";
  let description = [{
    `result = (clamp(round(input / scale) + zero, low, high) - zero) * scale`, each operation in f32, round to even (Jacob et
    al., 2018): what a pair of ONNX's QuantizeLinear and DequantizeLinear does, and what a model that is trained with
    quantization in the loop computes. Its derivative is straight-through where nothing is clamped, and 0 elsewhere; scale
    and zero are constants to it.
    Constraints:
    * (C1) `scale` and `zero` have no dimensions, or as many as `input`, each 1 or the input's.
    * (C2) `low` < `high`, both of at most 24 bits, so that f32 holds them.
    Example:
    ```mlir
    %q = lathe.fake_quantize %x, %s, %z from 0 to 255 : (tensor<?x64xf32>, tensor<f32>, tensor<f32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$input, RankedTensorOf<[F32]>:$scale, RankedTensorOf<[F32]>:$zero, I64Attr:$low,
                       I64Attr:$high);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let assemblyFormat = [{
    $input `,` $scale `,` $zero `from` $low `to` $high attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Lathe_RoundRowsOp : Lathe_ModelOp<"round_rows", [Lathe_NotDifferentiable]> {
  let summary = "Codes of 8 bits for each row, with the scale that they are multiplied with";
  let description = [{
    `scales = max(max_j |input[.., j]| * (1 / largest), 2^-100)`, `codes[.., j] = round(input[.., j] * (1 / scales))`, each
    operation in f32, to the nearest code, the even one of two. `largest` is 448 for codes of f8E4M3FN, 127 for i8. It is
    what products whose rows are rounded when the model runs read (`passes/quantization/RoundRows.cpp`). A row with a NaN or
    an infinity in it has no scale that is a number, and what is computed of it is NaN.
    Constraints:
    * (C1) `input` has rank 1 or more, `codes` its shape, `scales` too, but for 1 as the last dimension.
    Example:
    ```mlir
    %c, %s = lathe.round_rows %x : tensor<?x64xf32> -> tensor<?x64xf8E4M3FN>, tensor<?x1xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input);
  let results = (outs RankedTensorOf<[F8E4M3FN, I8]>:$codes, RankedTensorOf<[F32]>:$scales);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($codes) `,` type($scales)";
  let hasVerifier = 1;
}
