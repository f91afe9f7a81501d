#ifndef LATHE_TOOLS_LATHE_TEXTWINDOWS_H
#define LATHE_TOOLS_LATHE_TEXTWINDOWS_H

#include "tools/lathe/Encode.h"

#include <functional>
#include <string>
#include <vector>

namespace lathe::tools {

/// A text cut into windows that overlap. A window of C tokens begins every S tokens of the text; each scores the tokens
/// that the ones before it have not, so every token counts once, all but those at the beginning of the text with C - S
/// tokens or more before it. Where the model wants a token before a text (BOS), each window has it and it counts as one
/// of its C tokens; else the text's first token is not scored.
class TextWindows {
public:
  /// `path` is the text's file, `context` C and `stride` S. Throws CommandFailure where no token would be scored.
  TextWindows(const std::string &path, const Tokenizer &tokenizer, int64_t context, int64_t stride);

  size_t count() const { return text.size() <= size ? 1 : 1 + (text.size() - size + stride - 1) / stride; }

  struct Window {
    std::vector<int32_t> tokens; ///< BOS included
    size_t firstRow;             ///< logits after this token and the ones behind it score the next
    size_t place;                ///< of tokens[0] in the text; BOS is at -1, which wraps around
  };
  Window get(size_t index) const;

  /// Tokens that are scored.
  size_t rows() const { return text.size() - (prefix.empty() ? 1 : 0); }

  const std::vector<int32_t> &tokens() const { return text; }

private:
  std::vector<int32_t> prefix, text;
  size_t size, stride; ///< tokens of the text in a window, and from the begin of one to that of the next
};

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_TEXTWINDOWS_H
