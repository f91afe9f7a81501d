// Pictures sampled between their elements, written as loops (reference/loops/Picture.h).

def Lathe_ResizeOp : Lathe_LoopOp<"resize", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "A tensor sampled at more or fewer places along its dimensions";
  let description = [{
    ONNX's Resize. Place x of a dimension of the result stands at x' of the input's, by `coordinates`, from `scales` (one
    for each dimension) and for tf_crop_and_resize from `roi` (starts, then ends, as parts of the input):

    * half_pixel: (x + 0.5) / scale - 0.5; pytorch_half_pixel: the same, -0.5 where the result has one element;
      half_pixel_symmetric: the same around the middle of the input; asymmetric: x / scale;
    * align_corners: the first and last elements of both lie on each other; tf_crop_and_resize: those of the part `roi`.

    `mode` nearest takes the nearest element (`nearest`: round_prefer_floor, round_prefer_ceil, floor or ceil), linear
    weighs two, cubic four by Keys' kernel with parameter `cubic`; `antialias` widens the kernels where the result is
    smaller. Elements outside of the input are those at its border, or do not count where `exclude_outside`; with
    tf_crop_and_resize places outside are `extrapolation`. `sizes` gives the result's dimensions over those of all
    operands.
    Constraints:
    * (C1) `sizes` has one symbol for each dimension of the operands and gives the result's dimensions, as many as the
      input's; element types are the same.
    * (C2) `scales` has a number for each dimension, `roi` two.
    * (C3) `mode`, `coordinates` and `nearest` are among the words above.
    Example:
    ```mlir
    %y = lathe.resize %x, %s, %r nearest half_pixel floor cubic -0.75 antialias false exclude_outside false
        extrapolation 0.0 sizes affine_map<()[s0, s1, s2] -> (8)>
        : (tensor<4xf32>, tensor<1xf32>, tensor<2xf32>) -> tensor<8xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, 1DTensorOf<[F32]>:$scales, 1DTensorOf<[F32]>:$roi,
                       Variadic<Lathe_Sized>:$from, StrAttr:$mode, StrAttr:$coordinates, StrAttr:$nearest,
                       F32Attr:$cubic, BoolAttr:$antialias, BoolAttr:$exclude_outside, F32Attr:$extrapolation,
                       AffineMapAttr:$sizes);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input `,` $scales `,` $roi custom<Word>($mode) custom<Word>($coordinates) custom<Word>($nearest) `cubic` $cubic
    `antialias` $antialias `exclude_outside` $exclude_outside `extrapolation` $extrapolation (`from` $from^)?
    `sizes` $sizes attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Lathe_GridSampleOp : Lathe_LoopOp<"grid_sample", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "An image sampled at the places that a grid names";
  let description = [{
    ONNX's GridSample. `input` is [N, C, d...], `grid` [N, o..., D] with the coordinates of each place from -1 to 1, the
    last dimension's first; the result is [N, C, o...]. -1 and 1 are the centers of the first and last element where
    `align_corners`, else their outer edges. `mode` is nearest, linear or cubic. What lies outside is 0 (`padding`
    zeros), the nearest element (border) or mirrored (reflection).
    Constraints:
    * (C1) `grid` has the input's rank and batch, and a coordinate for each dimension behind the second; the result has
      the dimensions above and the input's element type.
    * (C2) `mode` and `padding` are among the words above.
    Example:
    ```mlir
    %y = lathe.grid_sample %x, %g linear zeros align_corners false
        : (tensor<1x3x4x4xf32>, tensor<1x6x6x2xf32>) -> tensor<1x3x6x6xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Lathe_AnyTensor:$grid, StrAttr:$mode, StrAttr:$padding,
                       BoolAttr:$align_corners);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input `,` $grid custom<Word>($mode) custom<Word>($padding) `align_corners` $align_corners attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Lathe_RoiAlignOp : Lathe_LoopOp<"roi_align", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Parts of images pooled to one size, sampled between their elements";
  let description = [{
    ONNX's RoiAlign. Each of `rois` [R, 4] (x1, y1, x2, y2, times `scale`) is a part of image `batches[r]` of `input`
    [N, C, H, W]; it is cut into the bins of the result [R, C, h, w], each sampled bilinearly at `samples` x `samples`
    places (0: as many as the bin has elements, rounded up) whose mean or maximum (`mode` average or max; ONNX's max is
    that of the weighted corners) it becomes. `half_pixel` moves the part by half an element and keeps its size; without
    it parts are at least 1 x 1.
    Constraints:
    * (C1) Ranks are 4, 2 and 1; `rois` has four columns and as many rows as `batches` and result; the result has the
      input's channels and a static height and width. Element types are the same.
    * (C2) `mode` is average or max.
    Example:
    ```mlir
    %y = lathe.roi_align %x, %r, %b average samples 2 scale 1.0 half_pixel true
        : (tensor<1x3x8x8xf32>, tensor<2x4xf32>, tensor<2xi64>) -> tensor<2x3x4x4xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Lathe_AnyTensor:$rois, 1DTensorOf<[I64]>:$batches, StrAttr:$mode,
                       I64Attr:$samples, F32Attr:$scale, BoolAttr:$half_pixel);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input `,` $rois `,` $batches custom<Word>($mode) `samples` $samples `scale` $scale `half_pixel` $half_pixel
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}
