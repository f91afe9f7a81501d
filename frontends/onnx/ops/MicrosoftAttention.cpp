// Attention operators of onnxruntime's domain com.microsoft for encoders: Attention and MultiHeadAttention.
#include "frontends/onnx/ops/AttentionTerms.h"
#include "frontends/onnx/ops/QuantizedTerms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {

/// What both operators say beside their inputs.
struct Options {
  int64_t heads;
  bool causal;
  float scale; ///< 0: from the width of a head
  float forbidden;
};

} // namespace

static Options readOptions(NodeImporter &node) {
  return {node.intAttribute("num_heads", 0), node.intAttribute("unidirectional", 0) != 0,
          node.floatAttribute("scale", 0), node.floatAttribute("mask_filter_value", -10000)};
}

/// A mask of integers: which keys each sequence has, or how many.
static LogicalResult addKeyMask(NodeImporter &node, AttentionMask &mask, const Term &given, AffineExpr batch,
                                AffineExpr keys) {
  if (!given)
    return failure();
  AffineExpr one = node.constantSize(1);
  if (given.rank() == 1 && isSameDim(given.dim(0), batch)) {
    Term lengths = reshape(cast(given, node.builder().getI64Type()), {batch, one, one, one});
    mask.allow(test<LessOp>(mask.keyPlaces(), lengths));
    return success(mask.isValid());
  }
  if ((given.rank() != 2 && given.rank() != 3) || !isSameDim(given.dims().back(), keys))
    return node.fail("has a mask of shape {0}, needed [batch], [batch, {1}] or [batch, queries, {1}]",
                     node.print(given.dims()), node.print(keys));
  Term allowed = test<LessOp>(constant(given, 0), given);
  mask.allow(given.rank() == 2 ? unsqueeze(allowed, 1, 2) : unsqueeze(allowed, 1));
  return success(mask.isValid());
}

/// Attention of heads, and the output with the heads joined.
static LogicalResult finish(NodeImporter &node, AttentionInputs &in, const Options &options, Term keyMask, Term bias) {
  if (!in.query || !in.key || !in.value)
    return failure();
  int64_t token = in.tokensFirst ? 1 : 2;
  AffineExpr queries = in.query.dim(token), keys = in.key.dim(token);
  std::optional<int64_t> width = in.query.size(3);
  if (!width)
    return node.fail("the heads have {0} elements, needed a number", node.print(in.query.dim(3)));
  in.scale = options.scale != 0 ? options.scale : float(1 / std::sqrt(double(*width)));
  in.causal = options.causal;
  AttentionMask mask(node, in.query.type(), queries, keys, options.forbidden);
  if (keyMask && failed(addKeyMask(node, mask, keyMask, in.query.dim(0), keys)))
    return failure();
  if (bias)
    mask.add(cast(toRank(bias, 4), in.query.type()));
  if (!mask.isValid())
    return failure();
  in.mask = mask.bias();
  Term result = attend(in);
  return setOutput(node, 0, joinHeads(in.tokensFirst ? result : transpose(result, {0, 2, 1, 3})));
}

/// Optional inputs; fails when one is there that could not be made.
static FailureOr<Term> optionalInput(NodeImporter &node, size_t index) {
  if (!node.hasInput(index))
    return Term();
  Term term = input(node, index);
  if (!term)
    return failure();
  return term;
}

/// The sizes of queries, keys and values in a packed projection.
static FailureOr<SmallVector<AffineExpr>> readParts(NodeImporter &node, AffineExpr packed) {
  if (std::optional<ArrayRef<int64_t>> sizes = node.intsAttribute("qkv_hidden_sizes")) {
    if (sizes->size() != 3 || llvm::any_of(*sizes, [](int64_t size) { return size < 1 || size > MaximumElements; }))
      return node.fail("'qkv_hidden_sizes' is [{0}], needed 3 positive numbers",
                       llvm::make_range(sizes->begin(), sizes->end()));
    return llvm::map_to_vector(*sizes, [&](int64_t size) { return node.constantSize(size); });
  }
  AffineExpr part = divideDimExactly(packed, node.constantSize(3));
  if (!part)
    return node.fail("'weights' has {0} columns, needed a multiple of 3", node.print(packed));
  return SmallVector<AffineExpr>(3, part);
}

/// Attention of queries, keys and values that lie side by side in rows of `packed`, [B, T, 3 * H * D] before input 2,
/// their bias, is added. `maskIndex` and `pastIndex` are inputs that may be absent, so is `bias`.
static LogicalResult attendPacked(NodeImporter &node, Term packed, size_t maskIndex, size_t pastIndex,
                                  FailureOr<Term> bias) {
  Options options = readOptions(node);
  if (packed && node.hasInput(2))
    packed = packed + input(node, 2);
  FailureOr<Term> keyMask = optionalInput(node, maskIndex), past = optionalInput(node, pastIndex);
  if (!packed || failed(keyMask) || failed(past) || failed(bias))
    return failure();
  if (packed.rank() != 3)
    return node.fail("input has rank {0}, needed 3", packed.rank());
  FailureOr<SmallVector<AffineExpr>> sizes = readParts(node, packed.dim(2));
  if (failed(sizes))
    return failure();
  AttentionInputs in;
  in.tokensFirst = !*past && !node.hasOutput(1);
  auto split = in.tokensFirst ? splitHeads : putHeadsFirst;
  AffineExpr start = node.constantSize(0);
  for (auto [term, size] : llvm::zip_equal(std::array<Term *, 3>{&in.query, &in.key, &in.value}, *sizes)) {
    *term = split(slice(packed, 2, start, size), options.heads);
    start = start + size;
  }
  AffineExpr one = node.constantSize(1);
  for (auto [i, term] : llvm::enumerate(std::array<Term *, 2>{&in.key, &in.value})) {
    if (!*past || !*term)
      continue;
    if (past->rank() != 5)
      return node.fail("'past' has rank {0}, needed 5", past->rank());
    Term before = slice(*past, 0, node.constantSize(i), one);
    *term = concat({before ? reshape(before, past->dims().drop_front()) : before, *term}, 2);
  }
  if (node.hasOutput(1) && failed(setOutput(node, 1, concat({toRank(in.key, 5), toRank(in.value, 5)}, 0))))
    return failure();
  return finish(node, in, options, *keyMask, *bias);
}

