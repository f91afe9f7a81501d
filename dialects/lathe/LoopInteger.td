// Products of quantized integers, written as loops (reference/loops/Integer.h). Codes have 8 bits, each with a zero that is
// taken off before: what quantized models compute in, with sums that are exact.

def Lathe_IntegerMatmulOp : Lathe_LoopOp<"integer_matmul", [Lathe_NotDifferentiable]> {
  let summary = "Matrix product of 8-bit integers, exact in 32 bits";
  let description = [{
    `result[..., m, n] = sum_k (lhs[..., m, k] - lhs_zero) * (rhs[..., n, k] - rhs_zero)`, in i32, which wraps around (Jacob et
    al., 2018). The right operand lies along k, as in `lathe.matmul` with `transpose_rhs`. A zero is one for all, or one for
    each row of its operand, or for each row of each matrix.
    Constraints:
    * (C1) `lhs` and `rhs` have rank 2 or more, `result` the larger of their ranks; leading dimensions broadcast.
    * (C2) The lengths of k agree, and so do m and n with the result, which is i32.
    * (C3) A zero has the element type of its operand, and is of rank 0 or 1, or has the operand's rank and a last dimension
      of 1.
    Example:
    ```mlir
    %y = lathe.integer_matmul %x zero %a, %w zero %b
        : (tensor<?x64xui8>, tensor<ui8>, tensor<32x64xi8>, tensor<32xi8>) -> tensor<?x32xi32>
    ```
  }];
  let arguments = (ins Lathe_CodeTensor:$lhs, Lathe_CodeTensor:$lhs_zero, Lathe_CodeTensor:$rhs,
                       Lathe_CodeTensor:$rhs_zero);
  let results = (outs RankedTensorOf<[I32]>:$result);
  let assemblyFormat = [{
    $lhs `zero` $lhs_zero `,` $rhs `zero` $rhs_zero attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}
