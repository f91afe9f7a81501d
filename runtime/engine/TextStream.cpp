#include "runtime/engine/TextStream.h"

#include <algorithm>

namespace lathe::runtime {

/// How many bytes at the end of `text` are the beginning of one of `stops`.
static size_t openBytes(std::string_view text, const std::vector<std::string> &stops) {
  size_t open = 0;
  for (std::string_view stop : stops)
    for (size_t bytes = std::min(stop.size() - 1, text.size()); bytes > open; --bytes)
      if (text.ends_with(stop.substr(0, bytes)))
        open = bytes;
  return open;
}

bool StopMatcher::push(std::string_view text, std::string &shown) {
  if (stops.empty()) {
    shown += text;
    return false;
  }
  for (char byte : text) {
    held += byte;
    size_t longest = 0;
    for (const std::string &stop : stops)
      if (held.ends_with(stop))
        longest = std::max(longest, stop.size());
    if (longest != 0) {
      shown.append(held, 0, held.size() - longest);
      held.clear();
      return true;
    }
  }
  size_t sure = held.size() - openBytes(held, stops);
  shown.append(held, 0, sure);
  held.erase(0, sure);
  return false;
}

void StopMatcher::finish(std::string &shown) {
  shown += held;
  held.clear();
}

/// No character has more bytes, so that nothing before this matters to what follows.
static constexpr size_t PromptTail = 4;

TextStream::TextStream(std::shared_ptr<const Tokenizer> given, std::span<const int32_t> prompt, bool keepsSpecial,
                       bool isExact, std::vector<std::string> stops)
    : tokenizer(std::move(given)), decoder(*tokenizer, keepsSpecial, isExact || prompt.size() > PromptTail),
      matcher(std::move(stops)) {
  if (!isExact)
    for (int32_t token : prompt.last(std::min(prompt.size(), PromptTail)))
      if (token < tokenizer->size())
        decoder.push(token);
}

bool TextStream::push(int32_t token, std::string &shown) {
  // A model may have more logits than there are tokens, for the sake of round numbers.
  return token < tokenizer->size() && matcher.push(decoder.push(token), shown);
}

bool TextStream::finish(std::string &shown) {
  if (matcher.push(decoder.finish(), shown))
    return true;
  matcher.finish(shown);
  return false;
}

} // namespace lathe::runtime
