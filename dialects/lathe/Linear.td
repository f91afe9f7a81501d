// Matrix products and convolutions.

def Lathe_MatmulOp : Lathe_ModelOp<"matmul", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Matrix product";
  let description = [{
    `result[m, n] = sum_k lhs[m, k] * rhs[k, n]`, or `rhs[n, k]` with `transpose_rhs`, which is how linear layers keep their
    weights. The sum accumulates in f32 (in the reference: f64) whatever the element types. Quantized blocks run along
    k, so they need `transpose_rhs`.
    Constraints:
    * (C1) `lhs`, `rhs` and `result` have rank 2.
    * (C2) The lengths of k agree, and so do m and n with the result.
    * (C3) `rhs` has the element type of `lhs`, or is f16 or bf16 where `lhs` is f32 (it widens exactly), or is quantized and
      `transpose_rhs` is set.
    Example:
    ```mlir
    %y = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf16>, tensor<32x64xf16> -> tensor<?x32xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$lhs, Lathe_WeightTensor:$rhs, UnitAttr:$transpose_rhs);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`transpose_rhs` $transpose_rhs^)? attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_ConvOp : Lathe_ModelOp<"conv", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Convolution of images";
  let description = [{
    `result[b, o, y, x] = sum_{c, i, j} input[b, c, y * stride + i * dilation - pad, ...] * filter[o, c, i, j]`, zero outside
    of the image, accumulated in f32. Images are `[B, C, Y, X]`, filters `[O, C / groups, I, J]`; `pads` are top, left,
    bottom, right (ONNX's order).
    Constraints:
    * (C1) `input`, `filter` and `result` have rank 4 and one element type, but `result` may be f32.
    * (C2) `strides` and `dilations` have 2 positive entries, `pads` 4 that are not negative.
    * (C3) `groups` divides the channels of input and result, and the filter has C / groups channels.
    * (C4) The result's spatial sizes are `(size + pads - dilation * (filter - 1) - 1) / stride + 1`.
    Example:
    ```mlir
    %y = lathe.conv %x, %f strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
        tensor<?x1x8x8xf32>, tensor<8x1x3x3xf32> -> tensor<?x8x8x8xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, Lathe_FloatTensor:$filter, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations, I64Attr:$groups);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $filter `strides` $strides `pads` $pads `dilations` $dilations `groups` $groups attr-dict `:`
    type($input) `,` type($filter) `->` type($result)
  }];
  let hasVerifier = 1;
}
