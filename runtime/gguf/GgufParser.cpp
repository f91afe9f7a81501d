#include "runtime/gguf/GgufParser.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <unordered_set>

namespace lathe::gguf {
namespace {

constexpr uint64_t MaxKeyBytes = 65535, MaxTensorNameBytes = 64, DefaultAlignment = 32;
constexpr uint32_t MaxRank = 4;
// Real files nest at most once; the bound keeps a hostile file from exhausting the stack.
constexpr unsigned MaxArrayDepth = 8;

/// Bytes of a value of fixed size, 0 for strings and arrays.
unsigned fixedSize(ValueType type) {
  switch (type) {
  case ValueType::U8:
  case ValueType::I8:
  case ValueType::Bool:
    return 1;
  case ValueType::U16:
  case ValueType::I16:
    return 2;
  case ValueType::U32:
  case ValueType::I32:
  case ValueType::F32:
    return 4;
  case ValueType::U64:
  case ValueType::I64:
  case ValueType::F64:
    return 8;
  case ValueType::String:
  case ValueType::Array:
    return 0;
  }
  return 0;
}

/// Fewest bytes that an element of an array takes: what bounds the count that a file may claim.
unsigned smallestSize(ValueType type) {
  if (type == ValueType::String)
    return 8;
  return type == ValueType::Array ? 12 : fixedSize(type);
}

class Parser {
public:
  Parser(const uint8_t *data, uint64_t size, ParsedFile &file, std::string &error)
      : data(data), size(size), file(file), error(error) {}

  bool parse() {
    uint64_t tensorCount, entryCount;
    return parseHeader(tensorCount, entryCount) && parseEntries(entryCount) && readAlignment() &&
           parseTensors(tensorCount) && placeTensors();
  }

private:
  bool fail(uint64_t where, const std::string &message) {
    error = "byte " + std::to_string(where) + ": " + message;
    return false;
  }

  template <typename T> bool read(T &value, const std::string &what) {
    if (size - at < sizeof(T))
      return fail(at, what + " needs " + std::to_string(sizeof(T)) + " bytes but the file has " +
                          std::to_string(size - at) + " left; the file is cut short");
    std::memcpy(&value, data + at, sizeof(T));
    at += sizeof(T);
    return true;
  }

  bool readBytes(uint64_t count, const std::string &what, std::string_view &bytes) {
    if (count > size - at)
      return fail(at, what + " needs " + std::to_string(count) + " bytes but the file has " +
                          std::to_string(size - at) + " left; the file is cut short or its length is wrong");
    bytes = {reinterpret_cast<const char *>(data + at), count};
    at += count;
    return true;
  }

  bool readString(uint64_t limit, const std::string &what, std::string_view &text) {
    uint64_t start = at, length;
    if (!read(length, what))
      return false;
    if (length > limit)
      return fail(start, what + " has " + std::to_string(length) + " bytes, at most " + std::to_string(limit) +
                             " are allowed");
    return readBytes(length, what, text);
  }

  bool parseHeader(uint64_t &tensorCount, uint64_t &entryCount);
  bool parseEntries(uint64_t count);
  bool parseValue(ValueType type, const std::string &what, unsigned depth, Value &value);
  bool parseArray(const std::string &what, unsigned depth, Value &value);
  bool readType(const std::string &what, ValueType &type);
  bool readAlignment();
  bool parseTensors(uint64_t count);
  bool parseTensor(const std::string &what);
  bool sizeTensor(const std::string &what, uint64_t where, Tensor &tensor);
  bool placeTensors();

