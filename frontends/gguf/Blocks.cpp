#include "frontends/gguf/Blocks.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace lathe;

//===- Sizes ------------------------------------------------------------------------------------------------------===//

// Far above any model, and small enough that products of three sizes fit in 63 bits.
static constexpr int64_t MaxSize = 1 << 20;

DecoderShape DecoderShape::read(ModelReader &reader) {
  DecoderShape shape;
  shape.contextLength = reader.getInteger("context_length");
  shape.width = reader.getInteger("embedding_length");
  shape.layers = reader.getInteger("block_count");
  shape.hidden = reader.getUniformInteger("feed_forward_length");
  shape.heads = reader.getUniformInteger("attention.head_count");
  shape.kvHeads = reader.getUniformInteger("attention.head_count_kv", shape.heads);
  shape.keyWidth = reader.getInteger("attention.key_length", shape.width / std::max<int64_t>(shape.heads, 1));
  shape.valueWidth = reader.getInteger("attention.value_length", shape.keyWidth);
  shape.ropeDimensions = reader.getInteger("rope.dimension_count", shape.keyWidth);
  shape.ropeBase = reader.getNumber("rope.freq_base", 10000.0);
  shape.epsilon = reader.getNumber("attention.layer_norm_rms_epsilon");
  shape.vocabulary = reader.getInteger("vocab_size", reader.getDimension("token_embd.weight", 0));

  // A scale of 0 is how files say that there is none.
  shape.attentionScale = reader.getNumber("attention.scale", 0.0);
  if (shape.attentionScale == 0)
    shape.attentionScale = 1 / std::sqrt(double(std::max<int64_t>(shape.keyWidth, 1)));
  // Sizes that could not be read have stand-ins, which mean nothing beside the others.
  if (!reader.hasFailed())
    shape.check(reader);
  return shape;
}

void DecoderShape::check(ModelReader &reader) const {
  reader.checkRange("context_length", contextLength, 1, std::numeric_limits<int32_t>::max());
  reader.checkRange("vocab_size", vocabulary, 1, MaxSize * 16);
  // A layer has tensors of its own: a count above theirs would only list what is missing without end.
  reader.checkRange("block_count", layers, 1, std::max<int64_t>(reader.getFile().tensors().size(), 1));
  reader.checkRange("embedding_length", width, 1, MaxSize);
  reader.checkRange("feed_forward_length", hidden, 1, MaxSize);
  reader.checkRange("attention.head_count", heads, 1, MaxSize);
  reader.checkRange("attention.head_count_kv", kvHeads, 1, MaxSize);
  reader.checkRange("attention.key_length", keyWidth, 1, MaxSize);
  reader.checkRange("attention.value_length", valueWidth, 1, MaxSize);
  reader.checkRange("rope.dimension_count", ropeDimensions, 2, keyWidth);
  if (ropeDimensions % 2 != 0)
    reader.emitError() << "'" << reader.fullKey("rope.dimension_count") << "' is " << ropeDimensions
                       << ", needed an even number";
  if (kvHeads > 0 && heads % kvHeads != 0)
    reader.emitError() << "'" << reader.fullKey("attention.head_count") << "' is " << heads
                       << ", needed a multiple of '" << reader.fullKey("attention.head_count_kv") << "', which is "
                       << kvHeads;
  reader.checkPositive("rope.freq_base", ropeBase);
  reader.checkPositive("attention.layer_norm_rms_epsilon", epsilon);
  reader.checkPositive("attention.scale", attentionScale);
}

EntryShape DecoderShape::getEntryShape(MLIRContext &context) const {
  auto kv = StateType::get(&context, StateKind::Paged, {layers, kvHeads, keyWidth + valueWidth},
                           Float32Type::get(&context), /*window=*/0);
  return {vocabulary, contextLength, kv};
}

//===- Blocks -----------------------------------------------------------------------------------------------------===//

/// `type` with its last dimension replaced.
static RankedTensorType withWidth(Value value, int64_t width) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> sizes(type.getShape());
  sizes.back() = width;
  return type.clone(sizes);
}

Value Blocks::getFloatWeight(const Twine &name, ArrayRef<int64_t> weightShape) {
  Value weight = reader.getWeight(builder, name.str(), weightShape);
  auto type = cast<RankedTensorType>(weight.getType());
  if (!type.getElementType().isF16() && !type.getElementType().isBF16())
    return weight;
  return CastOp::create(builder, locate(name), type.clone(builder.getF32Type()), weight);
}

Value Blocks::embedTokens() {
  Value table = reader.getWeight(builder, "token_embd.weight", {shape.vocabulary, shape.width});
  auto type = RankedTensorType::get({ShapedType::kDynamic, shape.width}, builder.getF32Type());
  return GatherOp::create(builder, locate("token_embd"), type, table, entry.getTokens());
}

