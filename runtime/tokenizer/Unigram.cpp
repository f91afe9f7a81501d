// SentencePiece's unigram model: text is normalized, spaces become marks, and of all ways to write it as tokens the one
// with the highest sum of scores is taken.
#include "runtime/tokenizer/Charsmap.h"
#include "runtime/tokenizer/TextModel.h"
#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Utf8.h"

#include <algorithm>
#include <limits>

namespace lathe::runtime {
namespace {

/// How much worse an unknown character is than the worst token.
constexpr double UnknownPenalty = 10;

class Unigram : public TextModel {
public:
  Unigram(const Vocabulary &vocabulary, int32_t unknown);

  void encode(std::string_view text, std::vector<int32_t> &ids) const override;
  void appendPiece(int32_t id, std::string &text) const override { appendUnmarked(vocabulary, id, text); }
  bool addsSpace() const override { return startsWithSpace; }

private:
  /// The best way to write the text up to a place.
  struct Way {
    double score = -std::numeric_limits<double>::infinity();
    size_t begin = 0; ///< of its last token
    int32_t id = -1;  ///< -1: an unknown character
  };
  std::string normalize(std::string_view text) const;

  const Vocabulary &vocabulary;
  int32_t unknown;
  bool startsWithSpace, mergesSpaces;
  Charsmap charsmap;
  Trie tokens, userDefined;
  double unknownScore = 0;
};

Unigram::Unigram(const Vocabulary &vocabulary, int32_t unknown)
    : vocabulary(vocabulary), unknown(unknown),
      startsWithSpace(vocabulary.metadata().flag("tokenizer.ggml.add_space_prefix").value_or(true)),
      mergesSpaces(vocabulary.metadata().flag("tokenizer.ggml.remove_extra_whitespaces").value_or(true)),
      charsmap(vocabulary.metadata()) {
  std::vector<Trie::Entry> entries, own;
  double lowest = 0;
  for (int32_t id = 0; id != vocabulary.size(); ++id) {
    if (vocabulary.findWritten(vocabulary.text(id)) == id)
      entries.emplace_back(vocabulary.text(id), id);
    if (vocabulary.type(id) == TokenType::UserDefined)
      own.emplace_back(vocabulary.text(id), id);
    if (vocabulary.type(id) == TokenType::Normal)
      lowest = std::min<double>(lowest, vocabulary.score(id));
  }
  tokens = Trie(std::move(entries));
  userDefined = Trie(std::move(own));
  unknownScore = lowest - UnknownPenalty;
}

std::string Unigram::normalize(std::string_view text) const {
  std::string normalized(!mergesSpaces && startsWithSpace && !text.empty() ? SpaceMark : "");
  bool isInWord = false;
  auto append = [&](std::string_view part) {
    for (char byte : part) {
      bool isSpace = byte == ' ';
      // With merged spaces each word brings the one before it.
      if (mergesSpaces ? !isSpace && !isInWord && (startsWithSpace || !normalized.empty()) : isSpace)
        normalized += SpaceMark;
      if (!isSpace)
        normalized += byte;
      isInWord = !isSpace;
    }
  };
  while (!text.empty()) {
    size_t bytes = userDefined.findLongest(text).first;
    if (bytes != 0) {
      append(text.substr(0, bytes));
    } else if (Charsmap::Match match = charsmap.find(text); match.bytes != 0) {
      bytes = match.bytes;
      append(match.replacement);
    } else {
      Character character = readCharacter(text);
      bytes = character.bytes;
      append(character.isValid ? text.substr(0, bytes) : ReplacementMark);
    }
    text.remove_prefix(bytes);
  }
  return normalized;
}

void Unigram::encode(std::string_view text, std::vector<int32_t> &ids) const {
  std::string normalized = normalize(text);
  std::vector<Way> ways(normalized.size() + 1);
  ways[0].score = 0;
  for (size_t at = 0, next; at != normalized.size(); at = next) {
    std::string_view rest = std::string_view(normalized).substr(at);
    size_t character = readCharacter(rest).bytes;
    next = at + character;
    bool isKnown = false;
    auto offer = [&](size_t end, double score, int32_t id) {
      if (score > ways[end].score)
        ways[end] = {score, at, id};
    };
    tokens.visitPrefixes(rest, [&](size_t length, int32_t id) {
      isKnown |= length == character;
      // What the user has defined costs nothing: scores are logarithms of probabilities.
      double score = vocabulary.type(id) == TokenType::UserDefined ? 0.0 : vocabulary.score(id);
      offer(at + length, ways[at].score + score, id);
    });
    if (!isKnown)
      offer(next, ways[at].score + unknownScore, -1);
  }
  // From the end, so backwards; neighbouring unknown characters are one unknown token.
  std::vector<std::pair<std::string_view, int32_t>> path;
  for (size_t end = normalized.size(); end != 0; end = ways[end].begin) {
    std::string_view part = std::string_view(normalized).substr(ways[end].begin, end - ways[end].begin);
    if (ways[end].id < 0 && !path.empty() && path.back().second < 0)
      path.back().first = {part.data(), part.size() + path.back().first.size()};
    else
      path.emplace_back(part, ways[end].id);
  }
  for (auto step = path.rbegin(); step != path.rend(); ++step)
    if (step->second >= 0)
      ids.push_back(step->second);
    else
      appendBytes(vocabulary, unknown, step->first, ids);
}

} // namespace

std::unique_ptr<TextModel> makeUnigram(const Vocabulary &vocabulary, int32_t unknown) {
  return std::make_unique<Unigram>(vocabulary, unknown);
}

} // namespace lathe::runtime
