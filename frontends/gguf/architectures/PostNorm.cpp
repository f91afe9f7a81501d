// Decoders that normalize what attention and feed-forward give: OLMo 2 there alone, GLM 4 on both sides.
#include "frontends/gguf/architectures/Architectures.h"

using namespace mlir;
using namespace lathe;

/// Queries and keys are normalized as whole rows (OLMo Team, 2024).
void lathe::buildOlmo2(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style;
  style.pairing = RopePairing::Halves;
  style.normPlaces = NormPlaces::After;
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  buildDecoder(module, reader, options, shape, style);
}

void lathe::buildGlm4(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style;
  style.normPlaces = NormPlaces::Both;
  style.feedForward = FeedForward::FusedGate;
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  buildDecoder(module, reader, options, shape, style);
}
