// See RecognizeAttention in Passes.td.
#include "dialects/lathe/LoopOps.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Passes.h"
#include "passes/cleanup/Matchers.h"
#include <cmath>

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_RECOGNIZEATTENTION
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

// As the kernels: wider heads have none.
static constexpr int64_t MaxHeadWidth = 512;
// Where a mask replaces scores by such a number or less, adding it comes to the same.
static constexpr double LargeNegative = -1e9;

namespace {
struct Attention {
  MatmulOp scores;
  Value query, key, value, mask;
  double scale = 1;
  bool tokensFirst = false;
};
} // namespace

static RankedTensorType getType(Value value) { return cast<RankedTensorType>(value.getType()); }

namespace {
/// What weighs the values: a softmax, maybe with a guard that gives zeros to rows of which nothing is seen, as
/// attention does by itself.
struct Shares {
  SoftmaxOp softmax;
  SmallVector<Operation *, 4> readers; ///< of scores and shares, within
};
} // namespace

static Shares readShares(Value value) {
  if (auto softmax = value.getDefiningOp<SoftmaxOp>())
    return {softmax, {softmax}};
  auto select = value.getDefiningOp<SelectOp>();
  auto softmax = select ? select.getOnFalse().getDefiningOp<SoftmaxOp>() : SoftmaxOp();
  if (!softmax || !isScalar(select.getOnTrue(), 0))
    return {};
  if (auto isNan = select.getCondition().getDefiningOp<IsNanOp>(); isNan && isNan.getInput() == softmax.getResult())
    return {softmax, {softmax, select, isNan}};
  auto equal = select.getCondition().getDefiningOp<EqualOp>();
  auto top = equal ? equal.getLhs().getDefiningOp<ReduceOp>() : ReduceOp();
  if (top && top.getKind() == ReduceKind::Max && top.getInput() == softmax.getInput() &&
      isScalar(equal.getRhs(), -HUGE_VAL))
    return {softmax, {softmax, select, equal, top}};
  return {};
}

/// Takes apart `scores * scale + mask`.
static bool readScores(Value value, Attention &found, OpBuilder &builder) {
  auto type = getType(value);
  if (auto add = value.getDefiningOp<AddOp>()) {
    for (auto [left, right] : {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())})
      if (splitScale(left).value.getDefiningOp<MatmulOp>() && left.getType() == type && !found.mask) {
        found.mask = right;
        value = left;
      }
  } else if (auto select = value.getDefiningOp<SelectOp>()) {
    std::optional<double> number = getScalar(select.getOnFalse());
    if (!number || *number > LargeNegative || select.getOnTrue().getType() != type)
      return false;
    auto scalar = RankedTensorType::get({}, type.getElementType());
    auto create = [&](double x) {
      Attribute attribute = builder.getFloatAttr(type.getElementType(), x);
      return ConstantOp::create(builder, value.getLoc(), scalar, DenseElementsAttr::get(scalar, attribute));
    };
    Value condition = select.getCondition();
    found.mask = SelectOp::create(builder, value.getLoc(),
                                  RankedTensorType::get(getType(condition).getShape(), type.getElementType()),
                                  condition, create(0), create(*number));
    value = select.getOnTrue();
  }
  Scaled scaled = splitScale(value);
  found.scores = scaled.value.getDefiningOp<MatmulOp>();
  found.scale = scaled.factor;
  return found.scores != nullptr;
}

/// The input when `value` is [B, H, T, D] of [B, T, H, D]; else null.
static Value readTokensFirst(Value value) {
  auto transpose = value.getDefiningOp<TransposeOp>();
  static constexpr int64_t exchanged[] = {0, 2, 1, 3};
  return transpose && transpose.getPermutation() == ArrayRef(exchanged) ? Value(transpose.getInput()) : Value();
}

