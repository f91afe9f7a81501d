// DeepSeek 2 and 3 (DeepSeek-AI, 2024): multi-head latent attention, where the pages hold one compressed row a token
// that all heads share, and experts in groups.
#include "dialects/lathe/LoopOps.h"
#include "frontends/gguf/Blocks.h"
#include "frontends/gguf/architectures/Architectures.h"
#include <cmath>

using namespace mlir;
using namespace lathe;

namespace {

/// Widths of latent attention: of compressed queries (0: they are not compressed), of compressed keys and values, and
/// of the parts of a head.
struct LatentShape {
  int64_t queryRank, rank, rotated, unrotated, value;

  static LatentShape read(ModelReader &reader, const DecoderShape &shape) {
    LatentShape latent;
    latent.queryRank = reader.getInteger("attention.q_lora_rank", 0);
    latent.rank = reader.getInteger("attention.kv_lora_rank");
    latent.rotated = shape.ropeDimensions;
    latent.unrotated = reader.getInteger("attention.key_length_mla") - latent.rotated;
    latent.value = reader.getInteger("attention.value_length_mla");
    constexpr int64_t Most = 1 << 20;
    reader.checkRange("attention.q_lora_rank", latent.queryRank, 0, Most);
    reader.checkRange("attention.kv_lora_rank", latent.rank, 1, Most);
    reader.checkRange("attention.key_length_mla", latent.unrotated + latent.rotated, latent.rotated + 1, Most);
    reader.checkRange("attention.value_length_mla", latent.value, 1, Most);
    reader.checkRange("attention.head_count_kv", shape.kvHeads, 1, 1);
    reader.checkRange("attention.key_length", shape.keyWidth, latent.rank + latent.rotated,
                      latent.rank + latent.rotated);
    reader.checkRange("attention.value_length", shape.valueWidth, latent.rank, latent.rank);
    return latent;
  }
};

} // namespace

/// Each head of `rows` [T, H, k] times its own matrix of `name` [H, n, k]. The matrices may be quantized, which those
/// of a batch may not.
static Value multiplyHeads(Blocks &blocks, Value rows, const Twine &name, int64_t n) {
  OpBuilder &builder = blocks.builder;
  ArrayRef<int64_t> sizes = cast<RankedTensorType>(rows.getType()).getShape();
  int64_t heads = sizes[1];
  AffineExpr count = builder.getAffineConstantExpr(heads), tokens = builder.getAffineSymbolExpr(0);
  auto numberType = RankedTensorType::get({ShapedType::kDynamic, heads}, builder.getI64Type());
  Value numbers = IotaOp::create(builder, blocks.locate(name), numberType, rows, /*axis=*/1,
                                 AffineMap::get(0, 3, {tokens, count}, builder.getContext()));
  Value matrices = blocks.getFloatWeight(name + ".weight", {heads, n, sizes[2]});
  auto type = RankedTensorType::get({ShapedType::kDynamic, heads, n}, builder.getF32Type());
  return ExpertMatmulOp::create(builder, blocks.locate(name), type, rows, matrices, numbers);
}

static Value concatLast(Blocks &blocks, Value first, Value second, const Twine &name) {
  auto type = cast<RankedTensorType>(first.getType());
  SmallVector<int64_t> sizes(type.getShape());
  sizes.back() += cast<RankedTensorType>(second.getType()).getShape().back();
  return ConcatOp::create(blocks.builder, blocks.locate(name), type.clone(sizes), ValueRange{first, second},
                          type.getRank() - 1);
}

/// Queries are carried over to the compressed space, so that keys and values are never unpacked.
static Value attendLatent(Blocks &blocks, const LatentShape &latent, Value input, int64_t layer) {
  const DecoderShape &shape = blocks.getShape();
  std::string prefix = ("blk." + Twine(layer) + ".attn").str(), q = prefix + "_q", kv = prefix + "_kv";
  int64_t headWidth = latent.unrotated + latent.rotated;
  Value query =
      latent.queryRank ? blocks.normalize(blocks.project(input, q + "_a", latent.queryRank), q + "_a_norm") : input;
  query = blocks.project(query, latent.queryRank ? q + "_b" : q, shape.heads * headWidth);
  query = blocks.splitHeads(query, q, shape.heads, headWidth);
  Value rotatedQuery = blocks.slice(query, latent.unrotated, latent.rotated, q);
  Value carried = multiplyHeads(blocks, blocks.slice(query, 0, latent.unrotated, q), prefix + "_k_b", latent.rank);

  Value compressed = blocks.project(input, kv + "_a_mqa", latent.rank + latent.rotated);
  Value row = blocks.normalize(blocks.slice(compressed, 0, latent.rank, kv), kv + "_a_norm");
  Value rotatedKey = blocks.slice(compressed, latent.rank, latent.rotated, kv);
  LayerStyle style = blocks.getLayer(layer);
  rotatedKey = blocks.rotate(blocks.splitHeads(rotatedKey, kv, 1, latent.rotated), kv, style);
  Value value = blocks.splitHeads(row, kv, 1, latent.rank);
  query = concatLast(blocks, carried, blocks.rotate(rotatedQuery, q, style), q);

  // A key is its value and what is rotated, and a cache has both once.
  Value key = blocks.readsTexts() ? concatLast(blocks, value, rotatedKey, kv) : rotatedKey;
  Value attended = blocks.attendTokens(query, key, value, layer, prefix);
  Value values = multiplyHeads(blocks, attended, prefix + "_v_b", latent.value);
  return blocks.project(blocks.joinHeads(values, prefix), prefix + "_output", shape.width);
}

void lathe::buildDeepSeek2(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style;
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  LatentShape latent = LatentShape::read(reader, shape);
  shape.storedKeyWidth = latent.rotated;
  style.experts = Experts::read(reader, shape);
  style.experts.normalize = reader.getBool("expert_weights_norm", false);
  RopeScaling rope = RopeScaling::read(reader, shape);
  // Scores grow with the context instead of what is rotated: YaRN's magnitude moves into their scale. The file has a
  // tenth of the multiplier of DeepSeek's own configuration.
  double factor =
      reader.getString("rope.scaling.type", "") == "yarn" ? reader.getNumber("rope.scaling.factor", 1.0) : 1;
  double growth = 1 + reader.getNumber("rope.scaling.yarn_log_multiplier", 0.0) * std::log(std::max(factor, 1.0));
  rope.magnitude /= growth;
  shape.attentionScale = growth * growth / std::sqrt(double(std::max<int64_t>(latent.unrotated + latent.rotated, 1)));
  style.rope = &rope;
  auto attend = [&](Blocks &blocks, Value input, int64_t layer) { return attendLatent(blocks, latent, input, layer); };
  style.attend = attend;
  buildDecoder(module, reader, options, shape, style);
}
