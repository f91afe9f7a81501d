#include "frontends/onnx/ops/QuantizedTerms.h"
#include "dialects/lathe/LoopOps.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

std::pair<double, double> lathe::onnx::getIntegerRange(Type type) {
  unsigned bits = type.getIntOrFloatBitWidth();
  return {type.isUnsignedInteger() ? 0 : -double(int64_t(1) << (bits - 1)),
          double((int64_t(1) << (type.isUnsignedInteger() ? bits : bits - 1)) - 1)};
}

Term lathe::onnx::saturate(const Term &rounded, const Term &zero, Type type) {
  if (!rounded)
    return rounded;
  auto [low, high] = getIntegerRange(type);
  Term sum = zero ? rounded + cast(zero, rounded.type()) : rounded;
  return cast(apply<MinimumOp>(apply<MaximumOp>(sum, constant(sum, low)), constant(sum, high)), type);
}

Term lathe::onnx::alongAxis(const Term &parameter, const Term &like, int64_t axis) {
  if (!parameter || !like || parameter.rank() == 0)
    return parameter;
  if (parameter.rank() == 1 && parameter.size(0) == 1)
    return reshape(parameter, ArrayRef<int64_t>());
  SmallVector<AffineExpr> shape(like.rank(), like.node->constantSize(1));
  shape[axis] = parameter.dim(0);
  return reshape(parameter, shape);
}

//===- Inputs -----------------------------------------------------------------------------------------------------===//

Term lathe::onnx::codesInput(NodeImporter &node, size_t index) {
  Term codes = input(node, index);
  if (!codes || (isa<IntegerType>(codes.type()) && codes.type().getIntOrFloatBitWidth() == 8))
    return codes;
  (void)node.fail("input '{0}' has element type {1}, only integers of 8 bits are supported", node.inputName(index),
                  dataTypeName(convertType(codes.type())));
  return Term();
}

static Term dropOnlyDim(const Term &term) {
  return term && term.rank() == 1 && term.size(0) == 1 ? reshape(term, ArrayRef<int64_t>()) : term;
}

Term lathe::onnx::zeroInput(NodeImporter &node, size_t index, const Term &codes) {
  if (!codes || !node.hasInput(index))
    return constant(codes, 0);
  return dropOnlyDim(input(node, index));
}

Term lathe::onnx::scaleInput(NodeImporter &node, size_t index) {
  return dropOnlyDim(cast(realInput(node, index), node.builder().getF32Type()));
}

Codes lathe::onnx::readCodes(NodeImporter &node, size_t index, size_t zero) {
  Term codes = codesInput(node, index);
  return {codes, zeroInput(node, zero, codes)};
}

//===- Products ---------------------------------------------------------------------------------------------------===//

Term lathe::onnx::multiplyCodes(Codes a, Codes b) {
  if (!a.values || !a.zero || !b.values || !b.zero)
    return Term();
  NodeImporter &node = *a.values.node;
  Term lhs = a.values, rhs = b.values, rhsZero = b.zero;
  if (lhs.rank() == 0 || rhs.rank() == 0) {
    (void)node.fail("inputs have ranks {0} and {1}, needed at least 1", lhs.rank(), rhs.rank());
    return Term();
  }
  bool isRow = lhs.rank() == 1, isColumn = rhs.rank() == 1;
  lhs = isRow ? unsqueeze(lhs, 0) : lhs;
  rhs = isColumn ? unsqueeze(rhs, 0) : exchange(rhs, rhs.rank() - 2, rhs.rank() - 1);
  if (rhsZero.rank() > 1)
    rhsZero = exchange(rhsZero, rhsZero.rank() - 2, rhsZero.rank() - 1);
  if (!lhs || !rhs || !rhsZero ||
      failed(node.requireSame(lhs.dims().back(), rhs.dims().back(), "the dimension summed over")) ||
      failed(node.broadcastDims({DimList(lhs.dims().drop_back(2)), DimList(rhs.dims().drop_back(2))})))
    return Term();
  Term product(node, node.create<IntegerMatmulOp>(node.builder().getI32Type(), lhs.value, a.zero.value, rhs.value,
                                                  rhsZero.value));
  if (!product || !(isRow || isColumn))
    return product;
  SmallVector<AffineExpr> shape(product.dims().drop_back(2));
  if (!isRow)
    shape.push_back(product.dim(product.rank() - 2));
  if (!isColumn)
    shape.push_back(product.dims().back());
  return reshape(product, shape);
}

