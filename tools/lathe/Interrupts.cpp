#include "tools/lathe/Interrupts.h"
#include "tools/ExitCodes.h"
#include "tools/lathe/Handles.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace lathe::tools {

// The handler may run on any thread, so it wakes the one that waits through a pipe.
static volatile std::sig_atomic_t Noted = 0;
static int Pipe[2] = {-1, -1};
static struct sigaction Before;

static void note(int) {
  if (Noted)
    _exit(Interrupted);
  Noted = 1;
  int error = errno;
  [[maybe_unused]] ssize_t written = write(Pipe[1], "", 1);
  errno = error;
}

Interrupts::Interrupts() {
  if (pipe2(Pipe, O_CLOEXEC | O_NONBLOCK) != 0)
    throw CommandFailure(LATHE_OUT_OF_MEMORY, std::string("the system gives no pipe: ") + std::strerror(errno));
  Noted = 0;
  struct sigaction action = {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &Before);
}

Interrupts::~Interrupts() {
  sigaction(SIGINT, &Before, nullptr);
  close(Pipe[0]);
  close(Pipe[1]);
}

bool Interrupts::noted() const { return Noted; }

void Interrupts::forget() {
  char byte;
  while (read(Pipe[0], &byte, 1) == 1) {
  }
  Noted = 0;
}

bool Interrupts::waitFor(int file) const {
  pollfd files[] = {{file, POLLIN, 0}, {Pipe[0], POLLIN, 0}};
  while (!Noted) {
    if (poll(files, 2, -1) > 0 && files[0].revents)
      return !Noted;
  }
  return false;
}

} // namespace lathe::tools
