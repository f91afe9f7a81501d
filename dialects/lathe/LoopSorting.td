// Order along a dimension, written as loops (reference/loops/Sorting.h).

def Lathe_TopKOp : Lathe_LoopOp<"top_k", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "The largest or smallest elements along a dimension, in order";
  let description = [{
    `values` are the first elements along `axis` in descending (`largest`) or ascending order, as many as the result has
    there, and `indices` their places. Of equal elements the first comes first; NaN counts as larger than any number.
    `sizes` gives the results' dimensions over those of all operands.
    Constraints:
    * (C1) `sizes` has one symbol for each dimension of the operands and gives the results' dimensions.
    * (C2) 0 <= `axis` < rank; the results have the input's dimensions but along `axis`, where they have at most as many
      elements; `values` has the input's element type.
    Example:
    ```mlir
    %v, %i = lathe.top_k %x axis 0 sizes affine_map<()[s0] -> (2)> largest true
        : (tensor<4xf32>) -> (tensor<2xf32>, tensor<2xi64>)
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Variadic<Lathe_Sized>:$from, I64Attr:$axis, AffineMapAttr:$sizes,
                       BoolAttr:$largest);
  let results = (outs Lathe_AnyTensor:$values, RankedTensorOf<[I64]>:$indices);
  let assemblyFormat = [{
    $input (`from` $from^)? `axis` $axis `sizes` $sizes `largest` $largest attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Lathe_UniqueOp : Lathe_LoopOp<"unique", [Lathe_NotDifferentiable]> {
  let summary = "Each distinct slice along a dimension once";
  let description = [{
    The first `count[0]` slices of `values` along `axis` are the distinct slices of `input`, in ascending order (`sorted`)
    or in that of their first appearance. `first` says where each appears first, `inverse` which one each slice of the
    input is, `counts` how often each appears. What is behind `count[0]` is 0.
    Constraints:
    * (C1) 0 <= `axis` < rank; `values` has the input's type; `first`, `inverse` and `counts` have an element for each
      slice.
    Example:
    ```mlir
    %v, %f, %i, %c, %n = lathe.unique %x axis 0 sorted true : (tensor<4xf32>)
        -> (tensor<4xf32>, tensor<4xi64>, tensor<4xi64>, tensor<4xi64>, tensor<1xi64>)
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, I64Attr:$axis, BoolAttr:$sorted);
  let results = (outs Lathe_AnyTensor:$values, 1DTensorOf<[I64]>:$first, 1DTensorOf<[I64]>:$inverse,
                      1DTensorOf<[I64]>:$counts, 1DTensorOf<[I64]>:$count);
  let assemblyFormat = "$input `axis` $axis `sorted` $sorted attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Lathe_CumulativeOp : Lathe_LoopOp<"cumulative", [
    DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>, AllTypesMatch<["input", "result"]>]> {
  let summary = "Sums or products of the elements up to each one along a dimension";
  let description = [{
    `result[i]` combines `input[0]` to `input[i]`, without `input[i]` where `exclusive`; from the end on where `reverse`.
    Floats accumulate in f64.
    Constraints:
    * (C1) 0 <= `axis` < rank.
    * (C2) `kind` is sum or prod.
    Example:
    ```mlir
    %y = lathe.cumulative %x sum axis 0 exclusive false reverse false : tensor<4xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, StrAttr:$kind, I64Attr:$axis, BoolAttr:$exclusive, BoolAttr:$reverse);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input custom<Word>($kind) `axis` $axis `exclusive` $exclusive `reverse` $reverse attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

def Lathe_NmsOp : Lathe_LoopOp<"nms", [Lathe_NotDifferentiable]> {
  let summary = "Boxes that overlap no box of a higher score too much";
  let description = [{
    ONNX's NonMaxSuppression. For each batch and class, boxes with a score above `score_threshold` are visited from the
    highest score on; one is selected unless its intersection over union with a selected one is above `iou_threshold`, up
    to `max_boxes`. Row j < `count[0]` of `selected` is (batch, class, box). Boxes are (y1, x1, y2, x2), or (x, y, width,
    height) of their centers where `center`.
    Constraints:
    * (C1) `boxes` is [batches, n, 4], `scores` [batches, classes, n], `selected` has three columns.
    Example:
    ```mlir
    %s, %n = lathe.nms %b, %p, %m, %i, %t center false : (tensor<1x6x4xf32>, tensor<1x2x6xf32>, tensor<i64>,
        tensor<f32>, tensor<f32>) -> (tensor<12x3xi64>, tensor<1xi64>)
    ```
  }];
  let arguments = (ins 3DTensorOf<[F32]>:$boxes, 3DTensorOf<[F32]>:$scores, 0DTensorOf<[I64]>:$max_boxes,
                       0DTensorOf<[F32]>:$iou_threshold, 0DTensorOf<[F32]>:$score_threshold, BoolAttr:$center);
  let results = (outs 2DTensorOf<[I64]>:$selected, 1DTensorOf<[I64]>:$count);
  let assemblyFormat = [{
    $boxes `,` $scores `,` $max_boxes `,` $iou_threshold `,` $score_threshold `center` $center attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}
