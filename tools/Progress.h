#ifndef LATHE_TOOLS_PROGRESS_H
#define LATHE_TOOLS_PROGRESS_H

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace lathe::tools {

/// A line on standard error that says what is under way once the work has taken longer than about a second. Any thread
/// may call.
class Progress {
public:
  /// `program` begins the line. Shows nothing at all if not `shown`.
  Progress(const char *program, bool shown);
  /// Takes the line away.
  ~Progress();

  /// From now on `step` is under way.
  void start(const std::string &step);
  /// Prints a line of text above the progress line.
  void print(const std::string &text);

private:
  void show();
  void clear();

  const char *Program;
  std::mutex Mutex;
  std::condition_variable Wake;
  std::string Step;
  std::chrono::steady_clock::time_point Begin = std::chrono::steady_clock::now(), StepBegin = Begin;
  bool Visible = false, Done = false;
  std::thread Thread;
};

} // namespace lathe::tools

#endif // LATHE_TOOLS_PROGRESS_H
