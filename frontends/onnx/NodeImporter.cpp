#include "frontends/onnx/NodeImporter.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/Endian.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// Integers up to this many are part of the program (shapes, axes); more stay in the file.
static constexpr int64_t MaximumInlineInts = 1024;

bool lathe::onnx::isTooLarge(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size < 1) // dynamic ones are negative too
      continue;
    if (size > MaximumElements / count)
      return true;
    count *= size;
  }
  return false;
}

Type lathe::onnx::convertType(MLIRContext *context, DataType type) {
  Builder builder(context);
  switch (type) {
  case DataType::Float:
    return builder.getF32Type();
  case DataType::Float16:
    return builder.getF16Type();
  case DataType::Bfloat16:
    return builder.getBF16Type();
  case DataType::Double:
    return builder.getF64Type();
  case DataType::Int8:
    return builder.getI8Type();
  case DataType::Int16:
    return builder.getI16Type();
  case DataType::Int32:
    return builder.getI32Type();
  case DataType::Int64:
    return builder.getI64Type();
  case DataType::Uint8:
    return builder.getIntegerType(8, /*isSigned=*/false);
  case DataType::Uint16:
    return builder.getIntegerType(16, /*isSigned=*/false);
  case DataType::Uint32:
    return builder.getIntegerType(32, /*isSigned=*/false);
  case DataType::Uint64:
    return builder.getIntegerType(64, /*isSigned=*/false);
  default:
    return {};
  }
}

std::string GraphState::print(AffineExpr expression) const {
  std::string text, named;
  llvm::raw_string_ostream(text) << expression;
  // MLIR writes symbols as s0, s1, ...; its operators hold no 's' before a digit.
  for (StringRef rest = text; !rest.empty();) {
    unsigned symbol = 0;
    StringRef after = rest;
    if (after.consume_front("s") && !after.consumeInteger(10, symbol)) {
      named += symbols[symbol];
      rest = after;
      continue;
    }
    named += rest.front();
    rest = rest.drop_front();
  }
  return named;
}

std::string GraphState::print(ArrayRef<AffineExpr> dims) const {
  return "[" + llvm::join(llvm::map_range(dims, [&](AffineExpr dim) { return print(dim); }), ", ") + "]";
}

