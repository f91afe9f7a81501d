// Operators on quantized integers. Weights become blocks, pairs of quantizing and dequantizing fake quantization,
// products of integers those of the dialect; the rest is computed as integers or in f32 as the standard defines it.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/CodedWeights.h"
#include "frontends/onnx/ops/QuantizedTerms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static Type f32(NodeImporter &node) { return node.builder().getF32Type(); }
static Type i32(NodeImporter &node) { return node.builder().getI32Type(); }

/// A scale for each block of `size` elements along `axis`, repeated for each element.
static Term alongBlocks(const Term &parameter, const Term &like, int64_t axis, int64_t size) {
  if (!parameter || !like)
    return parameter;
  SmallVector<AffineExpr> repeated(parameter.dims()), joined(parameter.dims());
  if (parameter.rank() != like.rank())
    return alongAxis(parameter, like, axis);
  repeated.insert(repeated.begin() + axis + 1, like.node->constantSize(size));
  joined[axis] = joined[axis] * size;
  Term all = reshape(expand(unsqueeze(parameter, axis + 1), repeated), joined);
  return all && all.dim(axis) != like.dim(axis) ? slice(all, axis, like.node->constantSize(0), like.dim(axis)) : all;
}

static bool isQuantized(Type type) {
  return type && type.isIntOrFloat() && isa<IntegerType>(type) && !type.isInteger(1) &&
         type.getIntOrFloatBitWidth() <= 16;
}

/// `version` is that of the operator in ONNX's own domain. Reads 'axis' and 'block_size', and spreads scale and zero
/// point (inputs 1 and 2) to the shape of `x`.
static LogicalResult getParameters(NodeImporter &node, int64_t version, const Term &x, Term &scale, Term &zero) {
  int64_t axis = version >= 13 ? node.intAttribute("axis", 1) : 0;
  int64_t block = version >= 21 ? node.intAttribute("block_size", 0) : 0;
  scale = realInput(node, 1);
  zero = node.hasInput(2) ? input(node, 2) : Term();
  if (!x || !scale || (node.hasInput(2) && !zero))
    return failure();
  if (scale.rank() > 0 && scale.size(0) != 1) {
    if (axis < -x.rank() || axis >= x.rank())
      return node.fail("axis is {0}, needed {1} to {2}", axis, -x.rank(), x.rank() - 1);
    axis = axis < 0 ? axis + x.rank() : axis;
  } else {
    axis = 0;
  }
  if (block < 0 || (scale.rank() > 1 && (block == 0 || scale.rank() != x.rank())))
    return node.fail(
        "the scale has rank {0} and 'block_size' is {1}, needed rank 0 or 1, or that of the input with a block "
        "size",
        scale.rank(), block);
  scale = block ? alongBlocks(scale, x, axis, block) : alongAxis(scale, x, axis);
  zero = block ? alongBlocks(zero, x, axis, block) : alongAxis(zero, x, axis);
  return success(scale && (!node.hasInput(2) || zero));
}

static LogicalResult quantizeLinear(NodeImporter &node, int64_t version) {
  node.intAttribute("saturate", 1); // concerns 8-bit floats alone
  auto to = DataType(version >= 21 ? node.intAttribute("output_dtype", 0) : 0);
  auto precision = DataType(version >= 23 ? node.intAttribute("precision", 0) : 0);
  Type type = node.hasInput(2)            ? convertType(node.context(), node.inputType(2))
              : to == DataType::Undefined ? convertType(node.context(), DataType::Uint8)
                                          : convertType(node.context(), to);
  if (!isQuantized(type))
    return node.fail("the result has element type {0}, only integers of 8 and 16 bits are supported",
                     dataTypeName(node.hasInput(2) ? node.inputType(2) : to));
  Term x = input(node, 0), scale, zero;
  if (!x || failed(getParameters(node, version, x, scale, zero)))
    return failure();
  if (precision != DataType::Undefined && precision != DataType::Float)
    return node.fail("'precision' is {0}, only float is supported", dataTypeName(precision));
  Term quotient = cast(x, f32(node)) / cast(scale, f32(node));
  if (x.isFloat() && !x.type().isF32())
    quotient = cast(cast(quotient, x.type()), f32(node));
  return setOutput(node, 0, saturate(apply<RoundOp>(quotient), zero, type));
}

