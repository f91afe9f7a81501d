// What is predicted of launches against what a GPU took for them: measured.jsonl, which collect.py makes.
#include "compiler/report/Roofline.h"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>

using namespace lathe::report;
using Json = nlohmann::ordered_json;

namespace {

constexpr double MostOff = 0.30;

TEST(Prediction, HeavyLaunchesAreWithinThirtyPercent) {
  std::ifstream file(MEASURED);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  EXPECT_EQ(Json::parse(line)["machine"], "NVIDIA H200");
  const Machine *machine = findGpu("sm_90a");
  ASSERT_TRUE(machine);
  size_t count = 0;
  for (; std::getline(file, line); ++count) {
    Json launch = Json::parse(line);
    double measured = launch["us"].get<double>(), predicted = predictLaunch(launch, *machine).Seconds * 1e6;
    EXPECT_LT(std::abs(predicted - measured), measured * MostOff)
        << launch["call"] << ", " << launch["kernel"] << " " << launch["name"] << ": " << predicted << " us predicted, "
        << measured << " measured";
  }
  EXPECT_GE(count, 100u);
}

} // namespace
