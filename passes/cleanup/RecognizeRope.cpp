// See RecognizeRope in Passes.td.
#include "dialects/lathe/LoopOps.h"
#include "passes/Passes.h"
#include "passes/cleanup/Matchers.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_RECOGNIZEROPE
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

namespace {
/// Part of a row: every `step`-th element of the last dimension of `source`.
struct Part {
  Value source;
  int64_t start, size, step;
};
} // namespace

static int64_t getWidth(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return type.getRank() ? type.getShape().back() : ShapedType::kDynamic;
}

/// `value` as part of the rows of another; reshapes that add a last dimension of 1 do not matter.
static std::optional<Part> readPart(Value value) {
  if (auto reshape = value.getDefiningOp<ReshapeOp>(); reshape && getWidth(value) == 1)
    value = reshape.getInput();
  auto slice = value.getDefiningOp<SliceOp>();
  if (!slice)
    return std::nullopt;
  RankedTensorType from = slice.getInput().getType(), to = slice.getResult().getType();
  if (from.getRank() == 0)
    return std::nullopt;
  int64_t last = from.getRank() - 1;
  for (int64_t d = 0; d < last; ++d)
    if (getConstantResult(slice.getStarts(), d) != 0 || slice.getSteps()[d] != 1 ||
        from.getDimSize(d) != to.getDimSize(d))
      return std::nullopt;
  std::optional<int64_t> start = getConstantResult(slice.getStarts(), last);
  if (!start || to.isDynamicDim(last))
    return std::nullopt;
  return Part{slice.getInput(), *start, to.getDimSize(last), slice.getSteps()[last]};
}

/// How the parts pair up the elements of a row; nothing if they do not, or not all of them.
static std::optional<RopePairing> getPairing(const Part &a, const Part &b) {
  int64_t width = getWidth(a.source), half = width / 2;
  if (a.source != b.source || ShapedType::isDynamic(width) || width % 2 != 0 || a.size != half || b.size != half ||
      a.start != 0)
    return std::nullopt;
  if (a.step == 1 && b.step == 1 && b.start == half)
    return RopePairing::Halves;
  if (a.step == 2 && b.step == 2 && b.start == 1)
    return RopePairing::Adjacent;
  return std::nullopt;
}

/// The two inputs of a concatenation along the last dimension; adjacent pairs are reshaped back to a row.
static ConcatOp readJoined(Value value, RopePairing pairing) {
  if (pairing == RopePairing::Adjacent) {
    auto reshape = value.getDefiningOp<ReshapeOp>();
    value = reshape ? reshape.getInput() : Value();
  }
  auto concat = value ? value.getDefiningOp<ConcatOp>() : ConcatOp();
  if (!concat || concat.getInputs().size() != 2 ||
      int64_t(concat.getAxis()) != concat.getResult().getType().getRank() - 1)
    return ConcatOp();
  bool isPairs = getWidth(concat) == 2 && getWidth(concat.getInputs()[0]) == 1;
  return isPairs == (pairing == RopePairing::Adjacent) ? concat : ConcatOp();
}

namespace {
struct Rotation {
  Value input, cosines, sines;
  RopePairing pairing;
};
} // namespace

/// x and the pairing when `value` is (-b, a) of the pairs (a, b) of x.
static std::optional<std::pair<Value, RopePairing>> readQuarterTurn(Value value) {
  for (RopePairing pairing : {RopePairing::Halves, RopePairing::Adjacent}) {
    ConcatOp concat = readJoined(value, pairing);
    if (!concat)
      continue;
    Value first = concat.getInputs()[0];
    if (auto reshape = first.getDefiningOp<ReshapeOp>(); reshape && getWidth(first) == 1)
      first = reshape.getInput();
    Scaled minus = splitScale(first);
    std::optional<Part> b = minus.factor == -1 ? readPart(minus.value) : std::nullopt,
                        a = readPart(concat.getInputs()[1]);
    if (a && b && getPairing(*a, *b) == pairing)
      return std::pair(a->source, pairing);
  }
  return std::nullopt;
}

