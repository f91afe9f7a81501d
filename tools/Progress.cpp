#include "tools/Progress.h"

#include <cstdio>

namespace lathe::tools {

using namespace std::chrono_literals;

static constexpr auto Patience = 1s;  ///< what is done before shows nothing
static constexpr auto Period = 200ms; ///< between two looks at the clock

Progress::Progress(const char *program, bool shown) : Program(program) {
  if (!shown)
    return;
  Thread = std::thread([this] {
    std::unique_lock lock(Mutex);
    while (!Wake.wait_for(lock, Period, [this] { return Done; }))
      if (std::chrono::steady_clock::now() - Begin > Patience)
        show();
  });
}

Progress::~Progress() {
  if (!Thread.joinable())
    return;
  {
    std::lock_guard lock(Mutex);
    Done = true;
    clear();
  }
  Wake.notify_one();
  Thread.join();
}

void Progress::start(const std::string &step) {
  std::lock_guard lock(Mutex);
  Step = step;
  StepBegin = std::chrono::steady_clock::now();
}

void Progress::print(const std::string &text) {
  std::lock_guard lock(Mutex);
  clear();
  std::fputs((text + "\n").c_str(), stderr);
}

void Progress::show() {
  auto now = std::chrono::steady_clock::now();
  std::fprintf(stderr, "\r\x1b[K%s: %s, %.0f s (%.0f s in all)", Program, Step.c_str(),
               std::chrono::duration<double>(now - StepBegin).count(),
               std::chrono::duration<double>(now - Begin).count());
  Visible = true;
}

void Progress::clear() {
  if (Visible)
    std::fputs("\r\x1b[K", stderr);
  Visible = false;
}

} // namespace lathe::tools
