// Gemma 1 to 3 (Gemma Team, 2024 and 2025): scaled embeddings, gated GELU, rotated halves; from 2 on norms on both
// sides and layers that see a window alone. Norm weights are stored with their 1 added.
#include "frontends/gguf/architectures/Architectures.h"
#include <cmath>

using namespace mlir;
using namespace lathe;

static DecoderStyle getStyle() {
  DecoderStyle style;
  style.pairing = RopePairing::Halves;
  style.activation = Activation::GeluTanh;
  return style;
}

/// The largest models scale scores by the share of the width that a head has, instead of by the width of the head.
static void scaleByShare(DecoderShape &shape, int64_t layersOfLargest) {
  if (shape.layers == layersOfLargest && shape.heads > 0)
    shape.attentionScale = 1 / std::sqrt(double(shape.width) / shape.heads);
}

void lathe::buildGemma(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style = getStyle();
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  style.embeddingScale = std::sqrt(double(shape.width));
  buildDecoder(module, reader, options, shape, style);
}

void lathe::buildGemma2(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style = getStyle();
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  scaleByShare(shape, /*layersOfLargest=*/46);
  style.embeddingScale = std::sqrt(double(shape.width));
  style.normPlaces = NormPlaces::Both;
  style.attentionCap = reader.getNumber("attn_logit_softcapping", 50.0);
  style.logitCap = reader.getNumber("final_logit_softcapping", 30.0);
  reader.checkPositive("attn_logit_softcapping", style.attentionCap);
  reader.checkPositive("final_logit_softcapping", style.logitCap);
  int64_t window = reader.getWindow("attention.sliding_window", 4096);
  auto getLayer = [&](int64_t layer) { return LayerStyle::alternate(layer, window); };
  style.getLayer = getLayer;
  buildDecoder(module, reader, options, shape, style);
}

/// Five layers with a window, whose rotation is never stretched, then one without.
void lathe::buildGemma3(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style = getStyle();
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  scaleByShare(shape, /*layersOfLargest=*/62);
  style.embeddingScale = std::sqrt(double(shape.width));
  style.normPlaces = NormPlaces::Both;
  style.logitCap = reader.getNumber("final_logit_softcapping", 0.0);
  int64_t window = reader.getWindow("attention.sliding_window", 0), period = 6;
  double localBase = reader.getNumber("rope.freq_base_swa", 10000.0);
  reader.checkPositive("rope.freq_base_swa", localBase);
  RopeScaling unscaled;
  auto getLayer = [&](int64_t layer) {
    LayerStyle own;
    if (window > 0 && layer % period < period - 1) {
      own.window = window;
      own.ropeBase = localBase;
      own.rope = &unscaled;
    }
    return own;
  };
  style.getLayer = getLayer;
  buildDecoder(module, reader, options, shape, style);
}
