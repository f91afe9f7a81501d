// Byte-pair encoding as SentencePiece has it: the whole text is one word of characters in which a mark stands for a
// space, and of all neighbours that together are a token those with the highest score are joined first.
#include "runtime/tokenizer/TextModel.h"
#include "runtime/tokenizer/Utf8.h"

#include <queue>

namespace lathe::runtime {
namespace {

/// A stretch of the text, linked to its neighbours. Merged away, it has no bytes.
struct Symbol {
  std::string_view text;
  uint32_t previous, next; ///< `None` at the ends
};
constexpr uint32_t None = UINT32_MAX;

/// A merge that was possible when it was found.
struct Candidate {
  float score;
  uint32_t left, right;
  size_t bytes; ///< of both

  /// The queue's top is the greatest: the highest score, of equal ones the leftmost.
  bool operator<(const Candidate &other) const {
    return score != other.score ? score < other.score : left > other.left;
  }
};

class SentencePiece : public TextModel {
public:
  SentencePiece(const Vocabulary &vocabulary, int32_t unknown)
      : vocabulary(vocabulary), unknown(unknown),
        startsWithSpace(vocabulary.metadata().flag("tokenizer.ggml.add_space_prefix").value_or(true)) {}

  void encode(std::string_view text, std::vector<int32_t> &ids) const override;
  void appendPiece(int32_t id, std::string &text) const override { appendUnmarked(vocabulary, id, text); }
  bool addsSpace() const override { return startsWithSpace; }

private:
  void appendSymbol(std::string_view text, std::vector<int32_t> &ids) const;

  const Vocabulary &vocabulary;
  int32_t unknown;
  bool startsWithSpace;
};

void SentencePiece::encode(std::string_view text, std::vector<int32_t> &ids) const {
  std::string marked = startsWithSpace ? std::string(SpaceMark) : std::string();
  for (char byte : text)
    byte == ' ' ? marked += SpaceMark : marked += byte;
  std::vector<Symbol> symbols;
  for (std::string_view rest = marked; !rest.empty(); rest.remove_prefix(symbols.back().text.size())) {
    uint32_t at = uint32_t(symbols.size());
    symbols.push_back({rest.substr(0, readCharacter(rest).bytes), at - 1, at + 1});
  }
  if (symbols.empty())
    return;
  symbols.back().next = None;

  std::priority_queue<Candidate> queue;
  auto propose = [&](uint32_t left, uint32_t right) {
    if (left == None || right == None)
      return;
    size_t bytes = symbols[left].text.size() + symbols[right].text.size();
    if (bytes > vocabulary.longestToken())
      return;
    // Neighbours lie side by side in the text.
    int32_t id = vocabulary.findWritten({symbols[left].text.data(), bytes});
    if (id >= 0)
      queue.push({vocabulary.score(id), left, right, bytes});
  };
  for (uint32_t i = 1; i < symbols.size(); ++i)
    propose(i - 1, i);
  while (!queue.empty()) {
    Candidate merge = queue.top();
    queue.pop();
    Symbol &left = symbols[merge.left], &right = symbols[merge.right];
    if (left.text.empty() || right.text.empty() || left.text.size() + right.text.size() != merge.bytes)
      continue; // one of them has merged otherwise since
    left.text = {left.text.data(), merge.bytes};
    left.next = right.next;
    right.text = {};
    if (left.next != None)
      symbols[left.next].previous = merge.left;
    propose(left.previous, merge.left);
    propose(merge.left, left.next);
  }
  for (uint32_t i = 0; i != None; i = symbols[i].next)
    appendSymbol(symbols[i].text, ids);
}

/// A character that is no token becomes its bytes, where the vocabulary has bytes.
void SentencePiece::appendSymbol(std::string_view text, std::vector<int32_t> &ids) const {
  if (int32_t id = vocabulary.findWritten(text); id >= 0)
    ids.push_back(id);
  else
    appendBytes(vocabulary, unknown, text, ids);
}

} // namespace

std::unique_ptr<TextModel> makeSentencePiece(const Vocabulary &vocabulary, int32_t unknown) {
  return std::make_unique<SentencePiece>(vocabulary, unknown);
}

} // namespace lathe::runtime
