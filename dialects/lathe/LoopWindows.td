// Windows over images of any number of dimensions [N, C, d...], written as loops (reference/loops/Windows.h). `strides`,
// `pads` (in front of each dimension) and `dilations` have a number for each spatial dimension; `sizes` gives the result's
// dimensions over those of all operands, which decides what lies behind the last window.

def Lathe_PoolOp : Lathe_LoopOp<"pool", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Largest, mean or p-norm of each window of an image";
  let description = [{
    `kind` is max (elements outside of the image do not count), average (of the elements inside; of all up to `pad_end` in
    each dimension where `include_pad`), or lp: (sum |x|^p)^(1/p).
    Constraints:
    * (C1) `window`, `strides`, `pads`, `pad_end`, `dilations` have an entry for each dimension behind the second.
    * (C2) `sizes` has one symbol for each dimension of the operand and gives the result's dimensions.
    * (C3) `kind` is max, average or lp, and `p` at least 1.
    Example:
    ```mlir
    %y = lathe.pool %x average window [2] strides [2] pads [0] pad_end [0] dilations [1] include_pad false p 1
        sizes affine_map<()[s0, s1, s2] -> (s0, s1, 4)> : (tensor<1x3x8xf32>) -> tensor<1x3x4xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, StrAttr:$kind, DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$pad_end, DenseI64ArrayAttr:$dilations,
                       BoolAttr:$include_pad, I64Attr:$p, AffineMapAttr:$sizes);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input custom<Word>($kind) `window` $window `strides` $strides `pads` $pads `pad_end` $pad_end `dilations` $dilations
    `include_pad` $include_pad `p` $p `sizes` $sizes attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Lathe_MaxPoolIndicesOp : Lathe_LoopOp<"max_pool_indices", [Lathe_NotDifferentiable]> {
  let summary = "Where the largest element of each window is";
  let description = [{
    The place of the first largest element in the whole input, row-major, or column-major in the spatial dimensions where
    `column_major` (ONNX's storage_order). Windows are those of `lathe.pool`.
    Constraints:
    * (C1) `window`, `strides`, `pads`, `dilations` have an entry for each dimension behind the second.
    * (C2) `sizes` has one symbol for each dimension of the operand and gives the result's dimensions.
    Example:
    ```mlir
    %i = lathe.max_pool_indices %x window [2] strides [2] pads [0] dilations [1] column_major false
        sizes affine_map<()[s0, s1, s2] -> (s0, s1, 4)> : (tensor<1x3x8xf32>) -> tensor<1x3x4xi64>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations, BoolAttr:$column_major,
                       AffineMapAttr:$sizes);
  let results = (outs RankedTensorOf<[I64]>:$result);
  let assemblyFormat = [{
    $input `window` $window `strides` $strides `pads` $pads `dilations` $dilations `column_major` $column_major
    `sizes` $sizes attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Lathe_ConvNdOp : Lathe_LoopOp<"conv_nd", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Convolution of images of any number of dimensions and any type of element";
  let description = [{
    As `lathe.conv`, which is the fast form for two dimensions: filter [M, C / groups, k...]. Floats accumulate in f64,
    integers in i64.
    Constraints:
    * (C1) `strides`, `pads`, `dilations` have an entry for each dimension behind the second, of which input and filter
      have the same number.
    * (C2) `sizes` has one symbol for each dimension of the operands and gives the result's dimensions.
    * (C3) `groups` divides the channels: the filter's second dimension is theirs divided by `groups`.
    Example:
    ```mlir
    %y = lathe.conv_nd %x, %f strides [1] pads [0] dilations [1] groups 1
        sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (s0, s3, 6)>
        : (tensor<1x3x8xi32>, tensor<2x3x3xi32>) -> tensor<1x2x6xi32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Lathe_AnyTensor:$filter, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations, I64Attr:$groups, AffineMapAttr:$sizes);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input `,` $filter `strides` $strides `pads` $pads `dilations` $dilations `groups` $groups `sizes` $sizes attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Lathe_IntegerConvOp : Lathe_LoopOp<"integer_conv", [Lathe_NotDifferentiable]> {
  let summary = "Convolution of 8-bit integers, exact in 32 bits";
  let description = [{
    As `lathe.conv_nd`, of `input - input_zero` and `filter - filter_zero`, in i32, which wraps around. Outside of the image
    there are zeros, that is codes equal to `input_zero`. `filter_zero` is one for all or one for each filter.
    Constraints:
    * (C1) `strides`, `pads`, `dilations` have an entry for each dimension behind the second, of which input and filter
      have the same number.
    * (C2) `sizes` has one symbol for each dimension of the operands and gives the result's dimensions.
    * (C3) `groups` divides the channels: the filter's second dimension is theirs divided by `groups`.
    * (C4) A zero has the element type of its operand; `input_zero` has rank 0, `filter_zero` 0 or 1, as long as there are
      filters.
    Example:
    ```mlir
    %y = lathe.integer_conv %x zero %a, %f zero %b strides [1] pads [0] dilations [1] groups 1
        sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (s0, s3, 6)>
        : (tensor<1x3x8xui8>, tensor<ui8>, tensor<2x3x3xi8>, tensor<i8>) -> tensor<1x2x6xi32>
    ```
  }];
  let arguments = (ins Lathe_CodeTensor:$input, Lathe_CodeTensor:$input_zero, Lathe_CodeTensor:$filter,
                       Lathe_CodeTensor:$filter_zero, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                       DenseI64ArrayAttr:$dilations, I64Attr:$groups, AffineMapAttr:$sizes);
  let results = (outs RankedTensorOf<[I32]>:$result);
  let assemblyFormat = [{
    $input `zero` $input_zero `,` $filter `zero` $filter_zero `strides` $strides `pads` $pads `dilations` $dilations
    `groups` $groups `sizes` $sizes attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Lathe_ConvTransposeOp : Lathe_LoopOp<"conv_transpose", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Transposed convolution: each element of the input spreads over a window of the result";
  let description = [{
    The filter is [C, M / groups, k...]: `result[n, m, i * stride + j * dilation - pad] += input[n, c, i] * filter[c, m, j]`.
    Constraints:
    * (C1) `strides`, `pads`, `dilations` have an entry for each dimension behind the second, of which input and filter
      have the same number.
    * (C2) `sizes` has one symbol for each dimension of the operands and gives the result's dimensions.
    * (C3) `groups` divides the channels, which are the filter's first dimension.
    Example:
    ```mlir
    %y = lathe.conv_transpose %x, %f strides [2] pads [0] dilations [1] groups 1
        sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (s0, s4, 9)>
        : (tensor<1x3x4xf32>, tensor<3x2x3xf32>) -> tensor<1x2x9xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Lathe_AnyTensor:$filter, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations, I64Attr:$groups, AffineMapAttr:$sizes);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input `,` $filter `strides` $strides `pads` $pads `dilations` $dilations `groups` $groups `sizes` $sizes attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}
