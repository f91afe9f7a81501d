// A grammar that says which texts a model may write, in llama.cpp's notation (GBNF):
//
//   root   ::= answer "\n"           a rule: a name and what it stands for; matching begins at `root`
//   answer ::= "yes" | "no" why?     alternatives; a rule goes on behind a line's end only after '|' or inside of ()
//   why    ::= ", " ([a-z] | "é"){3,20} .*   # classes, groups, repetition; '.' is any character; a comment
//
// Quoted texts and classes know the escapes \n \r \t \\ \" \] \[ \xNN \uNNNN \UNNNNNNNN; [^a-z] is every other
// character. Repetition is * + ? {m} {m,} {m,n}. Rule names are letters, digits, '-' and '_'.
//
// It is compiled to a program over bytes, so that texts may be cut anywhere, within a character too.
#ifndef LATHE_RUNTIME_GRAMMAR_GRAMMAR_H
#define LATHE_RUNTIME_GRAMMAR_GRAMMAR_H

#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::runtime {

using ByteSet = std::bitset<256>;

struct GrammarElement {
  enum class Kind : uint8_t {
    Bytes, ///< one byte of byteSets[value]
    Call,  ///< an alternative of rules[value]
    End    ///< of an alternative
  };
  Kind kind;
  uint32_t value = 0;
};

struct GrammarRule {
  std::string name;                   ///< of a part without a name: that of the rule it is in
  std::vector<uint32_t> alternatives; ///< where each begins in `elements`
  uint32_t place = 0;                 ///< byte of the text
};

struct Grammar {
  std::vector<GrammarElement> elements;
  std::vector<GrammarRule> rules;
  std::vector<ByteSet> byteSets;
  uint32_t root = 0;

  /// Throws Failure with line and column: what was found and what is needed, a rule that is missing or there twice, one
  /// that begins with itself, one that no text can end, or too many of them.
  static std::shared_ptr<const Grammar> parse(std::string_view text);
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_GRAMMAR_GRAMMAR_H
