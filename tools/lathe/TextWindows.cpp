#include "tools/lathe/TextWindows.h"

#include "runtime/tokenizer/Utf8.h"

#include <algorithm>

namespace lathe::tools {

/// BOS, where the model wants it before a text.
static std::vector<int32_t> prefixOf(const Tokenizer &tokenizer) {
  std::vector<int32_t> around = encode(tokenizer, "", /*addSpecial=*/true, /*parseSpecial=*/false);
  if (!around.empty() && around[0] == lathe_tokenizer_special(tokenizer.get(), LATHE_TOKEN_BOS))
    return {around[0]};
  return {};
}

/// A file that is text: tokenizers take any bytes, and numbers about those of an array or a model would mean nothing.
/// Its last character may be cut.
static std::string readText(const std::string &path) {
  std::string text = readWholeFile(path);
  runtime::Character character;
  for (size_t place = 0; place < text.size(); place += character.bytes) {
    character = runtime::readCharacter(std::string_view(text).substr(place));
    if (!character.isValid && !character.isCut)
      throw CommandFailure(LATHE_INVALID_ARGUMENT, path + ": is no text, byte " + std::to_string(place) +
                                                       " is not UTF-8; give a text file in UTF-8");
  }
  return text;
}

TextWindows::TextWindows(const std::string &path, const Tokenizer &tokenizer, int64_t context, int64_t stride)
    : prefix(prefixOf(tokenizer)), text(encode(tokenizer, readText(path), /*addSpecial=*/false, false)),
      size(size_t(context) - prefix.size()), stride(size_t(stride)) {
  if (prefix.size() + text.size() < 2)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, path + ": has " + std::to_string(text.size()) +
                                                     " tokens but at least " + std::to_string(2 - prefix.size()) +
                                                     " are needed");
}

TextWindows::Window TextWindows::get(size_t index) const {
  size_t begin = index * stride, end = std::min(begin + size, text.size());
  size_t scored = index ? begin - stride + size : prefix.empty() ? 1 : 0; // the first that is new
  Window window = {prefix, prefix.size() + scored - begin - 1, begin - prefix.size()};
  window.tokens.insert(window.tokens.end(), text.begin() + std::ptrdiff_t(begin), text.begin() + std::ptrdiff_t(end));
  return window;
}

} // namespace lathe::tools
