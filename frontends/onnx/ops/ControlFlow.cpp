// Nodes that choose a graph, or repeat one (Loops.cpp).
#include "frontends/onnx/ops/Operators.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// Imports both graphs into the regions of an operation without results, and gives what they yield.
static LogicalResult importBranches(NodeImporter &node, IfOp op, ArrayRef<const Graph *> graphs,
                                    SmallVector<Value> (&yielded)[2]) {
  OpBuilder::InsertionGuard guard(node.builder());
  for (int branch = 0; branch < 2; ++branch) {
    node.builder().createBlock(&op->getRegion(branch));
    FailureOr<SmallVector<GraphValue *>> outputs = node.importSubgraph(*graphs[branch], {});
    FailureOr<SmallVector<Value>> values = failure();
    if (succeeded(outputs))
      values = node.materialize(*outputs, *graphs[branch]);
    if (failed(values))
      return failure();
    yielded[branch] = *values;
    YieldOp::create(node.builder(), op.getLoc(), *values);
  }
  return success();
}

/// The results of both branches: a size that differs, or is found in a branch, becomes a symbol.
static FailureOr<SmallVector<Value>> mergeBranches(NodeImporter &node, IfOp op, ArrayRef<Value> a, ArrayRef<Value> b,
                                                   unsigned symbolsOutside) {
  SmallVector<Type> types;
  for (auto [i, x, y] : llvm::enumerate(a, b)) {
    if (node.elementType(x) != node.elementType(y) || node.rank(x) != node.rank(y))
      return node.fail("output {0} has another element type or rank in one branch than in the other", i);
    SmallVector<int64_t> shape;
    for (auto [p, q] : llvm::zip_equal(node.dims(x), node.dims(y))) {
      auto constant = dyn_cast<AffineConstantExpr>(p);
      shape.push_back(constant && p == q ? constant.getValue() : ShapedType::kDynamic);
    }
    types.push_back(RankedTensorType::get(shape, node.elementType(x)));
  }
  auto merged = IfOp::create(node.builder(), op.getLoc(), types, op.getCondition());
  merged.getThenBody().takeBody(op.getThenBody());
  merged.getElseBody().takeBody(op.getElseBody());
  for (auto [result, x, y] : llvm::zip_equal(merged.getResults(), a, b)) {
    DimList dims;
    for (auto [p, q] : llvm::zip_equal(node.dims(x), node.dims(y))) {
      bool same = isSameDim(p, q) && !node.usesSymbolsFrom(p, symbolsOutside);
      dims.push_back(same ? p : node.addSymbol(node.unionRange(p, q), result, dims.size()));
    }
    node.setDims(result, dims);
  }
  return SmallVector<Value>(merged.getResults());
}

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
  const KnownTensor *known = node.knownInput(0);
  if (known && known->elements.size() == 1 && known->elements[0].constantInt()) {
    bool isTrue = *known->elements[0].constantInt() != 0;
    FailureOr<SmallVector<GraphValue *>> outputs = node.importSubgraph(isTrue ? *thenGraph : *elseGraph, {});
    if (failed(outputs))
      return failure();
    for (auto [i, value] : llvm::enumerate(*outputs))
      node.setOutput(i, value);
    return success();
  }
  FailureOr<Value> condition = node.scalarInput(0, node.builder().getI1Type());
  if (failed(condition))
    return failure();
  unsigned symbolsOutside = node.numSymbols();
  auto op = IfOp::create(node.builder(), condition->getLoc(), TypeRange(), *condition);
  SmallVector<Value> yielded[2];
  FailureOr<SmallVector<Value>> results = failure();
  if (succeeded(importBranches(node, op, {thenGraph, elseGraph}, yielded)))
    results = mergeBranches(node, op, yielded[0], yielded[1], symbolsOutside);
  op.erase();
  if (failed(results))
    return failure();
  for (auto [i, value] : llvm::enumerate(*results))
    node.setOutput(i, value);
  return success();
}

static constexpr Operator Operators[] = {
    {"", "If", 1, NewestOpset, "tensors as outputs", importIf},
};

llvm::ArrayRef<Operator> lathe::onnx::controlFlowOperators() { return Operators; }
