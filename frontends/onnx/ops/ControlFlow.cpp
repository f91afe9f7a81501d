// Nodes that choose a graph, or repeat one (Loops.cpp).
#include "frontends/onnx/ops/ControlFlow.h"

#include "dialects/lathe/LoopOps.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// The two graphs of an If: the one for false, the one for true.
using Branches = std::array<const Graph *, 2>;
static constexpr StringLiteral BranchNames[] = {"else_branch", "then_branch"};

/// Imports both graphs into the regions of an operation without results, and gives what they yield. A branch without a
/// meaning for the shapes at hand says so in `contradictions`; its region stays as it is.
static LogicalResult importBranches(NodeImporter &node, IfOp op, const Branches &graphs,
                                    SmallVector<Value> (&yielded)[2], std::string (&contradictions)[2]) {
  OpBuilder::InsertionGuard guard(node.builder());
  for (int taken : {1, 0}) {
    node.builder().createBlock(taken ? &op.getThenBody() : &op.getElseBody());
    FailureOr<SmallVector<GraphValue *>> outputs = node.importBranch(*graphs[taken], contradictions[taken]);
    if (!contradictions[taken].empty())
      continue;
    FailureOr<SmallVector<Value>> values = failure();
    if (succeeded(outputs))
      values = node.materialize(*outputs, *graphs[taken]);
    if (failed(values))
      return failure();
    yielded[taken] = *values;
    YieldOp::create(node.builder(), op.getLoc(), *values);
  }
  return success();
}

/// The outputs of the one branch that has a meaning. A call whose condition chooses the other ends with an error: the
/// condition is read as a size that must be that of this branch, and the outputs need it.
static FailureOr<SmallVector<Value>> importOnly(NodeImporter &node, Value condition, const Graph &graph, bool taken,
                                                const std::string &contradiction) {
  Location location = node.getLocation();
  auto name = location->findInstanceOf<NameLoc>();
  auto file = location->findInstanceOf<FileLineColLoc>();
  StringRef shown = name ? name.getName().getValue() : StringRef("If"), missing = BranchNames[!taken];
  emitWarning(file ? Location(file) : location)
      << "node '" << shown << "': '" << missing
      << "' has no meaning for the shapes of the inputs; a call that takes it "
      << "ends with an error (" << contradiction << ")";
  OpBuilder &builder = node.builder();
  FailureOr<Value> choice = node.create<CastOp>(builder.getI64Type(), condition);
  if (succeeded(choice))
    choice = node.reshape(*choice, {1});
  FailureOr<SmallVector<GraphValue *>> outputs = failure();
  if (succeeded(choice))
    outputs = node.importSubgraph(graph, {});
  if (failed(outputs))
    return failure();
  FailureOr<SmallVector<Value>> values = node.materialize(*outputs, graph);
  if (failed(values))
    return failure();
  std::string text = llvm::formatv("{0}, whose '{1}' has no meaning for these shapes", shown, missing);
  Value check = ReadSizesOp::create(builder, NameLoc::get(builder.getStringAttr(text), location),
                                    SizesType::get(node.context(), 1), *choice, int64_t(taken), int64_t(taken));
  node.setDims(check, {node.constantSize(taken)});
  for (Value &value : *values) {
    DimList dims(node.dims(value));
    NodeImporter::Sizes sizes = node.mapSizes({value, check}, ArrayRef<AffineExpr>(dims));
    sizes.from.insert(sizes.from.begin(), check);
    FailureOr<Value> checked = node.create<ReshapeToOp>(node.elementType(value), value, sizes.from, sizes.maps[0]);
    if (failed(checked))
      return failure();
    value = *checked;
  }
  return values;
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

FailureOr<SmallVector<Value>> lathe::onnx::buildIf(NodeImporter &node, Value condition, BuildBranch thenBranch,
                                                   BuildBranch elseBranch) {
  unsigned symbolsOutside = node.numSymbols();
  auto op = IfOp::create(node.builder(), node.getLocation(), TypeRange(), condition);
  SmallVector<Value> yielded[2];
  auto buildRegion = [&](int region, BuildBranch build) -> LogicalResult {
    OpBuilder::InsertionGuard guard(node.builder());
    node.builder().createBlock(&op->getRegion(region));
    FailureOr<SmallVector<Value>> values = build();
    if (failed(values))
      return failure();
    yielded[region] = *values;
    YieldOp::create(node.builder(), op.getLoc(), *values);
    return success();
  };
  FailureOr<SmallVector<Value>> results = failure();
  if (succeeded(buildRegion(0, thenBranch)) && succeeded(buildRegion(1, elseBranch)))
    results = mergeBranches(node, op, yielded[0], yielded[1], symbolsOutside);
  op.erase();
  return results;
}

/// The results of an If whose condition only the data decides.
static FailureOr<SmallVector<Value>> importChoice(NodeImporter &node, Value condition, const Branches &graphs) {
  unsigned symbolsOutside = node.numSymbols();
  auto op = IfOp::create(node.builder(), condition.getLoc(), TypeRange(), condition);
  SmallVector<Value> yielded[2];
  std::string contradictions[2];
  FailureOr<SmallVector<Value>> results = failure();
  if (succeeded(importBranches(node, op, graphs, yielded, contradictions))) {
    bool possible[] = {contradictions[0].empty(), contradictions[1].empty()};
    if (possible[0] && possible[1])
      results = mergeBranches(node, op, yielded[1], yielded[0], symbolsOutside);
    else if (possible[0] || possible[1])
      results = importOnly(node, condition, *graphs[possible[1]], possible[1], contradictions[!possible[1]]);
    else
      results = node.contradict("neither branch has a meaning for the shapes of the inputs ({0}; {1})",
                                contradictions[1], contradictions[0]);
  }
  op.erase();
  return results;
}

static LogicalResult importIf(NodeImporter &node) {
  Branches graphs = {node.graphAttribute("else_branch"), node.graphAttribute("then_branch")};
  if (!graphs[0] || !graphs[1])
    return failure();
  if (!node.hasInput(0))
    return node.fail("has no input 0");
  if (!graphs[1]->inputs.empty() || !graphs[0]->inputs.empty() || graphs[1]->outputs.size() != node.numOutputs() ||
      graphs[0]->outputs.size() != node.numOutputs())
    return node.fail("has {0} outputs but its branches have {1} and {2}, and no inputs are needed", node.numOutputs(),
                     graphs[1]->outputs.size(), graphs[0]->outputs.size());
  const KnownTensor *known = node.knownInput(0);
  if (known && known->elements.size() == 1 && known->elements[0].constantInt()) {
    FailureOr<SmallVector<GraphValue *>> outputs =
        node.importSubgraph(*graphs[*known->elements[0].constantInt() != 0], {});
    if (failed(outputs))
      return failure();
    for (auto [i, value] : llvm::enumerate(*outputs))
      node.setOutput(i, value);
    return success();
  }
  FailureOr<Value> condition = node.scalarInput(0, node.builder().getI1Type());
  FailureOr<SmallVector<Value>> results = failure();
  if (succeeded(condition))
    results = importChoice(node, *condition, graphs);
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
