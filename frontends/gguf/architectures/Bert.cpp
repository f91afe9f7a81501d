// Encoders: BERT (Devlin et al., 2019), and Nomic BERT (Nussbaum et al., 2024), which rotates halves instead of
// learning positions and has a gated SiLU. Every token sees its whole text, and what a layer adds is normalized with
// the stream.
#include "frontends/gguf/Blocks.h"
#include "frontends/gguf/architectures/Architectures.h"

using namespace mlir;
using namespace lathe;

static Value buildLayer(Blocks &blocks, Value stream, int64_t layer) {
  std::string prefix = ("blk." + Twine(layer)).str();
  stream = blocks.add(stream, blocks.attend(stream, layer), prefix + ".attn");
  stream = blocks.normalize(stream, prefix + ".attn_output_norm");
  stream = blocks.add(stream, blocks.feedForward(stream, layer), prefix + ".ffn");
  return blocks.normalize(stream, prefix + ".layer_output_norm");
}

static void buildEncoder(ModuleOp module, ModelReader &reader, const GgufImportOptions &options, DecoderStyle style) {
  style.norm = NormKind::Layer;
  style.causal = reader.getBool("attention.causal", false);
  style.fusedQkv = reader.hasTensor("blk.0.attn_qkv.weight");
  DecoderShape shape = DecoderShape::read(reader, style.getEpsilonKey());
  RopeScaling rope = RopeScaling::read(reader, shape);
  // A table has no rows beyond what the model was trained for.
  if (!style.everyLayer.rotates && options.contextLength > shape.contextLength)
    reader.emitError() << "context length is " << options.contextLength << " but the model has " << shape.contextLength
                       << " positions";
  if (reader.hasFailed())
    return;
  OpBuilder builder(module.getContext());
  Entry entry(module, builder, reader, shape.getEntryShape(*module.getContext(), /*windows=*/{}), options);
  Blocks blocks(builder, reader, entry, shape, style, rope);
  Value stream = blocks.embedTokens();
  if (reader.hasTensor("token_types.weight"))
    stream = blocks.add(stream, blocks.embedTokenType(), "token_types");
  if (!style.everyLayer.rotates)
    stream = blocks.add(stream, blocks.embedPositions(), "position_embd");
  stream = blocks.normalize(stream, "token_embd_norm");
  for (int64_t layer = 0; layer < shape.layers; ++layer)
    stream = buildLayer(blocks, stream, layer);
  entry.finish(builder, blocks.locate("hidden_states"), stream);
}

void lathe::buildBert(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style;
  style.feedForward = FeedForward::Plain;
  style.activation = Activation::GeluTanh;
  style.everyLayer.rotates = false;
  buildEncoder(module, reader, options, style);
}

void lathe::buildNomicBert(ModuleOp module, ModelReader &reader, const GgufImportOptions &options) {
  DecoderStyle style;
  style.pairing = RopePairing::Halves;
  buildEncoder(module, reader, options, style);
}
