// Matrix products of onnxruntime's domain com.microsoft.
#include "frontends/onnx/ops/CodedWeights.h"
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

namespace {

/// A matrix [N, K] whose rows are blocks of codes with a scale and a zero point each.
struct BlockedWeights {
  int64_t rows, columns, bits, block;
  int64_t blocks() const { return llvm::divideCeil(columns, block); }
  /// Zero points of a row are floats, or codes packed into whole bytes.
  int64_t zeroColumns(bool packed) const { return packed ? llvm::divideCeil(blocks() * bits, 8) : blocks(); }
};

} // namespace

/// Fails unless an input has as many elements as `shape`: models have these tensors flat, too.
static LogicalResult requireShape(NodeImporter &node, size_t index, StringRef name, ArrayRef<int64_t> shape) {
  FailureOr<DimList> dims = node.inputDims(index);
  if (failed(dims))
    return failure();
  AffineExpr elements = node.constantSize(1);
  for (AffineExpr dim : *dims)
    elements = elements * dim;
  if (elements == node.constantSize(ShapedType::getNumElements(shape)))
    return success();
  return node.fail("'{0}', input '{1}', has shape {2}, needed [{3}] or as many elements", name, node.inputName(index),
                   node.print(*dims), llvm::make_range(shape.begin(), shape.end()));
}

/// Zero points [N, blocks] as the model has them.
static Term readZeroPoints(NodeImporter &node, const BlockedWeights &weights) {
  Term zeros = input(node, 3);
  int64_t blocks = weights.blocks();
  if (!zeros || zeros.isFloat())
    return reshape(zeros, {weights.rows, blocks});
  return slice(unpackCodes(reshape(zeros, {weights.rows, weights.zeroColumns(/*packed=*/true)}), weights.bits), 1,
               node.constantSize(0), node.constantSize(blocks));
}

/// True when blocks of q4_0 hold exactly the numbers of a matrix: codes of 4 bits around 8 and f16 scales are theirs.
static bool fitsQ4_0(NodeImporter &node, const BlockedWeights &weights, Type scale) {
  const gguf::BlockFormat &format = *gguf::findBlockFormat(std::string_view("q4_0"));
  return weights.bits == 4 && !node.hasInput(3) && weights.block % format.weights == 0 &&
         weights.columns % format.weights == 0 && scale.isF16();
}

/// The matrix by way of blocks of the model's own codes. Without zero points they are around the middle one: as signed
/// numbers they need none.
static Term castFromOwnBlocks(NodeImporter &node, const BlockedWeights &weights, const Term &bytes,
                              const Term &scales) {
  int64_t blocks = weights.blocks(), bits = weights.bits;
  bool hasZeros = node.hasInput(3);
  Type code = IntegerType::get(node.context(), bits, hasZeros ? IntegerType::Unsigned : IntegerType::Signless);
  Term codes = reshape(bytes, {weights.rows, weights.columns * bits / 8});
  if (!hasZeros) {
    int64_t middles = 0xFF / ((1 << bits) - 1) * (1 << (bits - 1)); // one in each code of a byte
    codes = apply<XorOp>(codes, constant(codes, double(middles)));
  }
  return castFromBlocks({code, weights.rows, weights.columns, 1, weights.block}, codes,
                        reshape(scales, {weights.rows, blocks}), hasZeros ? readZeroPoints(node, weights) : Term());
}

/// The matrix in floats, rows that end within a block too.
static Term computeMatrix(NodeImporter &node, const BlockedWeights &weights, const Term &bytes, const Term &scales) {
  Type type = node.builder().getF32Type();
  int64_t blocks = weights.blocks();
  Term codes =
      cast(unpackCodes(reshape(bytes, {weights.rows, blocks, weights.block * weights.bits / 8}), weights.bits), type);
  Term zeros = node.hasInput(3) ? reshape(cast(readZeroPoints(node, weights), type), {weights.rows, blocks, 1})
                                : constant(node, type, double(int64_t(1) << (weights.bits - 1)));
  Term values = (codes - zeros) * reshape(cast(scales, type), {weights.rows, blocks, 1});
  Term matrix = reshape(values, {weights.rows, blocks * weights.block});
  return matrix && weights.columns != blocks * weights.block
             ? slice(matrix, 1, node.constantSize(0), node.constantSize(weights.columns))
             : matrix;
}

/// Dequantizing reads weights alone, so it is done when compiling, or by the product that reads the blocks.
static LogicalResult importMatMulNBits(NodeImporter &node) {
  BlockedWeights weights{node.intAttribute("N", 0), node.intAttribute("K", 0), node.intAttribute("bits", 4),
                         node.intAttribute("block_size", 0)};
  // It allows rows that are rounded to 8 bits, and asks for none: --activations=int8 does that.
  node.intAttribute("accuracy_level", 0);
  if (node.intAttribute("weight_prepacked", 0) != 0)
    return node.fail("'weight_prepacked' is set, only weights as the operator defines them are supported");
  if ((weights.bits != 2 && weights.bits != 4 && weights.bits != 8) || weights.block < 16 || weights.block > 65536 ||
      !llvm::isPowerOf2_64(weights.block))
    return node.fail("'bits' is {0} and 'block_size' {1}, needed 2, 4 or 8, and a power of two from 16 to 65536",
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
  int64_t blocks = weights.blocks();
  if (failed(requireShape(node, 1, "B", {weights.rows, blocks, weights.block * weights.bits / 8})) ||
      failed(requireShape(node, 2, "scales", {weights.rows, blocks})) ||
      (node.hasInput(3) &&
       failed(requireShape(node, 3, "zero_points",
                           {weights.rows, weights.zeroColumns(node.inputType(3) == DataType::Uint8)}))))
    return failure();
  bool isOfModel = node.isInitializer(1) && node.isInitializer(2) && (!node.hasInput(3) || node.isInitializer(3));
  Term matrix;
  if (isOfModel && fitsQ4_0(node, weights, scales.type())) {
    Type type = GgufType::get(node.context(), "q4_0");
    Term values = computeMatrix(node, weights, bytes, scales);
    matrix = values ? cast(Term(node, node.create<QuantizeOp>(type, values.value)), values.type()) : values;
  } else if (isOfModel && weights.columns % weights.block == 0) {
    matrix = castFromOwnBlocks(node, weights, bytes, scales);
  } else {
    matrix = computeMatrix(node, weights, bytes, scales);
  }
  Term product = matmulTransposed(x, cast(matrix, x.type()));
  return setOutput(node, 0, node.hasInput(5) ? product + input(node, 5) : product);
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"com.microsoft", "FusedMatMul", 1, NewestOpset, "batches in order", importFusedMatMul},
    {"com.microsoft", "MatMulNBits", 1, NewestOpset, "2, 4 and 8 bits, without g_idx", importMatMulNBits},
};

llvm::ArrayRef<Operator> lathe::onnx::microsoftProductOperators() { return Operators; }
