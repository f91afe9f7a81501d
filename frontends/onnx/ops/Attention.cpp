// Attention and what stands around it in language models, put together from products, softmax and masks.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/AttentionTerms.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// The node's own mask, which may be shorter than the keys.
static Term readMask(NodeImporter &node, Type type, AffineExpr keys) {
  Term mask = toRank(input(node, 3), 4);
  if (!mask)
    return mask;
  bool isBool = mask.type().isInteger(1);
  if (!isSameDim(mask.dim(3), keys)) {
    SmallVector<AffineExpr> low(4, node.constantSize(0)), sizes(mask.dims());
    sizes[3] = keys;
    mask = pad(mask, isBool ? constant(mask, 0) : constant(mask, -HUGE_VAL), "constant", low, sizes);
  }
  return isBool ? select(mask, constant(node, type, 0), constant(node, type, -HUGE_VAL)) : cast(mask, type);
}

/// All that the node masks out, but what `in.causal` says when it can. `past` keys stand in front of the queries.
static LogicalResult addMasks(NodeImporter &node, AttentionInputs &in, AffineExpr past) {
  bool causal = node.intAttribute("is_causal", 0);
  int64_t left = node.attribute("left_window_size") ? node.intAttribute("left_window_size", -1) : -1;
  int64_t right = node.attribute("right_window_size") ? node.intAttribute("right_window_size", -1) : -1;
  int64_t token = in.tokensFirst ? 1 : 2;
  AffineExpr queries = in.query.dim(token), keys = in.key.dim(token);
  Type i64 = node.builder().getI64Type();
  AttentionMask mask(node, in.query.type(), queries, keys);
  if (past != node.constantSize(0))
    mask.setOffset(sizeOf(in.query, past, i64));
  Term lengths;
  if (node.hasInput(6)) {
    AffineExpr one = node.constantSize(1);
    lengths = input(node, 6);
    lengths = lengths ? reshape(lengths, {lengths.dim(0), one, one, one}) : lengths;
    if (!lengths)
      return failure();
    mask.setOffset(lengths - sizeOf(lengths, queries, lengths.type()));
  }
  if (node.hasInput(3))
    mask.add(readMask(node, in.query.type(), keys));
  in.causal = causal && !lengths && isSameDim(keys - queries, past);
  if (causal && !in.causal)
    mask.allowCausal();
  if (left >= 0)
    mask.allow(test<LessEqualOp>(mask.queryPlaces() - double(left), mask.keyPlaces()));
  if (right >= 0)
    mask.allow(test<LessEqualOp>(mask.keyPlaces(), mask.queryPlaces() + double(right)));
  if (lengths)
    mask.allow(test<LessOp>(mask.keyPlaces(), lengths));
  in.mask = mask.bias();
  return success(mask.isValid());
}

/// Queries, keys and values with their heads apart, those of earlier calls in front. Gives how many these are.
/// With `headsFirst` these come first even if they would not have to move.
static FailureOr<AffineExpr> readHeads(NodeImporter &node, AttentionInputs &in, bool headsFirst) {
  int64_t queryHeads = node.intAttribute("q_num_heads", 0), keyHeads = node.intAttribute("kv_num_heads", 0);
  AffineExpr past = node.constantSize(0);
  in.query = realInput(node, 0), in.key = realInput(node, 1), in.value = realInput(node, 2);
  if (node.hasInput(4) != node.hasInput(5))
    return node.fail("has only one of past_key and past_value, needed both");
  headsFirst |= node.hasInput(4) || node.hasOutput(1) || node.hasOutput(2);
  in.tokensFirst = in.query.rank() == 3 && in.key.rank() == 3 && in.value.rank() == 3 && !headsFirst;
  auto split = in.tokensFirst ? splitHeads : putHeadsFirst;
  in.query = split(in.query, queryHeads), in.key = split(in.key, keyHeads), in.value = split(in.value, keyHeads);
  if (!in.query || !in.key || !in.value)
    return failure();
  if (node.hasInput(4)) {
    Term pastKey = input(node, 4), pastValue = input(node, 5);
    in.key = concat({pastKey, in.key}, 2);
    in.value = concat({pastValue, in.value}, 2);
    if (!in.key || !in.value)
      return failure();
    past = pastKey.dim(2);
  }
  if (node.hasOutput(1))
    node.setOutput(1, in.key.value);
  if (node.hasOutput(2))
    node.setOutput(2, in.value.value);
  return past;
}

static LogicalResult importAttention(NodeImporter &node) {
  AttentionInputs in;
  in.scale = node.floatAttribute("scale", 0), in.cap = node.floatAttribute("softcap", 0);
  int64_t mode = node.intAttribute("qk_matmul_output_mode", 0);
  auto precision = DataType(node.intAttribute("softmax_precision", 0));
  bool composed = node.hasOutput(3) || (precision != DataType::Undefined && precision != DataType::Float);
  FailureOr<AffineExpr> past = readHeads(node, in, composed);
  FailureOr<DimList> given = node.inputDims(0);
  if (failed(past) || failed(given))
    return failure();
  if (!node.attribute("scale")) {
    if (!in.query.size(3))
      return node.fail("the heads have {0} elements, needed a number, or 'scale'", node.print(in.query.dim(3)));
    in.scale = 1 / std::sqrt(double(*in.query.size(3)));
  }
  if (in.scale < 0)
    return node.fail("'scale' is {0}, needed a number that is not negative", in.scale);
  if (failed(addMasks(node, in, *past)))
    return failure();
  Type softmaxType = precision == DataType::Undefined ? in.query.type() : convertType(node.context(), precision);
  if (!softmaxType || !isa<FloatType>(softmaxType))
    return node.fail("'softmax_precision' is {0}, needed a float type", dataTypeName(precision));
  Term result;
  if (composed) {
    if (mode < 0 || mode > 3)
      return node.fail("'qk_matmul_output_mode' is {0}, needed 0 to 3", mode);
    AttentionStages stages;
    result = composeAttention(in, softmaxType, stages);
    std::array<Term, 4> all = {stages.scores, stages.capped, stages.masked, stages.shares};
    if (node.hasOutput(3) && failed(setOutput(node, 3, all[mode])))
      return failure();
  } else {
    result = attend(in);
  }
  if (!result || given->size() == 4)
    return setOutput(node, 0, result);
  return setOutput(node, 0, joinHeads(in.tokensFirst ? result : transpose(result, {0, 2, 1, 3})));
}

static LogicalResult importRotaryEmbedding(NodeImporter &node) {
  RotaryInputs in;
  in.interleaved = node.intAttribute("interleaved", 0);
  in.dimensions = node.intAttribute("rotary_embedding_dim", 0);
  int64_t heads = node.intAttribute("num_heads", 0);
  Term given = realInput(node, 0);
  in.cosines = input(node, 1), in.sines = input(node, 2);
  if (!given || !in.cosines || !in.sines)
    return failure();
  if (given.rank() != 3 && given.rank() != 4)
    return node.fail("input has rank {0}, needed 3 or 4", given.rank());
  in.x = given.rank() == 3 ? splitHeads(given, heads) : given;
  in.tokensFirst = given.rank() == 3;
  if (node.hasInput(3)) {
    Term positions = input(node, 3);
    if (!positions)
      return failure();
    in.cosines = takeRows(in.cosines, positions);
    in.sines = takeRows(in.sines, positions);
  }
  Term result = rotate(in);
  return setOutput(node, 0, given.rank() == 3 ? joinHeads(result) : result);
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
  auto read = [&](size_t index, int64_t count) { return putHeadsFirst(cast(realInput(node, index), f32), count); };
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