static LogicalResult importAttention(NodeImporter &node) {
  if (node.intAttribute("do_rotary", 0) || node.intAttribute("past_present_share_buffer", 0) || node.hasInput(6))
    return node.fail("'do_rotary', 'past_present_share_buffer' or 'past_sequence_length' is set, which is not "
                     "supported");
  node.intAttribute("rotary_embedding_dim", 0); // without 'do_rotary' nothing is rotated
  return attendPacked(node, matmul(realInput(node, 0), input(node, 1)), 3, 4, optionalInput(node, 5));
}

/// Attention whose projection is a product of integers: codes, weights, bias, scales of both, mask, zeros of both,
/// past.
static LogicalResult importQAttention(NodeImporter &node) {
  if (node.intAttribute("do_rotary", 0) || node.intAttribute("past_present_share_buffer", 0))
    return node.fail("'do_rotary' or 'past_present_share_buffer' is set, which is not supported");
  Codes x = readCodes(node, 0, 6), weights = readCodes(node, 1, 7);
  Term sums = cast(multiplyCodes(x, weights), node.builder().getF32Type());
  return attendPacked(node, sums * (scaleInput(node, 3) * scaleInput(node, 4)), 5, 8, Term());
}

/// The part of the bias for queries, keys or values, added to x: [B, T, H * D].
static Term addBias(const Term &x, const Term &bias, AffineExpr &start) {
  if (!x || !bias)
    return bias ? Term() : x;
  Term part = slice(bias, 0, start, x.dim(2));
  start = start + x.dim(2);
  return x + part;
}

/// The inputs 'query', 'key' and 'value' in whichever form they come, with the bias, as [B, T, H, D]; keys and values
/// that have their heads first stay so and are `cached`.
static LogicalResult readHeads(NodeImporter &node, AttentionInputs &in, int64_t heads, bool &cached) {
  FailureOr<Term> query = optionalInput(node, 0), key = optionalInput(node, 1), value = optionalInput(node, 2),
                  bias = optionalInput(node, 3);
  if (failed(query) || failed(key) || failed(value) || failed(bias) || !*query)
    return failure();
  in.query = *query, in.key = *key, in.value = *value;
  if (query->rank() != 3 || !*key || !*value || (key->rank() != 3 && key->rank() != 4))
    return node.fail("queries have rank {0}, keys {1}: only queries of rank 3 with keys and values of rank 3 or 4 are "
                     "supported, not packed ones",
                     query->rank(), key->rank());
  cached = key->rank() == 4;
  AffineExpr start = node.constantSize(0);
  in.query = addBias(in.query, *bias, start);
  if (*bias && !cached) {
    in.key = addBias(in.key, *bias, start);
    in.value = addBias(in.value, *bias, start);
  }
  for (Term *term : {&in.query, &in.key, &in.value})
    if (*term && term->rank() == 3)
      *term = splitHeads(*term, heads);
  return success(in.query && in.key && in.value);
}

static LogicalResult importMultiHeadAttention(NodeImporter &node) {
  Options options = readOptions(node);
  if (node.hasInput(8) || node.hasInput(9))
    return node.fail("'past_sequence_length' or 'cache_indirection' is given, which is not supported");
  AttentionInputs in;
  bool cached = false;
  if (failed(readHeads(node, in, options.heads, cached)))
    return failure();
  FailureOr<Term> keyMask = optionalInput(node, 4), bias = optionalInput(node, 5), pastKey = optionalInput(node, 6),
                  pastValue = optionalInput(node, 7);
  if (failed(keyMask) || failed(bias) || failed(pastKey) || failed(pastValue))
    return failure();
  in.tokensFirst = !cached && !*pastKey && !*pastValue && !node.hasOutput(1) && !node.hasOutput(2);
  if (!in.tokensFirst) {
    in.query = transpose(in.query, {0, 2, 1, 3});
    in.key = cached ? in.key : transpose(in.key, {0, 2, 1, 3});
    in.value = cached ? in.value : transpose(in.value, {0, 2, 1, 3});
  }
  if (*pastKey)
    in.key = concat({*pastKey, in.key}, 2);
  if (*pastValue)
    in.value = concat({*pastValue, in.value}, 2);
  if ((node.hasOutput(1) && failed(setOutput(node, 1, in.key))) ||
      (node.hasOutput(2) && failed(setOutput(node, 2, in.value))))
    return failure();
  return finish(node, in, options, *keyMask, *bias);
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"com.microsoft", "Attention", 1, NewestOpset, "masks of lengths, of keys and of queries and keys",
     importAttention},
    {"com.microsoft", "MultiHeadAttention", 1, NewestOpset, "masks of lengths, of keys and of queries and keys",
     importMultiHeadAttention},
    {"com.microsoft", "QAttention", 1, NewestOpset, "masks of lengths, of keys and of queries and keys",
     importQAttention},
};

llvm::ArrayRef<Operator> lathe::onnx::microsoftAttentionOperators() { return Operators; }
