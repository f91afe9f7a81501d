#include "passes/quantization/QuantizableWeights.h"
#include "mlir/IR/Remarks.h"
#include "passes/quantization/WeightValues.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace lathe;

SmallVector<int64_t> QuantizableValue::getShape() const {
  SmallVector<int64_t> shape(cast<RankedTensorType>(values.getType()).getShape());
  if (transposed)
    std::swap(shape[0], shape[1]);
  return shape;
}

QuantizableWeight QuantizableValue::describe() const {
  WeightOp weight = source;
  return {weight.getName().str(), getShape()};
}

/// The operand that holds weights of an operation that reads blocks; null for any other operation.
static OpOperand *findWeightOperand(Operation *op) {
  if (isa<MatmulOp, ExpertMatmulOp>(op))
    return &op->getOpOperand(1);
  return isa<GatherOp>(op) ? &op->getOpOperand(0) : nullptr;
}

/// What `value` was before casts to a wider float or from blocks, which lose nothing.
static Value skipWidening(Value value) {
  while (auto op = value.getDefiningOp<CastOp>()) {
    Type from = op.getInput().getType().getElementType(), to = op.getResult().getType().getElementType();
    bool narrow = from.isF16() || from.isBF16() || isa<QuantizedTypeInterface>(from);
    if (from != to && !(to.isF32() && narrow))
      break;
    value = op.getInput();
  }
  return value;
}

/// Why the weights of an operation are not quantized, or an empty string.
static StringRef findObstacle(const OpOperand &use) {
  auto type = cast<RankedTensorType>(use.get().getType());
  bool isExpert = isa<ExpertMatmulOp>(use.getOwner());
  if (!isOfWeightsAlone(use.get()))
    return "it is not made of weights alone";
  if (type.getRank() != (isExpert ? 3 : 2))
    return "it is not one matrix";
  return "";
}

/// A product of a float tensor reads rhs as [K, N]; blocks run along K, the last dimension.
static QuantizableValue describe(OpOperand &use) {
  auto matmul = dyn_cast<MatmulOp>(use.getOwner());
  QuantizableValue candidate{
      skipWidening(use.get()), matmul && !matmul.getTransposeRhs(), findSourceWeight(use.get()), {}};
  if (auto transpose = candidate.values.getDefiningOp<TransposeOp>();
      candidate.transposed && transpose && transpose.getPermutation() == ArrayRef<int64_t>{1, 0}) {
    candidate.values = skipWidening(transpose.getInput());
    candidate.transposed = false;
  }
  return candidate;
}

Value lathe::quantize(const QuantizableValue &candidate, QuantizedTypeInterface blocks) {
  Value values = candidate.values;
  OpBuilder builder(values.getContext());
  builder.setInsertionPointAfterValue(values);
  auto type = cast<RankedTensorType>(values.getType());
  if (isa<QuantizedTypeInterface>(type.getElementType())) {
    type = type.clone(builder.getF32Type());
    values = CastOp::create(builder, values.getLoc(), type, values);
  }
  SmallVector<int64_t> shape = candidate.getShape();
  if (candidate.transposed)
    values = TransposeOp::create(builder, values.getLoc(), type.clone(shape), values, ArrayRef<int64_t>{1, 0});
  return QuantizeOp::create(builder, values.getLoc(), RankedTensorType::get(shape, blocks), values);
}

std::vector<QuantizableValue> lathe::findQuantizableValues(ModuleOp module) {
  auto options = remark::RemarkOpts::name("QuantizeWeights").category("quantization");
  llvm::MapVector<std::pair<Value, unsigned>, QuantizableValue> found; // by values, and whether they are transposed
  module.walk([&](Operation *op) {
    OpOperand *use = findWeightOperand(op);
    if (!use)
      return;
    if (StringRef obstacle = findObstacle(*use); !obstacle.empty()) {
      remark::missed(op->getLoc(), options) << remark::add("an operand is not quantized: {0}", obstacle);
      return;
    }
    QuantizableValue candidate = describe(*use);
    QuantizableValue &known = found.try_emplace({candidate.values, candidate.transposed}, candidate).first->second;
    known.uses.push_back(use);
  });
  std::vector<QuantizableValue> candidates;
  for (auto &[key, candidate] : found)
    candidates.push_back(std::move(candidate));
  return candidates;
}
