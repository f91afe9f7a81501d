#include "runtime/tokenizer/TextDecoder.h"

#include "runtime/Failure.h"
#include "runtime/tokenizer/Utf8.h"

namespace lathe::runtime {

std::string_view TokenJoiner::join(int32_t id) {
  if (id < 0 || id >= tokenizer.size())
    throw Failure(LATHE_INVALID_ARGUMENT, "token ", id, " is not one of the ", tokenizer.size(), " of the model");
  std::string_view piece = tokenizer.piece(id);
  // What encoding adds at the start of a text it adds behind these tokens too.
  if (tokenizer.isSpecial(id) || tokenizer.isUserDefined(id)) {
    isStart = true;
    return keepsSpecial || tokenizer.isUserDefined(id) ? piece : std::string_view();
  }
  if (isStart && tokenizer.addsSpace() && !piece.empty() && piece[0] == ' ')
    piece.remove_prefix(1);
  isStart = false;
  return piece;
}

std::string_view TextDecoder::push(int32_t id) {
  shown.clear();
  pending += joiner.join(id);
  std::string_view rest = pending;
  while (!rest.empty()) {
    Character character = readCharacter(rest);
    if (character.isCut)
      break;
    shown += character.isValid ? rest.substr(0, character.bytes) : ReplacementMark;
    rest.remove_prefix(character.bytes);
  }
  pending.erase(0, pending.size() - rest.size());
  return shown;
}

std::string_view TextDecoder::finish() {
  shown = pending.empty() ? std::string_view() : ReplacementMark;
  pending.clear();
  return shown;
}

} // namespace lathe::runtime
