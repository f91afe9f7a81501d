// Operators on quantized integers, computed as integers or in f32 as the standard defines them.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/Terms.h"
#include "frontends/onnx/ops/WindowAttributes.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static Type f32(NodeImporter &node) { return node.builder().getF32Type(); }
static Type i32(NodeImporter &node) { return node.builder().getI32Type(); }

/// `rounded` + zero as an integer type, the nearest where it is out of range.
static Term saturate(const Term &rounded, const Term &zero, Type type) {
  if (!rounded)
    return rounded;
  unsigned bits = type.getIntOrFloatBitWidth();
  double low = type.isUnsignedInteger() ? 0 : -double(int64_t(1) << (bits - 1));
  double high = double((int64_t(1) << (type.isUnsignedInteger() ? bits : bits - 1)) - 1);
  Term sum = zero ? rounded + cast(zero, rounded.type()) : rounded;
  return cast(apply<MinimumOp>(apply<MaximumOp>(sum, constant(sum, low)), constant(sum, high)), type);
}

/// A scale or zero point of rank 1 along `axis` of `like`; others broadcast as they are.
static Term alongAxis(const Term &parameter, const Term &like, int64_t axis) {
  if (!parameter || !like || parameter.rank() == 0)
    return parameter;
  if (parameter.rank() == 1 && parameter.size(0) == 1)
    return reshape(parameter, ArrayRef<int64_t>());
  SmallVector<AffineExpr> shape(like.rank(), like.node->constantSize(1));
  shape[axis] = parameter.dim(0);
  return reshape(parameter, shape);
}

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

/// Reads 'axis' and 'block_size', and spreads scale and zero point (inputs 1 and 2) to the shape of `x`.
static LogicalResult getParameters(NodeImporter &node, const Term &x, Term &scale, Term &zero) {
  int64_t axis = node.opset() >= 13 ? node.intAttribute("axis", 1) : 0;
  int64_t block = node.opset() >= 21 ? node.intAttribute("block_size", 0) : 0;
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

static LogicalResult importQuantizeLinear(NodeImporter &node) {
  node.intAttribute("saturate", 1); // concerns 8-bit floats alone
  auto to = DataType(node.opset() >= 21 ? node.intAttribute("output_dtype", 0) : 0);
  auto precision = DataType(node.opset() >= 23 ? node.intAttribute("precision", 0) : 0);
  Type type = node.hasInput(2)            ? convertType(node.context(), node.inputType(2))
              : to == DataType::Undefined ? convertType(node.context(), DataType::Uint8)
                                          : convertType(node.context(), to);
  if (!isQuantized(type))
    return node.fail("the result has element type {0}, only integers of 8 and 16 bits are supported",
                     dataTypeName(node.hasInput(2) ? node.inputType(2) : to));
  Term x = input(node, 0), scale, zero;
  if (!x || failed(getParameters(node, x, scale, zero)))
    return failure();
  if (precision != DataType::Undefined && precision != DataType::Float)
    return node.fail("'precision' is {0}, only float is supported", dataTypeName(precision));
  Term quotient = cast(x, f32(node)) / cast(scale, f32(node));
  if (x.isFloat() && !x.type().isF32())
    quotient = cast(cast(quotient, x.type()), f32(node));
  return setOutput(node, 0, saturate(apply<RoundOp>(quotient), zero, type));
}

static LogicalResult importDequantizeLinear(NodeImporter &node) {
  Term x = input(node, 0), scale, zero;
  if (!x || failed(getParameters(node, x, scale, zero)))
    return failure();
  auto to = DataType(node.opset() >= 23 ? node.intAttribute("output_dtype", 0) : 0);
  Type type = to == DataType::Undefined ? node.elementType(node.input(1).value()) : convertType(node.context(), to);
  if (!type || !isa<FloatType>(type))
    return node.fail("the result has element type {0}, needed a float type", dataTypeName(to));
  if (!isa<IntegerType>(x.type()) || x.type().isInteger(1))
    return node.fail("input has element type {0}, only integers are supported", dataTypeName(convertType(x.type())));
  Term difference = cast(x, i32(node));
  if (zero)
    difference = difference - cast(zero, i32(node));
  return setOutput(node, 0, cast(cast(difference, f32(node)) * cast(scale, f32(node)), type));
}

static LogicalResult importDynamicQuantizeLinear(NodeImporter &node) {
  Term x = realInput(node, 0);
  if (!x)
    return failure();
  Type type = convertType(node.context(), DataType::Uint8);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, x.rank()));
  Term none = constant(x, 0);
  Term low = apply<MinimumOp>(reduce(x, ReduceKind::Min, axes, false), none);
  Term high = apply<MaximumOp>(reduce(x, ReduceKind::Max, axes, false), none);
  Term scale = (high - low) / 255.0;
  Term zero = saturate(apply<RoundOp>(-low / scale), Term(), type);
  if (failed(setOutput(node, 1, scale)) || failed(setOutput(node, 2, zero)))
    return failure();
  return setOutput(node, 0, saturate(apply<RoundOp>(x / scale), zero, type));
}

