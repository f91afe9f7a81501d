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

def Lathe_LayerNormOp : Lathe_ModelOp<"layer_norm", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>,
    AttrSizedOperandSegments, AllTypesMatch<["input", "result"]>]> {
  let summary = "Shift and scale each row to mean 0 and variance 1";
  let description = [{
    For every row x of the dimensions from `axis` on, of n elements, with `mean = sum_j(x[j]) / n`:
    `result[i] = (x[i] - mean) / sqrt(sum_j((x[j] - mean)^2) / n + epsilon) * scale[i] + bias[i]`. A scale that is not given
    is 1, a bias 0. Sums accumulate in f32 (in the reference: f64) whatever the element type (Ba et al., 2016).
    Constraints:
    * (C1) `axis` is a dimension of `input`.
    * (C2) `scale` and `bias` have the dimensions of `input` from `axis` on.
    * (C3) `epsilon` is not negative.
    Example:
    ```mlir
    %y = lathe.layer_norm %x scale %w : tensor<64xf32> bias %b : tensor<64xf32> axis 1 epsilon 1.0e-05 : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, Optional<Lathe_FloatTensor>:$scale, Optional<Lathe_FloatTensor>:$bias,
                       I64Attr:$axis, F32Attr:$epsilon);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $input (`scale` $scale^ `:` type($scale))? (`bias` $bias^ `:` type($bias))? `axis` $axis `epsilon` $epsilon attr-dict
    `:` type($input)
  }];
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

def Lathe_ReduceOp : Lathe_ModelOp<"reduce", [Lathe_HasRule]> {
  let summary = "All elements along some dimensions combined into one";
  let description = [{
    | kind | result | of no elements |
    |---|---|---|
    | `sum` | `sum_j input[.., j, ..]` | 0 |
    | `mean` | the sum divided by the number of elements; integers round towards zero | NaN, for integers 0 |
    | `prod` | the product | 1 |
    | `max`, `min` | the largest, the smallest; NaN when one of them is | the lowest, the highest of the type |
    | `and`, `or` | bit by bit; on i1 the logical operation | all bits set, none set |

    Sums and products of floats accumulate in f64 and round once, those of integers wrap around in their own type. With
    `keep` the reduced dimensions stay, of size 1. No axes: the elements themselves.
    Constraints:
    * (C1) `axes` are dimensions of the input in ascending order.
    * (C2) The result has the input's element type and its dimensions without `axes`, or with 1 in their place.
    * (C3) `and` and `or` take integers and i1, the other kinds numbers.
    Example:
    ```mlir
    %y = lathe.reduce sum %x axes [1, 2] keep : tensor<?x4x8xf32> -> tensor<?x1x1xf32>
    ```
  }];
  let arguments = (ins Lathe_ReduceKindAttr:$kind, Lathe_PlainTensor:$input, DenseI64ArrayAttr:$axes, UnitAttr:$keep);
  let results = (outs Lathe_PlainTensor:$result);
  let assemblyFormat = [{
    $kind $input `axes` $axes (`keep` $keep^)? attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

class Lathe_ArgOp<string mnemonic, string what, string which>
    : Lathe_ModelOp<mnemonic, [Lathe_NotDifferentiable]> {
  let summary = what;
  let description = "\n    The index of the " # which # [{ element of each row along `axis`, the first of several or with
    `select_last` the last. NaN counts as beyond all numbers. An empty row has index 0. With `keep` the dimension stays, of
    size 1.
    Constraints:
    * (C1) `axis` is a dimension of the input.
    * (C2) The result has the input's dimensions without `axis`, or with 1 in its place.
    Example:
    ```mlir
    %i = lathe.}] # mnemonic # [{ %x axis 1 : tensor<?x10xf32> -> tensor<?xi64>
    ```
  }];
  let arguments = (ins Lathe_NumberTensor:$input, ConfinedAttr<I64Attr, [IntNonNegative]>:$axis, UnitAttr:$select_last,
                       UnitAttr:$keep);
  let results = (outs RankedTensorOf<[I64]>:$result);
  let assemblyFormat = [{
    $input `axis` $axis (`select_last` $select_last^)? (`keep` $keep^)? attr-dict `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_ArgMaxOp : Lathe_ArgOp<"arg_max", "Where the largest element of each row is", "largest">;
def Lathe_ArgMinOp : Lathe_ArgOp<"arg_min", "Where the smallest element of each row is", "smallest">;
