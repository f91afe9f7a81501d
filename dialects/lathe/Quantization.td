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
