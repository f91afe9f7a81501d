#ifndef LATHE_RUNTIME_ENGINE_TEXTSTREAM_H
#define LATHE_RUNTIME_ENGINE_TEXTSTREAM_H

#include "runtime/tokenizer/TextDecoder.h"

#include <optional>

namespace lathe::runtime {

/// Finds stop strings in a text that arrives in pieces. The one that is complete first counts; of those that end at the
/// same byte the longest. Where the pieces are cut makes no difference.
class StopMatcher {
public:
  explicit StopMatcher(std::vector<std::string> stops) : stops(std::move(stops)) {}

  /// Appends to `shown` what is certainly before any stop string. Returns whether one is complete; the text ends then.
  bool push(std::string_view text, std::string &shown);
  /// What was held back, as nothing follows.
  void finish(std::string &shown);

private:
  std::vector<std::string> stops;
  std::string held; ///< could be the beginning of a stop string
};

/// The tokens of one request as text that can be given out.
class TextStream {
public:
  /// `prompt` is what the text follows. With `isExact` each token adds its bytes, whatever is before it.
  TextStream(std::shared_ptr<const Tokenizer> tokenizer, std::span<const int32_t> prompt, bool keepsSpecial,
             bool isExact, std::vector<std::string> stops);

  /// Takes one token and appends to `shown`. Returns whether the text now ends with a stop string.
  bool push(int32_t token, std::string &shown);
  /// Appends what is left at the end. Returns whether a stop string appears there.
  bool finish(std::string &shown);

private:
  std::shared_ptr<const Tokenizer> tokenizer;
  TextDecoder decoder;
  StopMatcher matcher;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ENGINE_TEXTSTREAM_H