Value Blocks::normalize(Value input, const Twine &name) {
  int64_t width = cast<RankedTensorType>(input.getType()).getShape().back();
  Value weight = reader.getWeight(builder, (name + ".weight").str(), {width});
  return RmsNormOp::create(builder, locate(name), input, weight, builder.getF32FloatAttr(float(shape.epsilon)));
}

Value Blocks::project(Value input, const Twine &name, int64_t width) {
  int64_t inputWidth = cast<RankedTensorType>(input.getType()).getShape().back();
  Value weight = getFloatWeight(name + ".weight", {width, inputWidth});
  RankedTensorType type = withWidth(input, width);
  Value product = MatmulOp::create(builder, locate(name), type, input, weight, /*transpose_rhs=*/builder.getUnitAttr());
  std::string bias = (name + ".bias").str();
  if (!reader.hasTensor(bias))
    return product;
  return AddOp::create(builder, locate(name), type, product, getFloatWeight(bias, {width}));
}

Value Blocks::splitHeads(Value input, const Twine &name, int64_t heads, int64_t width) {
  auto type = RankedTensorType::get({ShapedType::kDynamic, heads, width}, builder.getF32Type());
  return ReshapeOp::create(builder, locate(name), type, input, ArrayRef<int64_t>{0, heads, width});
}

Value Blocks::rotate(Value input, const Twine &name, RopePairing pairing) {
  // Divides the frequencies: how models for long contexts stretch them.
  Value factors;
  if (reader.hasTensor("rope_freqs.weight"))
    factors = reader.getWeight(builder, "rope_freqs.weight", {shape.ropeDimensions / 2});
  return RopeOp::create(builder, locate(name), input, entry.getPositions(), factors, pairing,
                        llvm::APFloat(float(shape.ropeBase)), shape.ropeDimensions);
}

Value Blocks::attend(Value input, int64_t layer, RopePairing pairing) {
  std::string prefix = ("blk." + Twine(layer) + ".attn").str();
  auto projectHeads = [&](StringRef suffix, int64_t heads, int64_t width) {
    Value projected = project(input, prefix + suffix, heads * width);
    return splitHeads(projected, prefix + suffix, heads, width);
  };
  Value query = projectHeads("_q", shape.heads, shape.keyWidth);
  Value key = projectHeads("_k", shape.kvHeads, shape.keyWidth);
  Value value = projectHeads("_v", shape.kvHeads, shape.valueWidth);
  query = rotate(query, prefix + "_q", pairing);
  key = rotate(key, prefix + "_k", pairing);
  entry.kv = AppendKvOp::create(builder, locate(prefix), key, value, entry.kv, entry.getSlots(), layer);
  Value attended = PagedAttentionOp::create(builder, locate(prefix), withWidth(query, shape.valueWidth), query,
                                            entry.kv, entry.getRowOffsets(), entry.getLengths(), entry.getBlockTables(),
                                            layer, llvm::APFloat(float(shape.attentionScale)));
  int64_t width = shape.heads * shape.valueWidth;
  auto joined = RankedTensorType::get({ShapedType::kDynamic, width}, builder.getF32Type());
  attended = ReshapeOp::create(builder, locate(prefix), joined, attended, ArrayRef<int64_t>{0, width});
  return project(attended, prefix + "_output", shape.width);
}

Value Blocks::feedForward(Value input, int64_t layer) {
  std::string prefix = ("blk." + Twine(layer) + ".ffn").str();
  Value gate = project(input, prefix + "_gate", shape.hidden);
  Value up = project(input, prefix + "_up", shape.hidden);
  Value activated = SiluOp::create(builder, locate(prefix), gate);
  Value product = MulOp::create(builder, locate(prefix), gate.getType(), activated, up);
  return project(product, prefix + "_down", shape.width);
}

Value Blocks::add(Value lhs, Value rhs, const Twine &name) {
  return AddOp::create(builder, locate(name), lhs.getType(), lhs, rhs);
}

void Blocks::finish(Value input) {
  // Only the rows asked for meet the last norm and the vocabulary.
  Value rows = GatherOp::create(builder, locate("rows"), input.getType(), input, entry.getRows());
  rows = normalize(rows, "output_norm");
  Value logits;
  if (reader.hasTensor("output.weight")) {
    logits = project(rows, "output", shape.vocabulary);
  } else {
    Value table = getFloatWeight("token_embd.weight", {shape.vocabulary, shape.width});
    logits = MatmulOp::create(builder, locate("output"), withWidth(rows, shape.vocabulary), rows, table,
                              builder.getUnitAttr());
  }
  entry.finish(builder, locate("output"), logits);
}
