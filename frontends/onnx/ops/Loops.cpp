// Loop and Scan: graphs that are repeated.
#include "frontends/onnx/ops/Terms.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {

/// One lathe.loop in the making. Sizes of carried values that a round changes are found by trying: a size that a round
/// leaves as it is stays an expression of what is outside, another becomes a symbol, and the body is imported again.
class LoopImporter {
public:
  LoopImporter(NodeImporter &node, const Graph &body) : node(node), body(body) {}

  Value trip, condition; ///< null where the loop has none
  SmallVector<Value> carried, scanned;
  AffineExpr limit; ///< rounds unless the condition ends the loop; null where that is not known
  bool isScan = false;

  /// Results: the carried values, then the stacked rows.
  FailureOr<SmallVector<Value>> import();

private:
  LoopOp createLoop();
  SmallVector<GraphValue *> bindInputs(LoopOp op);
  FailureOr<SmallVector<Value>> importBody(LoopOp op);
  /// Marks the sizes that a round changes; true if there are new ones.
  bool markChanges(LoopOp op, ArrayRef<Value> yielded);
  FailureOr<SmallVector<Value>> finish(LoopOp op, ArrayRef<Value> yielded);
  FailureOr<Value> importCondition(GraphValue *value);

  NodeImporter &node;
  const Graph &body;
  SmallVector<DimList> shapes; ///< of the carried values; null sizes change from round to round
  bool yieldsCondition = false;
  unsigned symbolsOutside = 0;
};

} // namespace

static RankedTensorType typeOf(Type element, ArrayRef<AffineExpr> dims) {
  SmallVector<int64_t> shape;
  for (AffineExpr dim : dims) {
    auto constant = dyn_cast_or_null<AffineConstantExpr>(dim);
    shape.push_back(constant ? constant.getValue() : ShapedType::kDynamic);
  }
  return RankedTensorType::get(shape, element);
}

LoopOp LoopImporter::createLoop() {
  OpBuilder &builder = node.builder();
  OpBuilder::InsertionGuard guard(builder);
  auto op = LoopOp::create(builder, node.getLocation(), TypeRange(), trip, condition, carried, scanned);
  Block *block = builder.createBlock(&op.getBody());
  node.setDims(block->addArgument(RankedTensorType::get({}, builder.getI64Type()), op.getLoc()), {});
  for (auto [value, shape] : llvm::zip_equal(carried, shapes)) {
    BlockArgument argument = block->addArgument(typeOf(node.elementType(value), shape), op.getLoc());
    DimList dims(shape);
    for (auto [axis, dim] : llvm::enumerate(dims))
      if (!dim)
        dim = node.addSymbol({0, MaximumDataSize}, argument, axis);
    node.setDims(argument, dims);
  }
  for (Value value : scanned) {
    DimList row(node.dims(value).drop_front());
    node.setDims(block->addArgument(typeOf(node.elementType(value), row), op.getLoc()), row);
  }
  return op;
}

SmallVector<GraphValue *> LoopImporter::bindInputs(LoopOp op) {
  SmallVector<GraphValue *> inputs;
  if (!isScan) {
    inputs.push_back(node.dataValue(op.getRound()));
    // Within a round the condition holds.
    inputs.push_back(node.constantValue(KnownTensor{DataType::Bool, {}, {node.math().integer(1)}}));
  }
  for (BlockArgument argument : op.getBody().getArguments().drop_front())
    inputs.push_back(node.dataValue(argument));
  return inputs;
}

FailureOr<Value> LoopImporter::importCondition(GraphValue *value) {
  FailureOr<SmallVector<Value>> data = node.materialize({value}, body);
  if (failed(data))
    return failure();
  if (!node.elementType((*data)[0]).isInteger(1))
    return node.fail("the condition of the body is no bool");
  return node.rank((*data)[0]) == 0 ? FailureOr<Value>((*data)[0]) : node.reshape((*data)[0], {});
}

FailureOr<SmallVector<Value>> LoopImporter::importBody(LoopOp op) {
  OpBuilder::InsertionGuard guard(node.builder());
  node.builder().setInsertionPointToEnd(&op.getBody().front());
  FailureOr<SmallVector<GraphValue *>> outputs = node.importSubgraph(body, bindInputs(op));
  if (failed(outputs))
    return failure();
  ArrayRef<GraphValue *> values(*outputs);
  SmallVector<Value> yielded;
  if (!isScan) {
    const KnownTensor *known = node.known(*values[0]);
    bool alwaysTrue = known && known->elements.size() == 1 && known->elements[0].constantInt() == 1;
    yieldsCondition |= !alwaysTrue;
    if (condition || yieldsCondition) {
      FailureOr<Value> next = importCondition(values[0]);
      if (failed(next))
        return failure();
      yielded.push_back(*next);
    }
    values = values.drop_front();
  }
  FailureOr<SmallVector<Value>> data = node.materialize(values, body, isScan ? 0 : 1);
  if (failed(data))
    return failure();
  llvm::append_range(yielded, *data);
  YieldOp::create(node.builder(), op.getLoc(), yielded);
  return *data;
}

