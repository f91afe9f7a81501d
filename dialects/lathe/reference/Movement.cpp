// The meaning of Movement.td.
#include "dialects/lathe/reference/Evaluator.h"
#include <cstring>

using namespace mlir;
using namespace lathe;

LogicalResult ReshapeOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &input = operands[0];
  SmallVector<int64_t> shape(getShape());
  int64_t known = 1, *inferred = nullptr;
  for (auto [i, size] : llvm::enumerate(shape)) {
    if (size == 0)
      size = input.getShape()[i];
    if (size == -1)
      inferred = &size;
    else
      known *= size;
  }
  if (inferred)
    *inferred = known ? input.getNumElements() / known : 0;
  if (ShapedType::getNumElements(shape) != input.getNumElements())
    return emitOpError() << "input has " << input.getNumElements() << " elements but shape " << formatShape(getShape())
                         << " gives " << formatShape(shape);
  ReferenceValue result = ReferenceValue::tensor(input.getType(), shape);
  llvm::copy(input.getBytes(), result.mutableBytes().begin());
  results.push_back(std::move(result));
  return success();
}

LogicalResult TransposeOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &input = operands[0];
  ArrayRef<int64_t> permutation = getPermutation();
  int64_t rank = permutation.size(), bytes = getElementBytes(input.getType());
  SmallVector<int64_t> shape, strides(rank, 1), index(rank, 0);
  for (int64_t from : permutation)
    shape.push_back(input.getShape()[from]);
  for (int64_t i = rank - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * input.getShape()[i + 1];
  ReferenceValue result = ReferenceValue::tensor(input.getType(), shape);
  uint8_t *to = result.mutableBytes().data();
  for (int64_t n = 0, count = input.getNumElements(); n < count; ++n) {
    int64_t from = 0;
    for (int64_t d = 0; d < rank; ++d)
      from += index[d] * strides[permutation[d]];
    std::memcpy(to + n * bytes, input.getBytes().data() + from * bytes, bytes);
    for (int64_t d = rank - 1; d >= 0 && ++index[d] == shape[d]; --d)
      index[d] = 0;
  }
  results.push_back(std::move(result));
  return success();
}

/// One row of a table as f32. Blocks one row high are unpacked for this row alone; other formats are unpacked whole
/// into `unpacked`, once.
static LogicalResult readRow(const ReferenceValue &table, int64_t row, std::vector<float> &unpacked,
                             MutableArrayRef<float> values) {
  int64_t rows = table.getShape()[0], columns = table.getShape()[1];
  auto quantized = dyn_cast<QuantizedTypeInterface>(table.getType());
  if (!quantized) {
    for (int64_t i = 0; i < columns; ++i)
      values[i] = float(table.getFloat(row * columns + i));
    return success();
  }
  FailureOr<int64_t> rowBytes = quantized.getByteSize({columns});
  if (succeeded(rowBytes) && *rowBytes * rows == int64_t(table.getBytes().size()))
    return quantized.unpack({1, columns}, table.getBytes().slice(row * *rowBytes, *rowBytes), values);
  if (unpacked.empty()) {
    FailureOr<std::vector<float>> all = table.toFloats();
    if (failed(all))
      return failure();
    unpacked = std::move(*all);
  }
  llvm::copy(ArrayRef<float>(unpacked).slice(row * columns, columns), values.begin());
  return success();
}

LogicalResult GatherOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &table = operands[0], &indices = operands[1];
  int64_t rows = table.getShape()[0], columns = table.getShape()[1], count = indices.getNumElements();
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), {count, columns});
  std::vector<float> unpacked, row(columns);
  for (int64_t i = 0; i < count; ++i) {
    int64_t index = indices.getInt(i);
    if (index < 0 || index >= rows)
      return emitOpError() << "index " << i << " is " << index << " but the table has " << rows << " rows";
    if (failed(readRow(table, index, unpacked, row)))
      return emitOpError() << "table has " << table.getBytes().size() << " bytes, which are not the blocks of "
                           << getTable().getType();
    for (int64_t j = 0; j < columns; ++j)
      result.setFloat(i * columns + j, row[j]);
  }
  results.push_back(std::move(result));
  return success();
}
