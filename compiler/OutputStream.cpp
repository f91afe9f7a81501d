#include "compiler/OutputStream.h"
#include "compiler/artifact/OutputFile.h"

using namespace llvm;

/// What `stream` has met, which it would else end the process for.
static std::string takeError(raw_fd_ostream &stream, StringRef path) {
  stream.flush();
  if (!stream.has_error())
    return "";
  std::string problem = (path + ": cannot write: " + stream.error().message()).str();
  stream.clear_error();
  return problem;
}

std::string lathe::writeOutput(StringRef path, function_ref<std::string(raw_pwrite_stream &)> write) {
  if (path == "-") {
    std::string problem = write(outs()), error = takeError(outs(), "standard output");
    return problem.empty() ? error : problem;
  }
  artifact::OutputFile file(path.str());
  if (!file.stream())
    return file.keep();
  raw_fd_ostream stream(fileno(file.stream()), /*shouldClose=*/false);
  std::string problem = write(stream), error = takeError(stream, path);
  if (!problem.empty() || !error.empty())
    return problem.empty() ? error : problem;
  return file.keep();
}
