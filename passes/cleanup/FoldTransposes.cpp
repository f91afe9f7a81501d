// See FoldTransposes in Passes.td.
#include "passes/Passes.h"
#include "passes/cleanup/Matchers.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FOLDTRANSPOSES
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

static bool isIdentity(ArrayRef<int64_t> permutation) {
  return llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size()));
}

static Value createTranspose(OpBuilder &builder, Location location, Value value, ArrayRef<int64_t> permutation) {
  if (isIdentity(permutation))
    return value;
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape;
  for (int64_t d : permutation)
    shape.push_back(type.getDimSize(d));
  return TransposeOp::create(builder, location, type.clone(shape), value, permutation);
}

/// A transpose of a transpose, or one that leaves all as it is.
static void joinTransposes(TransposeOp op) {
  SmallVector<int64_t> permutation(op.getPermutation());
  Value input = op.getInput();
  while (auto inner = input.getDefiningOp<TransposeOp>()) {
    for (int64_t &d : permutation)
      d = inner.getPermutation()[d];
    input = inner.getInput();
  }
  if (input == op.getInput() && !isIdentity(permutation))
    return;
  OpBuilder builder(op);
  Value result = createTranspose(builder, op.getLoc(), input, permutation);
  if (result.getType() == op.getResult().getType())
    replaceWith(op, result, "FoldTransposes", "transposes become one or none");
}

/// A transpose that is scaled for a product is scaled before, so that the product meets the transpose.
static void moveScaleInside(Operation *op) {
  Value result = op->getResult(0);
  bool isForProduct = llvm::all_of(result.getUsers(), llvm::IsaPred<MatmulOp>);
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    auto transpose = operand.getDefiningOp<TransposeOp>();
    Value factor = op->getOperand(1 - i);
    if (!transpose || !isForProduct || !getScalar(factor) || (isa<DivOp>(op) && i == 1) ||
        operand.getType() != result.getType() || !transpose->hasOneUse())
      continue;
    OpBuilder builder(op);
    IRMapping mapping;
    mapping.map(operand, transpose.getInput());
    // A constant of all dimensions repeats one of none just as well.
    auto type = RankedTensorType::get({}, getElementTypeOrSelf(factor));
    auto number = cast<DenseElementsAttr>(factor.getDefiningOp<ConstantOp>().getValue()).getSplatValue<Attribute>();
    mapping.map(factor, ConstantOp::create(builder, op->getLoc(), type, DenseElementsAttr::get(type, number)));
    Operation *scaled = builder.clone(*op, mapping);
    scaled->getResult(0).setType(transpose.getInput().getType());
    Value moved = createTranspose(builder, transpose.getLoc(), scaled->getResult(0), transpose.getPermutation());
    return replaceWith(op, moved, "FoldTransposes", "a factor moves in front of a transpose");
  }
}

/// A right operand whose last two dimensions were exchanged is read as it was.
static void readTransposed(MatmulOp op) {
  auto transpose = op.getRhs().getDefiningOp<TransposeOp>();
  if (!transpose)
    return;
  SmallVector<int64_t> permutation(transpose.getPermutation());
  int64_t rank = permutation.size();
  std::swap(permutation[rank - 2], permutation[rank - 1]);
  if (permutation[rank - 1] != rank - 1 || (!isIdentity(permutation) && !transpose->hasOneUse()))
    return;
  OpBuilder builder(op);
  Value rhs = createTranspose(builder, transpose.getLoc(), transpose.getInput(), permutation);
  Value product =
      MatmulOp::create(builder, op.getLoc(), op.getResult().getType(), op.getLhs(), rhs, !op.getTransposeRhs());
  replaceWith(op, product, "FoldTransposes", "a product reads its right operand without a transpose");
}

/// Batches that were made one dimension to exchange the last two, as PyTorch's exporter writes it.
static void keepBatches(ReshapeOp op) {
  static constexpr int64_t exchanged[] = {0, 2, 1};
  auto transpose = op.getInput().getDefiningOp<TransposeOp>();
  auto merged = transpose && transpose.getPermutation() == ArrayRef(exchanged)
                    ? transpose.getInput().getDefiningOp<ReshapeOp>()
                    : ReshapeOp();
  if (!merged || merged.getInput().getType().getRank() < 3)
    return;
  RankedTensorType before = merged.getInput().getType();
  SmallVector<int64_t> shape(before.getShape()), permutation = llvm::to_vector(llvm::seq<int64_t>(0, shape.size()));
  std::swap(shape[shape.size() - 2], shape.back());
  std::swap(permutation[shape.size() - 2], permutation.back());
  // With one size that is no number the elements of a batch are the same on both sides.
  if (before.getNumDynamicDims() > 1 || op.getResult().getType().getShape() != ArrayRef(shape) ||
      merged.getResult().getType().getShape().take_back(2) != before.getShape().take_back(2))
    return;
  OpBuilder builder(op);
  replaceWith(op, createTranspose(builder, op.getLoc(), merged.getInput(), permutation), "FoldTransposes",
              "batches stay apart in a transpose");
}

static void rewrite(Operation *op) {
  if (auto reshape = dyn_cast<ReshapeOp>(op))
    keepBatches(reshape);
  else if (auto transpose = dyn_cast<TransposeOp>(op))
    joinTransposes(transpose);
  else if (isa<MulOp, DivOp>(op))
    moveScaleInside(op);
  else if (auto product = dyn_cast<MatmulOp>(op))
    readTransposed(product);
}

namespace {
struct FoldTransposes : lathe::impl::FoldTransposesBase<FoldTransposes> {
  void runOnOperation() override { rewriteEach(getOperation(), rewrite); }
};
} // namespace
