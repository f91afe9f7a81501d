// Loads damaged artifacts up to the point where code would be mapped. The hashes over damage are repaired, or nothing
// behind them would ever be reached.
//
// The first byte says what the rest is: 'm' a manifest, around which a right artifact is built (its first '@' stands
// for the version of the host ABI); 'h' a header and section
// table, behind which the sections of a right artifact follow; anything else is a file as it is.
#include "runtime/Failure.h"
#include "runtime/HostAbi.h"
#include "runtime/Program.h"
#include "runtime/artifact/Sha256.h"

#include <algorithm>
#include <cstring>
#include <string>

using namespace lathe;
using namespace lathe::runtime;

namespace {

constexpr size_t MaxBytes = 4 * SectionAlignment;

void setHash(unsigned char (&field)[32], const void *data, size_t bytes) {
  std::memcpy(field, sha256(data, bytes).data(), sizeof(field));
}

/// Host image, weights and `manifest`, the first two full of small numbers.
std::string makeFile(const std::string &manifest) {
  std::string file(3 * SectionAlignment, '\0');
  std::fill_n(file.begin() + SectionAlignment, 16384, '\1');
  std::fill_n(file.begin() + 2 * SectionAlignment, 4096, '\2');
  file += manifest;
  FileHeader header = {};
  std::memcpy(header.magic, FileMagic, sizeof(FileMagic));
  header.formatVersion = FormatVersion;
  header.sectionCount = 3;
  header.fileBytes = file.size();
  SectionEntry table[3] = {
      {uint32_t(SectionKind::HostImage), 0, SectionAlignment, 16384, "x86-64-v3", {}, {}},
      {uint32_t(SectionKind::Weights), 0, 2 * SectionAlignment, 4096, "weights", {}, {}},
      {uint32_t(SectionKind::Manifest), 0, 3 * SectionAlignment, manifest.size(), "manifest", {}, {}}};
  std::memcpy(file.data(), &header, sizeof(header));
  std::memcpy(file.data() + sizeof(header), table, sizeof(table));
  return file;
}

/// Writes the hashes of sections, table and header wherever the fields leave room for them.
void repairHashes(std::string &file) {
  FileHeader header;
  std::memcpy(&header, file.data(), sizeof(header));
  size_t room = (file.size() - sizeof(header)) / sizeof(SectionEntry),
         count = std::min<size_t>(header.sectionCount, room);
  for (size_t i = 0; i != count; ++i) {
    SectionEntry entry;
    char *place = file.data() + sizeof(header) + i * sizeof(entry);
    std::memcpy(&entry, place, sizeof(entry));
    if (entry.kind != uint32_t(SectionKind::Weights) && entry.offset <= file.size() &&
        entry.bytes <= file.size() - entry.offset)
      setHash(entry.sha256, file.data() + entry.offset, entry.bytes);
    std::memcpy(place, &entry, sizeof(entry));
  }
  setHash(header.tableSha256, file.data() + sizeof(header), count * sizeof(SectionEntry));
  std::memset(header.headerSha256, 0, sizeof(header.headerSha256));
  setHash(header.headerSha256, &header, sizeof(header));
  std::memcpy(file.data(), &header, sizeof(header));
}

void load(const std::string &file) {
  lathe_embedded_program embedded = {sizeof(embedded), file.data(), file.size(), 0, nullptr};
  try {
    Program program(embedded);
    program.checkWeights();
  } catch (const Failure &) {
    // Refused with a message: what damage must come to.
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0 || size > MaxBytes)
    return 0;
  std::string rest(reinterpret_cast<const char *>(data) + 1, size - 1);
  if (data[0] == 'm') {
    if (size_t at = rest.find('@'); at != std::string::npos)
      rest.replace(at, 1, std::to_string(HostAbiVersion));
    std::string file = makeFile(rest);
    repairHashes(file);
    load(file);
  } else if (data[0] == 'h') {
    std::string file = makeFile("{}");
    file.replace(0, std::min(rest.size(), size_t(SectionAlignment)), rest, 0, SectionAlignment);
    repairHashes(file);
    load(file);
  } else {
    load(rest);
  }
  return 0;
}