Value GraphState::materialize(StringRef name, Location location) {
  auto entry = values.find(name);
  if (entry == values.end())
    return {};
  GraphValue &known = entry->second;
  if (known.value || !known.tensor)
    return known.value;
  const Tensor &tensor = *known.tensor;
  MLIRContext *context = builder.getContext();
  Type element = convertType(context, tensor.type);
  if (!element || tensor.bytes == 0)
    return {};
  auto type = RankedTensorType::get(tensor.dims, element);
  auto fileLocation = location->findInstanceOf<FileLineColLoc>();
  Location nameLocation = NameLoc::get(builder.getStringAttr(name), fileLocation ? Location(fileLocation) : location);
  bool small = type.getNumElements() == 1 || (isa<IntegerType>(element) && type.getNumElements() <= MaximumInlineInts);
  if (tensor.file < 0 || small) {
    ArrayRef<uint8_t> bytes = model.bytes(tensor);
    ArrayRef<char> raw(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    known.value = ConstantOp::create(builder, nameLocation, DenseElementsAttr::getFromRawBuffer(type, raw));
  } else {
    known.value = WeightOp::create(builder, nameLocation, type, tensor.name, tensor.file, tensor.offset, tensor.bytes);
  }
  DimList sizes;
  for (int64_t size : tensor.dims)
    sizes.push_back(getAffineConstantExpr(size, context));
  dims[known.value] = std::move(sizes);
  return known.value;
}

NodeImporter::NodeImporter(GraphState &graph, const Node &node, int64_t opset, Location location)
    : graph(graph), node(node), version(opset), location(location) {}

LogicalResult NodeImporter::fail(std::string reason) {
  if (why.empty())
    why = std::move(reason);
  return failure();
}

FailureOr<Value> NodeImporter::anyInput(size_t index) {
  if (!hasInput(index))
    return fail("has no input {0}", index);
  const std::string &name = node.inputs[index];
  if (Value value = graph.materialize(name, location))
    return value;
  const Tensor *tensor = graph.values.lookup(name).tensor;
  if (tensor && tensor->bytes == 0)
    return fail("input '{0}' has no elements", name);
  return fail("input '{0}' has element type {1}, which is not supported", name,
              tensor ? dataTypeName(tensor->type) : "unknown");
}

FailureOr<Value> NodeImporter::input(size_t index) {
  FailureOr<Value> value = anyInput(index);
  if (failed(value))
    return failure();
  Type element = elementType(*value);
  if (element.isF32() || element.isF16() || element.isBF16())
    return value;
  std::string text;
  llvm::raw_string_ostream(text) << element;
  return fail("input '{0}' has element type {1}, only f32, f16 and bf16 are supported", node.inputs[index], text);
}

FailureOr<SmallVector<int64_t>> NodeImporter::constantInts(size_t index) {
  if (!hasInput(index))
    return fail("has no input {0}", index);
  const Tensor *tensor = graph.values.lookup(node.inputs[index]).tensor;
  if (!tensor)
    return fail("input '{0}' is computed, only constants are supported there", node.inputs[index]);
  bool wide = tensor->type == DataType::Int64;
  if ((!wide && tensor->type != DataType::Int32) || tensor->dims.size() > 1)
    return fail("input '{0}' is {1} of rank {2}, needed int64 of rank 1", node.inputs[index],
                dataTypeName(tensor->type), tensor->dims.size());
  ArrayRef<uint8_t> bytes = graph.model.bytes(*tensor);
  SmallVector<int64_t> values;
  for (size_t at = 0, width = wide ? 8 : 4; at < bytes.size(); at += width)
    values.push_back(wide ? llvm::support::endian::read64le(&bytes[at])
                          : int32_t(llvm::support::endian::read32le(&bytes[at])));
  return values;
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

FailureOr<int64_t> NodeImporter::axisAttribute(int64_t otherwise, int64_t rank, int64_t last) {
  int64_t axis = intAttribute("axis", otherwise);
  if (axis < -rank || axis > last)
    return fail("axis is {0}, needed {1} to {2}", axis, -rank, last);
  return axis < 0 ? axis + rank : axis;
}

LogicalResult NodeImporter::requireSame(AffineExpr a, AffineExpr b, const Twine &what) {
  if (a == b)
    return success();
  if (isa<AffineConstantExpr>(a) && isa<AffineConstantExpr>(b))
    return fail("{0} is {1} on one side and {2} on the other", what.str(), graph.print(a), graph.print(b));
  return fail("{0} is {1} on one side and {2} on the other, which may differ when it runs; give sizes with --shape",
              what.str(), graph.print(a), graph.print(b));
}

/// The number of elements for one choice of the symbols, modulo 2^64: primes above the sizes that models divide by.
static uint64_t countElements(ArrayRef<AffineExpr> dims, size_t numSymbols, MLIRContext *context) {
  static constexpr int64_t Primes[] = {10007, 10009, 10037, 10039, 10061, 10067, 10069, 10079};
  SmallVector<AffineExpr> choice;
  for (size_t i = 0; i < numSymbols; ++i)
    choice.push_back(getAffineConstantExpr(Primes[i % std::size(Primes)] + int64_t(i / std::size(Primes)), context));
  uint64_t count = 1;
  for (AffineExpr dim : dims)
    count *= cast<AffineConstantExpr>(dim.replaceDimsAndSymbols({}, choice)).getValue();
  return count;
}

FailureOr<Value> NodeImporter::finish(Operation *op) {
  SmallVector<DimList> operands, results;
  for (Value operand : op->getOperands())
    operands.push_back(graph.dims.lookup(operand));
  if (failed(cast<ShapeOpInterface>(op).inferResultDims(operands, results))) {
    op->erase();
    return fail("the shape of its result is not known before it runs");
  }
  SmallVector<int64_t> shape;
  for (AffineExpr dim : results[0]) {
    auto constant = dyn_cast<AffineConstantExpr>(dim);
    shape.push_back(constant ? constant.getValue() : ShapedType::kDynamic);
  }
  Value result = op->getResult(0);
  if (isTooLarge(shape)) {
    op->erase();
    return fail("its result has shape {0}, which has more than 2^40 elements", graph.print(results[0]));
  }
  if (llvm::any_of(shape, [](int64_t size) { return size < 1 && !ShapedType::isDynamic(size); })) {
    op->erase();
    return fail("its result has shape {0}, needed sizes of at least 1", graph.print(results[0]));
  }
  result.setType(RankedTensorType::get(shape, elementType(result)));
  std::string message;
  ScopedDiagnosticHandler handler(context(), [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error && message.empty())
      message = diagnostic.str();
  });
  if (failed(mlir::verify(op))) {
    op->erase();
    return fail(std::move(message));
  }
  graph.dims[result] = std::move(results[0]);
  return result;
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
  size_t symbols = graph.symbols.size();
  if (countElements(dims(value), symbols, context()) != countElements(dims(*result), symbols, context()))
    return fail("shape is [{0}], which has another number of elements than the input, {1}; give sizes with --shape",
                llvm::make_range(shape.begin(), shape.end()), graph.print(dims(value)));
  return result;
}

FailureOr<Value> NodeImporter::transpose(Value value, ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> sorted(permutation);
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, rank(value))))
    return fail("permutation is [{0}], needed each of the {1} dimensions once",
                llvm::make_range(permutation.begin(), permutation.end()), rank(value));
  return create<TransposeOp>(elementType(value), value, permutation);
}

