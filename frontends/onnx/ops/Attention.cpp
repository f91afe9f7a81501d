// Attention and what stands around it in language models, put together from products, softmax and masks.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/Terms.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// [B, T, H * D] as [B, H, T, D].
static Term splitHeads(const Term &x, int64_t heads) {
  if (!x || x.rank() == 4)
    return x;
  NodeImporter &node = *x.node;
  AffineExpr width = heads > 0 && x.rank() == 3 ? divideDimExactly(x.dim(2), node.constantSize(heads)) : AffineExpr();
  if (!width) {
    (void)node.fail(
        "has an input of rank {0} and {1} heads, needed rank 4, or rank 3 with a last dimension that the heads "
        "divide",
        x.rank(), heads);
    return Term();
  }
  return transpose(reshape(x, {x.dim(0), x.dim(1), node.constantSize(heads), width}), {0, 2, 1, 3});
}

/// Each head of [B, H, T, D] repeated, so that there are as many as `like` has.
static Term repeatHeads(const Term &x, const Term &like) {
  if (!x || !like || isSameDim(x.dim(1), like.dim(1)))
    return x;
  NodeImporter &node = *x.node;
  AffineExpr repeat = divideDimExactly(like.dim(1), x.dim(1));
  if (!repeat) {
    (void)node.fail("has {0} heads of queries and {1} of keys, needed a multiple", node.print(like.dim(1)),
                    node.print(x.dim(1)));
    return Term();
  }
  Term apart = expand(unsqueeze(x, 2), {x.dim(0), x.dim(1), repeat, x.dim(2), x.dim(3)});
  return reshape(apart, {x.dim(0), like.dim(1), x.dim(2), x.dim(3)});
}

namespace {

/// What an Attention node masks out. Positions are counted from the first key.
struct Masks {
  NodeImporter &node;
  Term scores; ///< [B, H, T, S]
  Type type;
  Term offset; ///< keys in front of the queries: rank 0 or [B, 1, 1, 1]; empty: none
  Term bias;   ///< what is added to the scores; empty: nothing
  bool canBeEmpty = false;

  Term forbidden() { return constant(node, type, -HUGE_VAL); }
  void add(const Term &term) { bias = bias ? bias + term : term; }
  void allow(const Term &allowed) { add(select(allowed, constant(node, type, 0), forbidden())); }
  Term keys() {
    AffineExpr one = node.constantSize(1);
    return iota(node, node.builder().getI64Type(), {one, one, one, scores.dim(3)}, 3);
  }
  Term queries() {
    AffineExpr one = node.constantSize(1);
    Term places = iota(node, node.builder().getI64Type(), {one, one, scores.dim(2), one}, 2);
    return offset ? places + offset : places;
  }
};

} // namespace

/// The node's own mask, which may be shorter than the keys.
static LogicalResult addGivenMask(Masks &masks) {
  NodeImporter &node = masks.node;
  Term mask = toRank(input(node, 3), 4);
  if (!mask)
    return failure();
  masks.canBeEmpty = true;
  bool isBool = mask.type().isInteger(1);
  AffineExpr keys = masks.scores.dim(3), one = node.constantSize(1);
  if (!isSameDim(mask.dim(3), keys) && mask.dim(3) != one) {
    SmallVector<AffineExpr> low(4, node.constantSize(0)), sizes(mask.dims());
    sizes[3] = keys;
    mask = pad(mask, isBool ? constant(mask, 0) : constant(mask, -HUGE_VAL), "constant", low, sizes);
  } else if (mask.dim(3) == one && keys != one) {
    SmallVector<AffineExpr> low(4, node.constantSize(0)), sizes(mask.dims());
    sizes[3] = keys;
    mask = pad(mask, isBool ? constant(mask, 0) : constant(mask, -HUGE_VAL), "constant", low, sizes);
  }
  if (isBool)
    masks.allow(mask);
  else
    masks.add(cast(mask, masks.type));
  return success(bool(masks.bias));
}

static LogicalResult addMasks(Masks &masks) {
  NodeImporter &node = masks.node;
  bool causal = node.intAttribute("is_causal", 0);
  int64_t left = node.attribute("left_window_size") ? node.intAttribute("left_window_size", -1) : -1;
  int64_t right = node.attribute("right_window_size") ? node.intAttribute("right_window_size", -1) : -1;
  Term lengths;
  if (node.hasInput(6)) {
    lengths = input(node, 6);
    lengths = lengths
                  ? reshape(lengths, {lengths.dim(0), node.constantSize(1), node.constantSize(1), node.constantSize(1)})
                  : lengths;
    if (!lengths)
      return failure();
    masks.canBeEmpty = true;
    masks.offset = lengths - sizeOf(lengths, masks.scores.dim(2), lengths.type());
  }
  if (node.hasInput(3) && failed(addGivenMask(masks)))
    return failure();
  if (causal)
    masks.allow(test<LessEqualOp>(masks.keys(), masks.queries()));
  if (left >= 0)
    masks.allow(test<LessEqualOp>(masks.queries() - double(left), masks.keys()));
  if (right >= 0)
    masks.allow(test<LessEqualOp>(masks.keys(), masks.queries() + double(right)));
  masks.canBeEmpty |= left >= 0 || right >= 0;
  if (lengths)
    masks.allow(test<LessOp>(masks.keys(), lengths));
  bool asked = node.hasInput(3) || causal || left >= 0 || right >= 0 || lengths;
  return success(!asked || masks.bias);
}

