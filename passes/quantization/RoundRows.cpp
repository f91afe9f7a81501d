// See RoundRows in Passes.td.
#include "passes/quantization/RoundRows.h"
#include "dialects/lathe/GgufBlocks.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/quantization/WeightValues.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_ROUNDROWS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

static constexpr float Largest = 448, Least = 0x1p-100f;

static Value makeNumber(OpBuilder &builder, Location location, float number) {
  auto type = RankedTensorType::get({}, builder.getF32Type());
  return ConstantOp::create(builder, location, DenseElementsAttr::get(type, number));
}

RoundedRows lathe::roundRows(OpBuilder &builder, Location location, Value input, Type code) {
  auto type = cast<RankedTensorType>(input.getType());
  int64_t last = type.getRank() - 1;
  SmallVector<int64_t> shape(type.getShape());
  shape[last] = 1;
  RankedTensorType scaleType = type.clone(shape);
  Value magnitudes = AbsOp::create(builder, location, input);
  Value most = ReduceOp::create(builder, location, scaleType, ReduceKind::Max, magnitudes, {last}, /*keep=*/true);
  Value even = MulOp::create(builder, location, scaleType, most, makeNumber(builder, location, 1 / Largest));
  Value scale = MaximumOp::create(builder, location, scaleType, even, makeNumber(builder, location, Least));
  Value inverse = ReciprocalOp::create(builder, location, scale);
  Value scaled = MulOp::create(builder, location, type, input, inverse);
  Value codes = RoundE4M3Op::create(builder, location, scaled);
  return {MulOp::create(builder, location, type, codes, scale), input, code};
}

static bool isNumber(Value value, float number) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto elements = constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue()) : DenseFPElementsAttr();
  return elements && elements.isSplat() && elements.getElementType().isF32() &&
         elements.getSplatValue<float>() == number;
}

/// The operation of type `Op` that makes `value`, or null.
template <typename Op> static Op find(Value value) { return value ? value.getDefiningOp<Op>() : Op(); }

std::optional<RoundedRows> lathe::matchRoundedRows(Value rows) {
  while (auto cast = rows.getDefiningOp<CastOp>())
    rows = cast.getInput();
  auto values = find<MulOp>(rows);
  auto codes = find<RoundE4M3Op>(values ? values.getLhs() : Value());
  auto scaled = find<MulOp>(codes ? codes.getInput() : Value());
  auto inverse = find<ReciprocalOp>(scaled ? scaled.getRhs() : Value());
  auto scale = find<MaximumOp>(inverse ? inverse.getInput() : Value());
  auto even = find<MulOp>(scale ? scale.getLhs() : Value());
  auto most = find<ReduceOp>(even ? even.getLhs() : Value());
  auto magnitudes = find<AbsOp>(most ? most.getInput() : Value());
  if (!magnitudes || values.getRhs() != scale || scaled.getLhs() != magnitudes.getInput() ||
      !isNumber(scale.getRhs(), Least) || !isNumber(even.getRhs(), 1 / Largest) || most.getKind() != ReduceKind::Max ||
      !most.getKeep() || most.getAxes() != ArrayRef<int64_t>{magnitudes.getInput().getType().getRank() - 1})
    return std::nullopt;
  return RoundedRows{rows, magnitudes.getInput(), Float8E4M3FNType::get(rows.getContext())};
}

/// Why a product's rows stay as they are, or an empty string.
static StringRef findObstacle(MatmulOp matmul) {
  RankedTensorType weights = matmul.getRhs().getType();
  auto blocks = dyn_cast<BlockedType>(weights.getElementType());
  if (!blocks || !weights.hasStaticShape() || !isFloat8Rows(blocks, weights.getShape().back()))
    return "its weights are not f8E4M3FN with a scale for each row or one for all";
  if (!isOfWeightsAlone(matmul.getRhs()))
    return "its right operand is not made of weights alone";
  return matmul.getLhs().getType().getElementType().isF32() ? "" : "its rows are not f32";
}

namespace {
struct RoundRows : lathe::impl::RoundRowsBase<RoundRows> {
  void runOnOperation() override {
    auto options = remark::RemarkOpts::name("RoundRows").category("quantization");
    llvm::DenseMap<Value, Value> rounded; // products of the same rows share their codes
    getOperation().walk([&](MatmulOp matmul) {
      if (StringRef obstacle = findObstacle(matmul); !obstacle.empty()) {
        remark::missed(matmul.getLoc(), options) << remark::add("a product reads rows as they are: {0}", obstacle);
        return;
      }
      Value rows = matmul.getLhs(), &values = rounded[rows];
      if (!values) {
        OpBuilder builder(matmul->getContext());
        builder.setInsertionPointAfterValue(rows);
        values = roundRows(builder, matmul.getLoc(), rows, Float8E4M3FNType::get(&getContext())).values;
      }
      matmul.getLhsMutable().assign(values);
      remark::passed(matmul.getLoc(), options) << remark::add("a product rounds its rows to f8E4M3FN");
    });
    if (!rounded.empty())
      return;
    getOperation().emitError() << "has no product whose rows FP8 weights would let be rounded to FP8; quantize to "
                                  "fp8_e4m3 or fp8_e4m3_tensor, or choose other activations";
    signalPassFailure();
  }
};
} // namespace