  const uint8_t *data;
  uint64_t size;
  uint64_t at = 0;
  uint64_t alignment = DefaultAlignment;
  ParsedFile &file;
  std::string &error;
};

bool Parser::parseHeader(uint64_t &tensorCount, uint64_t &entryCount) {
  uint32_t magic;
  if (!read(magic, "magic"))
    return false;
  if (std::memcmp(data, "GGUF", 4) != 0)
    return fail(0, "magic is not 'GGUF'; this is not a GGUF file");
  if (!read(file.version, "version"))
    return false;
  if (file.version != 0 && (file.version & 0xFFFF) == 0)
    return fail(4, "the file is big-endian, only little-endian is supported; convert it again for this machine");
  if (file.version < 2 || file.version > 3)
    return fail(4, "version is " + std::to_string(file.version) + ", only 2 and 3 are supported");
  uint64_t tensorCountAt = at;
  if (!read(tensorCount, "tensor count") || !read(entryCount, "metadata entry count"))
    return false;
  // An entry takes at least a key length, a type and one byte; a tensor a name length, a rank, a type and an offset.
  if (entryCount > (size - at) / 13)
    return fail(tensorCountAt + 8, "metadata entry count is " + std::to_string(entryCount) + " but only " +
                                       std::to_string(size - at) + " bytes follow");
  if (tensorCount > (size - at) / 24)
    return fail(tensorCountAt, "tensor count is " + std::to_string(tensorCount) + " but only " +
                                   std::to_string(size - at) + " bytes follow");
  return true;
}

bool Parser::readType(const std::string &what, ValueType &type) {
  uint64_t start = at;
  uint32_t raw;
  if (!read(raw, "type of " + what))
    return false;
  if (raw > uint32_t(ValueType::F64))
    return fail(start, "type of " + what + " is " + std::to_string(raw) + ", only 0 to 12 are known");
  type = ValueType(raw);
  return true;
}

bool Parser::parseEntries(uint64_t count) {
  std::unordered_set<std::string_view> seen;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t start = at;
    std::string_view key;
    if (!readString(MaxKeyBytes, "key of metadata entry " + std::to_string(i), key))
      return false;
    if (key.empty())
      return fail(start, "key of metadata entry " + std::to_string(i) + " is empty");
    if (!seen.insert(key).second)
      return fail(start, "key '" + std::string(key) + "' stands in the file twice");
    std::string what = "value of '" + std::string(key) + "'";
    Value value;
    if (!readType(what, value.type) || !parseValue(value.type, what, 0, value))
      return false;
    file.entries.emplace_back(key, std::move(value));
  }
  return true;
}

bool Parser::parseValue(ValueType type, const std::string &what, unsigned depth, Value &value) {
  if (type == ValueType::Array)
    return parseArray(what, depth, value);
  if (type == ValueType::String)
    return readString(std::numeric_limits<uint64_t>::max(), what, value.bytes);
  uint64_t start = at;
  if (!readBytes(fixedSize(type), what, value.bytes))
    return false;
  if (type == ValueType::Bool && uint8_t(value.bytes[0]) > 1)
    return fail(start, what + " is a bool of " + std::to_string(uint8_t(value.bytes[0])) + ", only 0 and 1 are bools");
  return true;
}

bool Parser::parseArray(const std::string &what, unsigned depth, Value &value) {
  uint64_t start = at;
  if (depth == MaxArrayDepth)
    return fail(start, what + " nests arrays deeper than " + std::to_string(MaxArrayDepth));
  if (!readType("elements of " + what, value.elementType) || !read(value.count, "count of " + what))
    return false;
  if (value.count > (size - at) / smallestSize(value.elementType))
    return fail(start + 4, what + " claims " + std::to_string(value.count) + " elements of type " +
                               valueTypeName(value.elementType) + " but only " + std::to_string(size - at) +
                               " bytes follow");
  if (unsigned bytes = fixedSize(value.elementType)) {
    uint64_t first = at;
    if (!readBytes(value.count * bytes, what, value.bytes))
      return false;
    if (value.elementType == ValueType::Bool)
      for (uint64_t i = 0; i < value.count; ++i)
        if (data[first + i] > 1)
          return fail(first + i, "element " + std::to_string(i) + " of " + what + " is a bool of " +
                                     std::to_string(data[first + i]) + ", only 0 and 1 are bools");
    return true;
  }
  // Nothing is reserved: a count that lies costs no more memory than the bytes that are there.
  if (value.elementType == ValueType::String) {
    std::string one = "a string of " + what;
    for (uint64_t i = 0; i < value.count; ++i) {
      std::string_view text;
      if (!readString(std::numeric_limits<uint64_t>::max(), one, text))
        return false;
      value.strings.push_back(text);
    }
    return true;
  }
  for (uint64_t i = 0; i < value.count; ++i) {
    Value inner;
    inner.type = ValueType::Array;
    if (!parseArray(what, depth + 1, inner))
      return false;
    value.arrays.push_back(std::move(inner));
  }
  return true;
}

bool Parser::readAlignment() {
  for (const auto &[key, value] : file.entries) {
    if (key != "general.alignment")
      continue;
    uint64_t where = uint64_t(reinterpret_cast<const uint8_t *>(value.bytes.data()) - data);
    if (value.type != ValueType::U32)
      return fail(where,
                  "'general.alignment' is of type " + std::string(valueTypeName(value.type)) + ", u32 is needed");
    alignment = *value.asUnsigned();
    if (alignment == 0 || alignment % 8 != 0)
      return fail(where, "'general.alignment' is " + std::to_string(alignment) + ", a multiple of 8 is needed");
  }
  return true;
}

bool Parser::parseTensors(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i)
    if (!parseTensor("tensor " + std::to_string(i)))
      return false;
  return true;
}

