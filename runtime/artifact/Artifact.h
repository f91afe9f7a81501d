#ifndef LATHE_RUNTIME_ARTIFACT_ARTIFACT_H
#define LATHE_RUNTIME_ARTIFACT_ARTIFACT_H

#include "runtime/artifact/Format.h"
#include "runtime/include/lathe.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::runtime {

/// One section of a checked artifact.
struct Section {
  SectionKind kind;
  std::string name;
  uint64_t offset;
  std::span<const unsigned char> bytes;
  const void *embeddedCode = nullptr; ///< a host image that is linked into the executable
};

/// The bytes of a .lathe file, mapped or embedded, whose header, table and hashes (of all but weights) are right.
/// Failures are LATHE_NOT_FOUND, LATHE_CORRUPT and LATHE_UNSUPPORTED (another format version).
class Artifact {
public:
  /// Maps a file.
  explicit Artifact(const std::string &path);
  /// Uses a program that is linked into the executable.
  explicit Artifact(const lathe_embedded_program &embedded);
  ~Artifact();
  Artifact(const Artifact &) = delete;
  Artifact &operator=(const Artifact &) = delete;

  /// The path, or "embedded program": how messages name it.
  const std::string &where() const { return place; }
  const std::vector<Section> &sections() const { return table; }
  /// The first section of a kind, of a name if one is given; null if there is none.
  const Section *find(SectionKind kind, std::string_view name = {}) const;
  /// For mapping a section again as executable; -1 for an embedded program.
  int descriptor() const { return file; }

private:
  void check();
  void checkHeader();
  void checkEntry(const SectionEntry &entry, uint64_t &end);
  void checkHash(const SectionEntry &entry, const std::string &name);
  template <typename... Parts> [[noreturn]] void corrupt(const Parts &...parts) const;

  std::string place;
  int file = -1;
  const unsigned char *data = nullptr;
  uint64_t size = 0;
  std::vector<Section> table;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ARTIFACT_ARTIFACT_H
