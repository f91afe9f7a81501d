#include "frontends/gguf/Decoder.h"
#include "frontends/gguf/Blocks.h"

using namespace mlir;
using namespace lathe;

/// One layer: what it adds to the stream, and the stream after it.
static Value buildLayer(Blocks &blocks, const DecoderStyle &style, Value stream, int64_t layer) {
  std::string prefix = ("blk." + Twine(layer)).str();
  bool before = style.normPlaces != NormPlaces::After, after = style.normPlaces != NormPlaces::Before;
  auto finish = [&](Value computed, StringRef norm, StringRef name) {
    Value normal = after ? blocks.normalize(computed, Twine(prefix) + norm) : computed;
    return blocks.scale(normal, style.residualScale, Twine(prefix) + name);
  };
  Value input = before ? blocks.normalize(stream, prefix + ".attn_norm") : stream;
  std::string second = prefix + "." + style.attentionNorm.str();
  bool hasSecond = !style.attentionNorm.empty() && blocks.reader.hasTensor(second + ".weight");
  Value read = hasSecond ? blocks.normalize(stream, second) : input;
  Value attended = finish(style.attend ? style.attend(blocks, read, layer) : blocks.attend(read, layer),
                          ".post_attention_norm", ".attn");
  if (style.parallel) {
    Value computed = finish(blocks.feedForward(input, layer), ".post_ffw_norm", ".ffn");
    return blocks.add(blocks.add(stream, attended, prefix + ".attn"), computed, prefix + ".ffn");
  }
  stream = blocks.add(stream, attended, prefix + ".attn");
  input = before ? blocks.normalize(stream, Twine(prefix) + "." + style.ffnNorm) : stream;
  return blocks.add(stream, finish(blocks.feedForward(input, layer), ".post_ffw_norm", ".ffn"), prefix + ".ffn");
}

/// The tokens that each layer sees of texts up to `longest`; 0 where that is all.
static SmallVector<int64_t> getWindows(const DecoderStyle &style, const DecoderShape &shape, int64_t longest) {
  SmallVector<int64_t> windows;
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    int64_t window = style.getLayerStyle(layer).window;
    windows.push_back(window < longest ? window : 0);
  }
  return windows;
}

void lathe::buildDecoder(ModuleOp module, ModelReader &reader, const GgufImportOptions &options,
                         const DecoderShape &shape, const DecoderStyle &given) {
  OpBuilder builder(module.getContext());
  DecoderStyle style = given;
  RopeScaling rope = style.rope ? *style.rope : RopeScaling::read(reader, shape);
  bool isEncoder = options.embeddings || reader.getInteger("pooling_type", 0) != 0;
  if (isEncoder)
    style.causal = reader.getBool("attention.causal", true);
  if (reader.hasFailed())
    return;
  SmallVector<int64_t> windows;
  if (!isEncoder)
    windows = getWindows(style, shape, options.contextLength ? options.contextLength : shape.contextLength);
  Entry entry(module, builder, reader, shape.getEntryShape(*module.getContext(), windows), options);
  Blocks blocks(builder, reader, entry, shape, style, rope);
  Value stream = blocks.embedTokens();
  for (int64_t layer = 0; layer < shape.layers; ++layer)
    stream = buildLayer(blocks, style, stream, layer);
  blocks.finish(stream);
}
