// What the names of a graph stand for: tensors as data of the program, as bytes of the model and as known elements.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/GraphImporter.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// Integers up to this many are part of the program (shapes, axes); more stay in the file.
static constexpr int64_t MaximumInlineInts = 1024;

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
  case DataType::Bool:
    return builder.getI1Type();
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

DataType lathe::onnx::convertType(Type type) {
  for (DataType each : {DataType::Float, DataType::Float16, DataType::Bfloat16, DataType::Double, DataType::Bool,
                        DataType::Int8, DataType::Int16, DataType::Int32, DataType::Int64, DataType::Uint8,
                        DataType::Uint16, DataType::Uint32, DataType::Uint64})
    if (convertType(type.getContext(), each) == type)
      return each;
  return DataType::Undefined;
}

template <typename... Ts> static llvm::Error fail(const char *format, Ts &&...values) {
  return llvm::createStringError(llvm::formatv(format, std::forward<Ts>(values)...).str());
}

GraphValue *GraphImporter::newValue(Value value) {
  GraphValue *added = newValue();
  added->value = value;
  return added;
}

const KnownTensor *GraphImporter::known(GraphValue &value) {
  if (!value.known && value.tensor && !value.isRead) {
    value.isRead = true;
    value.known = readKnownTensor(math(), *value.tensor, model.bytes(*value.tensor));
  }
  return value.known ? &*value.known : nullptr;
}

static DimList constantDims(ArrayRef<int64_t> shape, MLIRContext *context) {
  return llvm::map_to_vector(shape, [&](int64_t size) { return getAffineConstantExpr(size, context); });
}

std::optional<DimList> GraphImporter::dimsOf(GraphValue &value) {
  if (value.value)
    if (auto found = dims.find(value.value); found != dims.end())
      return found->second;
  if (value.tensor)
    return constantDims(value.tensor->dims, builder.getContext());
  if (value.known)
    return constantDims(value.known->shape, builder.getContext());
  return std::nullopt;
}

DataType GraphImporter::typeOf(GraphValue &value) {
  if (value.tensor)
    return value.tensor->type;
  if (value.known)
    return value.known->type;
  if (auto type = dyn_cast_or_null<RankedTensorType>(value.value ? value.value.getType() : Type()))
    return convertType(type.getElementType());
  return DataType::Undefined;
}

SmallVector<AffineMap> GraphImporter::mapSizes(SmallVectorImpl<Value> &operands,
                                               ArrayRef<ArrayRef<AffineExpr>> lists) const {
  // Where each symbol is among the dimensions of the operands.
  SmallVector<std::optional<unsigned>> places(names.size());
  unsigned count = 0;
  auto addDims = [&](Value operand) {
    auto sizes = dims.find(operand);
    if (sizes == dims.end())
      return;
    for (AffineExpr size : sizes->second) {
      if (auto symbol = dyn_cast<AffineSymbolExpr>(size); symbol && !places[symbol.getPosition()])
        places[symbol.getPosition()] = count;
      ++count;
    }
  };
  for (Value operand : operands)
    addDims(operand);
  for (ArrayRef<AffineExpr> list : lists)
    for (AffineExpr size : list)
      size.walk([&](AffineExpr part) {
        auto symbol = dyn_cast<AffineSymbolExpr>(part);
        if (!symbol || places[symbol.getPosition()])
          return;
        Value source = sources[symbol.getPosition()].first;
        operands.push_back(source);
        addDims(source);
      });
  MLIRContext *context = builder.getContext();
  SmallVector<AffineExpr> replacements;
  for (std::optional<unsigned> place : places)
    replacements.push_back(place ? getAffineSymbolExpr(*place, context) : getAffineConstantExpr(0, context));
  return llvm::map_to_vector(lists, [&](ArrayRef<AffineExpr> list) {
    SmallVector<AffineExpr> results =
        llvm::map_to_vector(list, [&](AffineExpr size) { return size.replaceSymbols(replacements); });
    return AffineMap::get(0, count, results, context);
  });
}

/// A constant of the program.
static Value createConstant(OpBuilder &builder, Location location, RankedTensorType type, ArrayRef<uint8_t> bytes) {
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> values;
    for (uint8_t byte : bytes)
      values.push_back(byte != 0);
    return ConstantOp::create(builder, location, DenseElementsAttr::get(type, values));
  }
  ArrayRef<char> raw(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  auto constant = bytes.empty() ? DenseElementsAttr::get(type, ArrayRef<mlir::Attribute>())
                                : DenseElementsAttr::getFromRawBuffer(type, raw);
  return ConstantOp::create(builder, location, constant);
}

