#include "runtime/artifact/Artifact.h"

#include "runtime/Failure.h"
#include "runtime/artifact/Sha256.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lathe::runtime {

/// More sections than any artifact has; a larger count is damage.
static constexpr uint32_t MaxSections = 4096;

static std::string hex(const unsigned char *bytes, size_t count) {
  static constexpr char Digits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i != count; ++i) {
    text += Digits[bytes[i] >> 4];
    text += Digits[bytes[i] & 15];
  }
  return text;
}

/// Each byte equals the next one and the first is zero: one pass at the speed of memory, for gaps of many pages.
template <typename T> static bool isZero(const T &bytes) {
  const unsigned char *first = reinterpret_cast<const unsigned char *>(std::data(bytes));
  return std::size(bytes) == 0 || (*first == 0 && std::memcmp(first, first + 1, std::size(bytes) - 1) == 0);
}

template <typename... Parts> void Artifact::corrupt(const Parts &...parts) const {
  throw Failure(LATHE_CORRUPT, place, ": ", parts..., "; fetch or compile it again");
}

Artifact::Artifact(const std::string &path) : place(path) {
  file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    throw Failure(LATHE_NOT_FOUND, path, ": cannot open: ", std::strerror(errno));
  try {
    struct stat info;
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
      throw Failure(LATHE_NOT_FOUND, path, ": not a regular file");
    size = info.st_size;
    if (size < sizeof(FileHeader))
      corrupt("the file has ", size, " bytes but a header alone has ", sizeof(FileHeader));
    void *mapping = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (mapping == MAP_FAILED)
      throw Failure(LATHE_OUT_OF_MEMORY, path, ": cannot map ", size, " bytes: ", std::strerror(errno));
    data = static_cast<const unsigned char *>(mapping);
    check();
  } catch (...) {
    if (data)
      munmap(const_cast<unsigned char *>(data), size);
    close(file);
    throw;
  }
}

Artifact::Artifact(const lathe_embedded_program &embedded)
    : place("embedded program"), data(static_cast<const unsigned char *>(embedded.artifact)),
      size(embedded.artifact_bytes) {
  if (size < sizeof(FileHeader))
    corrupt("it has ", size, " bytes but a header alone has ", sizeof(FileHeader));
  check();
  for (size_t i = 0; i != embedded.image_count; ++i) {
    const lathe_embedded_image &image = embedded.images[i];
    auto section = std::find_if(table.begin(), table.end(), [&](const Section &candidate) {
      return candidate.kind == SectionKind::HostImage && candidate.name == image.section;
    });
    if (section == table.end())
      corrupt("image '", image.section, "' is linked in but the artifact has no such host image");
    if (image.bytes != section->bytes.size())
      corrupt("image '", image.section, "' has ", image.bytes, " bytes but its section has ", section->bytes.size());
    if (sha256(image.code, image.bytes) != sha256(section->bytes.data(), section->bytes.size()))
      corrupt("the code of image '", image.section, "' differs from its section");
    section->embeddedCode = image.code;
  }
}

Artifact::~Artifact() {
  if (file < 0)
    return;
  munmap(const_cast<unsigned char *>(data), size);
  close(file);
}

const Section *Artifact::find(SectionKind kind, std::string_view name) const {
  for (const Section &section : table)
    if (section.kind == kind && (name.empty() || section.name == name))
      return &section;
  return nullptr;
}

void Artifact::checkHeader() {
  FileHeader header;
  std::memcpy(&header, data, sizeof(header));
  if (std::memcmp(header.magic, FileMagic, sizeof(FileMagic)) != 0)
    corrupt("the first bytes are ", hex(data, 8), ", a .lathe file begins with ",
            hex(reinterpret_cast<const unsigned char *>(FileMagic), 8));
  if (header.formatVersion != FormatVersion)
    throw Failure(LATHE_UNSUPPORTED, place, ": the file has format version ", header.formatVersion,
                  " but this runtime reads version ", FormatVersion, "; compile it with the lathec of this release");
  Sha256Digest found;
  std::memcpy(found.data(), header.headerSha256, found.size());
  std::memset(header.headerSha256, 0, sizeof(header.headerSha256));
  if (Sha256Digest wanted = sha256(&header, sizeof(header)); found != wanted)
    corrupt("header_sha256 is ", hex(found.data(), 32), " but the header hashes to ", hex(wanted.data(), 32));
  if (header.fileBytes != size)
    corrupt("file_bytes is ", header.fileBytes, " but the file has ", size);
  if (!isZero(header.reserved))
    corrupt("the reserved bytes of the header are not zero");
  uint64_t room = (size - sizeof(FileHeader)) / sizeof(SectionEntry);
  if (header.sectionCount > std::min<uint64_t>(room, MaxSections))
    corrupt("section_count is ", header.sectionCount, " but at most ", std::min<uint64_t>(room, MaxSections), " fit");
  Sha256Digest tableHash = sha256(data + sizeof(FileHeader), header.sectionCount * sizeof(SectionEntry));
  if (std::memcmp(header.tableSha256, tableHash.data(), tableHash.size()) != 0)
    corrupt("table_sha256 is ", hex(header.tableSha256, 32), " but the section table hashes to ",
            hex(tableHash.data(), 32));
}

