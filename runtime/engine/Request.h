#ifndef LATHE_RUNTIME_ENGINE_REQUEST_H
#define LATHE_RUNTIME_ENGINE_REQUEST_H

#include "runtime/engine/GrammarGuide.h"
#include "runtime/engine/RequestOptions.h"
#include "runtime/engine/TextStream.h"
#include "runtime/session/StepBuilder.h"

namespace lathe::runtime {

/// What a request has written and nobody has taken.
struct RequestOutput {
  std::vector<int32_t> tokens;
  std::string text;
  std::vector<float> logProbabilities, topLogProbabilities, logits;
  std::vector<int32_t> topTokens;
};

/// One text: what is known of it, how far the model has come, and what has been written. The engine sees to it that one
/// thread at a time uses it.
class Request {
public:
  /// `tokenizer` may be null, and so may `grammarTokens` of a request without a grammar.
  Request(RequestOptions options, std::shared_ptr<const Tokenizer> tokenizer,
          std::shared_ptr<const GrammarTokens> grammarTokens);

  // For the scheduler.

  /// The prompt and what has been written.
  std::span<const int32_t> text() const { return known; }
  /// Tokens of the text that the model has still to see; at least 1.
  int64_t pending() const { return int64_t(known.size()) - sequence.length; }
  /// Keys of the full pages of the text, from the beginning.
  std::span<const PageKey> pageKeys(const PageKey &start);

  SequenceState sequence;   ///< of the session while the request is running, else empty
  int64_t sharedTokens = 0; ///< found, not computed, when it was begun
  int64_t preemptions = 0;

  // For the engine.

  /// Chooses the next token from the logits behind the text so far, which are overwritten, and takes it.
  void advance(std::span<float> row);
  /// Whether the likeliest token is next, whatever the others are, and nothing else is wanted of the logits.
  bool takesLikeliest() const;
  /// Whether the `count` largest logits are all that the next token depends on and all that is wanted.
  bool takesCandidates(int64_t count) const;
  /// How it is chosen among those.
  lathe_sampler sampler() const;
  /// Takes a token that was chosen where the logits are.
  void advance(int32_t chosen);
  /// Ends it, unless it is finished.
  void finish(lathe_finish reason);
  void fail(lathe_code code, const std::string &message);
  bool isFinished() const { return reason != LATHE_FINISH_NONE; }

  RequestOutput output;
  lathe_finish reason = LATHE_FINISH_NONE;
  lathe_code failureCode{};
  std::string failure;
  int32_t topCount() const { return options.topTokens; }

private:
  /// Whether logits are changed before the choice, or wanted for something else.
  bool needsLogits() const;
  /// Notes what is wanted of the model's own logits.
  void describe(std::span<const float> row, int32_t token);
  int32_t choose(std::span<float> row, std::span<const uint32_t> allowed) const;
  void take(int32_t token);
  bool ends(int32_t token) const;

  RequestOptions options;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::optional<TextStream> stream;
  std::optional<GrammarGuide> guide;
  std::vector<int32_t> known;
  std::vector<PageKey> keys;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ENGINE_REQUEST_H
