// Operators of onnxruntime's domain com.microsoft that its optimizer makes of norms and activations with what is around
// them.
#include "frontends/onnx/ops/AttentionTerms.h"
#include "frontends/onnx/ops/Norms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// The sum of an input and what skipped the layers before, both with the bias if there is one. Goes to output 3, too.
static Term addSkip(NodeImporter &node, size_t biasIndex) {
  Term sum = realInput(node, 0) + realInput(node, 1);
  if (node.hasInput(biasIndex))
    sum = sum + input(node, biasIndex);
  if (sum && node.hasOutput(3))
    node.setOutput(3, sum.value);
  return sum;
}

static LogicalResult importSkipLayerNormalization(NodeImporter &node) {
  float epsilon = node.floatAttribute("epsilon", 1e-12f);
  Term sum = addSkip(node, 4), bias = node.hasInput(3) ? input(node, 3) : Term();
  if (!sum || (node.hasInput(3) && !bias))
    return failure();
  return setOutput(node, 0, layerNorm(sum, input(node, 2), bias, sum.rank() - 1, epsilon, node.builder().getF32Type()));
}

static LogicalResult importSkipSimplifiedLayerNormalization(NodeImporter &node) {
  float epsilon = node.floatAttribute("epsilon", 1e-12f);
  Term sum = addSkip(node, 3);
  return setOutput(node, 0, rmsNorm(sum, input(node, 2), sum.rank() - 1, epsilon, node.builder().getF32Type()));
}

static LogicalResult importSimplifiedLayerNormalization(NodeImporter &node) {
  float epsilon = node.floatAttribute("epsilon", 1e-5f);
  if (int64_t type = node.intAttribute("stash_type", 1); type != 1)
    return node.fail("'stash_type' is {0}, only 1, float, is supported", type);
  Term x = realInput(node, 0);
  if (!x)
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(-1, x.rank(), x.rank() - 1);
  if (failed(axis))
    return failure();
  return setOutput(node, 0, rmsNorm(x, input(node, 1), *axis, epsilon, node.builder().getF32Type()));
}

/// Rows of the table of an input for indices of any shape.
static Term embed(NodeImporter &node, size_t table, size_t indices) {
  return takeRows(input(node, table), input(node, indices));
}

static LogicalResult importEmbedLayerNormalization(NodeImporter &node) {
  float epsilon = node.floatAttribute("epsilon", 1e-12f);
  node.intAttribute("mask_index_type", 0); // the default and 1 both count
  Term sum = embed(node, 2, 0);
  if (!sum)
    return failure();
  if (sum.rank() != 3)
    return node.fail("'input_ids' gives embeddings of rank {0}, needed 3", sum.rank());
  if (node.hasInput(8)) {
    sum = sum + embed(node, 3, 8);
  } else {
    Term places = input(node, 3);
    sum = sum + (places && places.rank() == 2 ? slice(places, 0, node.constantSize(0), sum.dim(1)) : Term());
  }
  if (node.hasInput(1))
    sum = sum + embed(node, 4, 1);
  if (!sum)
    return failure();
  if (node.hasOutput(1)) {
    Type type = node.builder().getI32Type();
    Term counts = node.hasInput(7) ? reduce(input(node, 7), ReduceKind::Sum, 1, /*keep=*/false)
                                   : expand(constant(node, type, 0), sum.dim(0));
    if (failed(setOutput(node, 1, counts)))
      return failure();
  }
  if (node.hasOutput(2))
    node.setOutput(2, sum.value);
  return setOutput(node, 0, layerNorm(sum, input(node, 5), input(node, 6), 2, epsilon, node.builder().getF32Type()));
}

static LogicalResult importGelu(NodeImporter &node) { return setOutput(node, 0, apply<GeluOp>(realInput(node, 0))); }

static LogicalResult importBiasGelu(NodeImporter &node) {
  return setOutput(node, 0, apply<GeluOp>(realInput(node, 0) + input(node, 1)));
}

static LogicalResult importFastGelu(NodeImporter &node) {
  Term x = realInput(node, 0);
  return setOutput(node, 0, apply<GeluTanhOp>(node.hasInput(1) ? x + input(node, 1) : x));
}

static LogicalResult importQuickGelu(NodeImporter &node) {
  float alpha = node.floatAttribute("alpha", 1.702f);
  Term x = realInput(node, 0);
  return setOutput(node, 0, x * apply<SigmoidOp>(x * alpha));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"com.microsoft", "BiasGelu", 1, NewestOpset, "", importBiasGelu},
    {"com.microsoft", "EmbedLayerNormalization", 1, NewestOpset, "", importEmbedLayerNormalization},
    {"com.microsoft", "FastGelu", 1, NewestOpset, "", importFastGelu},
    {"com.microsoft", "Gelu", 1, NewestOpset, "", importGelu},
    {"com.microsoft", "QuickGelu", 1, NewestOpset, "", importQuickGelu},
    {"com.microsoft", "SimplifiedLayerNormalization", 1, NewestOpset, "", importSimplifiedLayerNormalization},
    {"com.microsoft", "SkipLayerNormalization", 1, NewestOpset, "", importSkipLayerNormalization},
    {"com.microsoft", "SkipSimplifiedLayerNormalization", 1, NewestOpset, "", importSkipSimplifiedLayerNormalization},
};

llvm::ArrayRef<Operator> lathe::onnx::microsoftNormalizationOperators() { return Operators; }
