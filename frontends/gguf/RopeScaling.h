// How rotary embeddings are stretched to contexts that are longer than the one a model was first trained for.
#ifndef LATHE_FRONTENDS_GGUF_ROPESCALING_H
#define LATHE_FRONTENDS_GGUF_ROPESCALING_H

#include "frontends/gguf/DecoderShape.h"

namespace lathe {

/// Divides the frequency of each pair by a factor, and multiplies what is rotated.
struct RopeScaling {
  std::vector<float> factors; ///< one for each pair of rotated elements; empty: all 1
  double magnitude = 1;       ///< YaRN's attention factor (Peng et al., 2023)

  /// What `<architecture>.rope.scaling.*` asks for: nothing, 'linear' or 'yarn'. Anything else is reported.
  static RopeScaling read(ModelReader &reader, const DecoderShape &shape);
};

} // namespace lathe

#endif
