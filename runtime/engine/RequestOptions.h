#ifndef LATHE_RUNTIME_ENGINE_REQUESTOPTIONS_H
#define LATHE_RUNTIME_ENGINE_REQUESTOPTIONS_H

#include "runtime/grammar/Grammar.h"
#include "runtime/include/lathe.h"
#include "runtime/sampling/Sampling.h"
#include "runtime/session/Executor.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <memory>
#include <string>
#include <vector>

namespace lathe::runtime {

/// What one text may take.
struct TextLimits {
  int64_t vocabulary;
  int64_t longest;         ///< tokens that the model was compiled for
  const StateLimits &room; ///< the session's
};

/// What a request asks for, checked, in memory of its own.
struct RequestOptions {
  std::vector<int32_t> prompt;
  int64_t maxTokens = 0; ///< at least 1
  SamplingOptions sampling;
  uint64_t seed = 0;
  int64_t penaltyTokens = 0; ///< 0: all
  std::vector<std::pair<int32_t, float>> logitBiases;
  std::vector<int32_t> stopTokens;
  std::vector<std::string> stopStrings;
  bool ignoresEnd = false, keepsSpecial = false;
  std::shared_ptr<const Grammar> grammar; ///< may be null
  bool wantsLogProbabilities = false, wantsLogits = false;
  int32_t topTokens = 0;
};

/// Throws Failure for what lathe_engine_submit refuses. `tokenizer` may be null.
RequestOptions readRequest(const lathe_request_options &given, const TextLimits &limits, const Tokenizer *tokenizer);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ENGINE_REQUESTOPTIONS_H