/// Heads of which each was repeated for several heads of queries, before that; else `value`.
static Value skipRepeats(Value value) {
  auto joined = value.getDefiningOp<ReshapeOp>();
  auto expand = joined ? joined.getInput().getDefiningOp<ExpandOp>() : ExpandOp();
  auto apart = expand ? expand.getInput().getDefiningOp<ReshapeOp>() : ReshapeOp();
  if (!apart)
    return value;
  RankedTensorType source = getType(apart.getInput()), one = getType(apart), many = getType(expand),
                   result = getType(value);
  if (source.getRank() != 4 || one.getRank() != 5 || many.getRank() != 5 || result.getRank() != 4)
    return value;
  int64_t heads = source.getDimSize(1), repeats = many.getDimSize(2);
  bool fits = !ShapedType::isDynamic(heads) && !ShapedType::isDynamic(repeats) && one.getDimSize(1) == heads &&
              one.getDimSize(2) == 1 && many.getDimSize(1) == heads && result.getDimSize(1) == heads * repeats;
  for (auto [four, five] : {std::pair(0, 0), {2, 3}, {3, 4}})
    fits &= source.getDimSize(four) == one.getDimSize(five) && one.getDimSize(five) == many.getDimSize(five) &&
            many.getDimSize(five) == result.getDimSize(four);
  return fits ? apart.getInput() : value;
}

/// The mask with 4 dimensions, each 1 or that of the scores; null if it has others.
static Value getMask(OpBuilder &builder, Value mask, RankedTensorType scores) {
  RankedTensorType type = getType(mask);
  if (type.getRank() > 4)
    return Value();
  for (auto [own, whole] : llvm::zip(type.getShape(), scores.getShape().take_back(type.getRank())))
    if (own != 1 && own != whole)
      return Value();
  int64_t missing = 4 - type.getRank();
  if (missing == 0)
    return mask;
  SmallVector<int64_t> shape(missing, 1);
  llvm::append_range(shape, type.getShape());
  SmallVector<AffineExpr> sizes(missing, builder.getAffineConstantExpr(1));
  for (int64_t d = 0; d < type.getRank(); ++d)
    sizes.push_back(type.isDynamicDim(d) ? builder.getAffineSymbolExpr(d)
                                         : builder.getAffineConstantExpr(type.getDimSize(d)));
  return ExpandOp::create(builder, mask.getLoc(), RankedTensorType::get(shape, type.getElementType()), mask,
                          ValueRange(), AffineMap::get(0, type.getRank(), sizes, builder.getContext()));
}

/// `mask` without the dimensions that it has because constants of one number have them: computed again from what is
/// smaller. Masks that say which keys exist are the same for all queries then.
static Value narrowMask(OpBuilder &builder, Value mask) {
  Operation *op = mask.getDefiningOp();
  if (!op || !isElementwise(op))
    return mask;
  IRMapping map;
  Value varying;
  for (Value operand : op->getOperands()) {
    auto constant = operand.getDefiningOp<ConstantOp>();
    auto splat = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
    if (splat)
      map.map(operand, ConstantOp::create(builder, op->getLoc(),
                                          splat.resizeSplat(RankedTensorType::get({}, splat.getElementType()))));
    else if (varying && varying != operand)
      return mask;
    else
      varying = operand;
  }
  Value narrow = varying ? narrowMask(builder, varying) : Value();
  if (!narrow || getType(narrow).getRank() != getType(mask).getRank() ||
      getType(narrow).getShape() == getType(mask).getShape())
    return mask;
  map.map(varying, narrow);
  Operation *again = builder.clone(*op, map);
  again->getResult(0).setType(getType(mask).clone(getType(narrow).getShape()));
  return again->getResult(0);
}

