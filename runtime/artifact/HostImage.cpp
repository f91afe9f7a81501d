#include "runtime/artifact/HostImage.h"

#include "runtime/Failure.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/mman.h>

namespace lathe::runtime {

namespace {
struct Level {
  const char *name;
  bool supported;
};
} // namespace

/// Best first. The check includes that the system saves the wide registers.
static std::vector<Level> levels() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool v4 = __builtin_cpu_supports("x86-64-v4") != 0;
  return {{"x86-64-v4-vnni", v4 && __builtin_cpu_supports("avx512vnni") != 0},
          {"x86-64-v4", v4},
          {"x86-64-v3", __builtin_cpu_supports("x86-64-v3") != 0}};
#else
  return {};
#endif
}

const char *hostLevel() {
  for (const Level &level : levels())
    if (level.supported)
      return level.name;
  return "";
}

HostImage::HostImage(const Artifact &artifact, const Manifest &manifest) {
  for (const Level &level : levels()) {
    auto found = std::find_if(manifest.images.begin(), manifest.images.end(),
                              [&](const Image &candidate) { return candidate.level == level.name; });
    if (level.supported && found != manifest.images.end()) {
      image = &*found;
      break;
    }
  }
  if (!image) {
    std::string there;
    for (const Image &each : manifest.images)
      there += (there.empty() ? "" : ", ") + each.level;
    throw Failure(LATHE_UNSUPPORTED, artifact.where(), ": has code for ", there.empty() ? "no processor" : there,
                  " but this processor is ", *hostLevel() ? hostLevel() : "below x86-64-v3",
                  "; compile the model for it");
  }
  const Section &section = *artifact.find(SectionKind::HostImage, image->level);
  bytes = section.bytes.size();
  if (section.embeddedCode) {
    base = const_cast<unsigned char *>(static_cast<const unsigned char *>(section.embeddedCode));
    return;
  }
  if (artifact.descriptor() < 0)
    throw Failure(LATHE_CORRUPT, artifact.where(), ": the code of image '", image->level, "' is not linked in");
  mapping = mmap(nullptr, bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE, artifact.descriptor(), off_t(section.offset));
  if (mapping == MAP_FAILED)
    throw Failure(LATHE_UNSUPPORTED, artifact.where(), ": cannot map its code as executable: ", std::strerror(errno),
                  "; keep the file on a file system that is not mounted noexec");
  base = static_cast<unsigned char *>(mapping);
}

HostImage::~HostImage() {
  if (mapping)
    munmap(mapping, bytes);
}

const char *HostImage::text(uint64_t address) const {
  uint64_t offset = address - reinterpret_cast<uint64_t>(base);
  bool inside = offset < bytes && std::memchr(base + offset, 0, bytes - size_t(offset));
  return inside ? reinterpret_cast<const char *>(address) : nullptr;
}

EntryCode HostImage::code(const Entry &entry) const {
  const ImageEntry &offsets = image->entries.at(entry.name);
  return {reinterpret_cast<HostEntryFunction>(base + offsets.run),
          reinterpret_cast<HostArenaFunction>(base + offsets.arenaBytes),
          reinterpret_cast<HostDimsFunction>(base + offsets.outputDims)};
}

} // namespace lathe::runtime
