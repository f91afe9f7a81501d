// Byte-pair encoding as GPT-2 has it: text is split into words, a word into bytes, and the merges of the model join
// neighbours, the earliest merge of the list first.
//
// Tokens are not stored as bytes: each byte is written as a character that can be printed. A merge may make strings
// that are no tokens, on the way to one that is; such strings get numbers behind those of the tokens.
#include "runtime/Failure.h"
#include "runtime/tokenizer/PairTable.h"
#include "runtime/tokenizer/PreTokenizer.h"
#include "runtime/tokenizer/TextModel.h"
#include "runtime/tokenizer/Utf8.h"

#include <algorithm>
#include <deque>
#include <queue>
#include <unordered_map>

namespace lathe::runtime {
namespace {

/// The characters that stand for bytes: those of Latin-1 that can be seen stand for themselves, the other bytes in
/// their order for the characters from U+0100 on.
class ByteCharacters {
public:
  ByteCharacters() {
    std::fill(std::begin(bytes), std::end(bytes), int16_t(-1));
    uint32_t next = 0x100;
    for (uint32_t byte = 0; byte != 256; ++byte) {
      bool isSeen = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
      uint32_t code = isSeen ? byte : next++;
      appendCharacter(texts[byte], code);
      bytes[code] = int16_t(byte);
    }
  }

  const std::string &text(uint8_t byte) const { return texts[byte]; }
  /// -1 where the character stands for no byte.
  int byteOf(uint32_t code) const { return code < std::size(bytes) ? bytes[code] : -1; }

private:
  std::string texts[256];
  int16_t bytes[0x144];
};

class BytePair : public TextModel {
public:
  BytePair(const Vocabulary &vocabulary, int32_t unknown);

  void encode(std::string_view text, std::vector<int32_t> &ids) const override;
  void appendPiece(int32_t id, std::string &text) const override;
  /// What these models decode begins with the space that was added, and that is what they learned from.
  bool addsSpace() const override { return false; }

private:
  void readMerges();
  int32_t findToken(std::string_view text) const;
  int32_t intern(std::string_view text);
  void encodeValid(std::string_view text, std::vector<int32_t> &ids) const;
  void encodeWord(std::string_view word, std::vector<int32_t> &ids) const;
  void appendSymbol(int32_t symbol, std::vector<int32_t> &ids) const;

  const Vocabulary &vocabulary;
  int32_t unknown;
  bool keepsWords, startsWithSpace;
  PreTokenizer preTokenizer;
  ByteCharacters characters;
  int32_t byteSymbols[256];
  std::deque<std::string> extraTexts;
  std::unordered_map<std::string_view, int32_t> extraIds;
  PairTable merges;
};

const SplitRule &chooseRule(const Metadata &metadata) {
  std::string_view name = metadata.text("tokenizer.ggml.pre").value_or("default");
  if (const SplitRule *rule = findSplitRule(name))
    return *rule;
  std::string known;
  for (const SplitRule &rule : splitRules())
    for (std::string_view other : rule.names)
      known += (known.empty() ? "" : ", ") + std::string(other);
  throw Failure(LATHE_UNSUPPORTED, metadata.where(), ": 'tokenizer.ggml.pre' is '", name, "', supported are ", known);
}

BytePair::BytePair(const Vocabulary &vocabulary, int32_t unknown)
    : vocabulary(vocabulary), unknown(unknown), keepsWords(chooseRule(vocabulary.metadata()).keepsWords),
      startsWithSpace(vocabulary.metadata().flag("tokenizer.ggml.add_space_prefix").value_or(false)),
      preTokenizer(chooseRule(vocabulary.metadata())),
      merges(vocabulary.metadata().texts("tokenizer.ggml.merges", /*required=*/true).size()) {
  for (int byte = 0; byte != 256; ++byte)
    byteSymbols[byte] = intern(characters.text(uint8_t(byte)));
  readMerges();
}

/// The token that merges and bytes may become. Those that were added to the vocabulary are plain text, not bytes.
int32_t BytePair::findToken(std::string_view text) const {
  int32_t id = vocabulary.findWritten(text);
  return id >= 0 && vocabulary.type(id) == TokenType::UserDefined ? -1 : id;
}

int32_t BytePair::intern(std::string_view text) {
  if (int32_t id = findToken(text); id >= 0)
    return id;
  if (auto found = extraIds.find(text); found != extraIds.end())
    return found->second;
  int32_t id = vocabulary.size() + int32_t(extraTexts.size());
  extraIds.emplace(extraTexts.emplace_back(text), id);
  return id;
}

void BytePair::readMerges() {
  const char *key = "tokenizer.ggml.merges";
  std::span<const std::string_view> lines = vocabulary.metadata().texts(key, /*required=*/true);
  std::string joined;
  for (size_t i = 0; i != lines.size(); ++i) {
    size_t space = lines[i].find(' ', 1); // the first character may be a space itself
    if (space == std::string_view::npos || space + 1 == lines[i].size())
      vocabulary.metadata().wrong(key, "has '" + std::string(lines[i].substr(0, 60)) + "' as element " +
                                           std::to_string(i) + ", two strings with a space between them are needed");
    std::string_view left = lines[i].substr(0, space), right = lines[i].substr(space + 1);
    joined.assign(left).append(right);
    merges.insert({intern(left), intern(right), int32_t(i), intern(joined)});
  }
}

/// A merge that was possible when it was found.
struct Candidate {
  int32_t rank, result;
  uint32_t at; ///< of its left symbol
  int32_t left, right;