/// Softmax over the last dimension; rows without a key give zeros.
static Term softmaxOfMasked(const Term &scores, bool canBeEmpty) {
  Term shares = scores ? softmax(scores, scores.rank() - 1) : scores;
  if (!shares || !canBeEmpty)
    return shares;
  Term top = reduce(scores, ReduceKind::Max, scores.rank() - 1, /*keep=*/true);
  return select(test<EqualOp>(top, constant(top, -HUGE_VAL)), constant(shares, 0), shares);
}

static LogicalResult importAttention(NodeImporter &node) {
  int64_t queryHeads = node.intAttribute("q_num_heads", 0), keyHeads = node.intAttribute("kv_num_heads", 0);
  float scale = node.floatAttribute("scale", 0), cap = node.floatAttribute("softcap", 0);
  int64_t mode = node.intAttribute("qk_matmul_output_mode", 0);
  auto precision = DataType(node.intAttribute("softmax_precision", 0));
  Term given = realInput(node, 0);
  Term query = splitHeads(given, queryHeads), key = splitHeads(realInput(node, 1), keyHeads);
  Term value = splitHeads(realInput(node, 2), keyHeads);
  if (!query || !key || !value)
    return failure();
  Masks masks{node, {}, query.type(), {}, {}};
  if (node.hasInput(4) != node.hasInput(5))
    return node.fail("has only one of past_key and past_value, needed both");
  if (node.hasInput(4)) {
    Term pastKey = input(node, 4), pastValue = input(node, 5);
    if (!pastKey || !pastValue)
      return failure();
    masks.offset = sizeOf(query, pastKey.dim(2), node.builder().getI64Type());
    key = concat({pastKey, key}, 2);
    value = concat({pastValue, value}, 2);
    if (!key || !value || !masks.offset)
      return failure();
  }
  if (node.hasOutput(1))
    node.setOutput(1, key.value);
  if (node.hasOutput(2))
    node.setOutput(2, value.value);
  if (!node.attribute("scale")) {
    if (!query.size(3))
      return node.fail("the heads have {0} elements, needed a number, or 'scale'", node.print(query.dim(3)));
    scale = 1 / std::sqrt(double(*query.size(3)));
  }
  if (scale < 0)
    return node.fail("'scale' is {0}, needed a number that is not negative", scale);
  double root = std::sqrt(double(scale));
  Term scores = matmul(query * root, transpose(repeatHeads(key, query) * root, {0, 1, 3, 2}));
  masks.scores = scores;
  if (!scores || failed(addMasks(masks)))
    return failure();
  SmallVector<Term, 4> stages = {scores};
  stages.push_back(cap > 0 ? apply<TanhOp>(scores / cap) * cap : scores);
  stages.push_back(masks.bias ? stages.back() + masks.bias : stages.back());
  Type softmaxType = precision == DataType::Undefined ? scores.type() : convertType(node.context(), precision);
  if (!softmaxType || !isa<FloatType>(softmaxType))
    return node.fail("'softmax_precision' is {0}, needed a float type", dataTypeName(precision));
  stages.push_back(cast(softmaxOfMasked(cast(stages.back(), softmaxType), masks.canBeEmpty), scores.type()));
  if (node.hasOutput(3)) {
    if (mode < 0 || mode > 3)
      return node.fail("'qk_matmul_output_mode' is {0}, needed 0 to 3", mode);
    if (failed(setOutput(node, 3, stages[mode])))
      return failure();
  }
  Term result = cast(matmul(cast(stages[3], value.type()), repeatHeads(value, query)), query.type());
  if (!result || given.rank() == 4)
    return setOutput(node, 0, result);
  Term joined = transpose(result, {0, 2, 1, 3});
  return setOutput(node, 0, reshape(joined, {result.dim(0), result.dim(2), result.dim(1) * result.dim(3)}));
}