/// Input `index` as i32 without its zero point, which stands in input `zero` for each row or column of a matrix.
static Term centered(NodeImporter &node, size_t index, size_t zero, bool rows) {
  Term x = cast(input(node, index), i32(node));
  if (!x || !node.hasInput(zero))
    return x;
  Term offset = cast(input(node, zero), i32(node));
  if (offset && offset.rank() == 1 && rows && offset.size(0) != 1)
    offset = unsqueeze(offset, 1);
  return x - offset;
}

static LogicalResult importMatMulInteger(NodeImporter &node) {
  return setOutput(node, 0, matmul(centered(node, 0, 2, /*rows=*/true), centered(node, 1, 3, /*rows=*/false)));
}

/// Sums of products as integers of another scale.
static Term requantize(const Term &sums, const Term &factor, const Term &scale, const Term &zero) {
  if (!sums || !zero)
    return Term();
  NodeImporter &node = *sums.node;
  return saturate(apply<RoundOp>(cast(sums, f32(node)) * factor / cast(scale, f32(node))), zero, zero.type());
}

static LogicalResult importQLinearMatMul(NodeImporter &node) {
  Term a = centered(node, 0, 2, true), b = centered(node, 3, 5, false);
  Term scaleA = cast(input(node, 1), f32(node)), scaleB = cast(input(node, 4), f32(node));
  if (!a || !b || !scaleA || !scaleB)
    return failure();
  if (scaleA.rank() == 1 && scaleA.size(0) != 1)
    scaleA = unsqueeze(scaleA, 1);
  return setOutput(node, 0, requantize(matmul(a, b), scaleA * scaleB, input(node, 6), input(node, 7)));
}

/// Integers convolved; `filterZero` may have a number for each channel.
static Term convolve(NodeImporter &node, const Term &x, const Term &filter) {
  if (!x || !filter)
    return Term();
  FailureOr<WindowAttributes> windows = getFilterWindows(node, x, filter);
  return failed(windows) ? Term() : convNd(x, filter, *windows, node.intAttribute("group", 1));
}

static Term centeredFilter(NodeImporter &node, size_t index, size_t zero) {
  Term filter = cast(input(node, index), i32(node));
  if (!filter || !node.hasInput(zero))
    return filter;
  return filter - alongAxis(cast(input(node, zero), i32(node)), filter, 0);
}

static LogicalResult importConvInteger(NodeImporter &node) {
  return setOutput(node, 0, convolve(node, centered(node, 0, 2, false), centeredFilter(node, 1, 3)));
}

static LogicalResult importQLinearConv(NodeImporter &node) {
  Term sums = convolve(node, centered(node, 0, 2, false), centeredFilter(node, 3, 5));
  if (!sums)
    return failure();
  if (node.hasInput(8))
    sums = sums + alongAxis(input(node, 8), sums, 1);
  Term factor = cast(input(node, 1), f32(node)) * alongAxis(cast(input(node, 4), f32(node)), sums, 1);
  return setOutput(node, 0, requantize(sums, factor, input(node, 6), input(node, 7)));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "ConvInteger", 10, NewestOpset, "", importConvInteger},
    {"", "DequantizeLinear", 10, NewestOpset, "integers of 8 to 32 bits", importDequantizeLinear},
    {"", "DynamicQuantizeLinear", 11, NewestOpset, "", importDynamicQuantizeLinear},
    {"", "MatMulInteger", 10, NewestOpset, "", importMatMulInteger},
    {"", "QLinearConv", 10, NewestOpset, "", importQLinearConv},
    {"", "QLinearMatMul", 10, NewestOpset, "integers of 8 bits", importQLinearMatMul},
    {"", "QuantizeLinear", 10, NewestOpset, "to integers of 8 and 16 bits", importQuantizeLinear},
};

llvm::ArrayRef<Operator> lathe::onnx::quantizationOperators() { return Operators; }
