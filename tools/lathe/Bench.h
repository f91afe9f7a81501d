#ifndef LATHE_TOOLS_LATHE_BENCH_H
#define LATHE_TOOLS_LATHE_BENCH_H

#include "tools/lathe/GpuLaunches.h"
#include "tools/lathe/TensorInputs.h"

#include <nlohmann/json.hpp>

namespace lathe::tools {

struct BenchArguments {
  ModelArguments model;
  InputArguments inputs;
  int repeat = 20, warmup = 3;
  std::vector<int64_t> prompt = {128}, steps = {32}, batch = {1};
  bool promptOnce = false;
  bool json = false, launches = false;
  std::string textOptions, tensorOptions; ///< those given that are for the one kind of model alone
  std::string report;                     ///< a file, "-" for standard output, or empty
};

/// Several times; in milliseconds.
struct Summary {
  double least, median, p90, p95, p99; ///< the last three: what so many of a hundred do not exceed

  /// At least one time.
  explicit Summary(std::vector<double> seconds);
  nlohmann::json json() const;
};

/// Runs that launches on a GPU are timed in, after the others.
inline constexpr int MostLaunchRuns = 3;

/// A language model: one result for every prompt length, number of steps and batch size. With `launches` each also has
/// its "launch_calls", as GpuLaunches describes them.
nlohmann::json benchTokens(const BenchArguments &arguments, const Model &model, GpuLaunches *launches);
/// A language model's weights on its device, where they stay as long as the session, and how long that took: "load".
Session loadWeights(const Model &model, nlohmann::json &report);
/// What benchTokens gives, for people.
void printTokenTable(const nlohmann::json &report);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_BENCH_H
