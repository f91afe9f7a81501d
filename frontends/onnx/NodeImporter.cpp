#include "frontends/onnx/NodeImporter.h"

#include "dialects/lathe/LoopOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

NodeImporter::NodeImporter(GraphImporter &graph, const Node &node, int64_t opset, Location location)
    : graph(graph), node(node), version(opset), location(location) {}

LogicalResult NodeImporter::fail(std::string reason) {
  if (why.empty())
    why = std::move(reason);
  return failure();
}

GraphValue *NodeImporter::inputValue(size_t index) {
  return hasInput(index) ? graph.scope().find(node.inputs[index]) : nullptr;
}

FailureOr<Value> NodeImporter::input(size_t index) {
  GraphValue *given = inputValue(index);
  if (!given)
    return fail("has no input {0}", index);
  llvm::Expected<Value> value =
      graph.materialize(*given, node.inputs[index], llvm::formatv("input '{0}'", node.inputs[index]), location);
  if (!value)
    return fail(llvm::toString(value.takeError()));
  return *value;
}

FailureOr<Value> NodeImporter::named(StringRef name) {
  GraphValue *found = graph.scope().find(name);
  reported |= !found && graph.scope().hasFailed(name);
  if (!found)
    return fail("names '{0}', which is no tensor before this node", name);
  llvm::Expected<Value> value = graph.materialize(*found, name, llvm::formatv("tensor '{0}'", name), location);
  if (!value)
    return fail(llvm::toString(value.takeError()));
  return *value;
}

FailureOr<Value> NodeImporter::floatInput(size_t index) {
  FailureOr<Value> value = input(index);
  if (failed(value))
    return failure();
  Type element = elementType(*value);
  if (element.isF32() || element.isF16() || element.isBF16())
    return value;
  return fail("input '{0}' has element type {1}, only float, float16 and bfloat16 are supported", node.inputs[index],
              dataTypeName(convertType(element)));
}

FailureOr<Value> NodeImporter::scalarInput(size_t index, Type element) {
  FailureOr<Value> value = input(index);
  if (failed(value))
    return failure();
  bool isSingle = llvm::all_of(dims(*value), [&](AffineExpr dim) { return dim == constantSize(1); });
  if (!isSingle || elementType(*value) != element)
    return fail("input '{0}' is {1} of shape {2}, needed one {3}", node.inputs[index],
                dataTypeName(convertType(elementType(*value))), graph.print(dims(*value)),
                dataTypeName(convertType(element)));
  return rank(*value) == 0 ? value : reshape(*value, {});
}

DataType NodeImporter::inputType(size_t index) {
  GraphValue *given = inputValue(index);
  return given ? graph.typeOf(*given) : DataType::Undefined;
}

FailureOr<Value> NodeImporter::bytesInput(size_t index) {
  Tensor bytes = *inputValue(index)->tensor;
  bytes.type = DataType::Uint8;
  bytes.dims = {int64_t(bytes.bytes)};
  GraphValue given;
  given.tensor = &bytes;
  llvm::Expected<Value> value =
      graph.materialize(given, inputName(index), llvm::formatv("input '{0}'", inputName(index)), location);
  if (!value)
    return fail(llvm::toString(value.takeError()));
  return *value;
}

FailureOr<DimList> NodeImporter::inputDims(size_t index) {
  GraphValue *given = inputValue(index);
  if (!given)
    return fail("has no input {0}", index);
  if (std::optional<DimList> sizes = graph.dimsOf(*given))
    return *sizes;
  return fail("input '{0}' is no tensor", node.inputs[index]);
}

const KnownTensor *NodeImporter::knownInput(size_t index) {
  GraphValue *given = inputValue(index);
  return given ? graph.known(*given) : nullptr;
}

FailureOr<SmallVector<AffineExpr>> NodeImporter::symbolicInts(size_t index) {
  if (!hasInput(index))
    return fail("has no input {0}", index);
  const KnownTensor *known = knownInput(index);
  if (!known)
    return fail("input '{0}' is computed from data, only numbers known while importing are supported there",
                node.inputs[index]);
  bool isInteger = known->type != DataType::Float && known->type != DataType::Double && known->type != DataType::Bool;
  if (!isInteger || known->shape.size() > 1)
    return fail("input '{0}' is {1} of rank {2}, needed int64 of rank 1", node.inputs[index], dataTypeName(known->type),
                known->shape.size());
  return llvm::map_to_vector(known->elements, [](const Element &each) { return each.numerator; });
}

