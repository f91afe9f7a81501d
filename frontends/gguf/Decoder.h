// A decoder: layers of attention and feed-forward around a stream of activations, in the variations that the
// architectures are.
#ifndef LATHE_FRONTENDS_GGUF_DECODER_H
#define LATHE_FRONTENDS_GGUF_DECODER_H

#include "frontends/gguf/RopeScaling.h"

namespace lathe {

class Blocks;

enum class NormKind {
  Rms,
  Layer, ///< with the bias where the file has one
};

enum class Activation { Silu, GeluTanh };

/// Where a layer normalizes.
enum class NormPlaces {
  Before, ///< what attention and feed-forward read
  After,  ///< what they give, before it is added to the stream
  Both,
};

enum class FeedForward {
  Gated,     ///< ffn_down(activation(ffn_gate(x)) * ffn_up(x))
  FusedGate, ///< the same, the rows of ffn_gate in front of those of ffn_up
  Plain,     ///< ffn_down(activation(ffn_up(x)))
};

/// How weights of experts follow from what the router gives.
enum class Gating {
  Softmax,        ///< over all experts
  Sigmoid,        ///< of each
  SelectedSoftmax ///< over the experts that were selected
};

/// A mixture of experts in place of the feed-forward of layers from `denseLayers` on.
struct Experts {
  int64_t count = 0, used = 0, hidden = 0;
  int64_t denseLayers = 0;
  int64_t shared = 0;                 ///< experts that every token uses, beside the ones that are selected
  int64_t groups = 1, groupsUsed = 1; ///< only experts of the best groups can be selected
  Gating gating = Gating::Softmax;
  bool normalize = true; ///< the weights of a token's experts sum to one
  double scale = 1;      ///< of these weights
  bool clamped = false;  ///< clamped SwiGLU of gpt-oss instead of the decoder's activation

  /// Reads `<architecture>.expert_*`; `count` is 0 where there are none.
  static Experts read(ModelReader &reader, const DecoderShape &shape);
};

/// What may differ from layer to layer.
struct LayerStyle {
  int64_t window = 0; ///< tokens that attention sees; 0: all
  bool rotates = true;
  double ropeBase = 0;               ///< 0: the model's
  const RopeScaling *rope = nullptr; ///< null: the model's

  /// `window` in every other layer, from the first on.
  static LayerStyle alternate(int64_t layer, int64_t window) {
    LayerStyle style;
    style.window = layer % 2 == 0 ? window : 0;
    return style;
  }
};

/// An architecture, as it differs from Llama.
struct DecoderStyle {
  NormKind norm = NormKind::Rms;
  NormPlaces normPlaces = NormPlaces::Before;
  llvm::StringRef ffnNorm = "ffn_norm"; ///< the norm in front of the feed-forward
  RopePairing pairing = RopePairing::Adjacent;
  Activation activation = Activation::Silu;
  FeedForward feedForward = FeedForward::Gated;
  bool fusedQkv = false; ///< the rows of queries, keys and values in one tensor
  bool parallel = false; ///< attention and feed-forward read the same and are added together
  bool causal = true;    ///< tokens see those before them alone; false in encoders only
  bool sinks = false;    ///< each head has one more score, of a token without value
  double embeddingScale = 1, residualScale = 1, logitScale = 1;
  double attentionCap = 0, logitCap = 0; ///< values x become cap * tanh(x / cap); 0: none
  Experts experts;
  llvm::StringRef attentionNorm;                     ///< what attention reads instead, where the file has this norm
  llvm::StringRef ropeFactors = "rope_freqs.weight"; ///< where the file has it: divides the frequency of each pair
  const RopeScaling *rope = nullptr;                 ///< null: what `rope.scaling.*` says
  LayerStyle everyLayer;
  llvm::function_ref<LayerStyle(int64_t layer)> getLayer; ///< null: `everyLayer`
  /// Attention from the normalized stream to what is added to it; null: Blocks::attend.
  llvm::function_ref<mlir::Value(Blocks &blocks, mlir::Value input, int64_t layer)> attend;

  LayerStyle getLayerStyle(int64_t layer) const { return getLayer ? getLayer(layer) : everyLayer; }
  llvm::StringRef getEpsilonKey() const {
    return norm == NormKind::Rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon";
  }
};

/// Builds `@forward`, or `@encode` with `options.embeddings` and where the file says how texts are pooled.
void buildDecoder(mlir::ModuleOp module, ModelReader &reader, const GgufImportOptions &options,
                  const DecoderShape &shape, const DecoderStyle &style);

} // namespace lathe

#endif
