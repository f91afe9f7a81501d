// See FoldTransposes in Passes.td.
#include "dialects/lathe/DimArithmetic.h"
#include "dialects/lathe/LoopOps.h"
#include "dialects/lathe/SymbolicDims.h"
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

namespace {
/// The input with its last two dimensions exchanged, for which the batches in front were made one and apart again, as
/// PyTorch's exporter writes it.
struct ExchangeOfBatches {
  Operation *last;
  Operation *merged; ///< makes the batches one
  Value getInput() const { return merged->getOperand(0); }
};
} // namespace

/// True when sizes that are no numbers are the same, too: by what they are made of, or because there is only one.
static bool keepsSizes(const ExchangeOfBatches &found, const std::optional<SymbolicDims> &sizes) {
  if (cast<RankedTensorType>(found.getInput().getType()).getNumDynamicDims() <= 1)
    return true;
  if (!sizes)
    return false;
  ArrayRef<AffineExpr> before = (*sizes)[found.getInput()], merged = (*sizes)[found.merged->getResult(0)];
  SmallVector<AffineExpr> wanted(before);
  std::swap(wanted[wanted.size() - 2], wanted.back());
  return llvm::all_of_zip((*sizes)[found.last->getResult(0)], wanted, isSameDim) &&
         llvm::all_of_zip(merged.take_back(2), before.take_back(2), isSameDim);
}

static std::optional<ExchangeOfBatches> readExchange(Operation *op, const std::optional<SymbolicDims> &sizes) {
  static constexpr int64_t exchanged[] = {0, 2, 1};
  auto transpose = op->getOperand(0).getDefiningOp<TransposeOp>();
  Operation *merged =
      transpose && transpose.getPermutation() == ArrayRef(exchanged) ? transpose.getInput().getDefiningOp() : nullptr;
  if (!isa_and_nonnull<ReshapeOp, ReshapeToOp>(merged))
    return std::nullopt;
  ExchangeOfBatches found{op, merged};
  auto shapeOf = [](Value value) { return cast<RankedTensorType>(value.getType()).getShape(); };
  SmallVector<int64_t> shape(shapeOf(found.getInput()));
  if (shape.size() < 3 || shapeOf(merged->getResult(0)).take_back(2) != ArrayRef(shape).take_back(2))
    return std::nullopt;
  std::swap(shape[shape.size() - 2], shape.back());
  if (shapeOf(op->getResult(0)) != ArrayRef(shape) || !keepsSizes(found, sizes))
    return std::nullopt;
  return found;
}

/// All of them, found before anything changes: new values have no sizes yet.
static FailureOr<SmallVector<ExchangeOfBatches>> findExchanges(func::FuncOp function) {
  std::optional<SymbolicDims> sizes;
  if (function->hasAttr(SymbolsAttrName)) {
    FailureOr<SymbolicDims> computed = SymbolicDims::compute(function);
    if (failed(computed))
      return failure();
    sizes = *computed;
  }
  SmallVector<ExchangeOfBatches> all;
  function.walk([&](Operation *op) {
    if (isa<ReshapeOp, ReshapeToOp>(op))
      if (std::optional<ExchangeOfBatches> found = readExchange(op, sizes))
        all.push_back(*found);
  });
  return all;
}

static void keepBatches(const ExchangeOfBatches &found) {
  OpBuilder builder(found.last);
  int64_t rank = cast<RankedTensorType>(found.getInput().getType()).getRank();
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(permutation[rank - 2], permutation[rank - 1]);
  replaceWith(found.last, createTranspose(builder, found.last->getLoc(), found.getInput(), permutation),
              "FoldTransposes", "batches stay apart in a transpose");
}

static void rewrite(Operation *op) {
  if (auto transpose = dyn_cast<TransposeOp>(op))
    joinTransposes(transpose);
  else if (isa<MulOp, DivOp>(op))
    moveScaleInside(op);
  else if (auto product = dyn_cast<MatmulOp>(op))
    readTransposed(product);
}

namespace {
struct FoldTransposes : lathe::impl::FoldTransposesBase<FoldTransposes> {
  void runOnOperation() override {
    if (getOperation().isDeclaration())
      return;
    FailureOr<SmallVector<ExchangeOfBatches>> exchanges = findExchanges(getOperation());
    if (failed(exchanges))
      return signalPassFailure();
    llvm::for_each(*exchanges, keepBatches);
    rewriteEach(getOperation(), rewrite);
  }
};
} // namespace
