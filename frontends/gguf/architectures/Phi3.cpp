// Phi 3 and 4: Llama with rotated halves, one tensor for queries, keys and values and one for gate and up. For long
// contexts the file has a factor for each pair.
#include "frontends/gguf/architectures/Architectures.h"

using namespace mlir;
using namespace lathe;

void lathe::buildPhi3(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style;
  style.pairing = RopePairing::Halves;
  style.fusedQkv = true;
  style.feedForward = FeedForward::FusedGate;
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  style.everyLayer.window = reader.getWindow("attention.sliding_window", 0);
  int64_t trained = reader.getInteger("rope.scaling.original_context_length", shape.contextLength);
  int64_t length = options.contextLength ? options.contextLength : shape.contextLength;
  style.ropeFactors = length > trained ? "rope_factors_long.weight" : "rope_factors_short.weight";
  reader.ignoreTensor("rope_factors_long.weight");
  reader.ignoreTensor("rope_factors_short.weight");
  buildDecoder(module, reader, options, shape, style);
}
