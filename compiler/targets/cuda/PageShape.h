// Sizes of paged state, for what writes it and what reads it.
#ifndef LATHE_COMPILER_TARGETS_CUDA_PAGESHAPE_H
#define LATHE_COMPILER_TARGETS_CUDA_PAGESHAPE_H

#include "compiler/targets/cuda/KernelPrinter.h"

namespace lathe::cuda {

/// Sizes of paged state as the templates take them.
struct PageShape {
  PageShape(StateType state, int64_t heads, int64_t keyWidth, int64_t valueWidth)
      : Heads(heads), KvHeads(state.getShape()[1]), KeyWidth(keyWidth), ValueWidth(valueWidth),
        StoredWidth(state.getShape()[2] - valueWidth), Layers(state.getShape()[0]),
        HeadBytes(state.getUnitBytes() / (Layers * KvHeads)) {}

  /// Whether keys begin with their values.
  bool isShared() const { return StoredWidth < KeyWidth; }
  std::string print() const {
    return llvm::formatv("AttentionShape<{0}, {1}, {2}, {3}{4}>", Heads, KvHeads, KeyWidth, ValueWidth,
                         isShared() ? ", true" : "");
  }
  int64_t getLayerElements() const { return KvHeads * StateType::PageTokens * (StoredWidth + ValueWidth); }
  void addPlace(TemplateUse &use, int64_t layer) const {
    use.Params.push_back({"PageElements", std::to_string(Layers * getLayerElements())});
    use.Params.push_back({"LayerOffset", "l0 * " + std::to_string(getLayerElements())});
    use.Layers.push_back(layer);
  }

  int64_t Heads, KvHeads, KeyWidth, ValueWidth, StoredWidth, Layers;
  int64_t HeadBytes; ///< of a page of one layer and key head
};

/// The templates' word.
inline llvm::StringRef getPairing(RopeOp op) { return op.getPairing() == RopePairing::Adjacent ? "Adjacent" : "Half"; }

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_PAGESHAPE_H
