#include "frontends/onnx/ops/CodedWeights.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

Term lathe::onnx::unpackCodes(const Term &bytes, int64_t bits) {
  if (!bytes || bits == 8)
    return bytes;
  int64_t last = bytes.rank(), perByte = 8 / bits;
  SmallVector<Term> parts;
  for (int64_t i = 0; i < perByte; ++i) {
    Term shifted = i == 0 ? bytes : apply<ShiftRightOp>(bytes, constant(bytes, double(i * bits)));
    parts.push_back(unsqueeze(apply<AndOp>(shifted, constant(bytes, double((1 << bits) - 1))), last));
  }
  Term apart = concat(parts, last);
  if (!apart)
    return apart;
  SmallVector<AffineExpr> shape(bytes.dims());
  shape.back() = shape.back() * perByte;
  return reshape(apart, shape);
}

Term lathe::onnx::extendSign(const Term &codes, int64_t bits) {
  if (!codes)
    return codes;
  double sign = double(int64_t(1) << (bits - 1));
  Type type = IntegerType::get(codes.node->context(), 8);
  return cast(apply<XorOp>(codes, constant(codes, sign)), type) - constant(*codes.node, type, sign);
}

bool CodedMatrix::keepsPacked() const {
  int64_t bits = code.getIntOrFloatBitWidth();
  return bits < 8 && blockRows == 1 && blockColumns * bits % 8 == 0;
}

Term lathe::onnx::castFromBlocks(const CodedMatrix &matrix, const Term &codes, const Term &scales, const Term &zeros) {
  if (!codes || !scales)
    return Term();
  NodeImporter &node = *codes.node;
  Type none = NoneType::get(node.context());
  auto blocks = BlockedType::get(node.context(), matrix.code, matrix.blockRows, matrix.blockColumns, scales.type(),
                                 zeros ? zeros.type() : none, none);
  auto type = RankedTensorType::get({matrix.rows, matrix.columns}, blocks);
  Term joined(node, node.createSized<JoinBlocksOp>(type, codes.value, scales.value, zeros.value));
  return cast(joined, node.builder().getF32Type());
}
