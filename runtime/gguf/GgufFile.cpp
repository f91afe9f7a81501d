#include "runtime/gguf/GgufFile.h"
#include "runtime/gguf/GgufParser.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lathe::gguf {

/// Maps a whole file for reading; `error` says why not.
static bool mapFile(const std::string &path, void *&address, size_t &bytes, std::string &error) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    error = path + ": cannot be opened: " + std::strerror(errno);
    return false;
  }
  struct stat status;
  bool isKnown = ::fstat(descriptor, &status) == 0;
  if (!isKnown || !S_ISREG(status.st_mode)) {
    error = path + ": is not a regular file";
    ::close(descriptor);
    return false;
  }
  if (status.st_size == 0) {
    error = path + ": is empty; a GGUF file is needed";
    ::close(descriptor);
    return false;
  }
  bytes = size_t(status.st_size);
  address = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
  int mapError = errno;
  ::close(descriptor);
  if (address == MAP_FAILED) {
    error = path + ": cannot be mapped: " + std::strerror(mapError);
    return false;
  }
  return true;
}

/// Takes 'model-00001-of-00003.gguf' apart at its number.
static bool splitPartName(const std::string &path, std::string &stem, unsigned &number, unsigned &count) {
  static constexpr size_t SuffixBytes = 20; // -00001-of-00003.gguf
  if (path.size() <= SuffixBytes)
    return false;
  stem = path.substr(0, path.size() - SuffixBytes);
  int end = 0;
  return std::sscanf(path.c_str() + stem.size(), "-%5u-of-%5u.gguf%n", &number, &count, &end) == 2 &&
         size_t(end) == SuffixBytes;
}

static std::string makePartName(const std::string &stem, unsigned number, unsigned count) {
  char suffix[64];
  std::snprintf(suffix, sizeof(suffix), "-%05u-of-%05u.gguf", number, count);
  return stem + suffix;
}

GgufFile::~GgufFile() {
  for (Mapping &mapping : mappings)
    ::munmap(mapping.address, mapping.bytes);
}

static const Value *find(const std::vector<std::pair<std::string, Value>> &entries, std::string_view key) {
  for (const auto &[name, value] : entries)
    if (name == key)
      return &value;
  return nullptr;
}

/// An unsigned entry of a split model; absent is `absent`.
static bool readCount(const std::vector<std::pair<std::string, Value>> &entries, const char *key, uint64_t absent,
                      const std::string &path, uint64_t &count, std::string &error) {
  count = absent;
  const Value *value = find(entries, key);
  if (!value)
    return true;
  std::optional<uint64_t> number = value->asUnsigned();
  if (!number) {
    error = path + ": '" + key + "' is of type " + valueTypeName(value->type) + ", an unsigned integer is needed";
    return false;
  }
  count = *number;
  return true;
}

bool GgufFile::openPart(const std::string &path, std::string &error) {
  Mapping mapping;
  if (!mapFile(path, mapping.address, mapping.bytes, error))
    return false;
  mappings.push_back(mapping);
  ParsedFile file;
  if (!parseGguf(static_cast<const uint8_t *>(mapping.address), mapping.bytes, file, error)) {
    error = path + ": " + error;
    return false;
  }
  uint32_t part = uint32_t(filePaths.size());
  uint64_t number, count, firstCount;
  if (!readCount(file.entries, "split.no", part, path, number, error) ||
      !readCount(file.entries, "split.count", 1, path, count, error))
    return false;
  if (number != part) {
    error = path + ": 'split.no' is " + std::to_string(number) + " but " + std::to_string(part) + " is needed; " +
            (part == 0 ? "name the first file of the model" : "the parts are mixed up");
    return false;
  }
  if (part == 0) {
    metadata = std::move(file.entries);
    fileVersion = file.version;
  } else if (!readCount(metadata, "split.count", 1, path, firstCount, error)) {
    return false;
  } else if (count != firstCount) {
    error =
        path + ": 'split.count' is " + std::to_string(count) + " but the first file says " + std::to_string(firstCount);
    return false;
  }
  filePaths.push_back(path);
  for (Tensor &tensor : file.tensors) {
    tensor.file = part;
    tensorList.push_back(std::move(tensor));
  }
  return true;
}

/// Opens the other files of a split model.
bool GgufFile::openRest(std::string &error) {
  uint64_t count, tensorCount;
  const std::string path = filePaths[0];
  if (!readCount(metadata, "split.count", 1, path, count, error) ||
      !readCount(metadata, "split.tensors.count", 0, path, tensorCount, error))
    return false;
  if (count <= 1)
    return true;
  std::string stem;
  unsigned number, nameCount;
  if (!splitPartName(path, stem, number, nameCount) || number != 1 || nameCount != count) {
    error = path + ": is the first of " + std::to_string(count) + " files but its name does not end in '" +
            makePartName("", 1, unsigned(count)) + "'; give the files back their names";
    return false;
  }
  for (unsigned part = 2; part <= count; ++part)
    if (!openPart(makePartName(stem, part, unsigned(count)), error))
      return false;
  if (find(metadata, "split.tensors.count") && tensorList.size() != tensorCount) {
    error = path + ": 'split.tensors.count' is " + std::to_string(tensorCount) + " but the files hold " +
            std::to_string(tensorList.size()) + " tensors";
    return false;
  }
  return true;
}

std::unique_ptr<GgufFile> GgufFile::open(const std::string &path, std::string &error) {
  std::unique_ptr<GgufFile> file(new GgufFile());
  if (!file->openPart(path, error) || !file->openRest(error))
    return nullptr;
  for (size_t i = 0; i < file->metadata.size(); ++i)
    file->entryIndex.emplace(file->metadata[i].first, i);
  for (size_t i = 0; i < file->tensorList.size(); ++i) {
    const Tensor &tensor = file->tensorList[i];
    if (!file->tensorIndex.emplace(tensor.name, i).second) {
      error = file->filePaths[tensor.file] + ": tensor '" + tensor.name + "' stands in the model twice";
      return nullptr;
    }
  }
  return file;
}

const Value *GgufFile::findEntry(std::string_view key) const {
  auto found = entryIndex.find(key);
  return found == entryIndex.end() ? nullptr : &metadata[found->second].second;
}

const Tensor *GgufFile::findTensor(std::string_view name) const {
  auto found = tensorIndex.find(name);
  return found == tensorIndex.end() ? nullptr : &tensorList[found->second];
}

} // namespace lathe::gguf
