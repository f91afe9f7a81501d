#include "tools/lathe/TensorProto.h"

#include "tools/lathe/CommandFailure.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace lathe::tools {

namespace {

/// Fields of TensorProto (onnx.proto).
enum Field : uint64_t {
  Dims = 1,
  DataType = 2,
  FloatData = 4,
  Int32Data = 5,
  StringData = 6,
  Int64Data = 7,
  RawData = 9,
  DoubleData = 10,
  Uint64Data = 11,
  DataLocation = 14
};
enum WireType : uint64_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

[[noreturn]] void refuse(const std::string &path, const std::string &problem) {
  throw CommandFailure(LATHE_INVALID_ARGUMENT, path + ": " + problem);
}

/// The next bytes of a message.
struct Reader {
  const std::string &path;
  const char *at, *end;

  std::string_view take(uint64_t bytes) {
    if (bytes > uint64_t(end - at))
      refuse(path, "a field has " + std::to_string(bytes) + " bytes but " + std::to_string(end - at) +
                       " are left; this is no whole TensorProto");
    at += bytes;
    return {at - bytes, size_t(bytes)};
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      auto byte = uint8_t(take(1)[0]);
      value |= uint64_t(byte & 127) << shift;
      if (byte < 128)
        return value;
    }
    refuse(path, "a number has more than 10 bytes; this is no TensorProto");
  }
};

/// What the message has said so far.
struct Parsed {
  std::vector<int64_t> dims;
  uint64_t type = 0;
  std::string raw;
  bool hasRaw = false;
  std::vector<uint64_t> numbers; ///< bits of the elements of a typed field
  uint64_t typedField = 0;
};

[[noreturn]] void refuseWireType(const Reader &reader, uint64_t wire) {
  refuse(reader.path, "a field has wire type " + std::to_string(wire) + "; this is no TensorProto");
}

void readNumbers(Reader &reader, uint64_t wire, std::vector<uint64_t> &numbers) {
  switch (wire) {
  case Varint:
    numbers.push_back(reader.varint());
    return;
  case Fixed32:
  case Fixed64: {
    uint64_t bits = 0;
    std::string_view bytes = reader.take(wire == Fixed32 ? 4 : 8);
    std::memcpy(&bits, bytes.data(), bytes.size());
    numbers.push_back(bits);
    return;
  }
  }
  refuseWireType(reader, wire);
}

/// A repeated field of numbers: one of them, or packed.
void readRepeated(Reader &reader, uint64_t wire, uint64_t packedAs, std::vector<uint64_t> &numbers) {
  if (wire != Bytes)
    return readNumbers(reader, wire, numbers);
  std::string_view bytes = reader.take(reader.varint());
  Reader inner{reader.path, bytes.data(), bytes.data() + bytes.size()};
  while (inner.at != inner.end)
    readNumbers(inner, packedAs, numbers);
}

void skip(Reader &reader, uint64_t wire) {
  if (wire == Varint)
    reader.varint();
  else if (wire == Fixed32 || wire == Fixed64)
    reader.take(wire == Fixed32 ? 4 : 8);
  else if (wire == Bytes)
    reader.take(reader.varint());
  else
    refuseWireType(reader, wire);
}

void readField(Reader &reader, Parsed &parsed) {
  uint64_t tag = reader.varint(), field = tag >> 3, wire = tag & 7;
  if (field == Dims) {
    std::vector<uint64_t> sizes;
    readRepeated(reader, wire, Varint, sizes);
    parsed.dims.insert(parsed.dims.end(), sizes.begin(), sizes.end());
  } else if (field == DataType && wire == Varint) {
    parsed.type = reader.varint();
  } else if (field == RawData && wire == Bytes) {
    parsed.raw = reader.take(reader.varint());
    parsed.hasRaw = true;
  } else if (field == DataLocation && wire == Varint) {
    if (reader.varint() != 0)
      refuse(reader.path, "its data is in another file; save the tensor with its data inside");
  } else if (field == FloatData || field == Int32Data || field == Int64Data || field == DoubleData ||
             field == Uint64Data) {
    parsed.typedField = field;
    readRepeated(reader, wire, field == FloatData ? Fixed32 : field == DoubleData ? Fixed64 : Varint, parsed.numbers);
  } else if (field == StringData) {
    refuse(reader.path, "it holds strings, which no model takes");
  } else {
    skip(reader, wire);
  }
}

/// Where TensorProto keeps elements of a type when they are not in raw_data.
uint64_t typedFieldOf(lathe_type type) {
  switch (type) {
  case LATHE_F32:
    return FloatData;
  case LATHE_F64:
    return DoubleData;
  case LATHE_I64:
    return Int64Data;
  case LATHE_U32:
  case LATHE_U64:
    return Uint64Data;
  default:
    return Int32Data;
  }
}

} // namespace

Array readTensorProto(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw CommandFailure(LATHE_NOT_FOUND, path + ": cannot open: " + std::strerror(errno));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  Reader reader{path, text.data(), text.data() + text.size()};
  Parsed parsed;
  while (reader.at != reader.end)
    readField(reader, parsed);

  const TypeNames *type = parsed.type <= INT32_MAX ? findOnnxType(int(parsed.type)) : nullptr;
  if (!type)
    refuse(path, "the elements are of ONNX's type " + std::to_string(parsed.type) + ", which no model takes");
  uint64_t count = 1;
  for (int64_t size : parsed.dims)
    if (size < 0 || __builtin_mul_overflow(count, uint64_t(size), &count) || count > uint64_t(1) << 60)
      refuse(path, "the shape has size " + std::to_string(size) + ", which no tensor has");
  uint64_t found = parsed.hasRaw ? parsed.raw.size() : parsed.numbers.size() * type->bytes;
  if (found != count * type->bytes)
    refuse(path, "the shape needs " + std::to_string(count * type->bytes) + " bytes but the file has " +
                     std::to_string(found));
  Array array = {type->type, parsed.dims, std::vector<char>(parsed.raw.begin(), parsed.raw.end())};
  if (parsed.hasRaw)
    return array;
  if (count != 0 && parsed.typedField != typedFieldOf(type->type))
    refuse(path, std::string("elements of ") + type->name + " stand in field " + std::to_string(parsed.typedField) +
                     " but belong in field " + std::to_string(typedFieldOf(type->type)));
  array.bytes.resize(count * type->bytes);
  for (size_t i = 0; i != parsed.numbers.size(); ++i) // the low bytes are the element, floats by their bits
    std::memcpy(array.bytes.data() + i * type->bytes, &parsed.numbers[i], type->bytes);
  return array;
}

void writeTensorProto(const std::string &path, const Array &array, const std::string &name) {
  std::string text;
  auto varint = [&](uint64_t value) {
    for (; value >= 128; value >>= 7)
      text += char(value | 128);
    text += char(value);
  };
  auto bytes = [&](uint64_t field, std::string_view value) {
    varint(field << 3 | Bytes);
    varint(value.size());
    text += value;
  };
  for (int64_t size : array.shape) {
    varint(Dims << 3 | Varint);
    varint(uint64_t(size));
  }
  varint(DataType << 3 | Varint);
  varint(uint64_t(typeNames(array.type).onnx));
  bytes(8, name);
  bytes(RawData, {array.bytes.data(), array.bytes.size()});
  writeFile(path, text);
}

} // namespace lathe::tools
