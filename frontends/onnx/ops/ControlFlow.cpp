// Nodes that hold graphs.
#include "frontends/onnx/ops/Operators.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static LogicalResult importIf(NodeImporter &node) {
  const Graph *thenGraph = node.graphAttribute("then_branch"), *elseGraph = node.graphAttribute("else_branch");
  if (!thenGraph || !elseGraph)
    return failure();
  if (!node.hasInput(0))
    return node.fail("has no input 0");
  if (!thenGraph->inputs.empty() || !elseGraph->inputs.empty() || thenGraph->outputs.size() != node.numOutputs() ||
      elseGraph->outputs.size() != node.numOutputs())
    return node.fail("has {0} outputs but its branches have {1} and {2}, and no inputs are needed", node.numOutputs(),
                     thenGraph->outputs.size(), elseGraph->outputs.size());
  const KnownTensor *condition = node.knownInput(0);
  if (!condition || !condition->isConstant() || condition->elements.size() != 1)
    return node.fail("the condition is computed from data, only conditions known while importing are supported");
  bool isTrue = *condition->elements[0].constant() != 0;
  FailureOr<SmallVector<GraphValue *>> outputs = node.importSubgraph(isTrue ? *thenGraph : *elseGraph, {});
  if (failed(outputs))
    return failure();
  for (auto [i, value] : llvm::enumerate(*outputs))
    node.setOutput(i, value);
  return success();
}

static constexpr Operator Operators[] = {
    {"", "If", 1, NewestOpset, "condition known while importing", importIf},
};

llvm::ArrayRef<Operator> lathe::onnx::controlFlowOperators() { return Operators; }
