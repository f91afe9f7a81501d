#include "runtime/tokenizer/Metadata.h"

#include "runtime/Failure.h"
#include "runtime/gguf/GgufParser.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace lathe::runtime {

using gguf::Value;
using gguf::ValueType;

/// The first bytes of a file, fewer if it is shorter.
static std::string readMagic(const std::string &path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file)
    throw Failure(LATHE_NOT_FOUND, path, ": cannot open: ", std::strerror(errno));
  char magic[sizeof(FileMagic)];
  return std::string(magic, std::fread(magic, 1, sizeof(magic), file.get()));
}

std::shared_ptr<const Metadata> Metadata::open(const std::string &path) {
  std::string magic = readMagic(path);
  if (magic == std::string(FileMagic, sizeof(FileMagic))) {
    auto artifact = std::make_shared<const Artifact>(path);
    return fromArtifact(*artifact, artifact);
  }
  if (magic.compare(0, 4, "GGUF") != 0)
    throw Failure(LATHE_CORRUPT, path, ": is neither a GGUF file nor an artifact of lathec");
  std::string error;
  std::shared_ptr<const gguf::GgufFile> file = gguf::GgufFile::open(path, error);
  if (!file)
    throw Failure(LATHE_CORRUPT, error);
  std::shared_ptr<Metadata> metadata(new Metadata());
  metadata->place = path;
  metadata->entries = &file->entries();
  metadata->storage = std::move(file);
  return metadata;
}

std::shared_ptr<const Metadata> Metadata::fromArtifact(const Artifact &artifact, std::shared_ptr<const void> owner) {
  const Section *section = artifact.find(SectionKind::Tokenizer);
  if (!section)
    throw Failure(LATHE_UNSUPPORTED, artifact.where(),
                  ": the artifact has no tokenizer; compile it from a GGUF file that has one");
  return fromBytes(artifact.where() + ": tokenizer", section->bytes, std::move(owner));
}

std::shared_ptr<const Metadata> Metadata::fromBytes(std::string where, std::span<const unsigned char> bytes,
                                                    std::shared_ptr<const void> owner) {
  gguf::ParsedFile file;
  std::string error;
  if (!gguf::parseGguf(bytes.data(), bytes.size(), file, error))
    throw Failure(LATHE_CORRUPT, where, ": ", error);
  std::shared_ptr<Metadata> metadata(new Metadata());
  metadata->place = std::move(where);
  metadata->storage = std::move(owner);
  metadata->ownEntries = std::move(file.entries);
  return metadata;
}

const Value *Metadata::find(std::string_view key) const {
  for (const auto &[name, value] : *entries)
    if (name == key)
      return &value;
  return nullptr;
}

void Metadata::wrong(std::string_view key, const std::string &text) const {
  throw Failure(LATHE_CORRUPT, place, ": '", key, "' ", text);
}

void Metadata::wrongType(std::string_view key, const Value &value, const char *needed) const {
  std::string found = valueTypeName(value.type);
  if (value.type == ValueType::Array)
    found += std::string(" of ") + valueTypeName(value.elementType);
  wrong(key, "is of type " + found + ", " + needed + " is needed");
}

std::optional<std::string_view> Metadata::text(std::string_view key) const {
  const Value *value = find(key);
  if (value && !value->asString())
    wrongType(key, *value, "a string");
  return value ? value->asString() : std::nullopt;
}

std::optional<bool> Metadata::flag(std::string_view key) const {
  const Value *value = find(key);
  if (value && !value->asBool())
    wrongType(key, *value, "a bool");
  return value ? value->asBool() : std::nullopt;
}

std::optional<uint64_t> Metadata::number(std::string_view key) const {
  const Value *value = find(key);
  if (!value)
    return std::nullopt;
  if (std::optional<int64_t> found = value->asSigned(); found && *found < 0)
    wrong(key, "is " + std::to_string(*found) + ", a number from 0 is needed");
  if (!value->asUnsigned())
    wrongType(key, *value, "an unsigned integer");
  return value->asUnsigned();
}

std::span<const std::string_view> Metadata::texts(std::string_view key, bool required) const {
  const Value *value = find(key);
  if (!value && required)
    wrong(key, "is missing, an array of strings is needed");
  if (!value)
    return {};
  if (value->type != ValueType::Array || value->elementType != ValueType::String)
    wrongType(key, *value, "an array of strings");
  return value->strings;
}

const Value *Metadata::numbers(std::string_view key, uint64_t count) const {
  const Value *value = find(key);
  if (!value)
    return nullptr;
  bool isNumbers = value->type == ValueType::Array && value->elementType != ValueType::String &&
                   value->elementType != ValueType::Array && value->elementType != ValueType::Bool;
  if (!isNumbers)
    wrongType(key, *value, "an array of numbers");
  if (value->count != count)
    wrong(key, "has " + std::to_string(value->count) + " elements but there are " + std::to_string(count) + " tokens");
  return value;
}

std::string_view Metadata::bytes(std::string_view key) const {
  const Value *value = find(key);
  if (!value)
    return {};
  if (value->type != ValueType::Array || (value->elementType != ValueType::U8 && value->elementType != ValueType::I8))
    wrongType(key, *value, "an array of u8");
  return value->bytes;
}

} // namespace lathe::runtime
