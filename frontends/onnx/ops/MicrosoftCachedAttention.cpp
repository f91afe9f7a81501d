// Attention of onnxruntime's domain com.microsoft for decoders that keep keys and values between calls, and the rotary
// embedding before it.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/AttentionTerms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static LogicalResult importRotaryEmbedding(NodeImporter &node) {
  RotaryInputs in;
  in.interleaved = node.intAttribute("interleaved", 0);
  in.dimensions = node.intAttribute("rotary_embedding_dim", 0);
  int64_t heads = node.intAttribute("num_heads", 0);
  float scale = node.floatAttribute("scale", 1);
  node.intAttribute("is_packed_batching", 0); // says that tokens of several sequences stand in one batch
  Term given = realInput(node, 0), positions = input(node, 1), cosines = input(node, 2), sines = input(node, 3);
  if (!given || !positions || !cosines || !sines)
    return failure();
  if (scale != 1)
    return node.fail("'scale' is {0}, only 1 is supported", scale);
  if ((given.rank() != 3 && given.rank() != 4) || cosines.rank() != 2 || cosines.size(1).value_or(0) <= 0)
    return node.fail("input has rank {0} and the caches have shape {1}, needed rank 3 or 4, and [positions, pairs] of "
                     "known size",
                     given.rank(), node.print(cosines.dims()));
  in.tokensFirst = given.rank() == 3;
  std::optional<int64_t> width = given.size(given.rank() - 1);
  if (in.tokensFirst && heads == 0 && width)
    heads = *width / (2 * *cosines.size(1));
  in.x = in.tokensFirst ? splitHeads(given, heads) : given;
  if (!in.x)
    return failure();
  AffineExpr tokens = in.x.dim(in.tokensFirst ? 1 : 2);
  // One position is that of the first token.
  if (positions.rank() == 1)
    positions = reshape(positions, {node.constantSize(1), node.constantSize(1)}) +
                iota(node, positions.type(), {node.constantSize(1), tokens}, 1);
  in.cosines = takeRows(cosines, positions);
  in.sines = takeRows(sines, positions);
  Term result = rotate(in);
  return setOutput(node, 0, in.tokensFirst ? joinHeads(result) : result);
}

namespace {

/// What a GroupQueryAttention node says, and what follows for each sequence.
struct Cache {
  int64_t heads, keyHeads;
  Term lengths; ///< tokens with those of this call: [B, 1, 1, 1], i64
  Term before;  ///< tokens in front of this call: the same
};

} // namespace

/// Attributes and inputs that change what is computed and that are not supported.
static LogicalResult refuseOthers(NodeImporter &node) {
  for (StringRef name : {"smooth_softmax", "qk_output", "sliding_window_cache", "kv_cache_bit_width"})
    if (node.attribute(name))
      if (int64_t value = node.intAttribute(name, 0); value > 0)
        return node.fail("'{0}' is {1}, only 0 is supported", name, value);
  for (StringRef name : {"k_quant_type", "v_quant_type"})
    if (node.attribute(name))
      if (StringRef value = node.stringAttribute(name, "NONE"); value != "NONE")
        return node.fail("'{0}' is {1}, only NONE is supported", name, value);
  if (node.attribute("causal") && node.intAttribute("causal", 1) != 1)
    return node.fail("'causal' is 0, only 1 is supported");
  for (StringRef name : {"q_norm_epsilon", "k_norm_epsilon", "qk_norm_epsilon"})
    if (node.attribute(name))
      node.floatAttribute(name, 0); // of norms whose weights are inputs
  for (size_t index = 11; index < node.numInputs(); ++index)
    if (node.hasInput(index))
      return node.fail("has input {0}, '{1}': sinks, scales and norms of heads are not supported", index,
                       node.inputName(index));
  return success();
}

/// Queries, keys and values as [B, T, H, D].
static LogicalResult readHeads(NodeImporter &node, AttentionInputs &in, const Cache &cache) {
  Term packed = realInput(node, 0);
  if (!packed)
    return failure();
  constexpr int64_t MaxHeads = 1 << 20;
  if (cache.heads < 1 || cache.heads > MaxHeads || cache.keyHeads < 1 || cache.keyHeads > MaxHeads)
    return node.fail("'num_heads' is {0} and 'kv_num_heads' {1}, needed 1 to {2}", cache.heads, cache.keyHeads,
                     MaxHeads);
  if (packed.rank() != 3)
    return node.fail("'query' has rank {0}, needed 3", packed.rank());
  if (node.hasInput(1) != node.hasInput(2))
    return node.fail("has only one of key and value, needed both or none");
  if (node.hasInput(1)) {
    in.query = splitHeads(packed, cache.heads);
    in.key = splitHeads(input(node, 1), cache.keyHeads), in.value = splitHeads(input(node, 2), cache.keyHeads);
  } else {
    Term all = splitHeads(packed, cache.heads + 2 * cache.keyHeads);
    auto take = [&](int64_t first, int64_t count) {
      return all ? slice(all, 2, node.constantSize(first), node.constantSize(count)) : all;
    };
    in.query = take(0, cache.heads);
    in.key = take(cache.heads, cache.keyHeads), in.value = take(cache.heads + cache.keyHeads, cache.keyHeads);
  }
  return success(in.query && in.key && in.value);
}

