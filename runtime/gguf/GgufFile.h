// Reads GGUF files, versions 2 and 3, little-endian, single or split.
//
// A file is, in this order (integers little-endian, a string is u64 length + bytes):
//   1. magic 'GGUF', u32 version, u64 tensor count, u64 entry count
//   2. entries: string key, u32 value type, value; an array is u32 element type, u64 count, elements
//   3. tensor infos: string name, u32 rank, u64 dimensions innermost first, u32 format, u64 offset into the data
//   4. zeros up to a multiple of `general.alignment` (32 where absent)
//   5. data: each tensor at its offset, offsets are multiples of the alignment
// A split model is N files named …-00001-of-0000N.gguf; the first holds the metadata, each its share of the tensors.
//
// The file is mapped, not read: strings and numbers of arrays are views into the mapping, so what is allocated is
// bounded by the number of entries and tensors that the file really holds.
#ifndef LATHE_RUNTIME_GGUF_GGUFFILE_H
#define LATHE_RUNTIME_GGUF_GGUFFILE_H

#include "runtime/gguf/BlockFormat.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lathe::gguf {

enum class ValueType : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

/// "u32", "string", …
const char *valueTypeName(ValueType type);

/// One metadata value.
struct Value {
  ValueType type = ValueType::U8;
  std::string_view bytes; ///< a number's bytes, a string's text, or the numbers of an array

  // Arrays alone.
  ValueType elementType = ValueType::U8;
  uint64_t count = 0;
  std::vector<std::string_view> strings; ///< where elementType is String
  std::vector<Value> arrays;             ///< where elementType is Array

  /// The value where it is of a fitting type (and, for asUnsigned, not negative); nothing otherwise.
  std::optional<uint64_t> asUnsigned() const;
  std::optional<int64_t> asSigned() const;
  std::optional<double> asNumber() const; ///< any integer or floating-point type
  std::optional<bool> asBool() const;
  std::optional<std::string_view> asString() const;
  /// Element `index` of an array of numbers, bools or strings, as a value of its own.
  Value element(uint64_t index) const;
};

struct Tensor {
  std::string name;
  const BlockFormat *format = nullptr;
  std::vector<int64_t> shape; ///< outermost first: the reverse of the file's order
  uint32_t file = 0;          ///< index into `GgufFile::paths`
  uint64_t offset = 0;        ///< from the start of that file
  uint64_t bytes = 0;
  const void *data = nullptr; ///< in the mapping
};

class GgufFile {
public:
  /// Opens and checks a model. Where `path` is the first file of a split model, opens the others beside it too. On
  /// failure returns null, and `error` says where in which file, what was found and what is needed.
  static std::unique_ptr<GgufFile> open(const std::string &path, std::string &error);
  ~GgufFile();
  GgufFile(const GgufFile &) = delete;
  GgufFile &operator=(const GgufFile &) = delete;

  const std::vector<std::string> &paths() const { return filePaths; }
  uint32_t version() const { return fileVersion; }

  /// Metadata in file order. Of a split model, that of its first file.
  const std::vector<std::pair<std::string, Value>> &entries() const { return metadata; }
  const Value *findEntry(std::string_view key) const;

  /// Tensors in file order.
  const std::vector<Tensor> &tensors() const { return tensorList; }
  const Tensor *findTensor(std::string_view name) const;

private:
  GgufFile() = default;
  bool openPart(const std::string &path, std::string &error);
  bool openRest(std::string &error);

  struct Mapping {
    void *address;
    size_t bytes;
  };
  std::vector<std::string> filePaths;
  std::vector<Mapping> mappings;
  uint32_t fileVersion = 0;
  std::vector<std::pair<std::string, Value>> metadata;
  std::vector<Tensor> tensorList;
  // Names are views of the strings above, which no longer move once reading is done.
  std::unordered_map<std::string_view, size_t> entryIndex, tensorIndex;
};

} // namespace lathe::gguf

#endif
