// Matrix products of onnxruntime's domain com.microsoft.
#include "frontends/onnx/ops/Terms.h"
#include "runtime/gguf/BlockFormat.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static LogicalResult importFusedMatMul(NodeImporter &node) {
  float alpha = node.floatAttribute("alpha", 1);
  bool transposeLhs = node.intAttribute("transA", 0), transposeRhs = node.intAttribute("transB", 0);
  if (node.intAttribute("transBatchA", 0) || node.intAttribute("transBatchB", 0))
    return node.fail("'transBatchA' or 'transBatchB' is set, only 0 is supported");
  Term lhs = realInput(node, 0), rhs = realInput(node, 1);
  if (!lhs || !rhs)
    return failure();
  if (lhs.rank() < 2 || rhs.rank() < 2)
    return node.fail("inputs have ranks {0} and {1}, needed at least 2", lhs.rank(), rhs.rank());
  if (transposeLhs)
    lhs = exchange(lhs, lhs.rank() - 2, lhs.rank() - 1);
  Term product = transposeRhs ? matmulTransposed(lhs, rhs) : matmul(lhs, rhs);
  return setOutput(node, 0, alpha == 1 ? product : product * alpha);
}

/// Codes of 4 or 8 bits, the low ones of a byte first, apart along the last dimension, as numbers of `type`.
static Term unpackCodes(const Term &bytes, int64_t bits, Type type) {
  if (!bytes || bits == 8)
    return cast(bytes, type);
  NodeImporter &node = *bytes.node;
  Type byte = bytes.type();
  int64_t last = bytes.rank();
  Term low = apply<AndOp>(bytes, constant(node, byte, 15)), high = apply<ShiftRightOp>(bytes, constant(node, byte, 4));
  Term both = concat({unsqueeze(low, last), unsqueeze(high, last)}, last);
  if (!both)
    return both;
  SmallVector<AffineExpr> shape(bytes.dims());
  shape.back() = shape.back() * 2;
  return cast(reshape(both, shape), type);
}

namespace {

/// A matrix [N, K] whose rows are blocks of codes with a scale and a zero point each.
struct BlockedWeights {
  int64_t rows, columns, bits, block;
  int64_t blocks() const { return llvm::divideCeil(columns, block); }
};

} // namespace

/// Zero points [N, blocks, 1]; packed ones are padded to whole bytes for each row.
static Term readZeroPoints(NodeImporter &node, const BlockedWeights &weights, Type type) {
  if (!node.hasInput(3))
    return constant(node, type, double(int64_t(1) << (weights.bits - 1)));
  Term zeros = input(node, 3);
  int64_t blocks = weights.blocks();
  if (!zeros || zeros.isFloat())
    return reshape(cast(zeros, type), {weights.rows, blocks, 1});
  int64_t bytes = llvm::divideCeil(blocks * weights.bits, 8);
  Term codes = unpackCodes(reshape(zeros, {weights.rows, bytes}), weights.bits, type);
  Term used = codes ? slice(codes, 1, node.constantSize(0), node.constantSize(blocks)) : codes;
  return reshape(used, {weights.rows, blocks, 1});
}

static bool isOfFile(const Term &term) { return isa_and_nonnull<WeightOp>(term.value.getDefiningOp()); }

/// `matrix`, by way of blocks of GGUF where they hold exactly its numbers: codes of 4 bits around 8 and f16 scales are
/// those of q4_0. Products can then read the blocks as they are.
static Term keepInBlocks(NodeImporter &node, const BlockedWeights &weights, const Term &bytes, const Term &scales,
                         const Term &matrix) {
  const gguf::BlockFormat &format = *gguf::findBlockFormat(std::string_view("q4_0"));
  bool isQ4_0 = weights.bits == 4 && !node.hasInput(3) && weights.block % format.weights == 0 &&
                weights.columns % format.weights == 0 && scales.type().isF16();
  if (!matrix || !isQ4_0 || !isOfFile(bytes) || !isOfFile(scales))
    return matrix;
  Term blocks(node, node.create<QuantizeOp>(GgufType::get(node.context(), format.name), matrix.value));
  return cast(blocks, matrix.type());
}

/// Dequantizing reads weights alone, so it is done when compiling.
static LogicalResult importMatMulNBits(NodeImporter &node) {
  BlockedWeights weights{node.intAttribute("N", 0), node.intAttribute("K", 0), node.intAttribute("bits", 4),
                         node.intAttribute("block_size", 0)};
  node.intAttribute("accuracy_level", 0); // how exact it may be; this is exact
  if (node.intAttribute("weight_prepacked", 0) != 0)
    return node.fail("'weight_prepacked' is set, only weights as the operator defines them are supported");
  if ((weights.bits != 4 && weights.bits != 8) || weights.block < 16 || weights.block > 65536 ||
      !llvm::isPowerOf2_64(weights.block))
    return node.fail("'bits' is {0} and 'block_size' {1}, needed 4 or 8, and a power of two from 16 to 65536",
                     weights.bits, weights.block);
  if (weights.rows <= 0 || weights.columns <= 0 || weights.rows > MaximumElements / weights.columns)
    return node.fail("'N' is {0} and 'K' {1}, needed positive numbers", weights.rows, weights.columns);
  if (node.hasInput(4))
    return node.fail("has 'g_idx', an order of groups, which is not supported");
  Term x = realInput(node, 0), bytes = input(node, 1), scales = realInput(node, 2);
  if (!x || !bytes || !scales)
    return failure();
  if (!bytes.type().isUnsignedInteger(8))
    return node.fail("'B' has element type {0}, needed uint8", dataTypeName(convertType(bytes.type())));
  Type type = node.builder().getF32Type();
  int64_t blocks = weights.blocks();
  Term codes =
      unpackCodes(reshape(bytes, {weights.rows, blocks, weights.block * weights.bits / 8}), weights.bits, type);
  Term values = (codes - readZeroPoints(node, weights, type)) * reshape(cast(scales, type), {weights.rows, blocks, 1});
  Term matrix = reshape(values, {weights.rows, blocks * weights.block});
  if (matrix && weights.columns != blocks * weights.block)
    matrix = slice(matrix, 1, node.constantSize(0), node.constantSize(weights.columns));
  matrix = keepInBlocks(node, weights, bytes, scales, matrix);
  Term product = matmulTransposed(x, cast(matrix, x.type()));
  return setOutput(node, 0, node.hasInput(5) ? product + input(node, 5) : product);
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"com.microsoft", "FusedMatMul", 1, NewestOpset, "batches in order", importFusedMatMul},
    {"com.microsoft", "MatMulNBits", 1, NewestOpset, "4 and 8 bits, without g_idx", importMatMulNBits},
};

llvm::ArrayRef<Operator> lathe::onnx::microsoftProductOperators() { return Operators; }