void Artifact::checkHash(const SectionEntry &entry, const std::string &name) {
  if (static_cast<SectionKind>(entry.kind) == SectionKind::Weights) {
    if (!isZero(entry.sha256))
      corrupt("section '", name, "' holds weights, whose sha256 field must be zero");
    return;
  }
  Sha256Digest hash = sha256(data + entry.offset, entry.bytes);
  if (std::memcmp(entry.sha256, hash.data(), hash.size()) != 0)
    corrupt("section '", name, "' hashes to ", hex(hash.data(), 32), " but its sha256 is ", hex(entry.sha256, 32));
}

void Artifact::checkEntry(const SectionEntry &entry, uint64_t &end) {
  size_t index = table.size();
  size_t length = strnlen(entry.name, sizeof(entry.name));
  if (length == 0 || length == sizeof(entry.name) || !isZero(std::span(entry.name).subspan(length)))
    corrupt("the name of section ", index, " is not 1 to 23 bytes followed by zeros");
  std::string name(entry.name, length);
  if (entry.kind < uint32_t(SectionKind::Manifest) || entry.kind > uint32_t(SectionKind::Signature))
    corrupt("section '", name, "' is of kind ", entry.kind, ", known are 1 to 7");
  auto kind = static_cast<SectionKind>(entry.kind);
  if (find(kind, name))
    corrupt("section '", name, "' of kind ", entry.kind, " is there twice");
  if (entry.flags != 0 || !isZero(entry.reserved))
    corrupt("section '", name, "' has flags or reserved bytes that are not zero");
  if (entry.offset % SectionAlignment != 0)
    corrupt("section '", name, "' starts at ", entry.offset, ", which is not a multiple of ", SectionAlignment);
  if (entry.offset < end)
    corrupt("section '", name, "' starts at ", entry.offset, " but what is before it ends at ", end);
  if (entry.offset > size || entry.bytes > size - entry.offset)
    corrupt("section '", name, "' has ", entry.bytes, " bytes at ", entry.offset, " but the file has ", size);
  if (!isZero(std::span(data + end, data + entry.offset)))
    corrupt("the gap before section '", name, "' is not zero");
  checkHash(entry, name);
  end = entry.offset + entry.bytes;
  table.push_back({kind, std::move(name), entry.offset, std::span(data + entry.offset, entry.bytes)});
}

void Artifact::check() {
  checkHeader();
  FileHeader header;
  std::memcpy(&header, data, sizeof(header));
  uint64_t end = sizeof(FileHeader) + header.sectionCount * sizeof(SectionEntry);
  table.reserve(header.sectionCount);
  for (uint32_t i = 0; i != header.sectionCount; ++i) {
    SectionEntry entry;
    std::memcpy(&entry, data + sizeof(FileHeader) + i * sizeof(SectionEntry), sizeof(entry));
    checkEntry(entry, end);
  }
  if (end != size)
    corrupt("the last section ends at ", end, " but the file has ", size, " bytes");
  if (!find(SectionKind::Manifest))
    corrupt("there is no manifest section");
  for (const Section &section : table) {
    bool ptx = section.kind == SectionKind::Ptx;
    if (ptx && (section.bytes.empty() || section.bytes.back() != 0))
      corrupt("section '", section.name, "' does not end with a zero byte");
    if (section.kind == SectionKind::Cubin && section.bytes.empty())
      corrupt("section '", section.name, "' is to hold machine code, but is empty");
  }
}

} // namespace lathe::runtime