FailureOr<SmallVector<int64_t>> NodeImporter::constantInts(size_t index) {
  FailureOr<SmallVector<AffineExpr>> values = symbolicInts(index);
  if (failed(values))
    return failure();
  SmallVector<int64_t> numbers;
  for (AffineExpr value : *values) {
    auto constant = dyn_cast<AffineConstantExpr>(value);
    if (!constant)
      return fail("input '{0}' is {1}, only numbers are supported there; give sizes with --shape", node.inputs[index],
                  graph.print(*values));
    numbers.push_back(constant.getValue());
  }
  return numbers;
}

FailureOr<int64_t> NodeImporter::constantInt(size_t index) {
  FailureOr<SmallVector<int64_t>> values = constantInts(index);
  if (failed(values))
    return failure();
  if (values->size() != 1)
    return fail("input '{0}' has {1} elements, needed 1", node.inputs[index], values->size());
  return values->front();
}

FailureOr<SmallVector<double>> NodeImporter::constantNumbers(size_t index) {
  if (!hasInput(index))
    return fail("has no input {0}", index);
  const KnownTensor *known = knownInput(index);
  if (!known || !known->isConstant())
    return fail("input '{0}' is computed, only constants are supported there", node.inputs[index]);
  return llvm::map_to_vector(known->elements, [](const Element &each) { return *each.constant(); });
}

FailureOr<std::optional<SmallVector<int64_t>>> NodeImporter::intsParameter(StringRef name, size_t index) {
  if (std::optional<ArrayRef<int64_t>> given = intsAttribute(name))
    return std::optional(SmallVector<int64_t>(*given));
  if (!hasInput(index))
    return std::optional<SmallVector<int64_t>>();
  FailureOr<SmallVector<int64_t>> values = constantInts(index);
  if (failed(values))
    return failure();
  return std::optional(std::move(*values));
}

NodeImporter::Sizes NodeImporter::mapSizes(ArrayRef<Value> operands, ArrayRef<ArrayRef<AffineExpr>> lists) const {
  SmallVector<Value> all(operands);
  Sizes sizes;
  sizes.maps = graph.mapSizes(all, lists);
  sizes.from.assign(all.begin() + operands.size(), all.end());
  return sizes;
}

FailureOr<SmallVector<AffineExpr>> NodeImporter::sizesInput(size_t index, DimRange range) {
  if (knownInput(index))
    return symbolicInts(index);
  FailureOr<Value> data = input(index);
  if (failed(data))
    return failure();
  if (rank(*data) > 1 || (rank(*data) == 1 && !size(*data, 0)))
    return fail("input '{0}' has shape {1}, needed a list whose length is a number", node.inputs[index],
                graph.print(dims(*data)));
  int64_t count = rank(*data) == 0 ? 1 : *size(*data, 0);
  return readSizes(*data, SmallVector<DimRange>(count, range), node.inputs[index]);
}

FailureOr<SmallVector<AffineExpr>> NodeImporter::readSizes(Value data, ArrayRef<DimRange> ranges, StringRef name) {
  auto count = int64_t(ranges.size());
  FailureOr<Value> list = data;
  if (!elementType(data).isInteger(64))
    list = create<CastOp>(builder().getI64Type(), data);
  if (succeeded(list) && rank(data) == 0)
    list = reshape(*list, {1});
  if (failed(list))
    return failure();
  SmallVector<int64_t> least, largest;
  for (DimRange range : ranges) {
    least.push_back(range.first);
    largest.push_back(range.second);
  }
  Value sizes = ReadSizesOp::create(graph.builder, location, SizesType::get(context(), count), *list, least, largest);
  DimList symbols;
  for (auto [i, range] : llvm::enumerate(ranges)) {
    std::string stem = count == 1 ? name.str() : llvm::formatv("{0}_{1}", name, i).str();
    bool isNumber = range.first == range.second;
    symbols.push_back(isNumber ? constantSize(range.first)
                               : graph.addSymbol(graph.uniqueSymbol(stem), range, sizes, i));
  }
  graph.dims[sizes] = symbols;
  return SmallVector<AffineExpr>(symbols);
}

std::optional<int64_t> NodeImporter::size(Value value, int64_t axis) const {
  if (auto constant = dyn_cast<AffineConstantExpr>(dims(value)[axis]))
    return constant.getValue();
  return std::nullopt;
}

