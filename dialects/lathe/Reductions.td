// Operations whose elements depend on a whole row or window.

def Lathe_RmsNormOp : Lathe_ModelOp<"rms_norm", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>,
    AllTypesMatch<["input", "result"]>]> {
  let summary = "Scale each row by the reciprocal of its root mean square";
  let description = [{
    For every row x of the last dimension, of length n:
    `result[i] = x[i] / sqrt(sum_j(x[j]^2) / n + epsilon) * weight[i]`. The sum accumulates in f32 (in the reference: f64)
    whatever the element type (Zhang and Sennrich, 2019).
    Constraints:
    * (C1) `weight` is as long as the last dimension of `input`.
    * (C2) `epsilon` > 0.
    Example:
    ```mlir
    %y = lathe.rms_norm %x, %w epsilon 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, 1DTensorOf<[F16, BF16, F32]>:$weight, F32Attr:$epsilon);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$input `,` $weight `epsilon` $epsilon attr-dict `:` type($input) `,` type($weight)";
  let hasVerifier = 1;
}

def Lathe_SoftmaxOp : Lathe_ModelOp<"softmax", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>,
    AllTypesMatch<["input", "result"]>]> {
  let summary = "Exponentials of each row, scaled to sum to one";
  let description = [{
    For every row x of the last dimension: `result[i] = e^(x[i] - max(x)) / sum_j e^(x[j] - max(x))`, accumulated in f32.
    Constraints:
    * (C1) The input has at least one dimension.
    Example:
    ```mlir
    %y = lathe.softmax %x : tensor<?x10xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Lathe_MaxPoolOp : Lathe_ModelOp<"max_pool", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "The largest element of each window of an image";
  let description = [{
    `result[b, c, y, x] = max_{i, j} input[b, c, y * stride + i * dilation - pad, ...]` over the elements inside of the image.
    Constraints:
    * (C1) `input` and `result` have rank 4 and one element type.
    * (C2) `window`, `strides` and `dilations` have 2 positive entries, `pads` (top, left, bottom, right) 4 that are not
      negative and smaller than the dilated window.
    * (C3) The result's spatial sizes are `(size + pads - dilation * (window - 1) - 1) / stride + 1`.
    Example:
    ```mlir
    %y = lathe.max_pool %x window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
        tensor<?x8x8x8xf32> -> tensor<?x8x4x4xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $input `window` $window `strides` $strides `pads` $pads `dilations` $dilations attr-dict `:`
    type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}