/// Finds query, key and value, and what keeps these from being one operation; an empty string if nothing does.
static StringRef readOperands(MatmulOp op, Attention &found, OpBuilder &builder) {
  RankedTensorType result = op.getResult().getType(), scores = found.scores.getResult().getType();
  Type e = result.getElementType();
  if (result.getRank() != 4 || scores.getRank() != 4 || op.getTransposeRhs() || !found.scores.getTransposeRhs())
    return "queries, keys and values do not have 4 dimensions, or lie in another order";
  if (getElementTypeOrSelf(found.scores.getLhs()) != e || getElementTypeOrSelf(found.scores.getRhs()) != e ||
      getElementTypeOrSelf(op.getRhs()) != e || scores.getElementType() != e)
    return "queries, keys and values are of several types";
  Scaled query = splitScale(found.scores.getLhs()), key = splitScale(found.scores.getRhs());
  found.query = query.value, found.key = skipRepeats(key.value), found.value = skipRepeats(op.getRhs());
  found.scale *= query.factor * key.factor;
  if (Value q = readTokensFirst(found.query), k = readTokensFirst(found.key), v = readTokensFirst(found.value);
      q && k && v) {
    found.tokensFirst = true;
    Scaled scaledQuery = splitScale(q), scaledKey = splitScale(k);
    found.query = scaledQuery.value, found.key = scaledKey.value, found.value = v;
    found.scale *= scaledQuery.factor * scaledKey.factor;
  }
  RankedTensorType q = getType(found.query), k = getType(found.key), v = getType(found.value);
  unsigned head = found.tokensFirst ? 2 : 1, token = 3 - head;
  if (q.getRank() != 4 || k.getRank() != 4 || v.getRank() != 4 || q.getDimSize(0) != k.getDimSize(0) ||
      k.getDimSize(0) != v.getDimSize(0) || k.getDimSize(head) != v.getDimSize(head) ||
      k.getDimSize(token) != v.getDimSize(token) || q.getDimSize(3) != k.getDimSize(3))
    return "queries, keys and values have other batches, heads or widths";
  int64_t heads = q.getDimSize(head), keyHeads = k.getDimSize(head);
  if (ShapedType::isDynamic(heads) || ShapedType::isDynamic(keyHeads) || keyHeads == 0 || heads % keyHeads != 0)
    return "the number of heads is not known";
  if (v.isDynamicDim(3) || v.getDimSize(3) > MaxHeadWidth)
    return "a head has more than 512 elements, or nobody knows how many";
  if (found.mask && !(found.mask = getMask(builder, narrowMask(builder, found.mask), scores)))
    return "the mask has not the dimensions of the scores";
  return "";
}

/// True when operations beside those of `shares` and the product read scores or shares.
static bool hasOtherReaders(const Shares &shares, MatmulOp product) {
  SoftmaxOp softmax = shares.softmax;
  for (Value value : {Value(softmax.getInput()), Value(softmax.getResult()), Value(product.getLhs())})
    for (Operation *user : value.getUsers())
      if (user != product && !llvm::is_contained(shares.readers, user))
        return true;
  return false;
}

static void rewrite(Operation *op) {
  auto product = dyn_cast<MatmulOp>(op);
  Shares shares = product ? readShares(product.getLhs()) : Shares();
  if (!shares.softmax)
    return;
  OpBuilder builder(op);
  Attention found;
  if (!readScores(shares.softmax.getInput(), found, builder))
    return refuse(op, "RecognizeAttention", "the softmax is not over a product, scaled and masked");
  if (hasOtherReaders(shares, product))
    return refuse(op, "RecognizeAttention", "others read the scores or the shares");
  if (StringRef obstacle = readOperands(product, found, builder); !obstacle.empty())
    return refuse(op, "RecognizeAttention", obstacle);
  RankedTensorType query = getType(found.query);
  auto type =
      query.clone({query.getDimSize(0), query.getDimSize(1), query.getDimSize(2), getType(found.value).getDimSize(3)});
  Value result = AttentionOp::create(builder, op->getLoc(), type, found.query, found.key, found.value, found.mask,
                                     APFloat(float(found.scale)), /*causal=*/false, found.tokensFirst);
  if (found.tokensFirst)
    result = TransposeOp::create(builder, op->getLoc(), product.getResult().getType(), result,
                                 ArrayRef<int64_t>({0, 2, 1, 3}));
  if (result.getType() != product.getResult().getType())
    return refuse(op, "RecognizeAttention", "the result has other sizes");
  replaceWith(op, result, "RecognizeAttention",
              Twine("attention of ") + std::to_string(query.getDimSize(found.tokensFirst ? 2 : 1)) + " heads");
}

namespace {
struct RecognizeAttention : lathe::impl::RecognizeAttentionBase<RecognizeAttention> {
  void runOnOperation() override { rewriteEach(getOperation(), rewrite); }
};
} // namespace
