#include "compiler/artifact/TokenizerSection.h"

namespace lathe::artifact {

using gguf::Value;
using gguf::ValueType;

namespace {

/// runtime/gguf/GgufFile.h says what stands where.
class EntryWriter {
public:
  explicit EntryWriter(uint64_t count) : bytes("GGUF") {
    number(uint32_t(3));
    number(uint64_t(0)); // tensors
    number(count);
  }

  void entry(const std::string &key, const Value &value) {
    text(key);
    number(uint32_t(value.type));
    put(value);
  }

  std::string bytes;

private:
  template <typename T> void number(T value) { bytes.append(reinterpret_cast<const char *>(&value), sizeof(value)); }

  void text(std::string_view value) {
    number(uint64_t(value.size()));
    bytes += value;
  }

  void put(const Value &value) {
    if (value.type == ValueType::String)
      return text(value.bytes);
    if (value.type == ValueType::Array) {
      number(uint32_t(value.elementType));
      number(value.count);
    }
    bytes += value.bytes;
    for (std::string_view element : value.strings)
      text(element);
    for (const Value &element : value.arrays)
      put(element);
  }
};

} // namespace

std::string writeGgufEntries(const std::vector<std::pair<std::string, Value>> &entries) {
  EntryWriter writer(entries.size());
  for (const auto &[key, value] : entries)
    writer.entry(key, value);
  return std::move(writer.bytes);
}

std::string writeTokenizerSection(const gguf::GgufFile &file) {
  if (!file.findEntry("tokenizer.ggml.tokens"))
    return "";
  std::vector<std::pair<std::string, Value>> entries;
  for (const auto &[key, value] : file.entries())
    if (key.rfind("tokenizer.", 0) == 0 || key == "general.name" || key == "general.architecture")
      entries.emplace_back(key, value);
  return writeGgufEntries(entries);
}

} // namespace lathe::artifact