Type NodeImporter::elementType(Value value) const { return cast<RankedTensorType>(value.getType()).getElementType(); }

const NodeAttribute *NodeImporter::attribute(StringRef name) {
  attributesRead.insert(name);
  auto found = llvm::find_if(node.attributes, [&](const NodeAttribute &each) { return each.name == name; });
  return found == node.attributes.end() ? nullptr : &*found;
}

const NodeAttribute *NodeImporter::findAttribute(StringRef name, AttributeKind kind) {
  const NodeAttribute *found = attribute(name);
  if (found && found->kind != kind) {
    (void)fail("attribute '{0}' has another type than ONNX gives it", name);
    return nullptr;
  }
  return found;
}

int64_t NodeImporter::intAttribute(StringRef name, int64_t otherwise) {
  const NodeAttribute *found = findAttribute(name, AttributeKind::Int);
  return found ? found->intValue : otherwise;
}

float NodeImporter::floatAttribute(StringRef name, float otherwise) {
  const NodeAttribute *found = findAttribute(name, AttributeKind::Float);
  return found ? found->floatValue : otherwise;
}

StringRef NodeImporter::stringAttribute(StringRef name, StringRef otherwise) {
  const NodeAttribute *found = findAttribute(name, AttributeKind::String);
  return found ? StringRef(found->string) : otherwise;
}

std::optional<ArrayRef<int64_t>> NodeImporter::intsAttribute(StringRef name) {
  const NodeAttribute *found = findAttribute(name, AttributeKind::Ints);
  return found ? std::optional(ArrayRef<int64_t>(found->ints)) : std::nullopt;
}

std::optional<ArrayRef<float>> NodeImporter::floatsAttribute(StringRef name) {
  const NodeAttribute *found = findAttribute(name, AttributeKind::Floats);
  return found ? std::optional(ArrayRef<float>(found->floats)) : std::nullopt;
}

FailureOr<int64_t> NodeImporter::axisAttribute(int64_t otherwise, int64_t rank, int64_t last) {
  int64_t axis = intAttribute("axis", otherwise);
  if (axis < -rank || axis > last)
    return fail("axis is {0}, needed {1} to {2}", axis, -rank, last);
  return axis < 0 ? axis + rank : axis;
}

FailureOr<SmallVector<int64_t>> NodeImporter::normalizeAxes(ArrayRef<int64_t> axes, int64_t rank) {
  SmallVector<int64_t> sorted;
  for (int64_t axis : axes) {
    if (axis < -rank || axis >= rank)
      return fail("axes are [{0}], needed numbers from {1} to {2}", llvm::make_range(axes.begin(), axes.end()), -rank,
                  rank - 1);
    sorted.push_back(axis < 0 ? axis + rank : axis);
  }
  llvm::sort(sorted);
  if (llvm::adjacent_find(sorted) != sorted.end())
    return fail("axes are [{0}], needed each one once", llvm::make_range(axes.begin(), axes.end()));
  return sorted;
}

FailureOr<DimList> NodeImporter::broadcastDims(ArrayRef<DimList> shapes) {
  size_t rank = 0;
  for (const DimList &shape : shapes)
    rank = std::max(rank, shape.size());
  DimList result(rank, constantSize(1));
  for (const DimList &shape : shapes)
    for (auto [i, dim] : llvm::enumerate(shape)) {
      size_t axis = rank - shape.size() + i;
      if (dim == constantSize(1))
        continue;
      if (result[axis] == constantSize(1))
        result[axis] = dim;
      else if (failed(requireSame(result[axis], dim, "dimension " + Twine(axis))))
        return failure();
    }
  return result;
}

LogicalResult NodeImporter::requireSame(AffineExpr a, AffineExpr b, const Twine &what) {
  if (isSameDim(a, b))
    return success();
  if (isa<AffineConstantExpr>(a) && isa<AffineConstantExpr>(b))
    return contradict("{0} is {1} on one side and {2} on the other", what.str(), graph.print(a), graph.print(b));
  return fail("{0} is {1} on one side and {2} on the other, which may differ when it runs; give sizes with --shape",
              what.str(), graph.print(a), graph.print(b));
}

