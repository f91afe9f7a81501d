#include "runtime/engine/GrammarGuide.h"

#include <algorithm>

namespace lathe::runtime {

/// The bytes of each token; none for those that are no text. Where encoding puts a space at the beginning of a text,
/// decoding takes one away behind user-defined tokens: what such a token stands for depends on what follows, so
/// grammars do without.
static std::vector<std::string_view> piecesOf(const Tokenizer &tokenizer) {
  std::vector<std::string_view> pieces;
  for (int32_t token = 0; token != tokenizer.size(); ++token) {
    bool isText = !tokenizer.isSpecial(token) && !tokenizer.endsText(token) &&
                  !(tokenizer.addsSpace() && tokenizer.isUserDefined(token));
    pieces.push_back(isText ? tokenizer.piece(token) : std::string_view());
  }
  return pieces;
}

GrammarTokens::GrammarTokens(std::shared_ptr<const Tokenizer> given)
    : tokenizer(std::move(given)), trie(piecesOf(*tokenizer)) {
  for (int32_t token = 0; token != tokenizer->size(); ++token)
    if (tokenizer->endsText(token))
      ends.push_back(token);
}

GrammarGuide::GrammarGuide(std::shared_ptr<const GrammarTokens> tokens, std::shared_ptr<const Grammar> grammar,
                           std::vector<int32_t> ends)
    : tokens(std::move(tokens)), acceptor(std::move(grammar)), ends(std::move(ends)) {}

std::span<const uint32_t> GrammarGuide::allowed(int64_t vocabulary) {
  mask.resize(size_t(vocabulary + 31) / 32);
  acceptor.allowedTokens(tokens->trie, mask);
  if (isComplete())
    for (int32_t token : ends)
      mask[size_t(token) / 32] |= 1u << (token % 32);
  bool any = std::any_of(mask.begin(), mask.end(), [](uint32_t word) { return word != 0; });
  return any ? std::span<const uint32_t>(mask) : std::span<const uint32_t>();
}

void GrammarGuide::accept(int32_t token) { acceptor.accept(tokens->tokenizer->piece(token)); }

} // namespace lathe::runtime
