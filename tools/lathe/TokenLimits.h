#ifndef LATHE_TOOLS_LATHE_TOKENLIMITS_H
#define LATHE_TOOLS_LATHE_TOKENLIMITS_H

#include "tools/lathe/Handles.h"

#include <cstdint>

namespace lathe::tools {

/// The greatest size of this dimension of the inputs with this role: of several the smallest.
int64_t greatestSize(const Model &model, const std::string &role, size_t dimension);

/// What a language model was compiled for.
struct TokenLimits {
  int64_t tokens, sequences, rows; ///< of one step
  int64_t length;                  ///< tokens of one text
  int64_t vocabulary;

  /// Throws CommandFailure for a model that gives no logits.
  explicit TokenLimits(const Model &model);
};

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_TOKENLIMITS_H
