// Reads grammars and JSON schemas and follows texts through them. The first byte says what is behind it: 's' a schema,
// anything else a grammar; behind a byte 0 follows the text. What the mask allows the acceptor must take, and no more.
#include "runtime/Failure.h"
#include "runtime/grammar/Acceptor.h"
#include "runtime/grammar/JsonSchema.h"

#include <cstdlib>

using namespace lathe::runtime;

static void follow(const std::shared_ptr<const Grammar> &grammar, std::string_view text) {
  static constexpr std::string_view Pieces[] = {"a", "b",  "ab",   "\"",   "{\"", "1", "12",
                                                " ", "\n", "\xC3", "\xA9", "}",   "]"};
  static const TokenTrie trie(Pieces);
  Acceptor acceptor(grammar);
  for (size_t step = 0; step != 64; ++step) {
    uint32_t mask = 0;
    acceptor.allowedTokens(trie, {&mask, 1});
    for (size_t token = 0; token != std::size(Pieces); ++token) {
      Acceptor copy = acceptor;
      if (copy.accept(Pieces[token]) != bool(mask >> token & 1))
        std::abort();
    }
    if (text.empty() || !acceptor.accept(text.substr(0, 1)))
      return;
    text.remove_prefix(1);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  std::string_view all(reinterpret_cast<const char *>(data) + 1, size - 1);
  size_t end = std::min(all.find('\0'), all.size());
  std::string_view first = all.substr(0, end), text = all.substr(std::min(end + 1, all.size()));
  try {
    follow(Grammar::parse(data[0] == 's' ? jsonSchemaGrammar(first) : std::string(first)), text);
  } catch (const Failure &) {
    // Refused with a message.
  }
  return 0;
}
