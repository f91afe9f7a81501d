#ifndef LATHE_TOOLS_LATHE_GPULAUNCHES_H
#define LATHE_TOOLS_LATHE_GPULAUNCHES_H

#include "compiler/report/Roofline.h"
#include "tools/lathe/Handles.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

namespace lathe::tools {

/// The time of every launch of a model on a GPU.
class GpuLaunches {
public:
  /// Times nothing yet.
  explicit GpuLaunches(const Model &model);
  ~GpuLaunches();

  /// Forgets what was timed and times the calls to come, which are slower than others.
  void start();
  void stop();

  /// The calls since `start`, those of the same sizes as one with the middle of the times of each launch.
  std::vector<report::Call> calls() const;
  /// The same with what each launch is: the calls of the roofline report, whose launches also have a "function" and its
  /// "config", and the number of "timed" calls that each stands for.
  nlohmann::ordered_json describe() const;
  /// The roofline report of these calls.
  nlohmann::ordered_json report() const;

private:
  struct Implementation;
  std::unique_ptr<Implementation> it;
};

/// Such calls for people: launches of one function together, those that take longest first.
void printGpuLaunches(const nlohmann::ordered_json &calls);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_GPULAUNCHES_H
