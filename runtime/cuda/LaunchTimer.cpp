#include "runtime/cuda/LaunchTimer.h"

#include "runtime/cuda/RecordedCalls.h"

#include <algorithm>

namespace lathe::runtime::cuda {

LaunchTimer::LaunchTimer(std::shared_ptr<const CudaDevice> timed) : device(std::move(timed)), driver(device->driver) {}

LaunchTimer::~LaunchTimer() {
  ContextScope scope(*device, std::nothrow);
  for (Event event : events)
    (void)driver.eventDestroy.function(event);
}

void LaunchTimer::record(Stream stream) {
  if (recorded == events.size()) {
    events.push_back(nullptr);
    if (Result result = driver.eventCreate.function(&events.back(), 0)) {
      events.pop_back();
      driver.fail(result, driver.eventCreate.name, "");
    }
  }
  driver(driver.eventRecordWithFlags, events[recorded++], stream, EventRecordExternal);
}

void LaunchTimer::mark(Stream stream, int64_t kernel) {
  record(stream);
  marked.push_back(kernel);
}

/// Seconds from the event before this one to it.
double LaunchTimer::between(size_t event) const {
  float milliseconds = 0;
  driver(driver.eventElapsedTime, &milliseconds, events[event - 1], events[event]);
  return double(milliseconds) / 1e3;
}

void LaunchTimer::time(const Entry &entry, const int64_t *symbols, Stream stream,
                       const std::function<void()> &enqueue) {
  marked.clear();
  recorded = 0;
  GraphExec exec = cuda::record(driver, stream, "a call with timed launches", [&] {
    record(stream);
    enqueue();
    record(stream); // with nothing before it but the last mark: what marks take
  });
  Result result = driver.graphLaunch.function(exec, stream);
  Result waited = driver.streamSynchronize.function(stream);
  (void)driver.graphExecDestroy.function(exec);
  if (result || waited)
    driver.fail(result ? result : waited, result ? driver.graphLaunch.name : driver.streamSynchronize.name,
                "a call with timed launches");
  TimedCall call{&entry, {symbols, symbols + entry.symbols.size()}, {}};
  double mark = between(recorded - 1);
  for (size_t i = 0; i != marked.size(); ++i)
    call.launches.push_back({marked[i], std::max(0.0, between(i + 1) - mark)});
  calls.push_back(std::move(call));
}

} // namespace lathe::runtime::cuda
