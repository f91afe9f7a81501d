// Reference meaning of Quantization.td.
#include "dialects/lathe/Lathe.h"

using namespace mlir;
using namespace lathe;

LogicalResult QuantizeOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ArrayRef<int64_t> shape = operands[0].getShape();
  auto blocks = cast<QuantizedTypeInterface>(getResult().getType().getElementType());
  FailureOr<std::vector<float>> values = operands[0].toFloats();
  FailureOr<int64_t> bytes = blocks.getByteSize(shape);
  if (failed(values) || failed(bytes))
    return emitOpError() << "input has the shape [" << shape << "], which does not hold whole blocks of " << blocks;
  ReferenceValue result(blocks, shape, *bytes);
  if (failed(blocks.pack(shape, *values, result.mutableBytes())))
    return emitOpError() << "packs no values into blocks of " << blocks << "; have all of them finite";
  results.push_back(std::move(result));
  return success();
}