bool LoopImporter::markChanges(LoopOp op, ArrayRef<Value> yielded) {
  bool changed = false;
  for (auto [argument, value, shape] : llvm::zip(op.getCarriedArguments(), yielded, shapes))
    for (auto [axis, before, after] : llvm::enumerate(node.dims(argument), node.dims(value)))
      if (shape[axis] && !isSameDim(before, after)) {
        shape[axis] = {};
        changed = true;
      }
  return changed;
}

FailureOr<SmallVector<Value>> LoopImporter::import() {
  for (Value value : carried)
    shapes.push_back(DimList(node.dims(value)));
  symbolsOutside = node.numSymbols();
  while (true) {
    LoopOp op = createLoop();
    bool hadCondition = bool(condition);
    FailureOr<SmallVector<Value>> yielded = importBody(op);
    if (succeeded(yielded))
      for (auto [value, next] : llvm::zip(carried, *yielded))
        if (node.elementType(value) != node.elementType(next) || node.rank(value) != node.rank(next)) {
          yielded = node.fail("a carried value has another element type or rank after a round");
          break;
        }
    if (failed(yielded)) {
      op.erase();
      return failure();
    }
    if (yieldsCondition && !hadCondition) {
      op.erase();
      OpBuilder &builder = node.builder();
      condition = node.scalar(builder.getI1Type(), 1);
      continue;
    }
    if (markChanges(op, *yielded)) {
      op.erase();
      continue;
    }
    FailureOr<SmallVector<Value>> results = finish(op, *yielded);
    op.erase();
    return results;
  }
}

FailureOr<SmallVector<Value>> LoopImporter::finish(LoopOp op, ArrayRef<Value> yielded) {
  if (!trip && !condition && scanned.empty())
    return node.fail("has no number of rounds and no condition that ends it");
  AffineExpr rounds = condition ? AffineExpr() : limit;
  SmallVector<Type> types;
  for (BlockArgument argument : op.getCarriedArguments())
    types.push_back(argument.getType());
  ArrayRef<Value> rows = yielded.drop_front(carried.size());
  for (Value row : rows) {
    DimList dims = {rounds};
    llvm::append_range(dims, node.dims(row));
    for (AffineExpr dim : node.dims(row))
      if (node.usesSymbolsFrom(dim, symbolsOutside))
        return node.fail("stacks rows of shape {0}, whose size is found in the loop", node.print(node.dims(row)));
    types.push_back(typeOf(node.elementType(row), dims));
  }
  auto made = LoopOp::create(node.builder(), op.getLoc(), types, trip, condition, carried, scanned);
  made.getBody().takeBody(op.getBody());
  for (auto [result, shape] : llvm::zip(made.getResults(), shapes)) {
    DimList dims(shape);
    for (auto [axis, dim] : llvm::enumerate(dims))
      if (!dim)
        dim = node.addSymbol({0, MaximumDataSize}, result, axis);
    node.setDims(result, dims);
  }
  for (auto [result, row] : llvm::zip_equal(made.getResults().drop_front(carried.size()), rows)) {
    if (!rounds)
      rounds = node.addSymbol({0, limit ? node.unionRange(limit, limit).second : MaximumDataSize}, result, 0);
    DimList dims = {rounds};
    llvm::append_range(dims, node.dims(row));
    node.setDims(result, dims);
  }
  if (failed(mlir::verify(made)))
    return node.fail("its rounds cannot be carried on");
  return SmallVector<Value>(made.getResults());
}

