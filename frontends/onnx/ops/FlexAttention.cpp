// Attention whose scores and probabilities graphs of the model change.
#include "frontends/onnx/ops/AttentionTerms.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// What the graph in an attribute makes of `x`; `x` where there is none.
static Term modify(const Term &x, StringRef attribute) {
  if (!x || !x.node->attribute(attribute))
    return x;
  NodeImporter &node = *x.node;
  const Graph *graph = node.graphAttribute(attribute);
  if (!graph)
    return Term();
  if (graph->inputs.size() != 1 || graph->outputs.size() != 1) {
    (void)node.fail("'{0}' has {1} inputs and {2} outputs, needed one of each", attribute, graph->inputs.size(),
                    graph->outputs.size());
    return Term();
  }
  FailureOr<SmallVector<GraphValue *>> outputs = node.importSubgraph(*graph, node.dataValue(x.value));
  FailureOr<SmallVector<Value>> values = failure();
  if (succeeded(outputs))
    values = node.materialize(*outputs, *graph);
  return failed(values) ? Term() : Term(node, (*values)[0]);
}

static LogicalResult importFlexAttention(NodeImporter &node) {
  float scale = node.floatAttribute("scale", 0);
  auto precision = DataType(node.intAttribute("softmax_precision", int64_t(DataType::Float)));
  Term query = realInput(node, 0), key = realInput(node, 1), value = realInput(node, 2);
  if (!query || !key || !value)
    return failure();
  Type computed = convertType(node.context(), precision);
  if (query.rank() != 4 || key.rank() != 4 || value.rank() != 4 || !isa_and_nonnull<FloatType>(computed))
    return node.fail("inputs have ranks {0}, {1} and {2} and 'softmax_precision' is {3}, needed 4 and a float type",
                     query.rank(), key.rank(), value.rank(), dataTypeName(precision));
  if (!node.attribute("scale")) {
    if (!query.size(3))
      return node.fail("the heads have {0} elements, needed a number, or 'scale'", node.print(query.dim(3)));
    scale = 1 / std::sqrt(double(*query.size(3)));
  }
  Term scores = matmul(query, transpose(repeatHeads(key, query), {0, 1, 3, 2})) * double(scale);
  scores = modify(scores, "score_mod");
  if (!scores || scores.rank() != 4)
    return node.fail("'score_mod' gives a tensor of another rank than 4");
  Term shares = modify(cast(softmax(cast(scores, computed), 3), query.type()), "prob_mod");
  return setOutput(node, 0, cast(matmul(cast(shares, value.type()), repeatHeads(value, query)), query.type()));
}

static constexpr Operator Operators[] = {
    {"ai.onnx.preview", "FlexAttention", 1, 1, "", importFlexAttention},
};

llvm::ArrayRef<Operator> lathe::onnx::flexAttentionOperators() { return Operators; }
