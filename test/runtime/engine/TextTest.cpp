// The text of requests: whole characters, and nothing of a stop string.
#include "runtime/engine/TextStream.h"
#include "test/runtime/engine/EngineFixture.h"

#include <cmath>
#include <random>

using namespace lathe;
using test::Answer;
using test::Ask;

namespace {

class EngineText : public test::EngineTest {
protected:
  /// Has the model write `text`, which a grammar makes it do; with `byBytes` in tokens of one byte.
  Answer write(const std::string &text, const std::vector<const char *> &stops, bool byBytes = false) const {
    std::string grammar = "root ::= \"" + text + "\"";
    Ask ask({1, 2, 3}, 100);
    ask.options.grammar = grammar.c_str();
    ask.stops = stops;
    for (int32_t token = 0; byBytes && token != lathe_tokenizer_size(tokenizer.get()); ++token)
      if (piece(token).size() > 1)
        ask.biases.push_back({token, -INFINITY});
    return answer(ask);
  }

  std::string_view piece(int32_t token) const {
    size_t bytes = 0;
    const char *text = lathe_tokenizer_piece(tokenizer.get(), token, &bytes);
    return {text, bytes};
  }
};

TEST_F(EngineText, ComesInPiecesAsItIsWritten) {
  Answer answer = write("the runtime writes", {});
  EXPECT_EQ(answer.text, "the runtime writes");
  EXPECT_EQ(answer.finish, LATHE_FINISH_GRAMMAR);
  EXPECT_GT(answer.pieces.size(), 2u);
}

TEST_F(EngineText, HasWholeCharacters) {
  Answer answer = write("né 🚀中!", {}, /*byBytes=*/true);
  EXPECT_EQ(answer.tokens.size(), 12u);
  EXPECT_EQ(answer.pieces, (std::vector<std::string>{"n", "é", " ", "🚀", "中", "!"}));
}

TEST_F(EngineText, MarksCharactersThatAreNeverCompleted) {
  Ask ask({1, 2, 3}, 1);
  for (int32_t token = 0; token != lathe_tokenizer_size(tokenizer.get()); ++token)
    if (piece(token) == "\xF0")
      ask.biases = {{token, 100}};
  ASSERT_FALSE(ask.biases.empty());
  EXPECT_EQ(answer(ask).text, "\xEF\xBF\xBD");
}

TEST_F(EngineText, GoesOnWithACharacterThatThePromptBegan) {
  std::vector<int32_t> rocket = encode("🚀");
  Ask ask({1, 2, 3}, int64_t(1));
  ask.prompt.insert(ask.prompt.end(), rocket.begin(), rocket.end() - 1);
  ask.biases = {{rocket.back(), 100}};
  EXPECT_EQ(answer(ask).text, "🚀");
}

TEST_F(EngineText, TokensBehindTheTokenizersHaveNoText) {
  Ask ask({1, 2, 3}, 2);
  ask.biases = {{383, 100}};
  Answer answer = this->answer(ask);
  EXPECT_EQ(answer.tokens, (std::vector<int32_t>{383, 383}));
  EXPECT_EQ(answer.text, "");
}

TEST_F(EngineText, EndsBeforeAStopString) {
  for (bool byBytes : {false, true}) {
    Answer answer = write("the runtime writes texts", {"never", "writes"}, byBytes);
    EXPECT_EQ(answer.text, "the runtime ");
    EXPECT_EQ(answer.finish, LATHE_FINISH_STOP_STRING);
    answer = write("né 🚀中!", {"🚀中"}, byBytes);
    EXPECT_EQ(answer.text, "né ");
    answer = write("aaab", {"aab"}, byBytes);
    EXPECT_EQ(answer.text, "a");
    answer = write("the runtime", {"the runtime!"}, byBytes); // held back, and given out in the end
    EXPECT_EQ(answer.text, "the runtime");
    EXPECT_EQ(answer.finish, LATHE_FINISH_GRAMMAR);
  }
}

TEST_F(EngineText, HoldsBackWhatMayBeAStopString) {
  Answer answer = write("abcabd", {"abd"}, /*byBytes=*/true);
  EXPECT_EQ(answer.pieces, (std::vector<std::string>{"abc"}));
  EXPECT_EQ(answer.text, "abc");
}

/// What comes before the stop string that is complete first, by trying every place.
std::string cutByDefinition(const std::string &text, const std::vector<std::string> &stops) {
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t longest = 0;
    for (const std::string &stop : stops)
      if (text.substr(0, end).ends_with(stop))
        longest = std::max(longest, stop.size());
    if (longest != 0)
      return text.substr(0, end - longest);
  }
  return text;
}

TEST(StopMatcher, CutsTheSameWhereverThePiecesAreCut) {
  std::mt19937 random(1);
  auto pick = [&](size_t least, size_t most) { return std::uniform_int_distribution(least, most)(random); };
  auto word = [&](size_t least, size_t most) {
    std::string text(pick(least, most), ' ');
    for (char &letter : text)
      letter = char('a' + pick(0, 1));
    return text;
  };
  int stopped = 0, whole = 0;
  for (int round = 0; round != 20000; ++round) {
    std::string text = word(0, 30);
    std::vector<std::string> stops;
    for (size_t count = pick(0, 3); count != 0; --count)
      stops.push_back(word(2, 8));
    std::string expected = cutByDefinition(text, stops), shown;
    runtime::StopMatcher matcher(stops);
    bool isStopped = false;
    for (std::string_view rest = text; !rest.empty() && !isStopped;) {
      size_t bytes = pick(0, std::min<size_t>(rest.size(), 4));
      isStopped = matcher.push(rest.substr(0, bytes), shown);
      rest.remove_prefix(bytes);
      ASSERT_TRUE(expected.starts_with(shown)) << text;
    }
    if (!isStopped)
      matcher.finish(shown);
    ASSERT_EQ(shown, expected) << text;
    ++(isStopped ? stopped : whole);
  }
  EXPECT_GT(stopped, 5000);
  EXPECT_GT(whole, 3000);
}

} // namespace
