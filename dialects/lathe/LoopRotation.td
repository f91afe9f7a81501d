// Rotary position embedding by tables, written as a loop (reference/loops/Rotation.h).

def Lathe_RotatePairsOp : Lathe_LoopOp<"rotate_pairs", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>,
    AllTypesMatch<["input", "result"]>]> {
  let summary = "Rotary position embedding by angles whose cosines and sines are given";
  let description = [{
    Rotates pairs (a, b) of the first `dimensions` elements of each row, the last dimension, in f32:
    `(a, b) -> (a cosines_a - b sines_a, b cosines_b + a sines_b)`. With `adjacent` pairing the pair is elements 2i and
    2i + 1, with `halves` i and i + dimensions / 2. Rows of the tables hold one number for each pair, which a and b share,
    or one for each element. The tables broadcast as in NumPy: aligned at the last dimension, a missing one or a static 1
    repeats. Elements from `dimensions` on pass through. `lathe.rope` computes the angles, too.
    Constraints:
    * (C1) `dimensions` is even, positive and at most the last dimension of `input`.
    * (C2) `cosines` and `sines` have the same shape, with at most the rank of `input` and at least 1.
    * (C3) Their last dimension is dimensions / 2 or dimensions, each other one 1 or that of `input`.
    Example:
    ```mlir
    %y = lathe.rotate_pairs %x, %c, %s halves dimensions 64
        : (tensor<?x4x16x64xf32>, tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<?x4x16x64xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, Lathe_FloatTensor:$cosines, Lathe_FloatTensor:$sines,
                       Lathe_RopePairingAttr:$pairing, I64Attr:$dimensions);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $cosines `,` $sines $pairing `dimensions` $dimensions attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}
