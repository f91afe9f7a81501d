// BERT's tokenizer: text is cleaned, and in models without cases written small without accents; words are what white
// space and punctuation leave; a word is the longest tokens it begins with, one after the other.
//
// The converter to GGUF writes a token that begins a word with a mark before it, and one that goes on without "##".
#include "runtime/tokenizer/TextModel.h"
#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Utf8.h"

#include <utf8proc.h>

namespace lathe::runtime {
namespace {

/// Longer words are unknown, as BERT has it.
constexpr size_t MaxWordCharacters = 100;

bool isPunctuation(uint32_t code) {
  if (code < 0x80) // symbols such as $ count too
    return (code >= 33 && code <= 47) || (code >= 58 && code <= 64) || (code >= 91 && code <= 96) ||
           (code >= 123 && code <= 126);
  utf8proc_category_t category = utf8proc_category(int32_t(code));
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

/// Neither written nor space: control characters, formats and codes for private use.
bool isControl(uint32_t code) { return utf8proc_category(int32_t(code)) >= UTF8PROC_CATEGORY_CC; }

/// Other control characters that Unicode takes for spaces are none to BERT.
bool isSpace(uint32_t code) {
  utf8proc_category_t category = utf8proc_category(int32_t(code));
  return code == '\t' || code == '\n' || code == '\r' ||
         (category >= UTF8PROC_CATEGORY_ZS && category <= UTF8PROC_CATEGORY_ZP);
}

/// Ideographs, each of which is a word.
bool isIdeograph(uint32_t code) {
  static constexpr std::pair<uint32_t, uint32_t> Ranges[] = {{0x3400, 0x4DBF},
                                                             {0x4E00, 0x9FFF},
                                                             {0xF900, 0xFAFF},
                                                             {0x20000, 0x2A6DF},
                                                             {0x2A700, 0x2B73F},
                                                             {0x2B740, 0x2B81F},
                                                             {0x2B920, 0x2CEAF} /* from BERT's own code */,
                                                             {0x2F800, 0x2FA1F}};
  for (auto [first, last] : Ranges)
    if (code >= first && code <= last)
      return true;
  return false;
}

class WordPiece : public TextModel {
public:
  WordPiece(const Vocabulary &vocabulary, int32_t unknown);

  void encode(std::string_view text, std::vector<int32_t> &ids) const override;
  void appendPiece(int32_t id, std::string &text) const override { appendUnmarked(vocabulary, id, text); }
  bool addsSpace() const override { return true; }

private:
  struct Word {
    std::string text = std::string(SpaceMark);
    size_t characters = 0;
  };
  void addCharacter(uint32_t code, Word &word, std::vector<int32_t> &ids) const;
  void finishWord(Word &word, std::vector<int32_t> &ids) const;

  const Vocabulary &vocabulary;
  int32_t unknown;
  bool writesSmall, dropsAccents;
  Trie tokens;
};

WordPiece::WordPiece(const Vocabulary &vocabulary, int32_t unknown)
    : vocabulary(vocabulary), unknown(unknown),
      writesSmall(vocabulary.metadata().flag("tokenizer.ggml.normalizer.lowercase").value_or(true)),
      dropsAccents(vocabulary.metadata().flag("tokenizer.ggml.normalizer.strip_accents").value_or(writesSmall)) {
  std::vector<Trie::Entry> entries;
  for (int32_t id = 0; id != vocabulary.size(); ++id)
    if (vocabulary.findWritten(vocabulary.text(id)) == id)
      entries.emplace_back(vocabulary.text(id), id);
  tokens = Trie(std::move(entries));
}

void WordPiece::finishWord(Word &word, std::vector<int32_t> &ids) const {
  size_t first = ids.size();
  bool isKnown = word.characters <= MaxWordCharacters;
  for (std::string_view rest = word.text; isKnown && word.characters != 0 && !rest.empty();) {
    auto [length, id] = tokens.findLongest(rest);
    isKnown = length != 0 && !(ids.size() == first && length <= SpaceMark.size()); // the mark alone is no beginning
    if (isKnown)
      ids.push_back(id);
    rest.remove_prefix(isKnown ? length : rest.size());
  }
  if (!isKnown) {
    ids.resize(first);
    if (unknown >= 0)
      ids.push_back(unknown);
  }
  word = {};
}

void WordPiece::addCharacter(uint32_t code, Word &word, std::vector<int32_t> &ids) const {
  if (dropsAccents && utf8proc_category(int32_t(code)) == UTF8PROC_CATEGORY_MN)
    return;
  if (writesSmall)
    code = uint32_t(utf8proc_tolower(int32_t(code)));
  bool isWord = isPunctuation(code) || isIdeograph(code);
  if (isWord)
    finishWord(word, ids);
  if (word.characters <= MaxWordCharacters) // what is longer is unknown anyway
    appendCharacter(word.text, code);
  ++word.characters;
  if (isWord)
    finishWord(word, ids);
}

void WordPiece::encode(std::string_view text, std::vector<int32_t> &ids) const {
  Word word;
  for (std::string_view rest = text; !rest.empty();) {
    Character character = readCharacter(rest);
    rest.remove_prefix(character.bytes);
    uint32_t code = character.code;
    if (character.isValid && isSpace(code)) {
      finishWord(word, ids);
      continue;
    }
    if (!character.isValid || code == 0 || code == 0xFFFD || isControl(code))
      continue;
    // No character decomposes into more than 18.
    utf8proc_int32_t parts[32] = {int32_t(code)};
    int boundary = 0;
    utf8proc_ssize_t count = 1;
    if (dropsAccents)
      count = utf8proc_decompose_char(int32_t(code), parts, std::size(parts),
                                      utf8proc_option_t(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE), &boundary);
    for (utf8proc_ssize_t i = 0; i < count && i < utf8proc_ssize_t(std::size(parts)); ++i)
      addCharacter(uint32_t(parts[i]), word, ids);
  }
  finishWord(word, ids);
}

} // namespace

std::unique_ptr<TextModel> makeWordPiece(const Vocabulary &vocabulary, int32_t unknown) {
  return std::make_unique<WordPiece>(vocabulary, unknown);
}

} // namespace lathe::runtime