bool Parser::parseTensor(const std::string &what) {
  uint64_t start = at;
  std::string_view name;
  if (!readString(MaxTensorNameBytes, "name of " + what, name))
    return false;
  if (name.empty())
    return fail(start, "name of " + what + " is empty");
  Tensor tensor;
  tensor.name = name;
  std::string quoted = "tensor '" + tensor.name + "'";
  uint32_t rank, format;
  uint64_t rankAt = at;
  if (!read(rank, "rank of " + quoted))
    return false;
  if (rank > MaxRank)
    return fail(rankAt, quoted + " has " + std::to_string(rank) + " dimensions, at most " + std::to_string(MaxRank) +
                            " are supported");
  for (uint32_t i = 0; i < rank; ++i) {
    uint64_t where = at, dimension;
    if (!read(dimension, "dimension " + std::to_string(i) + " of " + quoted))
      return false;
    if (dimension == 0 || dimension > uint64_t(std::numeric_limits<int64_t>::max()))
      return fail(where, "dimension " + std::to_string(i) + " of " + quoted + " is " + std::to_string(dimension) +
                             ", 1 to 2^63-1 is needed");
    tensor.shape.insert(tensor.shape.begin(), int64_t(dimension));
  }
  uint64_t formatAt = at;
  if (!read(format, "format of " + quoted))
    return false;
  tensor.format = findBlockFormat(format);
  if (!tensor.format)
    return fail(formatAt, quoted + " is stored in format number " + std::to_string(format) + ", which is not known");
  uint64_t offsetAt = at;
  if (!sizeTensor(quoted, formatAt, tensor) || !read(tensor.offset, "offset of " + quoted))
    return false;
  if (tensor.offset % alignment != 0)
    return fail(offsetAt, "offset of " + quoted + " is " + std::to_string(tensor.offset) +
                              ", a multiple of the alignment " + std::to_string(alignment) + " is needed");
  file.tensors.push_back(std::move(tensor));
  return true;
}

/// Computes the bytes of a tensor from its shape; a row is whole blocks.
bool Parser::sizeTensor(const std::string &what, uint64_t where, Tensor &tensor) {
  const BlockFormat &format = *tensor.format;
  uint64_t row = tensor.shape.empty() ? 1 : uint64_t(tensor.shape.back());
  if (row % format.weights != 0)
    return fail(where, "rows of " + what + " have " + std::to_string(row) + " values but " + format.name +
                           " blocks hold " + std::to_string(format.weights) + "; a row is whole blocks");
  uint64_t bytes = row / format.weights;
  bool overflow = __builtin_mul_overflow(bytes, uint64_t(format.bytes), &bytes);
  for (size_t i = 0; i + 1 < tensor.shape.size(); ++i)
    overflow |= __builtin_mul_overflow(bytes, uint64_t(tensor.shape[i]), &bytes);
  uint64_t values = 1;
  for (int64_t dimension : tensor.shape)
    overflow |= __builtin_mul_overflow(values, uint64_t(dimension), &values);
  if (overflow || values > uint64_t(std::numeric_limits<int64_t>::max()))
    return fail(where, "the size of " + what + " does not fit in 63 bits");
  tensor.bytes = bytes;
  return true;
}

/// Turns offsets into the data into offsets into the file, and checks that tensors lie in the file and apart.
bool Parser::placeTensors() {
  if (file.tensors.empty())
    return true;
  uint64_t start = (at + alignment - 1) / alignment * alignment;
  if (start > size)
    return fail(at, "the data begins at byte " + std::to_string(start) + " but the file has " + std::to_string(size) +
                        "; the file is cut short");
  std::vector<Tensor *> byOffset;
  for (Tensor &tensor : file.tensors) {
    if (tensor.offset > size - start || tensor.bytes > size - start - tensor.offset)
      return fail(start, "tensor '" + tensor.name + "' takes " + std::to_string(tensor.bytes) + " bytes at offset " +
                             std::to_string(tensor.offset) + " of the data but the data has " +
                             std::to_string(size - start) + " bytes; the file is cut short");
    tensor.offset += start;
    tensor.data = data + tensor.offset;
    byOffset.push_back(&tensor);
  }
  std::sort(byOffset.begin(), byOffset.end(), [](const Tensor *a, const Tensor *b) { return a->offset < b->offset; });
  for (size_t i = 1; i < byOffset.size(); ++i)
    if (byOffset[i - 1]->offset + byOffset[i - 1]->bytes > byOffset[i]->offset)
      return fail(byOffset[i]->offset,
                  "tensor '" + byOffset[i]->name + "' begins inside tensor '" + byOffset[i - 1]->name + "'");
  return true;
}

} // namespace

bool parseGguf(const uint8_t *data, uint64_t size, ParsedFile &file, std::string &error) {
  return Parser(data, size, file, error).parse();
}

} // namespace lathe::gguf
