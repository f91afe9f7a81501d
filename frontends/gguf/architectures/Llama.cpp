// Llama 1 to 3 and what is built like them (Mistral, TinyLlama, SmolLM 1 and 2, …): RMS norms, grouped-query attention
// with rotated adjacent pairs (the converter has permuted the rows of Q and K for that), gated SiLU.
#include "frontends/gguf/Blocks.h"
#include "frontends/gguf/architectures/Architectures.h"

using namespace mlir;
using namespace lathe;

void lathe::buildLlama(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderShape shape = DecoderShape::read(reader);
  reader.refuseInteger("expert_count", 0, "mixtures of experts cannot be imported yet");
  reader.refuseInteger("attention.sliding_window", 0, "sliding windows cannot be imported for this architecture yet");
  reader.refuseRopeScaling();
  if (reader.hasFailed())
    return;

  OpBuilder builder(module.getContext());
  Entry entry(module, builder, reader, shape.getEntryShape(*module.getContext()), options);
  Blocks blocks(builder, reader, entry, shape);
  Value stream = blocks.embedTokens();
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    std::string prefix = "blk." + std::to_string(layer);
    Value attended = blocks.attend(blocks.normalize(stream, prefix + ".attn_norm"), layer, RopePairing::Adjacent);
    stream = blocks.add(stream, attended, prefix + ".attn");
    Value computed = blocks.feedForward(blocks.normalize(stream, prefix + ".ffn_norm"), layer);
    stream = blocks.add(stream, computed, prefix + ".ffn");
  }
  blocks.finish(stream);
}
