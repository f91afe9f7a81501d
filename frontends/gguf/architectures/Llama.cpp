// Llama 1 to 3 and what is built like them (Mistral, Mixtral, TinyLlama, SmolLM 1 and 2, …): RMS norms, grouped-query
// attention with rotated adjacent pairs (the converter has permuted the rows of Q and K for that), gated SiLU.
#include "frontends/gguf/architectures/Architectures.h"

using namespace mlir;
using namespace lathe;

void lathe::buildLlama(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style;
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  style.experts = Experts::read(reader, shape);
  style.everyLayer.window = reader.getWindow("attention.sliding_window", 0);
  buildDecoder(module, reader, options, shape, style);
}

/// Llama with three numbers that scale activations, and perhaps without rotation.
void lathe::buildGranite(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style;
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  style.embeddingScale = reader.getNumber("embedding_scale", 1.0);
  style.residualScale = reader.getNumber("residual_scale", 1.0);
  double divisor = reader.getNumber("logit_scale", 1.0);
  reader.checkPositive("embedding_scale", style.embeddingScale);
  reader.checkPositive("residual_scale", style.residualScale);
  reader.checkPositive("logit_scale", divisor);
  style.logitScale = 1 / divisor;
  style.everyLayer.rotates = reader.getBool("rope.scaling.finetuned", true); // a switch in these files
  buildDecoder(module, reader, options, shape, style);
}

/// Llama without rotation in every fourth layer.
void lathe::buildSmolLm3(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style;
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  auto getLayer = [](int64_t layer) {
    LayerStyle own;
    own.rotates = (layer + 1) % 4 != 0;
    return own;
  };
  style.getLayer = getLayer;
  buildDecoder(module, reader, options, shape, style);
}
