// What the attention operators of ONNX's own domain and of others share: heads, masks, and attention itself.
#ifndef LATHE_FRONTENDS_ONNX_OPS_ATTENTIONTERMS_H
#define LATHE_FRONTENDS_ONNX_OPS_ATTENTIONTERMS_H

#include "frontends/onnx/ops/Terms.h"
#include <cmath>

namespace lathe::onnx {

/// [B, T, H * D] as [B, T, H, D].
Term splitHeads(const Term &x, int64_t heads);
/// The same as [B, H, T, D], which x may be already.
Term putHeadsFirst(const Term &x, int64_t heads);
/// [B, T, H, D] as [B, T, H * D].
Term joinHeads(const Term &x);
/// Each head of [B, H, T, D] repeated, so that there are as many as `like` has.
Term repeatHeads(const Term &x, const Term &like);

/// What is masked out of `queries` x `keys` scores. Positions are counted from the first key.
class AttentionMask {
public:
  /// `forbidden` is added to the scores of what is not allowed.
  AttentionMask(NodeImporter &node, mlir::Type type, mlir::AffineExpr queries, mlir::AffineExpr keys,
                double forbidden = -HUGE_VAL)
      : node(node), type(type), queries(queries), keys(keys), forbidden(forbidden) {}

  /// Keys in front of the queries: rank 0 or [B, 1, 1, 1].
  void setOffset(const Term &keysInFront) { offset = keysInFront; }
  /// Adds numbers to the scores: 4 dimensions that are 1 or those of [B, H, T, S].
  void add(const Term &term);
  /// Masks out what is not allowed.
  void allow(const Term &allowed);
  /// Query t sees the keys up to its own place.
  void allowCausal() { allow(test<LessEqualOp>(keyPlaces(), queryPlaces())); }
  Term keyPlaces();
  Term queryPlaces();

  /// What is added to the scores; empty: nothing.
  const Term &bias() const { return sum; }
  bool isValid() const { return valid; }

private:
  NodeImporter &node;
  mlir::Type type;
  mlir::AffineExpr queries, keys;
  double forbidden;
  Term offset, sum;
  bool valid = true;
};

struct AttentionInputs {
  Term query, key, value;   ///< [B, H, T, D], or [B, T, H, D] with `tokensFirst`
  bool tokensFirst = false; ///< of the result, too
  float scale = 1;
  float cap = 0;       ///< scores become cap * tanh(score / cap); 0: they stay
  bool causal = false; ///< query t sees keys up to t + S - T
  Term mask;           ///< added to the scores; may be empty
};

/// What attention computes on the way, [B, H, T, S].
struct AttentionStages {
  Term scores, capped, masked, shares;
};

/// The means of the values, by how well queries match keys; zeros for queries that see no key. One operation where that
/// can be.
Term attend(const AttentionInputs &in);
/// The same put together from products, with the softmax in `softmaxType` and `query` and `key` scaled each.
Term composeAttention(AttentionInputs in, mlir::Type softmaxType, AttentionStages &stages);

struct RotaryInputs {
  Term x;                   ///< [B, H, T, D], or [B, T, H, D] with `tokensFirst`
  Term cosines, sines;      ///< [B, T, pairs]
  bool tokensFirst = false; ///< of the result, too
  bool interleaved = false; ///< pairs are neighbours, not from both halves
  int64_t dimensions = 0;   ///< so many elements of a head are rotated; 0: all
};

/// Rows of a table [positions, n] for each of `positions`.
Term takeRows(const Term &table, const Term &positions);
/// Rotary position embedding: pairs of elements of each head rotated.
Term rotate(const RotaryInputs &in);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_OPS_ATTENTIONTERMS_H
