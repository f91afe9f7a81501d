// The meaning of Collectives.td. What needs the other ranks is evaluated where they are: by Evaluator, which has a
// rank.
#include "dialects/lathe/Collectives.h"
#include "dialects/lathe/reference/Evaluator.h"
#include <cstring>

using namespace mlir;
using namespace lathe;

ReferenceValue lathe::takePart(const ReferenceValue &value, int64_t dim, int64_t parts, int64_t part) {
  SmallVector<int64_t> shape(value.getShape()), cells(shape);
  int64_t cellBytes, header = 0;
  if (auto quantized = dyn_cast<QuantizedTypeInterface>(value.getType())) {
    auto [rows, columns] = quantized.getBlockShape();
    cellBytes = quantized.getBlockBytes();
    cells.back() /= columns;
    if (cells.size() > 1)
      cells[cells.size() - 2] /= rows;
    // A number that holds for all blocks stands before the first and goes with each part.
    header = int64_t(value.getBytes().size()) - ShapedType::getNumElements(cells) * cellBytes;
  } else {
    cellBytes = getElementBytes(value.getType());
  }
  int64_t outer = ShapedType::getNumElements(ArrayRef(cells).take_front(dim));
  int64_t run = ShapedType::getNumElements(ArrayRef(cells).drop_front(dim)) / parts * cellBytes;
  shape[dim] /= parts;
  ReferenceValue result(value.getType(), shape, header + outer * run);
  uint8_t *to = result.mutableBytes().data();
  const uint8_t *from = value.getBytes().data();
  std::memcpy(to, from, header);
  for (int64_t i = 0; i < outer; ++i)
    std::memcpy(to + header + i * run, from + header + (i * parts + part) * run, run);
  return result;
}

/// The sum of element `index` of all, in the order of the ranks.
static float addAll(ArrayRef<ReferenceValue> inputs, int64_t index) {
  float sum = float(inputs[0].getFloat(index));
  for (const ReferenceValue &input : inputs.drop_front())
    sum += float(input.getFloat(index));
  return sum;
}

ReferenceValue lathe::evaluateCollective(Operation *collective, ArrayRef<ReferenceValue> inputs, int64_t coordinate) {
  const ReferenceValue &first = inputs[0];
  SmallVector<int64_t> shape(first.getShape());
  if (isa<AllGatherOp>(collective)) {
    shape.insert(shape.begin(), int64_t(inputs.size()));
    ReferenceValue all = ReferenceValue::tensor(first.getType(), shape);
    uint8_t *to = all.mutableBytes().data();
    for (const ReferenceValue &input : inputs)
      to = llvm::copy(input.getBytes(), to);
    return all;
  }
  int64_t base = 0;
  if (isa<ReduceScatterOp>(collective)) {
    shape.erase(shape.begin());
    base = coordinate * ShapedType::getNumElements(shape);
  }
  ReferenceValue sum = ReferenceValue::tensor(first.getType(), shape);
  for (int64_t i = 0, n = sum.getNumElements(); i < n; ++i)
    sum.setFloat(i, addAll(inputs, base + i));
  return sum;
}

static LogicalResult refuse(Operation *op) {
  return op->emitOpError() << "depends on the rank; evaluate it in a module with '" << GridAttrName
                           << "', where all ranks run";
}

LogicalResult TakeShardOp::evaluate(ArrayRef<ReferenceValue>, SmallVectorImpl<ReferenceValue> &) {
  return refuse(*this);
}
LogicalResult AllReduceOp::evaluate(ArrayRef<ReferenceValue>, SmallVectorImpl<ReferenceValue> &) {
  return refuse(*this);
}
LogicalResult AllGatherOp::evaluate(ArrayRef<ReferenceValue>, SmallVectorImpl<ReferenceValue> &) {
  return refuse(*this);
}
LogicalResult ReduceScatterOp::evaluate(ArrayRef<ReferenceValue>, SmallVectorImpl<ReferenceValue> &) {
  return refuse(*this);
}
