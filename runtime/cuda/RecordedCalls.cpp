#include "runtime/cuda/RecordedCalls.h"

#include "runtime/Failure.h"

#include <algorithm>

namespace lathe::runtime::cuda {

GraphExec record(const Driver &driver, Stream stream, const std::string &what, const std::function<void()> &enqueue) {
  Graph graph = nullptr;
  driver(driver.streamBeginCapture, stream, CaptureThreadLocal);
  try {
    enqueue();
  } catch (...) {
    // The stream must leave the capture before it can be waited for.
    if (driver.streamEndCapture.function(stream, &graph) == Success && graph)
      (void)driver.graphDestroy.function(graph);
    throw;
  }
  driver(driver.streamEndCapture, stream, &graph);
  GraphExec exec = nullptr;
  Result result = driver.graphInstantiate.function(&exec, graph, 0);
  (void)driver.graphDestroy.function(graph);
  if (result)
    driver.fail(result, driver.graphInstantiate.name, what);
  return exec;
}

GraphExec RecordedCalls::find(Key key, Stream recorder, Stream stream, const std::function<void()> &enqueue) {
  auto call = std::find_if(calls.begin(), calls.end(), [&](const Call &known) { return known.key == key; });
  if (call == calls.end()) {
    if (calls.size() == Most) {
      if (calls.back().exec) {
        driver(driver.streamSynchronize, stream);
        (void)driver.graphExecDestroy.function(calls.back().exec);
      }
      calls.pop_back();
    }
    calls.push_front({std::move(key)});
    return nullptr;
  }
  calls.splice(calls.begin(), calls, call);
  if (!call->exec && !call->refused)
    call->exec = record(driver, recorder, "entry '" + key.entry->name + "'", enqueue);
  return call->exec;
}

void RecordedCalls::clear() {
  for (Call &call : calls)
    if (call.exec)
      (void)driver.graphExecDestroy.function(call.exec);
  calls.clear();
}

} // namespace lathe::runtime::cuda
