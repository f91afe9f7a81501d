// Signals, written as loops (reference/loops/Signal.h).

def Lathe_DftOp : Lathe_LoopOp<"dft", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Discrete Fourier transform";
  let description = [{
    Along the second dimension of `input` [B, n, 1 or 2]: real or complex numbers, cut or filled with zeros to `length`.
    The result [B, length, 2] is complex (the first `length / 2 + 1` of it where `sizes` says so); [B, length, 1] keeps
    the real part alone. `inverse` changes the sign of the exponent and divides by `length`. `length` and `sizes` are over
    the dimensions of all operands.
    Constraints:
    * (C1) `length` and `sizes` have one symbol for each dimension of the operands; `length` has one result and `sizes`
      gives the result's dimensions.
    * (C2) Input and result have rank 3 and one or two numbers in the last dimension. With one in the input, an
      inverse transform reads it as half of a spectrum that is symmetric.
    Example:
    ```mlir
    %y = lathe.dft %x length affine_map<()[s0, s1, s2] -> (s1)> inverse false
        sizes affine_map<()[s0, s1, s2] -> (s0, s1 floordiv 2 + 1, 2)> : (tensor<1x8x1xf32>) -> tensor<1x5x2xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Variadic<Lathe_Sized>:$from, AffineMapAttr:$length, BoolAttr:$inverse,
                       AffineMapAttr:$sizes);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input (`from` $from^)? `length` $length `inverse` $inverse `sizes` $sizes attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}
