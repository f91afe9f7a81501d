// Operators of ai.onnx.ml on numbers.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/Terms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// Elements along the last dimension.
static LogicalResult importArrayFeatureExtractor(NodeImporter &node) {
  Term x = input(node, 0), indices = input(node, 1);
  if (!x || !indices)
    return failure();
  // A list of elements is a matrix of one row.
  x = toRank(x, 2);
  Term places = reshape(indices, ArrayRef<int64_t>(-1));
  if (!x || !places)
    return failure();
  return setOutput(node, 0, Term(node, node.create<GatherAlongOp>(x.type(), x.value, places.value, x.rank() - 1)));
}

static LogicalResult importBinarizer(NodeImporter &node) {
  float threshold = node.floatAttribute("threshold", 0);
  Term x = input(node, 0);
  return setOutput(node, 0, select(test<LessOp>(constant(x, threshold), x), constant(x, 1), constant(x, 0)));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"ai.onnx.ml", "ArrayFeatureExtractor", 1, 5, "no strings", importArrayFeatureExtractor},
    {"ai.onnx.ml", "Binarizer", 1, 5, "", importBinarizer},
};

llvm::ArrayRef<Operator> lathe::onnx::machineLearningOperators() { return Operators; }