Term lathe::onnx::convolveCodes(NodeImporter &node, const Codes &image, const Codes &filter) {
  if (!image.zero || !filter.zero)
    return Term();
  FailureOr<WindowAttributes> windows = getFilterWindows(node, image.values, filter.values);
  if (failed(windows))
    return Term();
  OperandDims dims({image.values, image.zero, filter.values, filter.zero});
  FailureOr<SmallVector<AffineExpr>> spatial = windows->resultSizes(node, dims[0]);
  if (failed(spatial))
    return Term();
  SmallVector<AffineExpr> sizes = {dims[0][0], dims[2][0]};
  sizes.append(*spatial);
  return Term(node, node.create<IntegerConvOp>(node.builder().getI32Type(), image.values.value, image.zero.value,
                                               filter.values.value, filter.zero.value, windows->strides, windows->low,
                                               windows->dilations, node.intAttribute("group", 1), dims.map(sizes)));
}

//===- From and to codes ------------------------------------------------------------------------------------------===//

Term lathe::onnx::dequantizeInput(NodeImporter &node, size_t index) {
  Type f32 = node.builder().getF32Type(), i32 = node.builder().getI32Type();
  Term codes = codesInput(node, index), scale = scaleInput(node, index + 1);
  Term zero = zeroInput(node, index + 2, codes);
  if (!codes || !scale || !zero)
    return Term();
  return cast(cast(codes, i32) - cast(zero, i32), f32) * scale;
}

Term lathe::onnx::requantize(const Term &sums, const Term &factor, size_t index) {
  if (!sums || !factor)
    return Term();
  NodeImporter &node = *sums.node;
  Term scale = scaleInput(node, index), zero = input(node, index + 1);
  if (!zero)
    return Term();
  return saturate(apply<RoundOp>(cast(sums, node.builder().getF32Type()) * (factor / scale)), zero, zero.type());
}

Term lathe::onnx::requantizeConvolution(NodeImporter &node, const Codes &image, const Codes &filter) {
  Term sums = convolveCodes(node, image, filter);
  if (node.hasInput(8))
    sums = sums + alongAxis(input(node, 8), sums, 1);
  return requantize(sums, scaleInput(node, 1) * alongAxis(scaleInput(node, 4), sums, 1), 6);
}

LogicalResult lathe::onnx::quantizeOutput(NodeImporter &node, const Term &values, size_t index) {
  Term scale = scaleInput(node, index), zero = node.hasInput(index + 1) ? input(node, index + 1) : Term();
  if (!values || !scale || (node.hasInput(index + 1) && !zero))
    return failure();
  Type type = zero ? zero.type() : IntegerType::get(node.context(), 8, IntegerType::Unsigned);
  return setOutput(node, 0, saturate(apply<RoundOp>(values / scale), zero, type));
}

DynamicCodes lathe::onnx::quantizeDynamically(const Term &x) {
  if (!x)
    return {};
  Type type = convertType(x.node->context(), DataType::Uint8);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, x.rank()));
  Term none = constant(x, 0);
  Term low = apply<MinimumOp>(reduce(x, ReduceKind::Min, axes, false), none);
  Term high = apply<MaximumOp>(reduce(x, ReduceKind::Max, axes, false), none);
  Term scale = (high - low) / 255.0;
  Term zero = saturate(apply<RoundOp>(-low / scale), Term(), type);
  return {{saturate(apply<RoundOp>(x / scale), zero, type), zero}, scale};
}