static LogicalResult importQuantizeLinear(NodeImporter &node) { return quantizeLinear(node, node.opset()); }

//===- DequantizeLinear -------------------------------------------------------------------------------------------===//

/// The element that blocks keep codes of this type as; null for types that they do not.
static Type getCode(MLIRContext *context, DataType type) {
  switch (type) {
  case DataType::Int8:
  case DataType::Int4:
  case DataType::Int2:
    return IntegerType::get(context, dataTypeBits(type));
  case DataType::Uint8:
  case DataType::Uint4:
  case DataType::Uint2:
    return IntegerType::get(context, dataTypeBits(type), IntegerType::Unsigned);
  case DataType::Float4E2M1:
    return Float4E2M1FNType::get(context);
  case DataType::Float8E4M3FN:
    return Float8E4M3FNType::get(context);
  case DataType::Float8E5M2:
    return Float8E5M2Type::get(context);
  default:
    return {};
  }
}

namespace {
/// What is dequantized: data of the model seen as a matrix whose blocks share a scale.
struct CodedInput {
  CodedMatrix matrix;
  SmallVector<int64_t> shape;   ///< of the tensor
  std::array<int64_t, 2> parts; ///< of scales and zeros
};
} // namespace

/// The input as blocks, where a matrix of them can say which elements share a scale.
static std::optional<CodedInput> describeCodes(NodeImporter &node, int64_t axis, int64_t block) {
  Type code = getCode(node.context(), node.inputType(0));
  for (size_t index : {0, 1, 2})
    if (node.hasInput(index) && !node.isInitializer(index))
      return std::nullopt;
  const Tensor &tensor = *node.inputValue(0)->tensor, &scale = *node.inputValue(1)->tensor;
  auto shape = llvm::to_vector(tensor.dims);
  if (!code || llvm::is_contained(shape, 0))
    return std::nullopt;
  int64_t rank = shape.size(), count = ShapedType::getNumElements(scale.dims);
  int64_t rows = rank ? shape[0] : 1, columns = rank ? ShapedType::getNumElements(shape) / rows : 1;
  axis = axis < 0 ? axis + rank : axis;
  auto make = [&](int64_t blockRows, int64_t blockColumns) -> std::optional<CodedInput> {
    std::array<int64_t, 2> parts = {rows / blockRows, columns / blockColumns};
    if (rows % blockRows || columns % blockColumns || parts[0] * parts[1] != count)
      return std::nullopt;
    return CodedInput{{code, rows, columns, blockRows, blockColumns}, shape, parts};
  };
  if (count == 1 && scale.dims.size() <= 1) {
    std::optional<CodedInput> one = make(rows, columns);
    one->matrix.blockRows = 1; // rows with a scale each, which they share
    return one;
  }
  if (axis < 0 || axis >= rank || (rank != 2 && axis != 0) || (block && rank != 2))
    return std::nullopt;
  int64_t size = block ? block : 1;
  if (block)
    return axis == 0 ? make(size, 1) : make(1, size);
  return axis == 0 ? make(1, columns) : make(rows, 1);
}

/// A zero for each block: none where all are 0.
static Term readZeros(NodeImporter &node, const CodedInput &input) {
  if (!node.hasInput(2) || llvm::all_of(node.initializerBytes(2), [](uint8_t byte) { return byte == 0; }))
    return Term();
  int64_t bits = dataTypeBits(node.inputType(2)), count = input.parts[0] * input.parts[1];
  if (bits == 8)
    return reshape(Term(node, node.input(2)), input.parts);
  Term codes = unpackCodes(Term(node, node.bytesInput(2)), bits);
  if (!input.matrix.code.isUnsignedInteger())
    codes = extendSign(codes, bits);
  return reshape(slice(codes, 0, node.constantSize(0), node.constantSize(count)), input.parts);
}