static LogicalResult importLoop(NodeImporter &node) {
  const Graph *body = node.graphAttribute("body");
  if (!body)
    return failure();
  if (node.numInputs() < 2 || body->inputs.size() != node.numInputs() ||
      body->outputs.size() != node.numOutputs() + 1 || node.numOutputs() + 2 < node.numInputs())
    return node.fail("has {0} inputs and {1} outputs but its body {2} and {3}", node.numInputs(), node.numOutputs(),
                     body->inputs.size(), body->outputs.size());
  LoopImporter loop(node, *body);
  if (node.hasInput(1)) {
    const KnownTensor *known = node.knownInput(1);
    if (!known || known->elements.size() != 1 || known->elements[0].constantInt() != 1) {
      FailureOr<Value> condition = node.scalarInput(1, node.builder().getI1Type());
      if (failed(condition))
        return failure();
      loop.condition = *condition;
    }
  }
  const KnownTensor *count = node.hasInput(0) ? node.knownInput(0) : nullptr;
  std::optional<int64_t> number;
  if (count && count->elements.size() == 1)
    number = count->elements[0].constantInt();
  if (number)
    loop.limit = node.constantSize(std::clamp<int64_t>(*number, 0, MaximumDataSize));
  if (node.hasInput(0) && (!number || *number <= MaximumDataSize)) {
    FailureOr<Value> trip = node.scalarInput(0, node.builder().getI64Type());
    if (failed(trip))
      return failure();
    loop.trip = *trip;
  }
  for (size_t i = 2; i < node.numInputs(); ++i) {
    FailureOr<Value> value = node.input(i);
    if (failed(value))
      return failure();
    loop.carried.push_back(*value);
  }
  FailureOr<SmallVector<Value>> results = loop.import();
  if (failed(results))
    return failure();
  for (auto [i, value] : llvm::enumerate(*results))
    node.setOutput(i, value);
  return success();
}

namespace {

/// The axes and directions of Scan, one for each scanned input or output.
struct ScanAxes {
  SmallVector<int64_t> axes, directions;
};

} // namespace

static FailureOr<ScanAxes> getScanAxes(NodeImporter &node, StringRef kind, size_t count) {
  std::string axesName = ("scan_" + kind + "_axes").str(), directionsName = ("scan_" + kind + "_directions").str();
  SmallVector<int64_t> zeros(count, 0);
  ScanAxes result{SmallVector<int64_t>(node.intsAttribute(axesName).value_or(zeros)),
                  SmallVector<int64_t>(node.intsAttribute(directionsName).value_or(zeros))};
  if (result.axes.size() != count || result.directions.size() != count)
    return node.fail("'{0}' and '{1}' have {2} and {3} numbers, needed {4}", axesName, directionsName,
                     result.axes.size(), result.directions.size(), count);
  return result;
}

/// `value` with `axis` moved to the front, or the front moved to `axis`, and turned around if `reversed`.
static FailureOr<Value> moveAxis(NodeImporter &node, Value value, int64_t axis, bool toFront, bool reversed) {
  int64_t rank = node.rank(value);
  if (axis < -rank || axis >= rank)
    return node.fail("scans axis {0} of a value of rank {1}", axis, rank);
  axis = axis < 0 ? axis + rank : axis;
  FailureOr<Value> result = value;
  if (reversed) {
    FailureOr<SmallVector<GraphValue *>> turned =
        node.expand("Slice",
                    {node.dataValue(value), node.constantValue({-1}), node.constantValue({INT64_MIN}),
                     node.constantValue({toFront ? axis : 0}), node.constantValue({-1})},
                    {}, 1, 13);
    if (failed(turned))
      return failure();
    result = (*turned)[0]->value;
  }
  if (axis == 0)
    return result;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (toFront)
    std::rotate(order.begin(), order.begin() + axis, order.begin() + axis + 1);
  else
    std::rotate(order.begin(), order.begin() + 1, order.begin() + axis + 1);
  return node.transpose(*result, order);
}

/// Graph, numbers of inputs that are carried and that are scanned.
struct ScanBody {
  const Graph *graph = nullptr;
  int64_t states = 0, scanned = 0;
};

/// `first` is the number of inputs in front of the body's.
static FailureOr<ScanBody> getScanBody(NodeImporter &node, int64_t first) {
  ScanBody body;
  body.graph = node.graphAttribute("body");
  if (!body.graph)
    return failure();
  body.scanned = node.intAttribute("num_scan_inputs", 0);
  auto inputs = int64_t(node.numInputs()) - first, outputs = int64_t(node.numOutputs());
  body.states = inputs - body.scanned;
  if (body.scanned < 1 || body.states < 0 || body.states > outputs || int64_t(body.graph->inputs.size()) != inputs ||
      int64_t(body.graph->outputs.size()) != outputs)
    return node.fail("has {0} inputs, {1} of them scanned, and {2} outputs but its body {3} and {4}", inputs,
                     body.scanned, outputs, body.graph->inputs.size(), body.graph->outputs.size());
  return body;
}