  /// The queue's top is the greatest: the lowest rank, of equal ones the leftmost.
  bool operator<(const Candidate &other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
};

/// A symbol of a word, linked to its neighbours. Merged away, it has the id -1.
struct Symbol {
  int32_t id;
  uint32_t previous, next; ///< `None` at the ends
};
constexpr uint32_t None = UINT32_MAX;

void BytePair::encodeWord(std::string_view word, std::vector<int32_t> &ids) const {
  std::vector<Symbol> symbols(word.size());
  std::priority_queue<Candidate> queue;
  auto propose = [&](uint32_t left, uint32_t right) {
    if (left == None || right == None)
      return;
    if (const Merge *merge = merges.find(symbols[left].id, symbols[right].id))
      queue.push({merge->rank, merge->result, left, merge->left, merge->right});
  };
  for (uint32_t i = 0; i != word.size(); ++i)
    symbols[i] = {byteSymbols[uint8_t(word[i])], i == 0 ? None : i - 1, i + 1 == word.size() ? None : i + 1};
  for (uint32_t i = 1; i < word.size(); ++i)
    propose(i - 1, i);
  while (!queue.empty()) {
    Candidate merge = queue.top();
    queue.pop();
    Symbol &left = symbols[merge.at];
    uint32_t gone = left.next;
    if (left.id != merge.left || gone == None || symbols[gone].id != merge.right)
      continue; // one of them has merged otherwise since
    left.id = merge.result;
    left.next = symbols[gone].next;
    symbols[gone].id = -1;
    if (left.next != None)
      symbols[left.next].previous = merge.at;
    propose(left.previous, merge.at);
    propose(merge.at, left.next);
  }
  for (uint32_t i = 0; i != None; i = symbols[i].next)
    appendSymbol(symbols[i].id, ids);
}

/// A symbol that is no token is taken apart into bytes again.
void BytePair::appendSymbol(int32_t symbol, std::vector<int32_t> &ids) const {
  if (symbol < vocabulary.size()) {
    ids.push_back(symbol);
    return;
  }
  std::string_view text = extraTexts[size_t(symbol - vocabulary.size())];
  for (size_t at = 0; at < text.size(); at += readCharacter(text.substr(at)).bytes) {
    int byte = characters.byteOf(readCharacter(text.substr(at)).code);
    int32_t id = byte < 0 ? unknown : byteSymbols[byte] < vocabulary.size() ? byteSymbols[byte] : unknown;
    if (id >= 0)
      ids.push_back(id);
  }
}

void BytePair::encodeValid(std::string_view text, std::vector<int32_t> &ids) const {
  std::vector<std::string_view> words;
  preTokenizer.split(text, words);
  std::string mapped;
  for (std::string_view word : words) {
    if (keepsWords && word.size() <= vocabulary.longestToken()) {
      mapped.clear();
      for (char byte : word)
        mapped += characters.text(uint8_t(byte));
      if (int32_t id = findToken(mapped); id >= 0) {
        ids.push_back(id);
        continue;
      }
    }
    encodeWord(word, ids);
  }
}

void BytePair::encode(std::string_view text, std::vector<int32_t> &ids) const {
  std::string spaced;
  if (startsWithSpace && text[0] != ' ')
    text = spaced = " " + std::string(text);
  // Patterns see valid text alone; bytes that are none are words of their own.
  size_t begin = 0, end = 0;
  bool isValid = true;
  auto finishPart = [&] {
    if (begin != end && isValid)
      encodeValid(text.substr(begin, end - begin), ids);
    else if (begin != end)
      encodeWord(text.substr(begin, end - begin), ids);
    begin = end;
  };
  while (end != text.size()) {
    Character next = readCharacter(text.substr(end));
    if (next.isValid != isValid)
      finishPart();
    isValid = next.isValid;
    end += next.bytes;
  }
  finishPart();
}

void BytePair::appendPiece(int32_t id, std::string &text) const {
  std::string_view token = vocabulary.text(id);
  size_t start = text.size();
  for (size_t at = 0; at != token.size();) {
    Character character = readCharacter(token.substr(at));
    int byte = character.isValid ? characters.byteOf(character.code) : -1;
    if (byte < 0) { // a token that was added as plain text
      text.replace(start, std::string::npos, token);
      return;
    }
    text += char(byte);
    at += character.bytes;
  }
}

} // namespace

std::unique_ptr<TextModel> makeBytePair(const Vocabulary &vocabulary, int32_t unknown) {
  return std::make_unique<BytePair>(vocabulary, unknown);
}

} // namespace lathe::runtime
