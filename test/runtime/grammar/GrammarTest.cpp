// What grammars mean, and which are refused in which words.
#include "runtime/tokenizer/Utf8.h"
#include "test/runtime/grammar/TestGrammar.h"

using namespace lathe::runtime;
using namespace lathe::test;

namespace {

struct Case {
  const char *grammar;
  std::vector<std::string> allowed, refused;
};

TEST(Grammar, notation) {
  const Case cases[] = {
      {"root ::= \"yes\" | \"no\"", {"yes", "no"}, {"", "y", "yesno", "No"}},
      {"root ::= \"a\" # why\n  | \"b\"\n\n# end\n", {"a", "b"}, {"ab"}},
      {"root ::= x y\nx ::= \"1\"\r\ny ::= \"2\"\r\n", {"12"}, {"1", "2"}},
      {"root ::= (\n  \"a\"\n  | \"b\"\n) \"c\"", {"ac", "bc"}, {"a", "c"}},
      {"root ::= \"a\"* \"b\"+ \"c\"?", {"b", "aabbc"}, {"a", "ac", "bcc"}},
      {"root ::= [0-9]{2} \"-\" [a-c]{1,} \"-\" \"x\"{0,2}", {"12-a-", "99-abc-xx"}, {"1-a-", "12--", "12-a-xxx"}},
      {"root ::= (\"ab\" | \"c\"){2,3}", {"abab", "cc", "abcab"}, {"ab", "cccc"}},
      {"root ::= [^a-z\\n] [\\]\\-\\\\] .", {"A]x", "é-é", "0\\\xF0\x9F\x98\x80"}, {"a]x", "\n]x", "A^x", "A]"}},
      {"root ::= [a-zà-öЀ-ӿ]+", {"aбçЯz"}, {"A", "÷"}},
      {"root ::= [\\u4e00-\\u9fff\\U0001F600-\\U0001F64F\\x41]",
       {"東", "\xF0\x9F\x98\x80", "A"},
       {"a", "\xE6\x9D", "é"}},
      {"root ::= \"\\\"\\n\\t\\\\\\u00e9\"", {"\"\n\t\\é"}, {"\"n"}},
      {"root ::= \"\"", {""}, {"a"}},
      {"root ::= | \"a\" root", {"", "aaa"}, {"b"}},
      {"root ::= \"(\" root \")\" | \"x\"", {"x", "((x))"}, {"(x", "x)"}},
      {"root ::= (\"a\"? \"b\"?)*", {"", "abba", "bb"}, {"c"}},
      {"root ::= (\"a\"*)* (\"b\"*)+", {"", "aabb"}, {"ba"}},
      {"root ::= a-1 _b\na-1 ::= \"1\"\n_b ::= \"2\"", {"12"}, {"1"}},
      {"root ::= opt root | \"x\"\nopt ::= \"\" | \"y\"", {"x", "yyx"}, {"y"}},
  };
  for (const Case &one : cases) {
    auto grammar = Grammar::parse(one.grammar);
    for (const std::string &text : one.allowed)
      EXPECT_TRUE(allows(grammar, text)) << one.grammar << "\n'" << text << "'";
    for (const std::string &text : one.refused)
      EXPECT_FALSE(allows(grammar, text)) << one.grammar << "\n'" << text << "'";
  }
}

TEST(Grammar, every_character_is_in_a_class_or_outside) {
  // Ranges whose ends lie within and at the borders of UTF-8's lengths and bytes.
  const uint32_t ends[] = {0x00,    0x41,    0x7F,    0x80,    0xBF,    0xC0,     0x7FF,
                           0x800,   0xFFF,   0x1000,  0x1FC0,  0xD7FF,  0xE000,   0xFFFF,
                           0x10000, 0x1F600, 0x3FFFF, 0x40000, 0xFFFFF, 0x100000, 0x10FFFF};
  for (uint32_t first : ends)
    for (uint32_t last : ends) {
      if (last < first)
        continue;
      char text[64];
      std::snprintf(text, sizeof(text), "root ::= [\\U%08X-\\U%08X]", first, last);
      auto inside = Grammar::parse(text);
      std::snprintf(text, sizeof(text), "root ::= [^\\U%08X-\\U%08X]", first, last);
      bool all = first == 0 && last == 0x10FFFF;
      auto outside = all ? nullptr : Grammar::parse(text);
      for (uint32_t end : ends)
        for (uint32_t character : {end - 1, end, end + 1}) {
          if (character > 0x10FFFF || (character >= 0xD800 && character < 0xE000))
            continue;
          std::string bytes;
          appendCharacter(bytes, character);
          EXPECT_EQ(allows(inside, bytes), first <= character && character <= last) << text << character;
          if (outside)
            EXPECT_EQ(allows(outside, bytes), character < first || last < character) << text << character;
        }
    }
}

TEST(Grammar, mistakes_name_place_found_and_needed) {
  std::string large;
  for (int i = 0; i != 60; ++i)
    large += "\"a\"{10000} ";
  const std::pair<std::string, std::string> cases[] = {
      {"", "line 1, column 1: there is no rule 'root', where matching begins"},
      {"start ::= \"a\"", "there is no rule 'root'"},
      {"root = \"a\"", "line 1, column 6: found '=' where '::=' is needed"},
      {"root ::= \"a\" ]", "line 1, column 14: found ']' where '|' or the end of the line is needed"},
      {"root ::= x\n\nroot2 ::= y", "rule 'x' is named here, but nothing says what it is"},
      {"root ::= \"a\"\nroot ::= \"b\"", "line 2, column 1: rule 'root' is there twice; give one another name"},
      {"root ::= \"abc", "line 1, column 10: this quoted text does not end"},
      {"root ::= \"abc\n\"", "this quoted text does not end"},
      {"root ::= [abc", "line 1, column 10: this class does not end"},
      {"root ::= []", "this class has no characters"},
      {"root ::= [z-a]", "line 1, column 11: this range goes down; put the lower character first"},
      {"root ::= \"\\q\"", "'\\' needs one of n r t"},
      {"root ::= \"\\uD800\"", "this escape needs 4 hexadecimal digits that name a character"},
      {"root ::= (\"a\"", "found the end where ')' for the '(' of line 1, column 10 is needed"},
      {"root ::= \"a\"{x}", "found 'x' where a number is needed"},
      {"root ::= \"a\"{3,2}", "found at most 2 times but at least 3"},
      {"root ::= \"a\"{99999}", "a part may be repeated at most 10000 times"},
      {"root ::= \"a\"{2", "found the end where '}' is needed"},
      {"root ::= *", "found '*' where '|' or the end of the line is needed"},
      {"root ::= \"\xFF\"", "found a byte that is not UTF-8 where a character is needed"},
      {"root ::= root \"a\" | \"b\"", "line 1, column 1: rule 'root' begins with itself; write it with * or +"},
      {"root ::= a\na ::= b \"x\" | \"y\"\nb ::= c\nc ::= a", "rule 'a' begins with itself: a -> b -> c -> a"},
      {"root ::= e root \"x\" | \"y\"\ne ::= \"\" | \"z\"", "rule 'root' begins with itself"},
      {"root ::= (root \"a\")* \"b\"", "begins with itself"},
      {"root ::= \"a\" root", "line 1, column 1: rule 'root' can never end"},
      {"root ::= \"x\" | a\na ::= \"(\" a \")\"", "line 2, column 1: rule 'a' can never end"},
      {"root ::= root", "rule 'root' can never end"},
      {"root ::= [^\\x00-\\U0010FFFF]", "rule 'root' can never end"},
      {"root ::= " + std::string(5000, '('), "groups are inside of each other more than 100 deep"},
      {"root ::= " + large, "the grammar has more than 500000 elements; repeat less of it"},
  };
  for (auto &[text, message] : cases) {
    std::string found = failureOf([&] { Grammar::parse(text); });
    EXPECT_NE(found.find(message), std::string::npos) << text.substr(0, 60) << "\n" << found;
  }
}

} // namespace