/// Rotated pairs of the last dimension.
static Term rotate(const Term &x, const Term &cosines, const Term &sines, bool interleaved) {
  if (!x || !cosines || !sines)
    return Term();
  NodeImporter &node = *x.node;
  int64_t last = x.rank() - 1;
  AffineExpr half = x.dim(last).floorDiv(2), zero = node.constantSize(0);
  Term a = interleaved ? slice(x, last, zero, half, 2) : slice(x, last, zero, half);
  Term b = interleaved ? slice(x, last, node.constantSize(1), half, 2) : slice(x, last, half, half);
  Term real = cosines * a - sines * b, imaginary = sines * a + cosines * b;
  if (!interleaved)
    return concat({real, imaginary}, last);
  Term pairs = concat({unsqueeze(real, last + 1), unsqueeze(imaginary, last + 1)}, last + 1);
  return reshape(pairs, x.dims());
}

static LogicalResult importRotaryEmbedding(NodeImporter &node) {
  bool interleaved = node.intAttribute("interleaved", 0);
  int64_t heads = node.intAttribute("num_heads", 0), part = node.intAttribute("rotary_embedding_dim", 0);
  Term given = realInput(node, 0), cosines = input(node, 1), sines = input(node, 2);
  if (!given || !cosines || !sines)
    return failure();
  int64_t headAxis = given.rank() == 3 ? 2 : 1;
  Term x = given;
  if (given.rank() == 3) {
    AffineExpr width = heads > 0 ? divideDimExactly(given.dim(2), node.constantSize(heads)) : AffineExpr();
    if (!width)
      return node.fail("'num_heads' is {0}, needed a divisor of {1}", heads, node.print(given.dim(2)));
    x = reshape(given, {given.dim(0), given.dim(1), node.constantSize(heads), width});
  }
  if (!x || x.rank() != 4)
    return node.fail("input has rank {0}, needed 3 or 4", given.rank());
  if (node.hasInput(3)) {
    Term positions = input(node, 3);
    if (!positions)
      return failure();
    cosines = Term(node, node.create<GatherAlongOp>(cosines.type(), cosines.value, positions.value, 0));
    sines = Term(node, node.create<GatherAlongOp>(sines.type(), sines.value, positions.value, 0));
  }
  if (!cosines || !sines || cosines.rank() != 3 || sines.rank() != 3)
    return node.fail("the caches have ranks {0} and {1}, needed [batch, positions, half of a head]", cosines.rank(),
                     sines.rank());
  cosines = unsqueeze(cosines, headAxis);
  sines = unsqueeze(sines, headAxis);
  AffineExpr zero = node.constantSize(0);
  Term result;
  if (part == 0) {
    result = rotate(x, cosines, sines, interleaved);
  } else {
    if (part < 0 || part % 2 != 0 || !x.size(3) || part > *x.size(3))
      return node.fail("'rotary_embedding_dim' is {0}, needed an even number of at most {1}", part,
                       node.print(x.dim(3)));
    AffineExpr turned = node.constantSize(part), rest = node.constantSize(*x.size(3) - part);
    result = concat({rotate(slice(x, 3, zero, turned), cosines, sines, interleaved), slice(x, 3, turned, rest)}, 3);
  }
  return setOutput(node, 0, given.rank() == 3 && result ? reshape(result, given.dims()) : result);
}

static LogicalResult importCausalConvWithState(NodeImporter &node) {
  StringRef activation = node.stringAttribute("activation", "none");
  Term x = realInput(node, 0), weight = realInput(node, 1);
  if (!x || !weight)
    return failure();
  if (activation != "none" && activation != "silu" && activation != "swish")
    return node.fail("'activation' is '{0}', needed none, silu or swish", activation);
  if (x.rank() != 3 || weight.rank() != 3 || !weight.size(2) || *weight.size(2) < 1 || *weight.size(2) > 256)
    return node.fail("input and weight have ranks {0} and {1}, needed 3 and a kernel of 1 to 256 elements", x.rank(),
                     weight.rank());
  int64_t taps = *weight.size(2);
  AffineExpr one = node.constantSize(1), before = node.constantSize(taps - 1);
  Term past = node.hasInput(3) ? realInput(node, 3) : expand(constant(x, 0), {x.dim(0), x.dim(1), before});
  Term all = concat({past, x}, 2), sum;
  if (!all)
    return failure();
  for (int64_t i = 0; i < taps; ++i) {
    Term factor = reshape(slice(weight, 2, node.constantSize(i), one), {one, weight.dim(0), one});
    Term part = slice(all, 2, node.constantSize(i), x.dim(2)) * factor;
    sum = i == 0 ? part : sum + part;
  }
  if (node.hasInput(2)) {
    Term bias = realInput(node, 2);
    sum = bias ? sum + reshape(bias, {one, bias.dim(0), one}) : bias;
  }
  if (node.hasOutput(1) && failed(setOutput(node, 1, slice(all, 2, x.dim(2), before))))
    return failure();
  return setOutput(node, 0, activation == "none" ? sum : apply<SiluOp>(sum));
}

