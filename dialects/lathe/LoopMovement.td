// Movement that is written as loops (reference/loops/Movement.h).

def Lathe_SliceOp : Lathe_LoopOp<"slice", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Every n-th element of a part of each dimension";
  let description = [{
    `result[i_0, i_1, ...] = input[starts_0 + i_0 * steps_0, starts_1 + i_1 * steps_1, ...]`. A step may be negative; then
    the start is the last element that is read, counted from the front as always. `starts` and `sizes` give a number for
    each dimension, over the dimensions of all operands; those in `from` are read for their dimensions alone.
    Constraints:
    * (C1) `starts`, `steps` and `sizes` have an entry for each dimension of `input` and result.
    * (C2) `starts` and `sizes` have one symbol for each dimension of the operands.
    * (C3) No step is 0; element types are the same and not quantized.
    * (C4) Where start, size and dimension are numbers, the slice lies inside of the input.
    Example:
    ```mlir
    %y = lathe.slice %x starts affine_map<()[s0] -> (0, 2)> steps [1, 1] sizes affine_map<()[s0] -> (s0, 4)>
        : (tensor<?x8xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Variadic<Lathe_Sized>:$from, AffineMapAttr:$starts,
                       DenseI64ArrayAttr:$steps, AffineMapAttr:$sizes);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input (`from` $from^)? `starts` $starts `steps` $steps `sizes` $sizes attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}
