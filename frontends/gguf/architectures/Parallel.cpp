// Decoders with layer norms: Falcon and Command R, whose attention and feed-forward read the same norm, StarCoder 2 and
// StableLM.
#include "frontends/gguf/architectures/Architectures.h"

using namespace mlir;
using namespace lathe;

static DecoderStyle getStyle() {
  DecoderStyle style;
  style.norm = NormKind::Layer;
  return style;
}

void lathe::buildFalcon(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style = getStyle();
  style.pairing = RopePairing::Halves;
  style.fusedQkv = true;
  style.parallel = true;
  style.feedForward = FeedForward::Plain;
  style.activation = Activation::GeluTanh;
  style.attentionNorm = "attn_norm_2"; // of the models with two norms a layer
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  buildDecoder(module, reader, options, shape, style);
}

void lathe::buildCommandR(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style = getStyle();
  style.parallel = true;
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  style.logitScale = reader.getNumber("logit_scale", 1.0);
  reader.checkPositive("logit_scale", style.logitScale);
  buildDecoder(module, reader, options, shape, style);
}

void lathe::buildStarCoder2(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style = getStyle();
  style.pairing = RopePairing::Halves;
  style.feedForward = FeedForward::Plain;
  style.activation = Activation::GeluTanh;
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  buildDecoder(module, reader, options, shape, style);
}

/// Its larger models have no norm in front of the feed-forward, which then stands beside attention.
void lathe::buildStableLm(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style = getStyle();
  style.pairing = RopePairing::Halves;
  style.parallel = !reader.hasTensor("blk.0.ffn_norm.weight");
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  buildDecoder(module, reader, options, shape, style);
}