FailureOr<SmallVector<Value>> NodeImporter::adopt(Operation *op) {
  // A refused operation leaves nothing behind.
  auto refuse = [&](std::string reason) {
    if (op->use_empty())
      op->erase();
    return fail(std::move(reason));
  };
  SmallVector<DimList> operands, results;
  for (Value operand : op->getOperands())
    operands.push_back(graph.dims.lookup(operand));
  if (failed(cast<ShapeOpInterface>(op).inferResultDims(operands, results)))
    return refuse("the shape of its result is not known before it runs");
  for (auto [result, sizes] : llvm::zip_equal(op->getResults(), results)) {
    SmallVector<int64_t> shape;
    for (AffineExpr &dim : sizes) {
      dim = normalizeDim(dim);
      std::optional<DimRange> range = getDimRange(dim, graph.symbolBounds());
      if (!range)
        return refuse(llvm::formatv("its result has shape {0}, with sizes beyond 64 bits", graph.print(sizes)));
      if (range->second < 0)
        return refuse(llvm::formatv("its result has shape {0}, needed sizes of at least 0", graph.print(sizes)));
      if (range->first == range->second) // a quotient that no size within the bounds changes
        dim = constantSize(range->first);
      auto constant = dyn_cast<AffineConstantExpr>(dim);
      shape.push_back(constant ? constant.getValue() : ShapedType::kDynamic);
    }
    if (isTooLarge(shape))
      return refuse(llvm::formatv("its result has shape {0}, which has more than 2^40 elements", graph.print(sizes)));
    result.setType(RankedTensorType::get(shape, elementType(result)));
  }
  std::string message;
  ScopedDiagnosticHandler handler(context(), [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error && message.empty())
      message = diagnostic.str();
  });
  if (failed(mlir::verify(op)))
    return refuse(std::move(message));
  for (auto [result, sizes] : llvm::zip_equal(op->getResults(), results))
    graph.dims[result] = std::move(sizes);
  return SmallVector<Value>(op->getResults());
}

/// The product of sizes.
static AffineExpr multiply(ArrayRef<AffineExpr> dims, AffineExpr one) {
  for (AffineExpr dim : dims)
    one = one * dim;
  return one;
}

FailureOr<Value> NodeImporter::reshape(Value value, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> entries(shape);
  for (auto [i, entry] : llvm::enumerate(entries)) {
    if (entry < -1 || (entry == 0 && int64_t(i) >= rank(value)) || llvm::count(entries, -1) > 1)
      return fail("shape is [{0}], needed positive sizes, 0 for a size of the input and at most one -1",
                  llvm::make_range(shape.begin(), shape.end()));
    if (entry == 0)
      entry = size(value, i).value_or(0);
  }
  FailureOr<Value> result = create<ReshapeOp>(elementType(value), value, entries);
  if (failed(result))
    return failure();
  if (!isSameDim(multiply(dims(value), constantSize(1)), multiply(dims(*result), constantSize(1))))
    return fail("shape is [{0}], which has another number of elements than the input, {1}; give sizes with --shape",
                llvm::make_range(shape.begin(), shape.end()), graph.print(dims(value)));
  return result;
}

FailureOr<Value> NodeImporter::reshapeTo(Value value, ArrayRef<AffineExpr> given) {
  SmallVector<AffineExpr> shape(given);
  if (auto *rest = llvm::find(shape, constantSize(-1)); rest != shape.end()) {
    *rest = constantSize(1);
    AffineExpr left = divideDimExactly(multiply(dims(value), constantSize(1)), multiply(shape, constantSize(1)));
    *rest = left ? left : constantSize(-1);
  }
  SmallVector<int64_t> entries;
  size_t others = 0; // sizes that are neither numbers nor the input's
  for (auto [i, dim] : llvm::enumerate(shape)) {
    auto constant = dyn_cast<AffineConstantExpr>(dim);
    bool isKept = int64_t(i) < rank(value) && isSameDim(dim, dims(value)[i]);
    bool isNumber = constant && constant.getValue() != 0;
    others += !isKept && !isNumber;
    entries.push_back(isNumber ? constant.getValue() : isKept ? 0 : -1); // the number of elements decides a single -1
  }
  FailureOr<Value> result = failure();
  if (others + llvm::count(shape, constantSize(-1)) < 2 &&
      (others == 0 || !llvm::is_contained(shape, constantSize(0)))) {
    result = reshape(value, entries);
  } else if (!llvm::is_contained(shape, constantSize(-1)) &&
             isSameDim(multiply(dims(value), constantSize(1)), multiply(shape, constantSize(1)))) {
    result = reshapeToSizes(value, shape);
  } else {
    return fail("shape is {0}, which may have another number of elements than the input, {1}; give sizes with --shape",
                graph.print(given), graph.print(dims(value)));
  }
  if (failed(result))
    return failure();
  for (auto [found, needed] : llvm::zip_equal(dims(*result), shape))
    if (needed != constantSize(-1) && failed(requireSame(found, needed, "the result")))
      return failure();
  return result;
}