/// x * cosines + (-b, a) * sines, as PyTorch's models write it.
static std::optional<Rotation> readSum(AddOp add) {
  for (auto [left, right] : {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())}) {
    auto straight = left.getDefiningOp<MulOp>(), turned = right.getDefiningOp<MulOp>();
    if (!straight || !turned)
      continue;
    for (Value operand : turned->getOperands())
      if (auto turn = readQuarterTurn(operand))
        if (Value cosines = getOther(straight, turn->first))
          return Rotation{turn->first, cosines, getOther(turned, operand), turn->second};
  }
  return std::nullopt;
}

/// (a cosines - b sines, a sines + b cosines), as ONNX defines it.
static std::optional<Rotation> readParts(Value value, RopePairing pairing) {
  ConcatOp concat = readJoined(value, pairing);
  if (!concat)
    return std::nullopt;
  auto get = [](Value value) {
    auto reshape = value.getDefiningOp<ReshapeOp>();
    return reshape && getWidth(value) == 1 ? Value(reshape.getInput()) : value;
  };
  auto sub = get(concat.getInputs()[0]).getDefiningOp<SubOp>();
  auto add = get(concat.getInputs()[1]).getDefiningOp<AddOp>();
  auto aCos = sub ? sub.getLhs().getDefiningOp<MulOp>() : MulOp(),
       bSin = sub ? sub.getRhs().getDefiningOp<MulOp>() : MulOp();
  if (!add || !aCos || !bSin)
    return std::nullopt;
  for (Value a : aCos->getOperands())
    for (Value b : bSin->getOperands()) {
      std::optional<Part> first = readPart(a), second = readPart(b);
      if (!first || !second || getPairing(*first, *second) != pairing)
        continue;
      Value cosines = getOther(aCos, a), sines = getOther(bSin, b);
      auto isProduct = [](Value value, Value x, Value y) {
        auto mul = value.getDefiningOp<MulOp>();
        return mul && getOther(mul, x) == y;
      };
      for (auto [left, right] : {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())})
        if (isProduct(left, a, sines) && isProduct(right, b, cosines))
          return Rotation{first->source, cosines, sines, pairing};
    }
  return std::nullopt;
}

static void rewrite(Operation *op) {
  std::optional<Rotation> found;
  if (auto add = dyn_cast<AddOp>(op))
    found = readSum(add);
  else if (isa<ConcatOp>(op))
    found = readParts(op->getResult(0), RopePairing::Halves);
  else if (isa<ReshapeOp>(op))
    found = readParts(op->getResult(0), RopePairing::Adjacent);
  if (!found || found->input.getType() != op->getResult(0).getType())
    return;
  auto type = cast<RankedTensorType>(found->input.getType());
  auto cosines = cast<RankedTensorType>(found->cosines.getType());
  auto sines = cast<RankedTensorType>(found->sines.getType());
  if (Type e = type.getElementType(); !e.isF32() && !e.isF16() && !e.isBF16())
    return refuse(op, "RecognizeRope", "elements are not f32, f16 or bf16");
  int64_t width = getWidth(found->input), length = getWidth(found->cosines);
  if (cosines != sines || cosines.getRank() < 1 || (length != width && length != width / 2))
    return refuse(op, "RecognizeRope", "cosines and sines have other shapes, or not a number for each element or pair");
  OpBuilder builder(op);
  Value result = RotatePairsOp::create(builder, op->getLoc(), type, found->input, found->cosines, found->sines,
                                       found->pairing, width);
  replaceWith(op, result, "RecognizeRope",
              found->pairing == RopePairing::Halves ? "a rotary embedding of halves"
                                                    : "a rotary embedding of adjacent elements");
}

namespace {
struct RecognizeRope : lathe::impl::RecognizeRopeBase<RecognizeRope> {
  void runOnOperation() override { rewriteEach(getOperation(), rewrite); }
};
} // namespace
