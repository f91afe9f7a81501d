#include "tools/Progress.h"

#include <gtest/gtest.h>

using namespace lathe::tools;
using namespace std::chrono_literals;

namespace {

constexpr auto Longer = 1600ms; ///< than what is done before anything is shown, and a look at the clock

/// What is written to standard error while a step takes `time`, with a line of text in the end.
std::string watch(bool shown, std::chrono::milliseconds time) {
  testing::internal::CaptureStderr();
  {
    Progress progress("lathe", shown);
    progress.start("loading weights to the GPU");
    std::this_thread::sleep_for(time);
    progress.print("a line");
  }
  return testing::internal::GetCapturedStderr();
}

TEST(Progress, NamesAStepThatTakesLongAndLeavesNoTrace) {
  std::string written = watch(true, Longer);
  std::string line = "\r\x1b[Klathe: loading weights to the GPU, 1 s (1 s in all)";
  EXPECT_EQ(written.substr(0, line.size()), line);
  std::string end = "\r\x1b[Ka line\n";
  ASSERT_GE(written.size(), end.size());
  EXPECT_EQ(written.substr(written.size() - end.size()), end) << "the line is taken away, then the text follows";
}

TEST(Progress, ShowsNothingOfWhatIsSoonDone) { EXPECT_EQ(watch(true, 10ms), "a line\n"); }

TEST(Progress, ShowsNothingThatIsNotAskedFor) { EXPECT_EQ(watch(false, Longer), "a line\n"); }

} // namespace