/// One loop over `values`, of which the first are carried.
static FailureOr<SmallVector<Value>> scan(NodeImporter &node, const ScanBody &body, ArrayRef<Value> values) {
  LoopImporter loop(node, *body.graph);
  loop.isScan = true;
  loop.carried.assign(values.begin(), values.begin() + body.states);
  loop.scanned.assign(values.begin() + body.states, values.end());
  loop.limit = node.dims(loop.scanned[0])[0];
  for (Value value : loop.scanned)
    if (failed(node.requireSame(loop.limit, node.dims(value)[0], "the number of rounds")))
      return failure();
  return loop.import();
}

static LogicalResult importScan(NodeImporter &node) {
  FailureOr<ScanBody> body = getScanBody(node, 0);
  if (failed(body))
    return failure();
  int64_t states = body->states;
  FailureOr<ScanAxes> from = getScanAxes(node, "input", body->scanned),
                      to = getScanAxes(node, "output", node.numOutputs() - states);
  if (failed(from) || failed(to))
    return failure();
  SmallVector<Value> values;
  for (int64_t i = 0; i < int64_t(node.numInputs()); ++i) {
    FailureOr<Value> value = node.input(i);
    if (succeeded(value) && i >= states)
      value = moveAxis(node, *value, from->axes[i - states], true, from->directions[i - states] != 0);
    if (failed(value))
      return failure();
    values.push_back(*value);
  }
  FailureOr<SmallVector<Value>> results = scan(node, *body, values);
  if (failed(results))
    return failure();
  for (auto [i, result] : llvm::enumerate(*results)) {
    FailureOr<Value> value = result;
    if (int64_t(i) >= states)
      value = moveAxis(node, result, to->axes[i - states], false, to->directions[i - states] != 0);
    if (failed(value))
      return failure();
    node.setOutput(i, *value);
  }
  return success();
}

/// In opset 8 the first dimension of all inputs and outputs was that of a batch, each element of which is a scan of its
/// own.
static LogicalResult importBatchScan(NodeImporter &node) {
  constexpr int64_t MaximumBatch = 64;
  FailureOr<ScanBody> body = getScanBody(node, 1);
  if (failed(body))
    return failure();
  SmallVector<int64_t> directions(node.intsAttribute("directions").value_or(SmallVector<int64_t>(body->scanned, 0)));
  if (node.hasInput(0))
    return node.fail("has lengths of sequences, which are not supported; convert the model with "
                     "onnx.version_converter");
  SmallVector<Term> inputs;
  for (size_t i = 1; i < node.numInputs(); ++i)
    if (!inputs.emplace_back(input(node, i)))
      return failure();
  std::optional<int64_t> batch = inputs[0].rank() > 0 ? inputs[0].size(0) : std::nullopt;
  if (!batch || *batch < 1 || *batch > MaximumBatch || int64_t(directions.size()) != body->scanned)
    return node.fail("has an input of shape {0} and {1} directions, needed a batch of 1 to {2} and {3}",
                     node.print(inputs[0].dims()), directions.size(), MaximumBatch, body->scanned);
  std::vector<SmallVector<Term>> results(node.numOutputs());
  for (int64_t b = 0; b < *batch; ++b) {
    SmallVector<Value> values;
    for (auto [i, term] : llvm::enumerate(inputs)) {
      Term row = slice(term, 0, node.constantSize(b), node.constantSize(1));
      row = row ? reshape(row, term.dims().drop_front()) : row;
      int64_t place = int64_t(i) - body->states;
      FailureOr<Value> value = row ? FailureOr<Value>(row.value) : FailureOr<Value>(failure());
      if (row && place >= 0)
        value = moveAxis(node, row.value, 0, true, directions[place] != 0);
      if (failed(value))
        return failure();
      values.push_back(*value);
    }
    FailureOr<SmallVector<Value>> scanned = scan(node, *body, values);
    if (failed(scanned))
      return failure();
    for (auto [list, value] : llvm::zip_equal(results, *scanned))
      list.push_back(unsqueeze(Term(node, value), 0));
  }
  for (auto [i, list] : llvm::enumerate(results))
    if (failed(setOutput(node, i, concat(list, 0))))
      return failure();
  return success();
}

static constexpr Operator Operators[] = {
    {"", "Loop", 1, NewestOpset, "tensors as carried values", importLoop},
    {"", "Scan", 8, 8, "batches of a fixed size, no lengths of sequences", importBatchScan},
    {"", "Scan", 9, NewestOpset, "", importScan},
};

llvm::ArrayRef<Operator> lathe::onnx::loopOperators() { return Operators; }
