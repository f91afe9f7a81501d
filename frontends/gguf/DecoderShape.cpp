#include "frontends/gguf/DecoderShape.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace lathe;

// Far above any model, and small enough that products of three sizes fit in 63 bits.
static constexpr int64_t MaxSize = 1 << 20;

DecoderShape DecoderShape::read(ModelReader &reader, StringRef epsilonKey) {
  DecoderShape shape;
  shape.contextLength = reader.getInteger("context_length");
  shape.width = reader.getInteger("embedding_length");
  shape.layers = reader.getInteger("block_count");
  shape.hidden = reader.getUniformInteger("feed_forward_length");
  shape.heads = reader.getUniformInteger("attention.head_count");
  shape.kvHeads = reader.getUniformInteger("attention.head_count_kv", shape.heads);
  shape.keyWidth = reader.getInteger("attention.key_length", shape.width / std::max<int64_t>(shape.heads, 1));
  shape.storedKeyWidth = shape.keyWidth;
  shape.valueWidth = reader.getInteger("attention.value_length", shape.keyWidth);
  shape.ropeDimensions = reader.getInteger("rope.dimension_count", shape.keyWidth);
  shape.ropeBase = reader.getNumber("rope.freq_base", 10000.0);
  shape.epsilon = reader.getNumber(epsilonKey);
  shape.vocabulary = reader.getInteger("vocab_size", reader.getDimension("token_embd.weight", 0));

  // A scale of 0 is how files say that there is none.
  shape.attentionScale = reader.getNumber("attention.scale", 0.0);
  if (shape.attentionScale == 0)
    shape.attentionScale = 1 / std::sqrt(double(std::max<int64_t>(shape.keyWidth, 1)));
  // Sizes that could not be read have stand-ins, which mean nothing beside the others.
  if (!reader.hasFailed())
    shape.check(reader, epsilonKey);
  return shape;
}

void DecoderShape::check(ModelReader &reader, StringRef epsilonKey) const {
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
  reader.checkPositive(epsilonKey, epsilon);
  reader.checkPositive("attention.scale", attentionScale);
}

EntryShape DecoderShape::getEntryShape(MLIRContext &context, ArrayRef<int64_t> windows) const {
  EntryShape entry{vocabulary, contextLength, width, {}, {}, {}};
  int64_t full = 0, windowed = 0, largest = 0;
  for (int64_t window : windows) {
    entry.layers.push_back({window > 0, window > 0 ? windowed++ : full++});
    largest = std::max(largest, window);
  }
  auto getState = [&](int64_t count, int64_t window) {
    return count == 0 ? StateType()
                      : StateType::get(&context, StateKind::Paged, {count, kvHeads, storedKeyWidth + valueWidth},
                                       Float32Type::get(&context), window);
  };
  entry.kv = getState(full, 0);
  entry.windowKv = getState(windowed, largest);
  return entry;
}
