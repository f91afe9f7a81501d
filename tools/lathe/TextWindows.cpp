#include "tools/lathe/TextWindows.h"

#include <algorithm>

namespace lathe::tools {

/// BOS, where the model wants it before a text.
static std::vector<int32_t> prefixOf(const Tokenizer &tokenizer) {
  std::vector<int32_t> around = encode(tokenizer, "", /*addSpecial=*/true, /*parseSpecial=*/false);
  if (!around.empty() && around[0] == lathe_tokenizer_special(tokenizer.get(), LATHE_TOKEN_BOS))
    return {around[0]};
  return {};
}

TextWindows::TextWindows(const std::string &path, const Tokenizer &tokenizer, int64_t context, int64_t stride)
    : prefix(prefixOf(tokenizer)), text(encode(tokenizer, readWholeFile(path), /*addSpecial=*/false, false)),
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