Value NodeImporter::scalar(Type elementType, double value) {
  auto type = RankedTensorType::get({}, elementType);
  mlir::Attribute attribute = FloatAttr::get(elementType, value);
  Value constant = ConstantOp::create(graph.builder, location, DenseElementsAttr::get(type, attribute));
  graph.dims[constant] = {};
  return constant;
}

void NodeImporter::setOutput(size_t index, Value value) {
  if (index < node.outputs.size() && !node.outputs[index].empty())
    graph.values[node.outputs[index]] = {value, nullptr};
}

LogicalResult NodeImporter::forwardInput(size_t index) {
  if (!hasInput(index))
    return fail("has no input {0}", index);
  if (!node.outputs.empty())
    graph.values[node.outputs[0]] = graph.values.lookup(node.inputs[index]);
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
    tensor = &graph.constants.emplace_back(makeTensor<float>(DataType::Float, attribute.floatValue, true));
    break;
  case AttributeKind::Floats:
    tensor = &graph.constants.emplace_back(makeTensor<float>(DataType::Float, attribute.floats, false));
    break;
  case AttributeKind::Int:
    tensor = &graph.constants.emplace_back(makeTensor<int64_t>(DataType::Int64, attribute.intValue, true));
    break;
  case AttributeKind::Ints:
    tensor = &graph.constants.emplace_back(makeTensor<int64_t>(DataType::Int64, attribute.ints, false));
    break;
  default:
    return fail("attribute '{0}' has another type than ONNX gives it", attribute.name);
  }
  if (!node.outputs.empty())
    graph.values[node.outputs[0]] = {{}, tensor};
  return success();
}

LogicalResult NodeImporter::finishNode() {
  if (!why.empty())
    return failure();
  for (const NodeAttribute &each : node.attributes)
    if (!attributesRead.contains(each.name))
      return fail("attribute '{0}' is not supported", each.name);
  for (const std::string &output : node.outputs) {
    const GraphValue known = graph.values.lookup(output);
    if (!output.empty() && !known.value && !known.tensor)
      return fail("output '{0}' is not supported", output);
  }
  return success();
}
