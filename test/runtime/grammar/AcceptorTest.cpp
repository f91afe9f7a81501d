// Acceptors against a matcher that tries everything, and masks against tokens tried one by one.
#include "test/runtime/grammar/TestGrammar.h"

#include <functional>
#include <map>
#include <random>
#include <set>

using namespace lathe::runtime;
using namespace lathe::test;

namespace {

/// A made-up grammar over the letters a and b, as text and as a function that matches in the simplest way: for a place
/// in a text it gives all places where a match may end.
struct Part {
  std::string text;
  std::function<std::set<size_t>(const std::string &, size_t)> ends;
};

class PartMaker {
public:
  explicit PartMaker(uint32_t seed) : random(seed) {}

  Part make(int depth) {
    switch (depth == 0 ? random() % 3 : random() % 8) {
    case 0:
      return letter("a", "\"a\"");
    case 1:
      return letter("b", "\"b\"");
    case 2:
      return letter("ab", "[ab]");
    case 3:
    case 4: {
      Part left = make(depth - 1), right = make(depth - 1);
      return {left.text + " " + right.text, [=](const std::string &text, size_t at) {
                std::set<size_t> result;
                for (size_t middle : left.ends(text, at))
                  result.merge(right.ends(text, middle));
                return result;
              }};
    }
    case 5: {
      Part left = make(depth - 1), right = make(depth - 1);
      return {"(" + left.text + " | " + right.text + ")", [=](const std::string &text, size_t at) {
                std::set<size_t> result = left.ends(text, at);
                result.merge(right.ends(text, at));
                return result;
              }};
    }
    default:
      return repetition(make(depth - 1));
    }
  }

private:
  static Part letter(const std::string &letters, const std::string &text) {
    return {text, [=](const std::string &all, size_t at) {
              bool fits = at != all.size() && letters.find(all[at]) != letters.npos;
              return fits ? std::set<size_t>{at + 1} : std::set<size_t>();
            }};
  }

  Part repetition(const Part &part) {
    static const struct {
      const char *text;
      int least, most;
    } Kinds[] = {{"*", 0, 99}, {"+", 1, 99}, {"?", 0, 1}, {"{2}", 2, 2}, {"{1,3}", 1, 3}, {"{2,}", 2, 99}};
    auto [suffix, least, most] = Kinds[random() % std::size(Kinds)];
    return {"(" + part.text + ")" + suffix, [part, least = least, most = most](const std::string &text, size_t at) {
              std::set<size_t> result, now = {at}, seen;
              for (int count = 0; count <= most && !now.empty(); ++count) {
                if (count >= least)
                  result.insert(now.begin(), now.end());
                std::set<size_t> next;
                for (size_t place : now)
                  next.merge(part.ends(text, place));
                if (count > least + int(text.size()) + 1)
                  break;
                now = std::move(next);
              }
              return result;
            }};
  }

  std::mt19937 random;
};

TEST(Acceptor, agrees_with_a_matcher_that_tries_everything) {
  for (uint32_t seed = 0; seed != 150; ++seed) {
    Part part = PartMaker(seed).make(4);
    auto grammar = Grammar::parse("root ::= " + part.text);
    for (size_t length = 0; length != 8; ++length)
      for (uint32_t bits = 0; bits != 1u << length; ++bits) {
        std::string text;
        for (size_t i = 0; i != length; ++i)
          text += bits >> i & 1 ? 'b' : 'a';
        ASSERT_EQ(allows(grammar, text), part.ends(text, 0).contains(length)) << part.text << " '" << text << "'";
      }
  }
}

constexpr char Json[] = R"(root ::= value
value ::= "{" (pair ("," pair)*)? "}" | "[" (value ("," value)*)? "]" | string | number | "true" | "null"
pair ::= string ":" value
string ::= "\"" ([^"\\\x00-\x1f] | "\\" ["\\nu])* "\""
number ::= "-"? [0-9]+ ("." [0-9]+)?
)";

/// All strings of up to three of some bytes, and some that are twice there or empty.
std::vector<std::string> vocabulary() {
  const std::string bytes = "{}[]\",:a1-.t\xC3\xA9\\ ";
  std::vector<std::string> pieces = {"",       "true", "null", "\xF0\x9F\x98\x80", "\xF0\x9F", "\x98\x80",
                                     "\"a\":", "}}]",  ""};
  for (char first : bytes) {
    pieces.push_back({first});
    for (char second : bytes) {
      pieces.push_back({first, second});
      for (char third : bytes)
        pieces.push_back({first, second, third});
    }
  }
  pieces.push_back("true");
  return pieces;
}

