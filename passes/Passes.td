#ifndef LATHE_PASSES_PASSES_TD
#define LATHE_PASSES_PASSES_TD

include "mlir/Pass/PassBase.td"

// In the order of the pipeline; the folder of each is its phase.

//===- cleanup --------------------------------------------------------------------------------------------------===//

def FoldConstants : Pass<"lathe-fold-constants", "::mlir::func::FuncOp"> {
  let summary = "Compute what depends on constants alone";
  let description = [{
    Needs: any function of `lathe` operations.

    Leaves: a `lathe.constant` in place of each operation whose operands are all `lathe.constant`, with the values that the
    reference gives; constants that nobody reads any more are gone.

    Before:
    ```mlir
    %a = lathe.constant dense<[1.0, 2.0]> : tensor<2xf32>
    %b = lathe.constant dense<3.0> : tensor<f32>
    %c = lathe.mul %a, %b : tensor<2xf32>, tensor<f32> -> tensor<2xf32>
    ```
    After:
    ```mlir
    %c = lathe.constant dense<[3.0, 6.0]> : tensor<2xf32>
    ```

    Not done, with a missed remark: operands or results above 64 KiB, which belong into the artifact's weights
    (FormWeightPrograms); values that the reference refuses, like an index outside of its table. Not done: results whose
    type has a dynamic size; the bodies of fusions and weight programs; operations on `lathe.weight`.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def FoldTransposes : Pass<"lathe-fold-transposes", "::mlir::func::FuncOp"> {
  let summary = "Join transposes, and let products read what was transposed for them";
  let description = [{
    Needs: any function of `lathe` operations; constants folded.

    Leaves: at most one transpose between two other operations, none that changes nothing, and products that read their
    right operand along k where that is how it lay. A factor between a transpose and a product moves in front of the
    transpose; batches that were made one dimension for it stay apart.

    Before:
    ```mlir
    %kt = lathe.transpose %k permutation [0, 2, 1] : tensor<4x?x64xf32> -> tensor<4x64x?xf32>
    %s = lathe.matmul %q, %kt : tensor<4x?x64xf32>, tensor<4x64x?xf32> -> tensor<4x?x?xf32>
    ```
    After:
    ```mlir
    %s = lathe.matmul %q, %k transpose_rhs : tensor<4x?x64xf32>, tensor<4x?x64xf32> -> tensor<4x?x?xf32>
    ```

    Not done: transposes of left operands, which products have no flag for; a transpose that others read, if the product
    would need another one in its place; factors that are no constants; batches of
    several sizes that cannot be told to stay the same.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def FoldBatchNorm : Pass<"lathe-fold-batch-norm", "::mlir::func::FuncOp"> {
  let summary = "Let the filters of a convolution take in what scales its channels";
  let description = [{
    Needs: any function of `lathe` operations.

    Leaves: convolutions whose filters hold the factors, and one addition, of what batch normalization made of the channels
    behind them. Filters and numbers to add are computed from weights alone, for FormWeightPrograms to collect.

    Before:
    ```mlir
    %0 = lathe.conv %x, %f ... : tensor<?x4x8x8xf32>, tensor<6x4x3x3xf32> -> tensor<?x6x8x8xf32>
    %1 = lathe.sub %0, %mean : tensor<?x6x8x8xf32>, tensor<1x6x1x1xf32> -> tensor<?x6x8x8xf32>
    %2 = lathe.mul %1, %factor : tensor<?x6x8x8xf32>, tensor<1x6x1x1xf32> -> tensor<?x6x8x8xf32>
    %y = lathe.add %2, %bias : tensor<?x6x8x8xf32>, tensor<1x6x1x1xf32> -> tensor<?x6x8x8xf32>
    ```
    After: one `lathe.conv` that reads `%f * %factor`, and one `lathe.add` of `-%mean * %factor + %bias`.

    Not done: convolutions that others read as well; factors that are not one number for each channel, or are not known
    when compiling. Not done, with a missed remark: filters that are computed or of another type.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def RecognizeLayerNorm : Pass<"lathe-recognize-layer-norm", "::mlir::func::FuncOp"> {
  let summary = "Find layer norms among reductions and elementwise operations";
  let description = [{
    Needs: constants folded and common subexpressions joined.

    Leaves: `lathe.layer_norm` in place of `d / sqrt(mean(d^2) + epsilon)` of `d = x - mean(x)` with what scales and shifts
    it, and of `x * m + (bias - mean(x) * m)` of `m = scale / sqrt(...)`. Quotients may be products with a reciprocal,
    squares powers.

    Before:
    ```mlir
    %m = lathe.reduce mean %x axes [1] keep : tensor<?x8xf32> -> tensor<?x1xf32>
    %d = lathe.sub %x, %m : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<?x8xf32>
    %q = lathe.mul %d, %d : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    %v = lathe.reduce mean %q axes [1] keep : tensor<?x8xf32> -> tensor<?x1xf32>
    %e = lathe.add %v, %epsilon : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
    %r = lathe.sqrt %e : tensor<?x1xf32>
    %n = lathe.div %d, %r : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<?x8xf32>
    %s = lathe.mul %n, %w : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
    %y = lathe.add %s, %b : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
    ```
    After:
    ```mlir
    %y = lathe.layer_norm %x scale %w : tensor<8xf32> bias %b : tensor<8xf32> axis 1 epsilon 1.0e-05 : tensor<?x8xf32>
    ```

    What else reads values in between keeps them. Not done, with a missed remark: means over other dimensions than the last
    ones; elements of f64. Not done: a scale or a bias that is not one row of known length, or behind a value that others
    read, stays an operation of its own.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def RecognizeRmsNorm : Pass<"lathe-recognize-rms-norm", "::mlir::func::FuncOp"> {
  let summary = "Find RMS norms among reductions and elementwise operations";
  let description = [{
    Needs: constants folded and common subexpressions joined.

    Leaves: `lathe.rms_norm` in place of `x / sqrt(mean(x^2) + epsilon) * weight`, the weight all ones if there is none.
    Quotients may be products with a reciprocal, squares powers. Where rows were widened for the norm and narrowed behind
    it, it reads them as they were.

    Before:
    ```mlir
    %q = lathe.pow %x, %two : tensor<?x8xf32>, tensor<f32> -> tensor<?x8xf32>
    %v = lathe.reduce mean %q axes [1] keep : tensor<?x8xf32> -> tensor<?x1xf32>
    %e = lathe.add %v, %epsilon : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
    %r = lathe.sqrt %e : tensor<?x1xf32>
    %n = lathe.div %x, %r : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<?x8xf32>
    %y = lathe.mul %w, %n : tensor<8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    ```
    After:
    ```mlir
    %y = lathe.rms_norm %x, %w epsilon 1.0e-05 : tensor<?x8xf32>, tensor<8xf32>
    ```

    What else reads values in between keeps them. Not done, with a missed remark: means over more than the last dimension;
    rows of unknown length; no epsilon; elements of f64. Not done: a weight that is not one row, or behind a value that
    others read, stays a product of its own.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def RecognizeSoftmax : Pass<"lathe-recognize-softmax", "::mlir::func::FuncOp"> {
  let summary = "Find softmaxes among reductions and elementwise operations";
  let description = [{
    Needs: common subexpressions joined.

    Leaves: `lathe.softmax` in place of `e^z / sum(e^z)`, where z may be `x - max(x)`.

    Before:
    ```mlir
    %e = lathe.exp %x : tensor<?x8xf32>
    %s = lathe.reduce sum %e axes [1] keep : tensor<?x8xf32> -> tensor<?x1xf32>
    %y = lathe.div %e, %s : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<?x8xf32>
    ```
    After: `%y = lathe.softmax %x : tensor<?x8xf32>`

    What else reads values in between keeps them. Not done, with a missed remark: sums over another dimension than the last;
    elements of f64.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def RecognizeGelu : Pass<"lathe-recognize-gelu", "::mlir::func::FuncOp"> {
  let summary = "Find gelu in its formula, whatever the order of factors";
  let description = [{
    Needs: constants folded.

    Leaves: `lathe.gelu` in place of what is `x / 2 * (1 + erf(x / sqrt(2)))` once factors and terms are multiplied out, and
    `lathe.gelu_tanh` in place of `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`. Constants may be off by what
    their type rounds.

    Before:
    ```mlir
    %0 = lathe.div %x, %root2 : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
    %1 = lathe.erf %0 : tensor<?xf32>
    %2 = lathe.add %1, %one : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
    %3 = lathe.mul %x, %2 : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
    %y = lathe.mul %3, %half : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
    ```
    After: `%y = lathe.gelu %x : tensor<?xf32>`

    What else reads values in between keeps them. Not done: `x * sigmoid(1.702 x)`, a different function. Not done, with a
    missed remark: any other use of erf.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def RecognizeSilu : Pass<"lathe-recognize-silu", "::mlir::func::FuncOp"> {
  let summary = "Find silu in its formula";
  let description = [{
    Needs: common subexpressions joined.

    Leaves: `lathe.silu` in place of `x * sigmoid(x)` and `x / (1 + e^-x)`.

    Before:
    ```mlir
    %0 = lathe.sigmoid %x : tensor<?xf32>
    %y = lathe.mul %x, %0 : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
    ```
    After: `%y = lathe.silu %x : tensor<?xf32>`

    What else reads the sigmoid keeps it. Not done: the sigmoid of anything but x itself.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def RecognizeRope : Pass<"lathe-recognize-rope", "::mlir::func::FuncOp"> {
  let summary = "Find rotary embeddings among slices, products and concatenations";
  let description = [{
    Needs: common subexpressions joined.

    Leaves: `lathe.rotate_pairs` in place of `x * cosines + turned * sines`, where `turned` is the concatenation of the
    second half of x, negated, and the first one, or the same of neighbouring elements; and of the concatenation of
    `a * cosines - b * sines` and `a * sines + b * cosines` of both halves or of neighbours.

    Before:
    ```mlir
    %a = lathe.slice %x starts affine_map<()[s0, s1] -> (0, 0)> steps [1, 1] sizes affine_map<()[s0, s1] -> (s0, 4)> ...
    %b = lathe.slice %x starts affine_map<()[s0, s1] -> (0, 4)> steps [1, 1] sizes affine_map<()[s0, s1] -> (s0, 4)> ...
    %n = lathe.neg %b : tensor<?x4xf32>
    %t = lathe.concat %n, %a axis 1 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
    %0 = lathe.mul %x, %c : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    %1 = lathe.mul %t, %s : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    %y = lathe.add %0, %1 : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    ```
    After: `%y = lathe.rotate_pairs %x, %c, %s halves dimensions 8 : ...`

    Not done: rows of unknown or odd length. Not done, with a missed remark: tables of different shapes, or whose rows fit
    neither elements nor pairs; elements of f64.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def RecognizeAttention : Pass<"lathe-recognize-attention", "::mlir::func::FuncOp"> {
  let summary = "Find attention among products and softmaxes";
  let description = [{
    Needs: FoldTransposes and RecognizeSoftmax.

    Leaves: `lathe.attention` in place of `softmax(query * key^T * scale + mask) * value`. Factors may stand at queries, keys
    or scores; a mask may be added, or replace scores by a number below -1e9, and keeps its numbers, but not dimensions that constants of one number alone
    gave it; zeros for rows of which
    nothing is seen are part of the operation. Heads of keys and values that were repeated are read where they were. Where
    queries, keys and values were transposed from `[B, T, H, D]` the operation reads them `tokens_first`.

    Before:
    ```mlir
    %0 = lathe.matmul %q, %k transpose_rhs : tensor<?x4x8x16xf32>, tensor<?x4x8x16xf32> -> tensor<?x4x8x8xf32>
    %1 = lathe.div %0, %four : tensor<?x4x8x8xf32>, tensor<f32> -> tensor<?x4x8x8xf32>
    %2 = lathe.add %1, %m : tensor<?x4x8x8xf32>, tensor<?x1x1x8xf32> -> tensor<?x4x8x8xf32>
    %3 = lathe.softmax %2 : tensor<?x4x8x8xf32>
    %y = lathe.matmul %3, %v : tensor<?x4x8x8xf32>, tensor<?x4x8x16xf32> -> tensor<?x4x8x16xf32>
    ```
    After: `%y = lathe.attention %q, %k, %v mask %m : tensor<?x1x1x8xf32> scale 2.5e-01 : ...`

    Not done, with a missed remark: a softmax of anything but a product, scaled and masked; scores or shares that others
    read, as when a model gives them back; operands of other ranks than 4, of several types, or with batches that broadcast;
    heads whose number is not known or that have more than 512 elements; a mask with other dimensions than the scores.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

//===- quantization ---------------------------------------------------------------------------------------------===//

def ExpandFakeQuantize : Pass<"lathe-expand-fake-quantize", "::mlir::func::FuncOp"> {
  let summary = "Compute fake quantization, or keep the codes that it gives";
  let description = [{
    Needs: entry points as the importers build them; derivatives taken.

    Leaves: no `lathe.fake_quantize`. Of a matrix of weights whose codes have 2, 4 or 8 bits and whose scales and zeros are one
    for all, or for each row or column, it becomes blocks of its codes that are cast back: the same values, and products can
    read the blocks (ReadBlocks). Elsewhere it becomes the elementwise operations that its description names.

    Before:
    ```mlir
    %q = lathe.fake_quantize %x, %s, %z from 0 to 255 : (tensor<?x64xf32>, tensor<f32>, tensor<f32>) -> tensor<?x64xf32>
    ```
    After:
    ```mlir
    %0 = lathe.div %x, %s : tensor<?x64xf32>, tensor<f32> -> tensor<?x64xf32>
    %1 = lathe.round %0 : tensor<?x64xf32> -> tensor<?x64xf32>
    %2 = lathe.add %1, %z : tensor<?x64xf32>, tensor<f32> -> tensor<?x64xf32>
    %3 = lathe.maximum %2, %low : tensor<?x64xf32>, tensor<f32> -> tensor<?x64xf32>
    %4 = lathe.minimum %3, %high : tensor<?x64xf32>, tensor<f32> -> tensor<?x64xf32>
    %5 = lathe.sub %4, %z : tensor<?x64xf32>, tensor<f32> -> tensor<?x64xf32>
    %q = lathe.mul %5, %s : tensor<?x64xf32>, tensor<f32> -> tensor<?x64xf32>
    ```

    Not done: products of integers where activations and weights are both quantized: a model that says so has
    `lathe.integer_matmul`.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def QuantizeWeights : Pass<"lathe-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "Round weights to the blocks that a recipe names";
  let description = [{
    Needs: entry points in f32, as the importers build them; transposes folded.

    Leaves: `lathe.quantize` behind the weights that products, products of experts and gathers read, in the format that the
    recipe has for the weight's name (`passes/quantization/QuantizationRecipe.h`); it becomes the end of their weight program.
    Blocks run along K: a weight that is read as [K, N] is transposed before. All readers of a weight share its blocks.
    Weights that are in blocks already are requantized from their values.

    Before, with `recipe=q8_0`:
    ```mlir
    %w = lathe.weight "up" file 0 offset 0 bytes 8192 : tensor<64x32xf32>
    %y = lathe.matmul %x, %w : tensor<?x64xf32>, tensor<64x32xf32> -> tensor<?x32xf32>
    ```
    After:
    ```mlir
    %w = lathe.weight "up" file 0 offset 0 bytes 8192 : tensor<64x32xf32>
    %t = lathe.transpose %w permutation [1, 0] : tensor<64x32xf32> -> tensor<32x64xf32>
    %q = lathe.quantize %t : tensor<32x64xf32> -> tensor<32x64x!lathe.gguf<q8_0>>
    %y = lathe.matmul %x, %q transpose_rhs : tensor<?x64xf32>, tensor<32x64x!lathe.gguf<q8_0>> -> tensor<?x32xf32>
    ```

    Not done: weights that have the format already, and those that the recipe keeps. Not done, with a missed remark: weights
    whose rows hold no whole blocks, unless the recipe has a format with smaller ones; operands that are not made of weights
    alone; batches of matrices. Not done: `lathe.gather_along` and convolutions, which read no blocks; readers of a weight
    other than products and gathers keep what they read. A line of a recipe that matches nothing, or that names a weight
    which its format does not fit, is an error, and so is a recipe that keeps all weights. Weights that the recipe leaves to
    a size (`fit`) take what `choices` say; without a choice they are an error.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [
    Option<"recipe", "recipe", "std::string", "\"q8_0\"", "a format, the name of a recipe, or the path of one">,
    ListOption<"choices", "choices", "std::string",
               "NAME=FORMAT or NAME=keep: what was chosen for a weight, whatever the recipe says">,
  ];
}

def ReadBlocks : Pass<"lathe-read-blocks", "::mlir::ModuleOp"> {
  let summary = "Let products and gathers read blocks instead of floats that were cast from them";
  let description = [{
    Needs: transposes folded; weights quantized, if they are to be.

    Leaves: products whose right operand, and gathers whose table, was cast from blocks reading the blocks. Blocks run along the
    dimension that a product sums over: where a model has the matrix the other way round, as ONNX's MatMul does, codes and
    scales that stand apart (`lathe.join_blocks`) are transposed before they are joined.

    Before:
    ```mlir
    %b = lathe.join_blocks %codes, %scales : (tensor<64x32xi8>, tensor<1x32xf32>)
        -> tensor<64x32x!lathe.blocked<i8, block = [64, 1], scale = f32, zero = none, outer_scale = none>>
    %w = lathe.cast %b : tensor<64x32x!lathe.blocked<...>> -> tensor<64x32xf32>
    %y = lathe.matmul %x, %w : tensor<?x64xf32>, tensor<64x32xf32> -> tensor<?x32xf32>
    ```
    After, the transposes left out:
    ```mlir
    %b = lathe.join_blocks %codes_t, %scales_t : (tensor<32x64xi8>, tensor<32x1xf32>)
        -> tensor<32x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
    %y = lathe.matmul %x, %b transpose_rhs : tensor<?x64xf32>, tensor<32x64x!lathe.blocked<...>> -> tensor<?x32xf32>
    ```

    Not done, with a missed remark: blocks that do not run along that dimension and that nothing transposes; those of fewer
    than 8 columns, which are looked up more often than read. Not done: convolutions,
    which read no blocks, and batches of matrices. What reads floats still is cast when the artifact is written.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def RoundRows : Pass<"lathe-round-rows", "::mlir::ModuleOp"> {
  let summary = "Round the rows that products with FP8 weights read to FP8 as well";
  let description = [{
    Needs: entry points in f32, as the importers build them; weights quantized.

    Leaves: products of weights whose codes are f8E4M3FN, with a scale for each row or one for all, that read rows rounded to
    such codes with a scale of their own, found when the model runs: the largest magnitude / 448, at least 2^-100. What was
    rounded is in f32 again, so that any kernel can multiply it; RegroupBlocks multiplies the codes on CUDA. Remarks of
    category `quantization` say which products read rows as they are. No product with such weights is an error.

    Before:
    ```mlir
    %y = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf32>,
        tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
    ```
    After:
    ```mlir
    %a = lathe.abs %x : tensor<?x64xf32>
    %m = lathe.reduce max %a axes [1] keep : tensor<?x64xf32> -> tensor<?x1xf32>
    %0 = lathe.mul %m, %1_448 : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
    %s = lathe.maximum %0, %least : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
    %i = lathe.reciprocal %s : tensor<?x1xf32>
    %u = lathe.mul %x, %i : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>
    %q = lathe.round_e4m3 %u : tensor<?x64xf32>
    %r = lathe.mul %q, %s : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>
    %y = lathe.matmul %r, %w transpose_rhs : ...
    ```

    Not done: blocks of 128 x 128, products of chosen experts.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def MultiplyCodes : Pass<"lathe-multiply-codes", "::mlir::ModuleOp"> {
  let summary = "Multiply integers of 8 bits where weights and rows are, or may be, rounded to them";
  let description = [{
    Needs: entry points in f32, as the importers build them; products that read blocks (ReadBlocks); fake quantization as
    arithmetic.

    Leaves: `lathe.integer_matmul` for products of weights that are blocks of 8-bit integers with a scale for each row, or one
    for all. Their rows are rounded to i8 with a scale of their own, found when the model runs: the largest magnitude / 127, at
    least 2^-100. Where the model itself rounds rows to 8 bits with one scale (pairs of ONNX's QuantizeLinear and
    DequantizeLinear), these are the codes, of products of two such operands and convolutions (`lathe.integer_conv`) as well,
    whose filters stay codes in the artifact. Sums are exact, and multiplied with both scales in f32. Remarks of category
    `quantization` say which products read floats. On CUDA rows are rounded by `lathe.round_rows`, and a module without a product
    of codes is an error; on the CPU other weights may have products with 8-bit rows, too (NarrowProducts).

    Before:
    ```mlir
    %y = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf32>,
        tensor<40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
    ```
    After, where %c and %s are the codes of the rows and their scales, %v and %t those of the weights:
    ```mlir
    %0 = lathe.integer_matmul %c zero %none, %v zero %none
        : (tensor<?x64xi8>, tensor<i8>, tensor<40x64xi8>, tensor<i8>) -> tensor<?x40xi32>
    %1 = lathe.cast %0 : tensor<?x40xi32> -> tensor<?x40xf32>
    %2 = lathe.mul %1, %s : tensor<?x40xf32>, tensor<?x1xf32> -> tensor<?x40xf32>
    %y = lathe.mul %2, %t : tensor<?x40xf32>, tensor<40xf32> -> tensor<?x40xf32>
    ```

    Not done: products of chosen experts; weights that --quantize has rounded whose rows are no multiple of 32 long;
    convolutions of images whose scale would follow from them.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [
    Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda">,
  ];
}

def NarrowProducts : Pass<"lathe-narrow-products", "::mlir::ModuleOp"> {
  let summary = "Give matrix products, convolutions and attention narrower operands";
  let description = [{
    Needs: entry points in f32, as the importers build them; weights quantized, if they are to be.

    Leaves: products, convolutions, attention over tensors and queries whose float operands have the type `activations`; their
    results stay f32.
    Paged state gets the element type `kv`: a float type, `q8_0` (blocks of 32), or `fp8`, which is f8E4M3FN. Float weights are cast where they are read, so that the cast becomes part of
    their weight program. Names of values stay.

    Before, with `activations=f16`:
    ```mlir
    %y = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
    ```
    After:
    ```mlir
    %x16 = lathe.cast %x : tensor<?x64xf32> -> tensor<?x64xf16>
    %w16 = lathe.cast %w : tensor<32x64xf32> -> tensor<32x64xf16>
    %y = lathe.matmul %x16, %w16 transpose_rhs : tensor<?x64xf16>, tensor<32x64xf16> -> tensor<?x32xf32>
    ```

    What is reshaped is cast before, where its cast can become part of the kernel that makes it. Casts from a 16-bit type to
    f32, with which importers begin, go away where a product reads the 16-bit type: where it is
    `activations`, and for the weights (`rhs`) of products in f32.

    With `activations=int8` products whose weights are blocks of a format that has panels become `lathe.int8_matmul`, which
    rounds its rows to 8 bits; all else reads f32. Remarks of category `quantization` say which products did not.

    Not done: with `int8`, products of chosen experts. Quantized weights keep their blocks; 16-bit weights are cast where
    `activations` is the other 16-bit type; the filters of convolutions in f32 stay cast to f32. With `tf32` operands are
    f32, those of weights too, and kernels round them where they multiply (ChooseKernels). Heads that are not made of
    whole blocks of `kv` are an error.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [
    Option<"activations", "activations", "std::string", "\"f32\"", "f32, f16, bf16, tf32 or int8: what products read">,
    Option<"kv", "kv", "std::string", "\"\"",
           "f32, f16, bf16, q8_0 or fp8: what paged state holds; empty: as activations, f32 with int8 and tf32">,
  ];
}

def RoundOnce : Pass<"lathe-round-once", "::mlir::func::FuncOp"> {
  let summary = "Let all readers of a value read it as narrow as products do";
  let description = [{
    Needs: NarrowProducts with 16-bit activations.

    Leaves: values that are rounded for a product and that elementwise operations read too, as the sums of residual blocks
    are, in memory once, in 16 bits; readers in f32 widen what they have read. Of two convolutions whose results meet the
    first one's is rounded as well, and what is rounded behind a max pool is rounded before it, which chooses the same
    elements. What is rounded behind a norm is rounded before it too, if it comes from an elementwise operation and the norm
    alone reads it: a sum that is not carried on. Nothing that a model gives back is rounded.

    Before:
    ```mlir
    %n = lathe.cast %x : tensor<?x8xf32> -> tensor<?x8xf16>
    %y = lathe.matmul %n, %w : tensor<?x8xf16>, tensor<8x8xf16> -> tensor<?x8xf32>
    %z = lathe.add %x, %y : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    ```
    After:
    ```mlir
    %n = lathe.cast %x : tensor<?x8xf32> -> tensor<?x8xf16>
    %y = lathe.matmul %n, %w : tensor<?x8xf16>, tensor<8x8xf16> -> tensor<?x8xf32>
    %w = lathe.cast %n : tensor<?x8xf16> -> tensor<?x8xf32>
    %z = lathe.add %w, %y : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
    ```

    Not done: language models and encoders of texts, whose residual sums stay f32. Not done, with a missed remark: results of
    the entry point, values that control flow or other operations than elementwise ones read, what a norm reads beside
    others. Inputs and weights stay.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

//===- sharding -------------------------------------------------------------------------------------------------===//

include "passes/sharding/Passes.td"

//===- fusion ---------------------------------------------------------------------------------------------------===//

def FormWeightPrograms : Pass<"lathe-form-weight-programs", "::mlir::func::FuncOp"> {
  let summary = "Collect what is done to weights alone";
  let description = [{
    Needs: any entry point.

    Leaves: operations whose operands are all weights in `lathe.weight_program` regions, which run once, when the artifact is
    written.

    Before:
    ```mlir
    %w = lathe.weight "b" file 0 offset 0 bytes 32 : tensor<8xf32>
    %r = lathe.reshape %w shape [1, 8, 1, 1] : tensor<8xf32> -> tensor<1x8x1x1xf32>
    ```
    After:
    ```mlir
    %r = lathe.weight_program "b:reshape" : tensor<1x8x1x1xf32> {
      %w = lathe.weight "b" file 0 offset 0 bytes 32 : tensor<8xf32>
      %0 = lathe.reshape %w shape [1, 8, 1, 1] : tensor<8xf32> -> tensor<1x8x1x1xf32>
      lathe.yield %0 : tensor<1x8x1x1xf32>
    }
    ```

    Operations within branches and loops become programs in front of them.

    Not done: results of dynamic shape.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def CloneByTokenCount : Pass<"lathe-clone-by-token-count", "::mlir::ModuleOp"> {
  let summary = "Make one copy of a model for each range of token counts or batches";
  let description = [{
    Needs: entry points of kind `language_model` or `encoder` with a symbol `tokens`, or of kind `tensor`.

    Leaves: for each range `[b[i-1] + 1, b[i]]` of `boundaries` a function of its own with the attribute `lathe.range`, whose
    symbol `tokens` has these bounds; the last one reaches to the symbol's maximum. `rows`, the tokens whose logits are wanted,
    are no more than these. One token and thousands want other kernels. All clones read the same weights. Entry points of
    kind `tensor` with products or convolutions are cut in the same way at `batches`, by the symbol that is the first
    dimension of their first input. Where an entry point says where it is to be cut (`lathe.clone_ends`, see ChooseCloneRanges), it
    is cut there, and each clone says why (`lathe.range_reason`).

    Before: `func.func @forward(...) attributes {lathe.symbols = [#lathe.symbol<"tokens", 1, 512>, ...]}`

    After, with `boundaries=8`: `@forward.tokens_1_8` and `@forward.tokens_9_512`, each with `lathe.clone_of = @forward`.

    Not done: without `batches`, entry points of kind `tensor`; those whose first input has a fixed first dimension, and
    those without products.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [
    ListOption<"boundaries", "boundaries", "int64_t", "largest token count of each clone but the last">,
    ListOption<"batches", "batches", "int64_t", "largest batch of each clone but the last">,
  ];
}

def RegroupBlocks : Pass<"lathe-regroup-blocks", "::mlir::func::FuncOp"> {
  let summary = "Give weights of blocked types the blocks that CUDA's kernels read";
  let description = [{
    Needs: an entry point whose products, products of experts and gathers may read weights of `!lathe.blocked`.

    Leaves: these readers with weights in blocks of a GGUF format that hold the same values, where there is one
    (`dialects/lathe/GgufBlocks.h`), so that the tuned kernels of this format compute them; a factor of a row is multiplied
    with the product's result. Products of rows that RoundRows has rounded multiply codes of f8E4M3FN (`lathe.round_rows`), and
    the scales of rows and of weights are multiplied with their sums; what is rounded comes in the product's 16 bits, but
    for the result of a norm that nothing else reads. Gathers, experts, and types without such a format read blocks one row high, each with its
    scale (`dialects/lathe/RowBlocks.h`). Rows that fill no granule of 32 are unpacked when the model is compiled.
    Remarks of category `fusion` say what became what.

    Before, of int8 with a scale for each row:
    ```mlir
    %y = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf16>,
        tensor<40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
    ```
    After:
    ```mlir
    %b = lathe.pack_blocks %w : tensor<40x64x!lathe.blocked<...>> -> tensor<40x64x!lathe.gguf<q8_0>>
    %s = lathe.row_scales %w : tensor<40x64x!lathe.blocked<...>> -> tensor<40xf32>
    %0 = lathe.matmul %x, %b transpose_rhs : tensor<?x64xf16>, tensor<40x64x!lathe.gguf<q8_0>> -> tensor<?x40xf32>
    %y = lathe.mul %0, %s : tensor<?x40xf32>, tensor<40xf32> -> tensor<?x40xf32>
    ```

    Not done: blocks that are computed or are inputs; they are read as they are, or refused where their kernel is printed.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def PutChannelsLast : Pass<"lathe-put-channels-last", "::mlir::func::FuncOp"> {
  let summary = "Lay images out with channels last, where kernels read neighbouring channels together";
  let description = [{
    Needs: an entry point after FormWeightPrograms.

    Leaves: for the CPU convolutions with f32 filters of known size as `lathe.panel_conv`, those of one channel each as
    `lathe.depthwise_conv`; for CUDA those of f16 or bf16 as `lathe.tile_conv`, or as `lathe.tile_matmul` where each window is
    one place, and means of whole images as `lathe.reduce`. Between them elementwise operations and max pooling on images with channels last. Transposes
    stand where such images meet other operations. Filters are transposed and packed by operations that read weights
    alone, for FormWeightPrograms to collect. Remarks of category `fusion` say which convolutions were not rewritten.

    Before:
    ```mlir
    %y = lathe.conv %x, %f strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
        tensor<?x4x8x8xf32>, tensor<20x4x3x3xf32> -> tensor<?x20x8x8xf32>
    ```
    After:
    ```mlir
    %0 = lathe.transpose %x permutation [0, 2, 3, 1] : tensor<?x4x8x8xf32> -> tensor<?x8x8x4xf32>
    %1 = lathe.panel_conv %0, %p window [3, 3] strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
        tensor<?x8x8x4xf32>, tensor<1x2x36x16xf32> -> tensor<?x8x8x20xf32>
    %y = lathe.transpose %1 permutation [0, 3, 1, 2] : tensor<?x8x8x20xf32> -> tensor<?x20x8x8xf32>
    ```

    Not done, with a missed remark: filters that are computed; images with an unknown number of channels; for the CPU filters
    of 16 bits, for CUDA convolutions with groups and those of f32.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda">];
}

def PackProducts : Pass<"lathe-pack-products", "::mlir::func::FuncOp"> {
  let summary = "Pack the weights of products into panels or tiles";
  let description = [{
    Needs: an entry point after FormWeightPrograms.

    Leaves: on the CPU products with f32, f16 or bf16 weights as `lathe.panel_matmul`, whose kernel reads them in order. Packing
    is an operation that reads weights alone, for FormWeightPrograms to collect. The blocks that `lathe.int8_matmul` reads become
    panels of 16 rows, and a `lathe.gather` from the same weight reads these too, so that it is stored once. On CUDA products of
    f16 or bf16 rows, and with `tf32` of f32 ones, as `lathe.tile_matmul`: weights of the same type with `lathe.pack_tiles`,
    blocks with `lathe.pack_blocks`. Experts of the 16-bit type of their rows become tiles too, for `lathe.expert_matmul`.
    Remarks of category `fusion` say what was packed and what not.

    Before:
    ```mlir
    %y = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf32>, tensor<40x64xf32> -> tensor<?x40xf32>
    ```
    After:
    ```mlir
    %p = lathe.pack_columns %w transposed : tensor<40x64xf32> -> tensor<3x64x16xf32>
    %y = lathe.panel_matmul %x, %p : tensor<?x64xf32>, tensor<3x64x16xf32> -> tensor<?x40xf32>
    ```

    Not done: right operands that are computed, or are more than one matrix; blocks that a product reads in f32, whose kernel
    reads them as they are; a `lathe.gather` from weights of `lathe.panel_matmul`, which keeps a table of its own. On CUDA:
    rows of f32 without `tf32`; blocks beside rows of f32, and of formats that have no tiles (`runtime/gguf/BlockTiles.h`, `RowTiles.h`);
    experts in blocks, more than 511 of them, and matrices of theirs whose rows fill no tiles; a `lathe.gather`, which keeps
    its table.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [
    Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda">,
    Option<"tf32", "tf32", "bool", "false", "whether products of f32 may round their operands to tf32; for cuda">,
  ];
}

def FormFusions : Pass<"lathe-form-fusions", "::mlir::func::FuncOp"> {
  let summary = "Group operations into the kernels that will run them";
  let description = [{
    Needs: an entry point whose operations are `lathe` model operations.

    Leaves: each operation but weights, weight programs, constants and reshapes in a `lathe.fusion`. A fusion has at most one
    *root* (a product, a convolution, a norm, anything that is not elementwise). Elementwise operations join the fusion
    that makes an operand of theirs of the same shape, reshaped or not; what others read of it as well becomes a second
    result. A fusion without a root joins one that reads it at the same places. Cheap operations that one reader repeats
    or transposes are computed once for each place that reads them. For `cuda` an `append_kv` joins the rotation of its
    keys, and what rounds rows the norm that gives them, if nothing else reads that. Remarks of category `fusion` say what was fused and what not, and why.

    Before:
    ```mlir
    %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
    %1 = lathe.add %0, %b : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
    %2 = lathe.relu %1 : tensor<?x32xf32>
    ```
    After: one `lathe.fusion(%x, %w, %b)` that yields `%2`.

    Not done: what also needs something that is computed from the fusion in between; values that a template of the same
    kernel reads, as templates read memory; values that many repeat, or that take long to compute; a reshape between
    kernels is an address and stays outside. For `cuda` also: operands with other readers, among them rotated keys, reshapes
    between members, more than one producer, unless the others are casts of what is in memory.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda">];
}

def JoinProducts : Pass<"lathe-join-products", "::mlir::func::FuncOp"> {
  let summary = "Compute two products of one operand in one kernel where they meet";
  let description = [{
    Needs: fusions.

    Leaves: where an elementwise operation joins two products of the same left operand, as the gate of a feed-forward layer
    does, one fusion of both. The kernel of the CPU computes a piece of the first product into the memory of the result,
    then the same piece of the second, which takes it from there; that of CUDA keeps the sums of a tile of the first.
    Remarks of category `fusion` say what was joined and what not.

    Before:
    ```mlir
    %u = lathe.fusion(%x, %w) : ... { lathe.matmul ... }
    %r = lathe.fusion(%x, %v, %u) : ... { lathe.matmul ... lathe.silu ... lathe.mul ... }
    ```
    After: one `lathe.fusion(%x, %w, %v)` with both products.

    Not done: products of different shapes, or whose weights have other kernels; a first product with other readers;
    for `cpu` results that are not f32, which could not hold it; three products and more.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda">];
}

def LaunchTogether : Pass<"lathe-launch-together", "::mlir::func::FuncOp"> {
  let summary = "Launch kernels of one template together where they read one value and do not need each other";
  let description = [{
    Needs: fusions.

    Leaves: fusions of the same template that share a computed operand as one fusion: queries, keys and values of
    attention, rotary embeddings at the same positions, the branches of a residual block. Its tiles are those of its parts,
    one part after the other, so threads meet once instead of once for each. Each part stays as it was: weights may differ
    in shape and format. Remarks of category `fusion` say what became one launch and what not.

    Before:
    ```mlir
    %q = lathe.fusion(%x, %wq) : ... { lathe.matmul ... }
    %k = lathe.fusion(%x, %wk) : ... { lathe.matmul ... }
    ```
    After: `%qk:2 = lathe.fusion(%x, %wq, %wk) : ... { lathe.matmul ... lathe.matmul ... }`

    Not done: kernels that need each other, or that are more than 8 kernels apart, where results would take up memory for
    longer; elementwise kernels, which FormFusions groups; those that read or change state or are loops. For `cuda`, where
    all blocks of a launch have the same threads, only products of one left operand and rotary embeddings are launched
    together, among them that of keys on their way into the cache; two products that were joined into one kernel stay alone,
    and so do products of tiles of blocks and of tiles of 16-bit weights.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda">];
}

def ChooseKernels : Pass<"lathe-choose-kernels", "::mlir::func::FuncOp"> {
  let summary = "Record which kernel template runs each fusion, with which parameters and why";
  let description = [{
    Needs: fusions.

    Leaves: each with `#lathe.kernel<template, config, reason>`; remarks of category `fusion` say the same. With
    `batch-invariant` every kernel gives the rows of one text the same bits whatever is beside them: no kernel is for few
    rows alone, and attention has one form for few and many rows of a text. With `tf32` products of f32 that are not bound by
    reading their weights, and all on packed ones, round both operands to tf32, to the nearest, ties away from zero.

    Before: `lathe.fusion(%x, %w) : ...`

    After: `lathe.fusion(%x, %w) kernel #lathe.kernel<"matmul", {variant = "few_rows"}, "at most 8 rows"> : ...`

    Not done: measuring; the choice follows from the shapes' bounds and the target.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [
    Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda">,
    Option<"batchInvariant", "batch-invariant", "bool", "false",
           "whether the bits of a row may depend on nothing else in the batch; for cuda">,
    Option<"tf32", "tf32", "bool", "false", "whether products of f32 may round their operands to tf32; for cuda">,
  ];
}

def NormalizeInProducts : Pass<"lathe-normalize-in-products", "::mlir::func::FuncOp"> {
  let summary = "Let products of few rows on CUDA normalize the rows that they read";
  let description = [{
    Needs: fusions with the kernels that ChooseKernels has chosen for CUDA.

    Leaves: a `lathe.rms_norm` that one fusion of products reads, all of them on weights in tiles and of few rows, as part of that
    fusion. Each block of such a kernel has all rows at hand, so that a launch and the wait between the two fall away.
    Remarks of category `fusion` say which norms became part of products, and why others did not.

    Before:
    ```mlir
    %n = lathe.fusion(%x, %g) : ... { lathe.rms_norm ... lathe.cast ... }
    %r = lathe.fusion(%n, %w) kernel #lathe.kernel<"tile_matmul", {variant = "few_rows"}, "..."> : ... { lathe.tile_matmul ... }
    ```
    After: one `lathe.fusion(%x, %g, %w)` of the same kernel.

    Not done: norms that others read too, or that share their kernel with anything but a cast; norms that are reshaped
    on the way; products on weights that are not in tiles, or of rows of f32; more elements than a block has room for.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def RotateInAttention : Pass<"lathe-rotate-in-attention", "::mlir::func::FuncOp"> {
  let summary = "Let decode attention on CUDA rotate queries and keys and append to the cache itself";
  let description = [{
    Needs: fusions with the kernels that ChooseKernels has chosen for CUDA.

    Leaves: paged attention of few rows, and the launch before it that rotates its queries and rotates and appends its keys, as
    one fusion. Each block rotates the rows that it reads, so that a launch and the wait between the two fall away, and
    pages, to which nobody else writes, can be fetched early. The kernel relies on slots that are where the block
    tables say. Remarks of category `fusion` say what became one launch, and why other attention did not.

    Before:
    ```mlir
    %s, %q = lathe.fusion(...) : ... { lathe.rope ... lathe.append_kv ... lathe.rope ... }
    %r = lathe.fusion(%q, %s, ...) kernel #lathe.kernel<"paged_attention", {variant = "few_rows"}, "..."> : ...
    ```
    After: `%s, %r = lathe.fusion(...)` of attention's kernel, with all four operations.

    Not done: more than 8 rows; caches of other types than f16 and bf16; rotations that differ, or of dimensions that are no multiple of 16; queries that others read
    too; queries, keys and values of different types; attention that reads another layer than was appended to.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

//===- planning -------------------------------------------------------------------------------------------------===//

def PlanMemory : Pass<"lathe-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Turn entry points into programs over memory";
  let description = [{
    Needs: entry points of fusions with kernels, reshapes, weights, weight programs, sizes that are read, branches and loops.

    Leaves: a `plan.program` for each entry point with a `plan.clone` for each of its clones, a `plan.data` for each weight.
    Results are written where the caller wants them; other values get arena offsets, reused as soon as their last reader is
    done; states change in place; reshapes vanish. Remarks of category `memory` say how large the arena may become.

    Values whose size depends on data get slots of the dynamic pool, shared in the same way. A value that a loop carries has
    two places, which change roles from round to round; where its size changes, each round allocates. Rows that a loop stacks
    are written to their place at once; if nobody knows how many there will be, their memory grows. The branches of an `if`
    write to one place, or hand on the address of what is there already.

    Before: `func.func @forward(...) { %0 = lathe.fusion(...) ... return %0 }`

    After: `plan.program @forward ... { plan.clone ... { plan.launch ... } }`

    Not done: states within control flow, which is an error; updating a carried value in place.
  }];
  let dependentDialects = ["::lathe::plan::PlanDialect"];
}

//===- testing --------------------------------------------------------------------------------------------------===//

def TestPlantBug : Pass<"lathe-test-plant-bug", "::mlir::ModuleOp"> {
  let summary = "Change what the model computes, so that tests can see it being noticed";
  let description = [{
    Only for tests: a compiler's own check of its numbers is worth something when it finds a bug that is known to be there.

    Needs: any module with something that `kind` names.

    Leaves: the first such thing altered, and IR that verifies.
    * `scale`: a float constant times 1.01.
    * `epsilon`: the epsilon of an RMS norm plus 0.01.
    * `swap`: the operands of a subtraction exchanged.
    * `rope`: the base of a rotary embedding times 1.5.
    * `epilogue`: the last elementwise operation of a kernel left out.
    * `order`: two launches exchanged, the second of which reads what the first writes.
    * `any`: the first of these that there is.

    Before, with `kind=swap`: `lathe.sub %x, %y : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>`

    After: `lathe.sub %y, %x : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>`

    Not done: a module with nothing of that kind is an error.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [Option<"kind", "kind", "std::string", "\"any\"", "what to alter">];
}

#endif // LATHE_PASSES_PASSES_TD
