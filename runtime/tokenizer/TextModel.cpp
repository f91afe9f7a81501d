#include "runtime/tokenizer/TextModel.h"

#include "runtime/tokenizer/Utf8.h"

#include <algorithm>

namespace lathe::runtime {

void appendBytes(const Vocabulary &vocabulary, int32_t unknown, std::string_view text, std::vector<int32_t> &ids) {
  bool hasAll =
      std::all_of(text.begin(), text.end(), [&](char byte) { return vocabulary.byteToken(uint8_t(byte)) >= 0; });
  if (!hasAll && unknown >= 0)
    ids.push_back(unknown);
  for (size_t i = 0; hasAll && i != text.size(); ++i)
    ids.push_back(vocabulary.byteToken(uint8_t(text[i])));
}

void appendUnmarked(const Vocabulary &vocabulary, int32_t id, std::string &text) {
  std::string_view token = vocabulary.text(id);
  if (int byte = vocabulary.byteOf(id); byte >= 0) {
    text += char(byte);
    return;
  }
  if (vocabulary.type(id) == TokenType::UserDefined) {
    text += token;
    return;
  }
  for (size_t at = 0; at != token.size();) {
    bool isMark = token.substr(at, SpaceMark.size()) == SpaceMark;
    text += isMark ? ' ' : token[at];
    at += isMark ? SpaceMark.size() : 1;
  }
}

} // namespace lathe::runtime