static Term readCodes(NodeImporter &node, const CodedMatrix &matrix) {
  int64_t bits = dataTypeBits(node.inputType(0)), rows = matrix.rows, columns = matrix.columns;
  if (convertType(node.context(), node.inputType(0)))
    return reshape(Term(node, node.input(0)), {rows, columns});
  Term bytes(node, node.bytesInput(0));
  if (bits == 8)
    return reshape(bytes, {rows, columns});
  if (matrix.keepsPacked())
    return reshape(bytes, {rows, columns * bits / 8});
  return reshape(slice(unpackCodes(bytes, bits), 0, node.constantSize(0), node.constantSize(rows * columns)),
                 {rows, columns});
}

/// Data of the model by way of blocks that hold exactly its numbers.
static Term dequantizeByBlocks(NodeImporter &node, const CodedInput &input) {
  Term scales = realInput(node, 1), zeros = readZeros(node, input);
  Term values = castFromBlocks(input.matrix, readCodes(node, input.matrix), reshape(scales, input.parts), zeros);
  return input.shape.size() == 2 ? values : reshape(values, input.shape);
}

/// True when both values are computed in the same way from the same values.
static bool isSameValue(Value a, Value b) {
  Operation *left = a.getDefiningOp(), *right = b.getDefiningOp();
  if (a == b || !left || !right)
    return a == b;
  return cast<OpResult>(a).getResultNumber() == cast<OpResult>(b).getResultNumber() &&
         OperationEquivalence::isEquivalentTo(
             left, right, [](Value x, Value y) { return success(isSameValue(x, y)); }, /*markEquivalent=*/nullptr,
             OperationEquivalence::IgnoreLocations);
}

/// What QuantizeLinear made `codes` from with this scale and zero, f32 both; empty if it did not.
static Term findQuantized(const Term &codes, const Term &scale, const Term &zero) {
  auto cast = codes.value.getDefiningOp<CastOp>();
  auto low = cast ? cast.getInput().getDefiningOp<MinimumOp>() : MinimumOp();
  auto high = low ? low.getLhs().getDefiningOp<MaximumOp>() : MaximumOp();
  Value rounded = high ? high.getLhs() : Value();
  if (auto sum = rounded ? rounded.getDefiningOp<AddOp>() : AddOp()) {
    if (!zero || !isSameValue(sum.getRhs(), zero.value))
      return Term();
    rounded = sum.getLhs();
  } else if (zero) {
    return Term();
  }
  auto round = rounded ? rounded.getDefiningOp<RoundOp>() : RoundOp();
  auto quotient = round ? round.getInput().getDefiningOp<DivOp>() : DivOp();
  if (!quotient || !isSameValue(quotient.getRhs(), scale.value))
    return Term();
  return Term(*codes.node, quotient.getLhs());
}

/// Both ways at once, which has a derivative; empty where `codes` were not made with this scale and zero.
static Term fakeQuantize(const Term &codes, const Term &scale, const Term &zero) {
  NodeImporter &node = *codes.node;
  Term real = cast(zero, f32(node)), input = findQuantized(codes, scale, real);
  if (!input || !input.type().isF32() || !scale.type().isF32())
    return Term();
  auto [low, high] = getIntegerRange(codes.type());
  Term none = real ? real : constant(node, f32(node), 0);
  return Term(
      node, node.create<FakeQuantizeOp>(f32(node), input.value, scale.value, none.value, int64_t(low), int64_t(high)));
}

