#ifndef LATHE_RUNTIME_ENGINE_GRAMMARGUIDE_H
#define LATHE_RUNTIME_ENGINE_GRAMMARGUIDE_H

#include "runtime/grammar/Acceptor.h"
#include "runtime/tokenizer/Tokenizer.h"

namespace lathe::runtime {

/// A tokenizer's tokens as grammars see them. Made once for an engine.
struct GrammarTokens {
  explicit GrammarTokens(std::shared_ptr<const Tokenizer> tokenizer);

  std::shared_ptr<const Tokenizer> tokenizer;
  TokenTrie trie;            ///< of those that are text
  std::vector<int32_t> ends; ///< those that end a text
};

/// Keeps one text to a grammar.
class GrammarGuide {
public:
  /// `ends`: tokens that may follow where the text can end.
  GrammarGuide(std::shared_ptr<const GrammarTokens> tokens, std::shared_ptr<const Grammar> grammar,
               std::vector<int32_t> ends);

  /// The tokens that may follow, as bits (Acceptor::allowedTokens), of a model with `vocabulary` logits. Empty where
  /// there are none.
  std::span<const uint32_t> allowed(int64_t vocabulary);
  /// Takes a token that `allowed` named and that is text.
  void accept(int32_t token);
  /// Whether the text may end here.
  bool isComplete() const { return acceptor.isComplete(); }
  /// Whether it must, as nothing may follow.
  bool isFinished() const { return acceptor.isFinished(); }

private:
  std::shared_ptr<const GrammarTokens> tokens;
  Acceptor acceptor;
  std::vector<int32_t> ends;
  std::vector<uint32_t> mask;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ENGINE_GRAMMARGUIDE_H
