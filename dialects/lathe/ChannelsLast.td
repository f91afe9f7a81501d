// Images with channels last, as kernels read them: a vector, or the inner dimension of a product, holds neighbouring
// channels of one place. Passes make these operations when kernels are formed; no importer does.

def Lathe_PanelConvOp : Lathe_ModelOp<"panel_conv", [Lathe_NotDifferentiable]> {
  let summary = "Convolution of images with channels last and filters in panels";
  let description = [{
    `result[b, y, x, o] = sum_k patch[b, y, x, g, k] * panels[g, o' / 16, k, o' mod 16]` for channel o' of group g, where k
    counts the elements of the window, rows first, and in each the channels of the group; accumulated in f32:
    `lathe.conv` of images `[B, Y, X, C]`, its filters in the order of k and packed.
    Constraints:
    * (C1) `input`, `panels` and `result` have rank 4.
    * (C2) `window`, `strides` and `dilations` have 2 positive entries, `pads` 4 that are not negative.
    * (C3) `groups` divides the channels of input and result, which are known, and `panels` is
      `[groups, O / groups / 16, I * J * C / groups, 16]`, the panels rounded up.
    * (C4) The result's spatial sizes are `(size + pads - dilation * (window - 1) - 1) / stride + 1`.
    Example:
    ```mlir
    %y = lathe.panel_conv %x, %p window [3, 3] strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
        tensor<?x8x8x4xf32>, tensor<1x2x36x16xf32> -> tensor<?x8x8x20xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, RankedTensorOf<[F32]>:$panels, DenseI64ArrayAttr:$window,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations, I64Attr:$groups);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $panels `window` $window `strides` $strides `pads` $pads `dilations` $dilations `groups` $groups attr-dict
    `:` type($input) `,` type($panels) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_TileConvOp : Lathe_ModelOp<"tile_conv", [Lathe_NotDifferentiable]> {
  let summary = "Convolution of images with channels last and filters in tiles";
  let description = [{
    `result[b, y, x, o] = sum_k patch[b, y, x, k] * w[o, k]`, where k counts the elements of the window, rows first, and in
    each the channels; accumulated in f32 (in the reference: f64). `filter` is the matrix w as `lathe.pack_tiles` has packed
    it: `lathe.conv` of images `[B, Y, X, C]` on tensor cores.
    Constraints:
    * (C1) `input`, `filter` and `result` have rank 4; input and filter are f16 or bf16, of one type.
    * (C2) `window`, `strides` and `dilations` have 2 positive entries, `pads` 4 that are not negative.
    * (C3) The channels of input and result are known, and `filter` has the tiles of 64 x 64 that hold O rows of I * J * C.
    * (C4) The result's spatial sizes are `(size + pads - dilation * (window - 1) - 1) / stride + 1`.
    Example:
    ```mlir
    %y = lathe.tile_conv %x, %p window [3, 3] strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] :
        tensor<?x8x8x16xf16>, tensor<1x3x64x64xf16> -> tensor<?x8x8x20xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, Lathe_FloatTensor:$filter, DenseI64ArrayAttr:$window,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $filter `window` $window `strides` $strides `pads` $pads `dilations` $dilations attr-dict `:`
    type($input) `,` type($filter) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_DepthwiseConvOp : Lathe_ModelOp<"depthwise_conv", [Lathe_NotDifferentiable]> {
  let summary = "Convolution of each channel with a filter of its own, channels last";
  let description = [{
    `result[b, y, x, c] = sum_{i, j} input[b, y * stride + i * dilation - pad, ..., c] * filter[i, j, c]`, zero outside of
    the image, accumulated in f32.
    Constraints:
    * (C1) `input` and `result` have rank 4, `filter` rank 3.
    * (C2) `strides` and `dilations` have 2 positive entries, `pads` 4 that are not negative.
    * (C3) Input, filter and result have the same channels.
    * (C4) The result's spatial sizes are `(size + pads - dilation * (filter - 1) - 1) / stride + 1`.
    Example:
    ```mlir
    %y = lathe.depthwise_conv %x, %f strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] :
        tensor<?x8x8x20xf32>, tensor<3x3x20xf32> -> tensor<?x8x8x20xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, Lathe_FloatTensor:$filter, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $filter `strides` $strides `pads` $pads `dilations` $dilations attr-dict `:`
    type($input) `,` type($filter) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_ChannelMaxPoolOp : Lathe_ModelOp<"channel_max_pool", [Lathe_NotDifferentiable]> {
  let summary = "The largest element of each window of an image with channels last";
  let description = [{
    `result[b, y, x, c] = max_{i, j} input[b, y * stride + i * dilation - pad, ..., c]` over the elements inside of the image:
    `lathe.max_pool` of images `[B, Y, X, C]`.
    Constraints:
    * (C1) `input` and `result` have rank 4 and one element type.
    * (C2) `window`, `strides` and `dilations` have 2 positive entries, `pads` (top, left, bottom, right) 4 that are not
      negative and smaller than the dilated window.
    * (C3) The result's spatial sizes are `(size + pads - dilation * (window - 1) - 1) / stride + 1`; batch and channels are
      those of the input.
    Example:
    ```mlir
    %y = lathe.channel_max_pool %x window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
        tensor<?x8x8x20xf32> -> tensor<?x4x4x20xf32>
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