/// Lengths of each sequence. A call with as many tokens as the longest sequence has is the first one.
static LogicalResult readLengths(NodeImporter &node, Cache &cache, AffineExpr batch, AffineExpr tokens, bool hasPast) {
  AffineExpr one = node.constantSize(1);
  Type type = node.builder().getI64Type();
  Term last = cast(input(node, 5), type), total = cast(input(node, 6), type);
  if (!last || !total)
    return failure();
  cache.lengths = reshape(last, {batch, one, one, one}) + 1.0;
  Term zero = constant(node, type, 0);
  if (!hasPast) {
    cache.before = zero;
    return success(bool(cache.lengths));
  }
  Term count = sizeOf(last, tokens, type);
  Term isFirst = count ? test<EqualOp>(reshape(total, {one, one, one, one}), count) : Term();
  cache.before = select(isFirst, zero, cache.lengths - count);
  return success(bool(cache.before));
}

static LogicalResult rotateHeads(NodeImporter &node, AttentionInputs &in, const Cache &cache) {
  bool interleaved = node.intAttribute("rotary_interleaved", 0);
  if (!node.intAttribute("do_rotary", 0))
    return success();
  Type type = node.builder().getI64Type();
  AffineExpr one = node.constantSize(1), tokens = in.query.dim(1);
  Term cosines = input(node, 7), sines = input(node, 8), positions;
  if (node.hasInput(9)) {
    positions = cast(input(node, 9), type);
  } else {
    Term first = cache.before.rank() == 0 ? cache.before : reshape(cache.before, {cache.before.dim(0), one});
    positions = first ? first + iota(node, type, {one, tokens}, 1) : first;
  }
  if (!cosines || !sines || !positions)
    return failure();
  if (cosines.rank() != 2 || cosines.size(1).value_or(0) <= 0)
    return node.fail("the caches have shape {0}, needed [positions, pairs] of known size", node.print(cosines.dims()));
  // Positions of padding may lie before the first row or behind the last one.
  positions = apply<MaximumOp>(positions, constant(positions, 0));
  positions = positions ? apply<MinimumOp>(positions, sizeOf(positions, cosines.dim(0), type) - 1.0) : positions;
  for (Term *term : {&in.query, &in.key}) {
    RotaryInputs rotary{*term,       takeRows(cosines, positions), takeRows(sines, positions), /*tokensFirst=*/true,
                        interleaved, 2 * *cosines.size(1)};
    *term = rotate(rotary);
  }
  return success(in.query && in.key);
}

/// New rows behind those that a sequence has, in a cache with room for both.
static Term append(const Term &past, const Term &added, const Term &before) {
  Term room = concat({past, added}, 2);
  if (!room || !before)
    return Term();
  NodeImporter &node = *past.node;
  AffineExpr one = node.constantSize(1);
  Term places = before + iota(node, node.builder().getI64Type(), {one, one, added.dim(2), one}, 2);
  places = places ? expand(places, added.dims()) : places;
  if (!places)
    return Term();
  return Term(node, node.create<ScatterElementsOp>(room.type(), room.value, places.value, added.value,
                                                   StringRef("none"), int64_t(2)));
}

static LogicalResult importGroupQueryAttention(NodeImporter &node) {
  Cache cache{node.intAttribute("num_heads", 0), node.intAttribute("kv_num_heads", 0), {}, {}};
  AttentionInputs in;
  in.scale = node.floatAttribute("scale", 0);
  in.cap = node.attribute("softcap") ? node.floatAttribute("softcap", 0) : 0;
  int64_t window = node.attribute("local_window_size") ? node.intAttribute("local_window_size", -1) : -1;
  if (failed(refuseOthers(node)) || failed(readHeads(node, in, cache)))
    return failure();
  if (node.hasInput(3) != node.hasInput(4))
    return node.fail("has only one of past_key and past_value, needed both");
  if (!in.query.size(3))
    return node.fail("the heads have {0} elements, needed a number", node.print(in.query.dim(3)));
  if (in.scale == 0)
    in.scale = float(1 / std::sqrt(double(*in.query.size(3))));
  if (failed(readLengths(node, cache, in.query.dim(0), in.query.dim(1), node.hasInput(3))) ||
      failed(rotateHeads(node, in, cache)))
    return failure();
  for (Term *term : {&in.query, &in.key, &in.value})
    *term = transpose(*term, {0, 2, 1, 3});
  if (node.hasInput(3)) {
    in.key = append(input(node, 3), in.key, cache.before);
    in.value = append(input(node, 4), in.value, cache.before);
  }
  if (!in.query || !in.key || !in.value)
    return failure();
  if ((node.hasOutput(1) && failed(setOutput(node, 1, in.key))) ||
      (node.hasOutput(2) && failed(setOutput(node, 2, in.value))))
    return failure();
  AttentionMask mask(node, in.query.type(), in.query.dim(2), in.key.dim(2));
  mask.setOffset(cache.before);
  mask.allowCausal();
  if (window > 0)
    mask.allow(test<LessOp>(mask.queryPlaces() - double(window), mask.keyPlaces()));
  if (node.hasInput(10))
    mask.add(cast(toRank(input(node, 10), 4), in.query.type()));
  if (!mask.isValid())
    return failure();
  in.mask = mask.bias();
  return setOutput(node, 0, joinHeads(transpose(attend(in), {0, 2, 1, 3})));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"com.microsoft", "GroupQueryAttention", 1, NewestOpset,
     "the present has room for the past and the new tokens; no sinks, no norms of heads, no quantized cache",
     importGroupQueryAttention},
    {"com.microsoft", "RotaryEmbedding", 1, NewestOpset, "", importRotaryEmbedding},
};

llvm::ArrayRef<Operator> lathe::onnx::microsoftCachedAttentionOperators() { return Operators; }