namespace {

/// The inputs of a linear attention as [B, H, T, D] in f32.
struct LinearInputs {
  Term query, key, value;
  Term decay, beta; ///< empty where the rule has none; D is 1 where one number is for all
  Term state;       ///< [B, H, key width, value width]
};

} // namespace

static FailureOr<LinearInputs> getLinearInputs(NodeImporter &node, int64_t queryHeads, int64_t heads, bool decays,
                                               bool corrects) {
  Type f32 = node.builder().getF32Type();
  auto read = [&](size_t index, int64_t count) { return splitHeads(cast(realInput(node, index), f32), count); };
  LinearInputs in{read(0, queryHeads), read(1, heads), read(2, heads), {}, {}, {}};
  if (!in.query || !in.key || !in.value)
    return failure();
  if (decays != node.hasInput(4) || corrects != node.hasInput(5))
    return node.fail("has {0} decay and {1} beta, which does not fit 'update_rule'", node.hasInput(4) ? "a" : "no",
                     node.hasInput(5) ? "a" : "no");
  if (decays)
    in.decay = read(4, heads);
  if (corrects) {
    Term beta = realInput(node, 5);
    in.beta = read(5, beta && beta.rank() == 3 && beta.size(2) == 1 ? 1 : heads);
  }
  SmallVector<AffineExpr> shape = {in.key.dim(0), in.key.dim(1), in.key.dim(3), in.value.dim(3)};
  in.state = node.hasInput(3) ? cast(realInput(node, 3), f32) : expand(constant(in.key, 0), shape);
  if (!in.state || (decays && !in.decay) || (corrects && !in.beta))
    return failure();
  return in;
}

/// One step for each token, written out: the state becomes exp(decay) * state + key x (value - what is stored for key).
static LogicalResult importLinearAttention(NodeImporter &node) {
  int64_t queryHeads = node.intAttribute("q_num_heads", 0), heads = node.intAttribute("kv_num_heads", 0);
  StringRef rule = node.stringAttribute("update_rule", "gated_delta");
  float scale = node.floatAttribute("scale", 0);
  node.intAttribute("chunk_size", 64); // how to compute it, not what
  bool decays = rule == "gated" || rule == "gated_delta", corrects = rule == "delta" || rule == "gated_delta";
  if (rule != "linear" && !decays && !corrects)
    return node.fail("'update_rule' is '{0}', needed linear, gated, delta or gated_delta", rule);
  FailureOr<LinearInputs> in = getLinearInputs(node, queryHeads, heads, decays, corrects);
  if (failed(in))
    return failure();
  std::optional<int64_t> tokens = in->query.size(2), width = in->key.size(3);
  if (!tokens || *tokens < 1 || *tokens > 64 || !width)
    return node.fail("has {0} tokens of width {1}, only 1 to 64 are supported; give them with --shape",
                     node.print(in->query.dim(2)), node.print(in->key.dim(3)));
  double factor = scale == 0 ? 1 / std::sqrt(double(*width)) : scale;
  AffineExpr one = node.constantSize(1);
  Term state = in->state;
  SmallVector<Term> rows;
  for (int64_t t = 0; t < *tokens; ++t) {
    auto at = [&](const Term &x) { return slice(x, 2, node.constantSize(t), one); };
    Term key = exchange(at(in->key), 2, 3), value = at(in->value);
    if (decays)
      state = state * exchange(apply<ExpOp>(at(in->decay)), 2, 3);
    if (corrects)
      value = at(in->beta) * (value - reduce(state * key, ReduceKind::Sum, 2, /*keep=*/true));
    state = state + key * value;
    Term read = repeatHeads(state, in->query) * exchange(at(in->query) * factor, 2, 3);
    rows.push_back(reduce(read, ReduceKind::Sum, 2, /*keep=*/true));
  }
  Term result = transpose(concat(rows, 2), {0, 2, 1, 3}), given = input(node, 0);
  if (!result)
    return failure();
  Type stateType = node.hasInput(3) ? node.elementType(node.input(3).value()) : given.type();
  if (node.hasOutput(1) && failed(setOutput(node, 1, cast(state, stateType))))
    return failure();
  Term joined = reshape(result, {result.dim(0), result.dim(1), result.dim(2) * result.dim(3)});
  return setOutput(node, 0, cast(joined, given.type()));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "Attention", 23, NewestOpset, "", importAttention},
    {"", "CausalConvWithState", 27, NewestOpset, "kernels of up to 256 elements", importCausalConvWithState},
    {"", "LinearAttention", 27, NewestOpset, "1 to 64 tokens", importLinearAttention},
    {"", "RotaryEmbedding", 23, NewestOpset, "", importRotaryEmbedding},
};

llvm::ArrayRef<Operator> lathe::onnx::attentionOperators() { return Operators; }
