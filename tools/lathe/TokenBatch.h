#ifndef LATHE_TOOLS_LATHE_TOKENBATCH_H
#define LATHE_TOOLS_LATHE_TOKENBATCH_H

#include "tools/lathe/TokenLimits.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace lathe::tools {

/// Texts that a language model reads side by side, without an engine: the caller gives every token.
class TokenBatch {
public:
  /// Room for `texts` texts of `length` tokens, all empty. A step takes at most `chunk` tokens; 0: as many as the model
  /// was compiled for. Throws CommandFailure.
  TokenBatch(const Model &model, size_t texts, int64_t length, int64_t chunk = 0);

  /// Forgets the text that is there.
  void clear();
  /// Forgets what is behind the first `length` tokens of each text.
  void truncate(int64_t length);

  struct Part {
    const int32_t *tokens;
    size_t count;    ///< may be 0
    size_t firstRow; ///< from this token on logits are wanted
  };
  /// Logits after token `index` of a text's part; called when the step that made them has ended.
  using TakeRow = std::function<void(size_t text, size_t index, const float *logits)>;
  /// Appends one part to each text, in as few steps as it takes.
  void append(const std::vector<Part> &parts, const TakeRow &take);
  /// Appends a part to the only text. `rows` has room for the logits that are wanted, [tokens from firstRow on,
  /// vocabulary].
  void append(const Part &part, float *rows);

  /// The likeliest token after a text's part.
  using TakeToken = std::function<void(size_t text, int32_t token)>;
  /// The same where nothing else is wanted: logits stay on a device that chooses tokens itself.
  void appendLikeliest(std::vector<Part> parts, const TakeToken &take);

  int64_t vocabulary() const { return limits.vocabulary; }

private:
  struct Step;
  Step plan(const std::vector<Part> &parts, std::vector<size_t> &done, int64_t mostRows) const;
  /// Logits go to `rows`; without it the likeliest tokens are left in `likeliest`.
  void run(Step &step, float *rows);

  const char *entry;
  TokenLimits limits;
  int64_t logitRows;    ///< of one step, where logits go to host memory
  bool choosesOnDevice; ///< the model gives the likeliest tokens
  Session session;
  std::vector<Sequence> sequences;
  std::vector<float> logits;
  std::vector<int32_t> likeliest;
};

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_TOKENBATCH_H
