// See ExpandFakeQuantize in Passes.td.
#include "mlir/IR/Matchers.h"
#include "passes/Passes.h"
#include "passes/quantization/WeightValues.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_EXPANDFAKEQUANTIZE
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

namespace {
/// Builds what a fake quantization stands for.
struct Expansion {
  explicit Expansion(FakeQuantizeOp op) : op(op), builder(op), type(op.getResult().getType()) {}

  template <typename Op> Value apply(Value a, Value b) { return Op::create(builder, op.getLoc(), type, a, b); }
  Value number(int64_t value) {
    auto scalar = RankedTensorType::get({}, type.getElementType());
    return ConstantOp::create(builder, op.getLoc(),
                              DenseElementsAttr::get(scalar, builder.getF32FloatAttr(float(value))));
  }
  Value cast(Value value, Type element) {
    auto from = llvm::cast<RankedTensorType>(value.getType());
    return CastOp::create(builder, op.getLoc(), from.clone(element), value);
  }
  Value reshape(Value value, ArrayRef<int64_t> shape) {
    auto from = llvm::cast<RankedTensorType>(value.getType());
    return ReshapeOp::create(builder, op.getLoc(), from.clone(shape), value, shape);
  }

  /// The codes as floats.
  Value makeCodes() {
    Value quotient = apply<DivOp>(op.getInput(), op.getScale());
    Value rounded = RoundOp::create(builder, op.getLoc(), type, quotient);
    Value code = apply<AddOp>(rounded, op.getZero());
    return apply<MinimumOp>(apply<MaximumOp>(code, number(op.getLow())), number(op.getHigh()));
  }
  Value makeValues() { return apply<MulOp>(apply<SubOp>(makeCodes(), op.getZero()), op.getScale()); }

  FakeQuantizeOp op;
  OpBuilder builder;
  RankedTensorType type;
};
} // namespace

/// The integer whose whole range the codes have, or null.
static IntegerType findCode(FakeQuantizeOp op) {
  int64_t low = op.getLow(), high = op.getHigh();
  for (unsigned bits : {2, 4, 8}) {
    if (low == 0 && high == (1 << bits) - 1)
      return IntegerType::get(op.getContext(), bits, IntegerType::Unsigned);
    if (low == -(1 << (bits - 1)) && high == (1 << (bits - 1)) - 1)
      return IntegerType::get(op.getContext(), bits);
  }
  return {};
}

/// Of a scale or zero of a matrix: one for all, for each row or for each column.
static SmallVector<int64_t, 2> getParts(Value value) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  return shape.empty() ? SmallVector<int64_t, 2>{1, 1} : SmallVector<int64_t, 2>(shape);
}

/// The weight as blocks that are cast back, which products can read; null where no blocks hold it.
static Value makeBlocks(Expansion &expansion) {
  FakeQuantizeOp op = expansion.op;
  IntegerType code = findCode(op);
  bool isWeight = isOfWeightsAlone(op.getInput()) && isOfModel(op.getScale()) && isOfModel(op.getZero());
  if (!code || !isWeight || expansion.type.getRank() != 2)
    return {};
  int64_t rows = expansion.type.getDimSize(0), columns = expansion.type.getDimSize(1);
  SmallVector<int64_t, 2> scales = getParts(op.getScale()), zeros = getParts(op.getZero());
  bool byRow = scales[1] == 1 && zeros[1] == 1, byColumn = scales[0] == 1 && zeros[0] == 1;
  if (rows == 0 || columns == 0 || !(byRow || byColumn))
    return {};
  MLIRContext *context = op.getContext();
  Type none = NoneType::get(context), byte = IntegerType::get(context, 8, code.getSignedness());
  bool hasZero = !matchPattern(op.getZero(), m_AnyZeroFloat());
  auto blocks = BlockedType::get(context, code, byRow ? 1 : rows, byRow ? columns : 1, Float32Type::get(context),
                                 hasZero ? byte : none, none);
  Value zero = hasZero ? expansion.cast(expansion.reshape(op.getZero(), zeros), byte) : Value();
  Value joined =
      JoinBlocksOp::create(expansion.builder, op.getLoc(), expansion.type.clone(blocks),
                           expansion.cast(expansion.makeCodes(), byte), expansion.reshape(op.getScale(), scales), zero);
  return expansion.cast(joined, expansion.type.getElementType());
}

namespace {
struct ExpandFakeQuantize : lathe::impl::ExpandFakeQuantizeBase<ExpandFakeQuantize> {
  void runOnOperation() override {
    getOperation().walk([](FakeQuantizeOp op) {
      Expansion expansion(op);
      Value values = makeBlocks(expansion);
      op.replaceAllUsesWith(values ? values : expansion.makeValues());
      op.erase();
    });
  }
};
} // namespace
