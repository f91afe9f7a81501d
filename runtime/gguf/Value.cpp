#include "runtime/gguf/GgufFile.h"

#include <cassert>
#include <cstring>
#include <limits>

namespace lathe::gguf {

const char *valueTypeName(ValueType type) {
  static constexpr const char *Names[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                          "bool", "string", "array", "u64", "i64", "f64"};
  return Names[uint32_t(type)];
}

template <typename T> static T load(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

std::optional<int64_t> Value::asSigned() const {
  switch (type) {
  case ValueType::U8:
    return load<uint8_t>(bytes);
  case ValueType::I8:
    return load<int8_t>(bytes);
  case ValueType::U16:
    return load<uint16_t>(bytes);
  case ValueType::I16:
    return load<int16_t>(bytes);
  case ValueType::U32:
    return load<uint32_t>(bytes);
  case ValueType::I32:
    return load<int32_t>(bytes);
  case ValueType::I64:
    return load<int64_t>(bytes);
  case ValueType::U64: {
    uint64_t value = load<uint64_t>(bytes);
    if (value > uint64_t(std::numeric_limits<int64_t>::max()))
      return std::nullopt;
    return int64_t(value);
  }
  default:
    return std::nullopt;
  }
}

std::optional<uint64_t> Value::asUnsigned() const {
  if (type == ValueType::U64)
    return load<uint64_t>(bytes);
  std::optional<int64_t> value = asSigned();
  if (!value || *value < 0)
    return std::nullopt;
  return uint64_t(*value);
}

std::optional<double> Value::asNumber() const {
  if (type == ValueType::F32)
    return load<float>(bytes);
  if (type == ValueType::F64)
    return load<double>(bytes);
  if (type == ValueType::U64)
    return double(load<uint64_t>(bytes));
  if (std::optional<int64_t> value = asSigned())
    return double(*value);
  return std::nullopt;
}

std::optional<bool> Value::asBool() const {
  if (type != ValueType::Bool)
    return std::nullopt;
  return bytes[0] != 0;
}

std::optional<std::string_view> Value::asString() const {
  if (type != ValueType::String)
    return std::nullopt;
  return bytes;
}

Value Value::element(uint64_t index) const {
  assert(type == ValueType::Array && index < count && "an element of an array");
  if (elementType == ValueType::Array)
    return arrays[index];
  Value value;
  value.type = elementType;
  if (elementType == ValueType::String) {
    value.bytes = strings[index];
    return value;
  }
  uint64_t size = bytes.size() / count;
  value.bytes = bytes.substr(index * size, size);
  return value;
}

} // namespace lathe::gguf
