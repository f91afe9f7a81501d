// gpt-oss (OpenAI, 2025): experts with biases and a clamped gate, a sink for each head, a window in every other layer.
#include "frontends/gguf/architectures/Architectures.h"

using namespace mlir;
using namespace lathe;

void lathe::buildGptOss(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style;
  style.pairing = RopePairing::Halves;
  style.ffnNorm = "post_attention_norm"; // which stands in front of the feed-forward
  style.sinks = true;
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  style.experts = Experts::read(reader, shape);
  style.experts.gating = Gating::SelectedSoftmax;
  style.experts.clamped = true;
  int64_t window = reader.getWindow("attention.sliding_window", 0);
  auto getLayer = [&](int64_t layer) { return LayerStyle::alternate(layer, window); };
  style.getLayer = getLayer;
  buildDecoder(module, reader, options, shape, style);
}
