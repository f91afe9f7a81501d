#include "runtime/tokenizer/Utf8.h"

#include <algorithm>

namespace lathe::runtime {

Character readCharacter(std::string_view text) {
  uint8_t lead = uint8_t(text[0]);
  if (lead < 0x80)
    return {lead, 1, true, false};
  uint8_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4)
    return {};
  uint32_t code = lead & (0x7F >> wanted);
  for (uint8_t i = 1; i != wanted; ++i) {
    if (i == text.size())
      return {0, i, false, true};
    uint8_t byte = uint8_t(text[i]);
    // The second byte alone tells overlong forms, surrogates and what lies beyond U+10FFFF.
    uint8_t low = i != 1 ? 0x80 : lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = i != 1 ? 0xBF : lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (byte < low || byte > high)
      return {0, i, false, false};
    code = code << 6 | (byte & 63);
  }
  return {code, wanted, true, false};
}

void appendCharacter(std::string &text, uint32_t code) {
  if (code < 0x80) {
    text += char(code);
    return;
  }
  int more = code >= 0x10000 ? 3 : code >= 0x800 ? 2 : 1;
  text += char((0xFF00 >> (more + 1) & 0xFF) | code >> more * 6);
  for (int i = more - 1; i >= 0; --i)
    text += char(0x80 | (code >> i * 6 & 63));
}

} // namespace lathe::runtime