void expectMask(Acceptor &acceptor, const TokenTrie &trie, const std::vector<std::string> &pieces) {
  std::vector<uint32_t> mask(pieces.size() / 32 + 1, ~0u);
  acceptor.allowedTokens(trie, mask);
  for (size_t token = 0; token != pieces.size(); ++token) {
    Acceptor copy = acceptor;
    bool allowed = !pieces[token].empty() && copy.accept(pieces[token]);
    ASSERT_EQ(mask[token / 32] >> (token % 32) & 1, allowed) << "'" << pieces[token] << "'";
  }
  for (size_t token = pieces.size(); token != mask.size() * 32; ++token)
    ASSERT_EQ(mask[token / 32] >> (token % 32) & 1, 0u);
}

TEST(Acceptor, masks_are_the_tokens_that_it_takes) {
  std::vector<std::string> pieces = vocabulary();
  TokenTrie trie(std::vector<std::string_view>(pieces.begin(), pieces.end()));
  auto grammar = Grammar::parse(Json);
  std::mt19937 random(5);
  for (int text = 0; text != 10; ++text) {
    Acceptor acceptor(grammar);
    for (int step = 0; step != 12 && !acceptor.isFinished(); ++step) {
      ASSERT_NO_FATAL_FAILURE(expectMask(acceptor, trie, pieces));
      std::vector<uint32_t> mask(pieces.size() / 32 + 1);
      acceptor.allowedTokens(trie, mask);
      std::vector<size_t> allowed;
      for (size_t token = 0; token != pieces.size(); ++token)
        if (mask[token / 32] >> (token % 32) & 1)
          allowed.push_back(token);
      ASSERT_FALSE(allowed.empty());
      ASSERT_TRUE(acceptor.accept(pieces[allowed[random() % allowed.size()]]));
    }
  }
}

TEST(Acceptor, what_it_refuses_changes_nothing) {
  Acceptor acceptor(Grammar::parse(Json));
  EXPECT_TRUE(acceptor.accept("[1,"));
  EXPECT_FALSE(acceptor.accept("2,]"));
  EXPECT_FALSE(acceptor.isComplete());
  EXPECT_TRUE(acceptor.accept("2]"));
  EXPECT_TRUE(acceptor.isComplete());
  EXPECT_TRUE(acceptor.isFinished());
  EXPECT_FALSE(acceptor.accept(" "));
}

TEST(Acceptor, copies_go_their_own_ways) {
  Acceptor first(Grammar::parse("root ::= \"a\" (\"b\" | \"c\") \"d\""));
  EXPECT_TRUE(first.accept("a"));
  Acceptor second = first;
  EXPECT_TRUE(first.accept("b"));
  EXPECT_TRUE(second.accept("cd"));
  EXPECT_TRUE(second.isFinished());
  EXPECT_FALSE(first.isComplete());
  second = first;
  EXPECT_TRUE(second.accept("d"));
}

TEST(Acceptor, long_and_deep_texts_stay_within_its_tables) {
  auto grammar = Grammar::parse(Json);
  Acceptor acceptor(grammar);
  // Each depth has states of its own: the tables are made anew many times.
  std::string open(30000, '['), close(30000, ']');
  EXPECT_TRUE(acceptor.accept(open + "1" + close));
  EXPECT_TRUE(acceptor.isFinished());
  Acceptor flat(Grammar::parse("root ::= [a-z]+ (\" \" [a-z]+)*"));
  for (int i = 0; i != 1000; ++i)
    EXPECT_TRUE(flat.accept("word another "
                            "and"));
  EXPECT_TRUE(flat.isComplete());
}

TEST(Acceptor, too_much_that_is_open_is_an_error) {
  Acceptor deep(Grammar::parse("root ::= \"(\" root \")\" | \"x\""));
  std::string open(1000000, '(');
  std::string message = failureOf([&] { deep.accept(open); });
  EXPECT_NE(message.find("parts of the grammar open at one time"), std::string::npos) << message;
  EXPECT_TRUE(deep.accept("((x))")) << "a failure leaves it where it was";
}

} // namespace
