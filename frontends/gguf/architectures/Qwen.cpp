// Qwen 2 (biases of queries, keys and values) and 3 (norms of each head of queries and keys, perhaps experts): the
// blocks of Llama with rotated halves. Biases and norms are taken where the file has them.
#include "frontends/gguf/architectures/Architectures.h"

using namespace mlir;
using namespace lathe;

void lathe::buildQwen(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style;
  style.pairing = RopePairing::Halves;
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  style.experts = Experts::read(reader, shape);
  buildDecoder(module, reader, options, shape, style);
}