FailureOr<Value> NodeImporter::reshapeToSizes(Value value, ArrayRef<AffineExpr> shape) {
  Sizes sizes = mapSizes(value, shape);
  return create<ReshapeToOp>(elementType(value), value, sizes.from, sizes.maps[0]);
}

FailureOr<Value> NodeImporter::transpose(Value value, ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> sorted(permutation);
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, rank(value))))
    return fail("permutation is [{0}], needed each of the {1} dimensions once",
                llvm::make_range(permutation.begin(), permutation.end()), rank(value));
  return create<TransposeOp>(elementType(value), value, permutation);
}

FailureOr<Value> NodeImporter::constantData(KnownTensor known) {
  llvm::Expected<Value> value = graph.materialize(*constantValue(std::move(known)), "constant", "a constant", location);
  if (!value)
    return fail(llvm::toString(value.takeError()));
  return *value;
}

Value NodeImporter::scalar(Type elementType, double value) {
  auto type = RankedTensorType::get({}, elementType);
  mlir::Attribute attribute;
  if (isa<FloatType>(elementType))
    attribute = FloatAttr::get(elementType, value);
  else
    attribute = IntegerAttr::get(elementType, APInt(elementType.getIntOrFloatBitWidth(), int64_t(value), true, true));
  Value constant = ConstantOp::create(graph.builder, location, DenseElementsAttr::get(type, attribute));
  graph.dims[constant] = {};
  return constant;
}

void NodeImporter::setOutput(size_t index, GraphValue *value) {
  if (hasOutput(index))
    graph.scope().values[node.outputs[index]] = value;
}

void NodeImporter::setOutput(size_t index, Value value) { setOutput(index, graph.newValue(value)); }

void NodeImporter::setOutput(size_t index, KnownTensor known) { setOutput(index, constantValue(std::move(known))); }

LogicalResult NodeImporter::forwardInput(size_t index) {
  GraphValue *value = inputValue(index);
  if (!value)
    return fail("has no input {0}", index);
  setOutput(0, value);
  return success();
}