static Value createConstant(OpBuilder &builder, Location location, RankedTensorType type, const KnownTensor &known) {
  std::string bytes = writeKnownTensor(known);
  return createConstant(builder, location, type, llvm::arrayRefFromStringRef(bytes));
}

Value GraphImporter::writeSymbols(const KnownTensor &known, RankedTensorType type, Location location) {
  auto count = int64_t(known.elements.size());
  Builder types(builder.getContext());
  SmallVector<AffineExpr> numerators;
  KnownTensor denominators{known.type, {count}, {}}, numbers = denominators;
  SmallVector<bool> isNumber;
  for (const Element &each : known.elements) {
    isNumber.push_back(!each.numerator);
    numerators.push_back(each.numerator ? each.numerator : types.getAffineConstantExpr(0));
    denominators.elements.push_back(math().integer(each.denominator));
    numbers.elements.push_back(each.numerator ? math().integer(0) : each);
  }
  SmallVector<Value> from;
  SmallVector<AffineMap> values = mapSizes(from, ArrayRef<AffineExpr>(numerators));
  auto list = RankedTensorType::get(count, type.getElementType());
  Value result =
      WriteSizesOp::create(builder, location, RankedTensorType::get(count, types.getI64Type()), from, values[0]);
  if (list != result.getType())
    result = CastOp::create(builder, location, list, result);
  if (llvm::any_of(known.elements, [](const Element &each) { return each.denominator != 1; }))
    result = DivOp::create(builder, location, list, result, createConstant(builder, location, list, denominators));
  if (llvm::is_contained(isNumber, true)) {
    auto mask = DenseElementsAttr::get(RankedTensorType::get(count, types.getI1Type()), isNumber);
    result = SelectOp::create(builder, location, list, ConstantOp::create(builder, location, mask),
                              createConstant(builder, location, list, numbers), result);
  }
  return list == type ? result : ReshapeOp::create(builder, location, type, result, type.getShape());
}

llvm::Expected<Value> GraphImporter::materialize(GraphValue &value, StringRef name, const std::string &what,
                                                 Location location) {
  if (value.isSequence)
    return fail("{0} is a sequence, needed a tensor", what);
  if (value.isEmptyOptional)
    return fail("{0} is an optional without a value, needed a tensor", what);
  if (value.value)
    return value.value;
  MLIRContext *context = builder.getContext();
  DataType dataType = typeOf(value);
  Type element = convertType(context, dataType);
  if (!element)
    return fail("{0} has element type {1}, which is not supported", what, dataTypeName(dataType));
  OpBuilder::InsertionGuard guard(builder);
  if (value.home && value.home != builder.getInsertionBlock()) {
    // The value belongs to a graph around this one, which may use it again.
    if (Operation *around = builder.getInsertionBlock()->getParentOp())
      if (Operation *here = value.home->findAncestorOpInBlock(*around))
        builder.setInsertionPoint(here);
  }
  auto fileLocation = location->findInstanceOf<FileLineColLoc>();
  Location nameLocation = NameLoc::get(builder.getStringAttr(name), fileLocation ? Location(fileLocation) : location);
  if (const Tensor *tensor = value.tensor) {
    auto type = RankedTensorType::get(tensor->dims, element);
    bool small =
        type.getNumElements() <= 1 || (isa<IntegerType>(element) && type.getNumElements() <= MaximumInlineInts);
    if (tensor->file < 0 || small)
      value.value = createConstant(builder, nameLocation, type, model.bytes(*tensor));
    else
      value.value =
          WeightOp::create(builder, nameLocation, type, tensor->name, tensor->file, tensor->offset, tensor->bytes);
  } else {
    assert(value.known && "a graph value is one of the things that it can be");
    auto type = RankedTensorType::get(value.known->shape, element);
    value.value = value.known->isConstant() ? createConstant(builder, nameLocation, type, *value.known)
                                            : writeSymbols(*value.known, type, nameLocation);
  }
  dims[value.value] = constantDims(cast<RankedTensorType>(value.value.getType()).getShape(), context);
  return value.value;
}