static LogicalResult dequantizeLinear(NodeImporter &node, int64_t version) {
  auto to = DataType(version >= 23 ? node.intAttribute("output_dtype", 0) : 0);
  int64_t axis = version >= 13 ? node.intAttribute("axis", 1) : 0;
  int64_t block = version >= 21 ? node.intAttribute("block_size", 0) : 0;
  Type type = convertType(node.context(), to == DataType::Undefined ? node.inputType(1) : to);
  if (!type || !isa<FloatType>(type))
    return node.fail("the result has element type {0}, needed a float type", dataTypeName(to));
  // Others than matrices and the filters of convolutions are computed as integers where that can be.
  if (std::optional<CodedInput> coded = describeCodes(node, axis, block);
      coded &&
      (coded->shape.size() == 2 || coded->shape.size() == 4 || !convertType(node.context(), node.inputType(0))))
    return setOutput(node, 0, cast(dequantizeByBlocks(node, *coded), type));
  Term x = input(node, 0), scale, zero;
  if (!x || failed(getParameters(node, version, x, scale, zero)))
    return failure();
  if (!isa<IntegerType>(x.type()) || x.type().isInteger(1))
    return node.fail("input has element type {0}, only integers are supported", dataTypeName(convertType(x.type())));
  if (Term values = type.isF32() ? fakeQuantize(x, scale, zero) : Term())
    return setOutput(node, 0, values);
  Term difference = cast(x, i32(node));
  if (zero)
    difference = difference - cast(zero, i32(node));
  return setOutput(node, 0, cast(cast(difference, f32(node)) * cast(scale, f32(node)), type));
}

static LogicalResult importDequantizeLinear(NodeImporter &node) { return dequantizeLinear(node, node.opset()); }

static LogicalResult importDynamicQuantizeLinear(NodeImporter &node) {
  DynamicCodes quantized = quantizeDynamically(realInput(node, 0));
  if (failed(setOutput(node, 1, quantized.scale)) || failed(setOutput(node, 2, quantized.codes.zero)))
    return failure();
  return setOutput(node, 0, quantized.codes.values);
}

//===- Products ---------------------------------------------------------------------------------------------------===//

static LogicalResult importMatMulInteger(NodeImporter &node) {
  Codes a = readCodes(node, 0, 2), b = readCodes(node, 1, 3);
  return setOutput(node, 0, multiplyCodes(a, b));
}

static LogicalResult importQLinearMatMul(NodeImporter &node) {
  Codes a = readCodes(node, 0, 2), b = readCodes(node, 3, 5);
  Term scaleA = scaleInput(node, 1), scaleB = scaleInput(node, 4);
  if (scaleA && scaleA.rank() == 1)
    scaleA = unsqueeze(scaleA, 1);
  return setOutput(node, 0, requantize(multiplyCodes(a, b), scaleA * scaleB, 6));
}

static LogicalResult importConvInteger(NodeImporter &node) {
  Codes image = readCodes(node, 0, 2), filter = readCodes(node, 1, 3);
  return setOutput(node, 0, convolveCodes(node, image, filter));
}

static LogicalResult importQLinearConv(NodeImporter &node) {
  Codes image = readCodes(node, 0, 2), filter = readCodes(node, 3, 5);
  return setOutput(node, 0, requantizeConvolution(node, image, filter));
}

// onnxruntime's own are ONNX's with integers of 16 bits for models of older opsets.
static LogicalResult importMicrosoftQuantizeLinear(NodeImporter &node) { return quantizeLinear(node, 21); }
static LogicalResult importMicrosoftDequantizeLinear(NodeImporter &node) { return dequantizeLinear(node, 21); }

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "ConvInteger", 10, NewestOpset, "", importConvInteger},
    {"", "DequantizeLinear", 10, NewestOpset,
     "integers of 8 to 32 bits; of the model's data also of 2 and 4 bits, float8e4m3fn, float8e5m2, float4e2m1",
     importDequantizeLinear},
    {"", "DynamicQuantizeLinear", 11, NewestOpset, "", importDynamicQuantizeLinear},
    {"", "MatMulInteger", 10, NewestOpset, "", importMatMulInteger},
    {"", "QLinearConv", 10, NewestOpset, "", importQLinearConv},
    {"", "QLinearMatMul", 10, NewestOpset, "integers of 8 bits", importQLinearMatMul},
    {"", "QuantizeLinear", 10, NewestOpset, "to integers of 8 and 16 bits", importQuantizeLinear},
    {"com.microsoft", "DequantizeLinear", 1, NewestOpset,
     "integers of 8 to 32 bits; of the model's data also of 4 bits", importMicrosoftDequantizeLinear},
    {"com.microsoft", "QuantizeLinear", 1, NewestOpset, "to integers of 8 and 16 bits", importMicrosoftQuantizeLinear},
};

llvm::ArrayRef<Operator> lathe::onnx::quantizationOperators() { return Operators; }
