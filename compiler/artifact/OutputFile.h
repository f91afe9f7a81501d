#ifndef LATHE_COMPILER_ARTIFACT_OUTPUTFILE_H
#define LATHE_COMPILER_ARTIFACT_OUTPUTFILE_H

#include <cstddef>
#include <cstdio>
#include <string>

namespace lathe::artifact {

/// A file that appears under its name when it is whole; until then what stood there stays. Where the file system lets
/// files be without a name, nothing is left even of a process that is killed; elsewhere NAME.*.partial is.
///
/// A name of something that is no file, such as a pipe or /dev/null, is written to as it is.
class OutputFile {
public:
  explicit OutputFile(const std::string &path);
  /// Gives up what was not kept.
  ~OutputFile();
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  /// Where to write; null when the file could not be made.
  std::FILE *stream() const { return file; }
  /// Whether it can be written at any place, not only at its end.
  bool isSeekable() const { return !direct; }
  void write(const void *data, size_t bytes);
  /// Gives the file its name. Returns "", or the path and the first thing that went wrong; then there is no file.
  std::string keep();

private:
  void openUnnamed(const std::string &folder);
  void openPartial();
  void fail(const std::string &what);
  void fail(int error);

  std::string path;    ///< as the user says it
  std::string target;  ///< `path` with links followed
  std::string partial; ///< the file's name until it is kept; empty while it has none
  std::FILE *file = nullptr;
  bool direct = false;
  std::string problem;
};

/// Replaces a file by `bytes`. Returns "" or what went wrong, with the path.
std::string writeFile(const std::string &path, const std::string &bytes);

} // namespace lathe::artifact

#endif // LATHE_COMPILER_ARTIFACT_OUTPUTFILE_H