template <typename T> static Tensor makeTensor(DataType type, ArrayRef<T> values, bool isScalar) {
  Tensor tensor;
  tensor.type = type;
  if (!isScalar)
    tensor.dims = {int64_t(values.size())};
  tensor.data.assign(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
  tensor.bytes = tensor.data.size();
  return tensor;
}

LogicalResult NodeImporter::setConstant(const NodeAttribute &attribute) {
  const Tensor *tensor = &attribute.tensor;
  switch (attribute.kind) {
  case AttributeKind::Tensor:
    break;
  case AttributeKind::Float:
    tensor = &graph.keep(makeTensor<float>(DataType::Float, attribute.floatValue, true));
    break;
  case AttributeKind::Floats:
    tensor = &graph.keep(makeTensor<float>(DataType::Float, attribute.floats, false));
    break;
  case AttributeKind::Int:
    tensor = &graph.keep(makeTensor<int64_t>(DataType::Int64, attribute.intValue, true));
    break;
  case AttributeKind::Ints:
    tensor = &graph.keep(makeTensor<int64_t>(DataType::Int64, attribute.ints, false));
    break;
  default:
    return fail("attribute '{0}' has another type than ONNX gives it", attribute.name);
  }
  GraphValue *value = graph.newValue();
  value->tensor = tensor;
  value->home = builder().getInsertionBlock();
  setOutput(0, value);
  return success();
}

const Graph *NodeImporter::graphAttribute(StringRef name) {
  const NodeAttribute *found = findAttribute(name, AttributeKind::Graph);
  if (!found && why.empty())
    (void)fail("has no '{0}'", name);
  return found ? found->graph.get() : nullptr;
}

FailureOr<SmallVector<GraphValue *>> NodeImporter::importSubgraph(const Graph &subgraph,
                                                                  ArrayRef<GraphValue *> inputs) {
  std::optional<SmallVector<GraphValue *>> outputs = graph.importSubgraph(subgraph, inputs);
  reported |= !outputs;
  if (!outputs)
    return failure();
  return *outputs;
}

FailureOr<SmallVector<GraphValue *>> NodeImporter::importBranch(const Graph &subgraph, std::string &contradiction) {
  size_t problems = graph.problems.size(), contradictions = graph.contradictions;
  if (std::optional<SmallVector<GraphValue *>> outputs = graph.importSubgraph(subgraph, {}))
    return *outputs;
  size_t added = graph.problems.size() - problems;
  reported |= added == 0 || graph.contradictions - contradictions < added;
  if (reported)
    return failure();
  contradiction = llvm::join(ArrayRef(graph.problems).drop_front(problems), "; ");
  graph.problems.resize(problems);
  graph.contradictions = contradictions;
  return failure();
}

FailureOr<SmallVector<Value>> NodeImporter::materialize(ArrayRef<GraphValue *> outputs, const Graph &subgraph,
                                                        size_t first) {
  SmallVector<Value> values;
  for (auto [value, info] : llvm::zip(outputs, ArrayRef(subgraph.outputs).drop_front(first))) {
    std::string what = llvm::formatv("output '{0}' of graph '{1}'", info.name, subgraph.name);
    llvm::Expected<Value> data = graph.materialize(*value, info.name, what, location);
    if (!data)
      return fail(llvm::toString(data.takeError()));
    values.push_back(*data);
  }
  return values;
}

AffineExpr NodeImporter::addSymbol(DimRange range, Value source, int64_t axis) {
  std::string stem = llvm::formatv("{0}_{1}", node.outputs.empty() ? node.opType : node.outputs[0], axis);
  return graph.addSymbol(graph.uniqueSymbol(stem), range, source, axis);
}

bool NodeImporter::usesSymbolsFrom(AffineExpr size, size_t first) {
  bool found = false;
  size.walk([&](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    found |= symbol && symbol.getPosition() >= first;
  });
  return found;
}

DimRange NodeImporter::unionRange(AffineExpr a, AffineExpr b) const {
  DimRange x = getDimRange(a, graph.symbolBounds()).value_or(DimRange(0, MaximumDataSize));
  DimRange y = getDimRange(b, graph.symbolBounds()).value_or(DimRange(0, MaximumDataSize));
  return {std::max<int64_t>(std::min(x.first, y.first), 0), std::max(x.second, y.second)};
}

FailureOr<SmallVector<GraphValue *>> NodeImporter::expand(StringRef opType, ArrayRef<GraphValue *> inputs,
                                                          std::vector<NodeAttribute> attributes, size_t numOutputs,
                                                          int64_t opset) {
  Node made;
  made.name = node.name;
  made.opType = opType.str();
  made.attributes = std::move(attributes);
  for (size_t i = 0; i < numOutputs; ++i)
    made.outputs.push_back("out" + std::to_string(i));
  llvm::Expected<SmallVector<GraphValue *>> outputs =
      graph.importSynthetic(std::move(made), inputs, opset ? opset : version, location);
  if (!outputs)
    return fail("{0}: {1}", opType, llvm::toString(outputs.takeError()));
  return *outputs;
}

GraphValue *NodeImporter::constantValue(KnownTensor known) {
  GraphValue *value = graph.newValue();
  value->known = std::move(known);
  value->home = builder().getInsertionBlock();
  return value;
}

GraphValue *NodeImporter::constantValue(ArrayRef<int64_t> values) {
  KnownTensor known{DataType::Int64, {int64_t(values.size())}, {}};
  for (int64_t value : values)
    known.elements.push_back(math().integer(value));
  return constantValue(std::move(known));
}

NodeAttribute NodeImporter::makeAttribute(StringRef name, int64_t value) {
  NodeAttribute attribute;
  attribute.name = name.str();
  attribute.kind = AttributeKind::Int;
  attribute.intValue = value;
  return attribute;
}

LogicalResult NodeImporter::finishNode() {
  if (!why.empty() || reported)
    return failure();
  for (const NodeAttribute &each : node.attributes)
    if (!attributesRead.contains(each.name))
      return fail("attribute '{0}' is not supported", each.name);
  for (const std::string &output : node.outputs)
    if (!output.empty() && !graph.scope().values.contains(output))
      return fail("output '{0}' is not supported", output);
  return success();
}

void NodeImporter::forget() {
  why.clear();
  reported = contradiction = false;
  attributesRead.clear();
  for (const std::string &output : node.outputs)
    graph.scope().values.erase(output);
}
