#ifndef LATHE_RUNTIME_SESSION_EMBEDDING_H
#define LATHE_RUNTIME_SESSION_EMBEDDING_H

#include "runtime/artifact/Manifest.h"

#include <vector>

namespace lathe::runtime {

/// Refuses wrong counts and sizes, and pooling that the model does not name.
void checkEmbedding(const Entry &entry, const lathe_embed_options &options);

/// The tensors of one call of an encoder. Kept from call to call, so that calls of known size allocate nothing.
class EmbedCall {
public:
  /// The call that computes the hidden states of checked options; valid until the next one.
  lathe_run_options fill(const Entry &entry, const lathe_embed_options &options);
  /// Writes what was computed to where the options want it.
  void deliver(const Entry &entry, const lathe_embed_options &options) const;

private:
  std::vector<int32_t> tokens, positions, rowOffsets;
  std::vector<float> hidden; ///< [T, W]
  lathe_tensor inputs[3], output;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_EMBEDDING_H
