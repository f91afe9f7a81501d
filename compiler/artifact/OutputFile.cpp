#include "compiler/artifact/OutputFile.h"

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lathe::artifact {

/// One that no other writer has, in this process or another.
static std::string partialName(const std::string &target) {
  static std::atomic<unsigned> count = 0;
  return target + "." + std::to_string(getpid()) + "-" + std::to_string(count++) + ".partial";
}

/// The file that `path` names, behind links; `path` itself when there is none yet.
static std::string followLinks(const std::string &path) {
  char resolved[PATH_MAX];
  return realpath(path.c_str(), resolved) ? resolved : path;
}

static std::string folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

OutputFile::OutputFile(const std::string &name) : path(name), target(followLinks(name)) {
  struct stat info;
  bool exists = stat(target.c_str(), &info) == 0;
  direct = exists && !S_ISREG(info.st_mode);
  if (direct) {
    file = std::fopen(target.c_str(), "wb"); // which refuses a folder
    if (!file)
      fail(errno);
    return;
  }
  openUnnamed(folderOf(target));
  if (!file)
    openPartial();
}

OutputFile::~OutputFile() {
  if (file)
    std::fclose(file);
  if (!partial.empty())
    unlink(partial.c_str());
}

void OutputFile::openUnnamed(const std::string &folder) {
  if (access("/proc/self/fd", X_OK) != 0) // the way to a name
    return;
  int descriptor = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  if (descriptor >= 0)
    file = fdopen(descriptor, "wb");
}

void OutputFile::openPartial() {
  partial = partialName(target);
  file = std::fopen(partial.c_str(), "wbxe");
  if (file)
    return;
  fail(errno);
  partial.clear();
}

void OutputFile::write(const void *data, size_t bytes) {
  if (problem.empty() && bytes != 0 && std::fwrite(data, 1, bytes, file) != bytes)
    fail(errno);
}

std::string OutputFile::keep() {
  if (problem.empty() && (std::fflush(file) != 0 || std::ferror(file)))
    fail(errno);
  if (problem.empty() && !direct && partial.empty()) {
    std::string name = partialName(target), open = "/proc/self/fd/" + std::to_string(fileno(file));
    if (linkat(AT_FDCWD, open.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0)
      partial = name;
    else
      fail(errno);
  }
  if (file && std::fclose(file) != 0) // where some file systems say that they are full
    fail(errno);
  file = nullptr;
  if (problem.empty() && !direct && std::rename(partial.c_str(), target.c_str()) != 0)
    fail(errno);
  if (problem.empty())
    partial.clear();
  return problem;
}

void OutputFile::fail(const std::string &what) {
  if (problem.empty())
    problem = path + ": cannot write: " + what;
}

void OutputFile::fail(int error) { fail(std::string(std::strerror(error))); }

std::string writeFile(const std::string &path, const std::string &bytes) {
  OutputFile file(path);
  file.write(bytes.data(), bytes.size());
  return file.keep();
}

} // namespace lathe::artifact
