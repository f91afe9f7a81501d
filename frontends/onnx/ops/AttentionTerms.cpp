#include "frontends/onnx/ops/AttentionTerms.h"
#include "dialects/lathe/LoopOps.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

// Heads of more elements have no kernel.
static constexpr int64_t MaxHeadWidth = 512;

Term lathe::onnx::splitHeads(const Term &x, int64_t heads) {
  if (!x)
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
  return reshape(x, {x.dim(0), x.dim(1), node.constantSize(heads), width});
}

Term lathe::onnx::putHeadsFirst(const Term &x, int64_t heads) {
  return x && x.rank() == 4 ? x : transpose(splitHeads(x, heads), {0, 2, 1, 3});
}

Term lathe::onnx::joinHeads(const Term &x) { return x ? reshape(x, {x.dim(0), x.dim(1), x.dim(2) * x.dim(3)}) : x; }

Term lathe::onnx::repeatHeads(const Term &x, const Term &like) {
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

void AttentionMask::add(const Term &term) {
  sum = sum ? sum + term : term;
  valid &= bool(sum);
}

void AttentionMask::allow(const Term &allowed) {
  add(select(allowed, constant(node, type, 0), constant(node, type, forbidden)));
}

Term AttentionMask::keyPlaces() {
  AffineExpr one = node.constantSize(1);
  return iota(node, node.builder().getI64Type(), {one, one, one, keys}, 3);
}

Term AttentionMask::queryPlaces() {
  AffineExpr one = node.constantSize(1);
  Term places = iota(node, node.builder().getI64Type(), {one, one, queries, one}, 2);
  return offset ? places + offset : places;
}

/// True when lathe.attention takes the inputs.
static bool isOneOperation(const AttentionInputs &in) {
  const Term &q = in.query, &k = in.key, &v = in.value;
  int64_t head = in.tokensFirst ? 2 : 1, token = 3 - head;
  auto agree = [](const Term &a, const Term &b, ArrayRef<int64_t> axes) {
    return llvm::all_of(axes, [&](int64_t d) { return isSameDim(a.dim(d), b.dim(d)); });
  };
  if (in.cap > 0 || !isNarrowFloat(q.type()) || k.type() != q.type() || v.type() != q.type() || !agree(q, k, {0, 3}) ||
      !agree(k, v, {0, head, token}) || v.size(3).value_or(MaxHeadWidth + 1) > MaxHeadWidth)
    return false;
  bool divides = q.size(head) && k.size(head) && *k.size(head) > 0 && *q.size(head) % *k.size(head) == 0;
  if (!divides && !isSameDim(q.dim(head), k.dim(head)))
    return false;
  if (!in.mask)
    return true;
  AffineExpr one = q.node->constantSize(1);
  std::array<AffineExpr, 4> scores = {q.dim(0), q.dim(head), q.dim(token), k.dim(token)};
  return isNarrowFloat(in.mask.type()) && in.mask.rank() == 4 &&
         llvm::all_of_zip(in.mask.dims(), scores,
                          [&](AffineExpr a, AffineExpr b) { return a == one || isSameDim(a, b); });
}

Term lathe::onnx::attend(const AttentionInputs &in) {
  if (!in.query || !in.key || !in.value)
    return Term();
  NodeImporter &node = *in.query.node;
  if (in.query.rank() != 4 || in.key.rank() != 4 || in.value.rank() != 4) {
    (void)node.fail("has queries, keys and values of ranks {0}, {1} and {2}, needed 4", in.query.rank(), in.key.rank(),
                    in.value.rank());
    return Term();
  }
  if (isOneOperation(in))
    return Term(node, node.create<AttentionOp>(in.query.type(), in.query.value, in.key.value, in.value.value,
                                               in.mask.value, llvm::APFloat(in.scale), in.causal, in.tokensFirst));
  AttentionInputs moved = in;
  moved.tokensFirst = false;
  if (in.tokensFirst)
    for (Term *term : {&moved.query, &moved.key, &moved.value})
      *term = transpose(*term, {0, 2, 1, 3});
  AttentionStages stages;
  Term result = composeAttention(moved, in.query.type(), stages);
  return in.tokensFirst ? transpose(result, {0, 2, 1, 3}) : result;
}

/// Softmax over the last dimension; rows without a key give zeros.
static Term softmaxOfMasked(const Term &scores, bool isMasked) {
  Term shares = scores ? softmax(scores, scores.rank() - 1) : scores;
  if (!shares || !isMasked)
    return shares;
  Term top = reduce(scores, ReduceKind::Max, scores.rank() - 1, /*keep=*/true);
  return select(test<EqualOp>(top, constant(top, -HUGE_VAL)), constant(shares, 0), shares);
}

Term lathe::onnx::composeAttention(AttentionInputs in, Type softmaxType, AttentionStages &stages) {
  double root = std::sqrt(double(in.scale));
  stages.scores = matmulTransposed(in.query * root, repeatHeads(in.key, in.query) * root);
  if (!stages.scores)
    return Term();
  NodeImporter &node = *in.query.node;
  Type type = stages.scores.type();
  bool isMasked = bool(in.mask);
  if (in.causal) {
    AffineExpr queries = in.query.dim(2), keys = in.key.dim(2);
    AttentionMask mask(node, type, queries, keys);
    Type i64 = node.builder().getI64Type();
    if (!isSameDim(queries, keys))
      mask.setOffset(sizeOf(in.query, keys, i64) - sizeOf(in.query, queries, i64));
    mask.allowCausal();
    in.mask = in.mask ? in.mask + mask.bias() : mask.bias();
    if (!in.mask)
      return Term();
  }
  stages.capped = in.cap > 0 ? apply<TanhOp>(stages.scores / in.cap) * in.cap : stages.scores;
  stages.masked = in.mask ? stages.capped + in.mask : stages.capped;
  stages.shares = cast(softmaxOfMasked(cast(stages.masked, softmaxType), isMasked), type);
  return cast(matmul(cast(stages.shares, in.value.type()), repeatHeads(in.value, in.query)), in.query.type());
}

Term lathe::onnx::takeRows(const Term &table, const Term &positions) {
  if (!table || !positions)
    return Term();
  return Term(*table.node, table.node->create<GatherAlongOp>(table.type(), table.value, positions.value, 0));
}

Term lathe::onnx::rotate(const RotaryInputs &in) {
  if (!in.x || !in.cosines || !in.sines)
    return Term();
  NodeImporter &node = *in.x.node;
  if (in.x.rank() != 4 || in.cosines.rank() != 3 || in.sines.rank() != 3) {
    (void)node.fail("has heads of rank {0} and caches of ranks {1} and {2}, needed 4 and [batch, positions, half of a "
                    "head]",
                    in.x.rank(), in.cosines.rank(), in.sines.rank());
    return Term();
  }
  std::optional<int64_t> width = in.x.size(3);
  int64_t dimensions = in.dimensions ? in.dimensions : width.value_or(0);
  if (dimensions <= 0 || dimensions % 2 != 0 || dimensions > width.value_or(0)) {
    (void)node.fail("rotates {0} elements of heads of {1}, needed an even number of at most that", dimensions,
                    node.print(in.x.dim(3)));
    return Term();
  }
  if (!isNarrowFloat(in.x.type())) {
    (void)node.fail("has element type {0}, needed float, float16 or bfloat16", dataTypeName(convertType(in.x.type())));
    return Term();
  }
  int64_t head = in.tokensFirst ? 2 : 1;
  Term cosines = unsqueeze(in.cosines, head), sines = unsqueeze(in.sines, head);
  AffineExpr one = node.constantSize(1);
  for (const Term &table : {cosines, sines}) {
    if (!table)
      return Term();
    for (int64_t d : {int64_t(0), 3 - head})
      if (table.dim(d) != one && failed(node.requireSame(table.dim(d), in.x.dim(d), "a dimension of the caches")))
        return Term();
    if (failed(node.requireSame(table.dim(3), node.constantSize(dimensions / 2), "the last dimension of the caches")))
      return Term();
  }
  return Term(node,
              node.create<RotatePairsOp>(in.x.type(), in.x.value, cosines.value, sines.value,
                                         in.interleaved ? RopePairing::Adjacent : RopePairing::Halves, dimensions));
}
