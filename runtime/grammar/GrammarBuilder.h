#ifndef LATHE_RUNTIME_GRAMMAR_GRAMMARBUILDER_H
#define LATHE_RUNTIME_GRAMMAR_GRAMMARBUILDER_H

#include "runtime/grammar/Grammar.h"

#include <unordered_map>

namespace lathe::runtime {

/// A range of characters, both ends included.
struct CharacterRange {
  uint32_t first, last;
};

using Sequence = std::vector<GrammarElement>; ///< without an End

/// Puts rules together.
class GrammarBuilder {
public:
  Grammar grammar;

  /// A rule that has no alternatives yet.
  uint32_t addRule(std::string name, uint32_t place);
  void addAlternative(uint32_t rule, const Sequence &sequence);

  /// The bytes of a text, one behind the other.
  Sequence text(std::string_view bytes);
  /// One character of the ranges, or with `negated` one of none of them.
  Sequence characters(std::vector<CharacterRange> ranges, bool negated, const std::string &name, uint32_t place);
  /// `part` from `least` to `most` times; UINT32_MAX is without end.
  Sequence repeated(const Sequence &part, uint32_t least, uint32_t most, const std::string &name, uint32_t place);

private:
  static constexpr size_t MaxElements = 500000;

  GrammarElement bytes(const ByteSet &set);
  void addCharacters(uint32_t rule, uint32_t first, uint32_t last, ByteSet &ascii);

  std::unordered_map<ByteSet, uint32_t> setIndex;
};

/// Where a grammar's text has a rule that begins with itself, or one that no text can end: throws. `describe` gives a
/// byte's line and column.
void checkGrammar(const Grammar &grammar, std::string_view text);

/// "line 3, column 7", counted from 1 in bytes.
std::string describeGrammarPlace(std::string_view text, size_t at);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_GRAMMAR_GRAMMARBUILDER_H
