#include "tools/lathe/Arrays.h"

#include "compiler/artifact/OutputFile.h"
#include "tools/lathe/CommandFailure.h"
#include "tools/lathe/Npy.h"
#include "tools/lathe/TensorProto.h"

#include <cmath>
#include <cstring>
#include <sstream>

namespace lathe::tools {

/// In the order of lathe_type.
static constexpr TypeNames Types[] = {
    {LATHE_F32, "f32", "<f4", 1, 4},  {LATHE_F16, "f16", "<f2", 10, 2},  {LATHE_BF16, "bf16", "<u2", 16, 2},
    {LATHE_F64, "f64", "<f8", 11, 8}, {LATHE_I8, "i8", "|i1", 3, 1},     {LATHE_U8, "u8", "|u1", 2, 1},
    {LATHE_I16, "i16", "<i2", 5, 2},  {LATHE_I32, "i32", "<i4", 6, 4},   {LATHE_I64, "i64", "<i8", 7, 8},
    {LATHE_U32, "u32", "<u4", 12, 4}, {LATHE_BOOL, "bool", "|b1", 9, 1}, {LATHE_U16, "u16", "<u2", 4, 2},
    {LATHE_U64, "u64", "<u8", 13, 8}};

const TypeNames &typeNames(lathe_type type) { return Types[type - LATHE_F32]; }
const char *typeName(lathe_type type) {
  if (type == LATHE_F8_E4M3 || type == LATHE_Q8_0)
    return type == LATHE_Q8_0 ? "q8_0" : "fp8";
  return type >= LATHE_F32 && type <= LATHE_U64 ? typeNames(type).name : "?";
}

const TypeNames *findNpyType(const std::string &descr) {
  for (const TypeNames &type : Types)
    if (type.npy == descr && type.type != LATHE_BF16)
      return &type;
  return nullptr;
}

const TypeNames *findOnnxType(int number) {
  for (const TypeNames &type : Types)
    if (type.onnx == number)
      return &type;
  return nullptr;
}

size_t Array::count() const { return bytes.size() / typeNames(type).bytes; }

static float halfValue(uint16_t bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  float value = exponent == 31  ? (mantissa ? NAN : INFINITY)
                : exponent == 0 ? std::ldexp(float(mantissa), -24)
                                : std::ldexp(float(mantissa + 1024), exponent - 25);
  return bits >> 15 ? -value : value;
}

/// Rounds to the nearest, ties to even; `value` is within f16's normal range or zero.
static uint16_t halfBits(float value) {
  if (value == 0)
    return 0;
  int exponent;
  double mantissa = std::nearbyint(std::ldexp(std::frexp(std::fabs(value), &exponent), 11));
  if (mantissa == 2048) {
    mantissa = 1024;
    ++exponent;
  }
  if (exponent < -13) // below the normal range: small enough to be zero here
    return 0;
  return uint16_t((value < 0 ? 0x8000 : 0) | (exponent + 14) << 10 | (int(mantissa) & 1023));
}

template <typename T> static T load(const Array &array, size_t index) {
  T value;
  std::memcpy(&value, array.bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

/// Calls `use` with the element as a C++ number.
template <typename Use> static auto withElement(const Array &array, size_t index, Use use) {
  switch (array.type) {
  case LATHE_F32:
    return use(load<float>(array, index));
  case LATHE_F16:
    return use(halfValue(load<uint16_t>(array, index)));
  case LATHE_BF16: {
    uint32_t bits = uint32_t(load<uint16_t>(array, index)) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return use(value);
  }
  case LATHE_F64:
    return use(load<double>(array, index));
  case LATHE_I8:
    return use(int(load<int8_t>(array, index)));
  case LATHE_U8:
  case LATHE_BOOL:
    return use(int(load<uint8_t>(array, index)));
  case LATHE_I16:
    return use(load<int16_t>(array, index));
  case LATHE_I32:
    return use(load<int32_t>(array, index));
  case LATHE_I64:
    return use(load<int64_t>(array, index));
  case LATHE_U16:
    return use(load<uint16_t>(array, index));
  case LATHE_U32:
    return use(load<uint32_t>(array, index));
  case LATHE_U64:
    return use(load<uint64_t>(array, index));
  case LATHE_F8_E4M3: // of states, which no file holds
  case LATHE_Q8_0:
    break;
  }
  return use(0);
}

double elementValue(const Array &array, size_t index) {
  return withElement(array, index, [](auto value) { return double(value); });
}

std::string elementText(const Array &array, size_t index) {
  return withElement(array, index, [](auto value) {
    std::ostringstream text;
    text << value;
    return text.str();
  });
}

static bool isTensorProto(const std::string &path) {
  return path.size() > 3 && path.compare(path.size() - 3, 3, ".pb") == 0;
}

Array readArray(const std::string &path) { return isTensorProto(path) ? readTensorProto(path) : readNpy(path); }

void writeArray(const std::string &path, const Array &array, const std::string &name) {
  if (isTensorProto(path))
    writeTensorProto(path, array, name);
  else
    writeNpy(path, array);
}

template <typename T> static void store(Array &array, size_t index, T value) {
  std::memcpy(array.bytes.data() + index * sizeof(T), &value, sizeof(T));
}

/// The bits of the generator as they come: std's distributions differ between libraries.
static void storeRandom(Array &array, size_t index, std::mt19937_64 &engine, int64_t low, int64_t high) {
  uint64_t bits = engine();
  float real = float(int64_t(bits >> 40) - (1 << 23)) / float(1 << 23);
  int64_t integer = low + int64_t(bits % (uint64_t(high) - uint64_t(low) + 1));
  switch (array.type) {
  case LATHE_F32:
    return store(array, index, real);
  case LATHE_F64:
    return store(array, index, double(real));
  case LATHE_F16:
    return store(array, index, halfBits(real));
  case LATHE_BF16: {
    uint32_t word;
    std::memcpy(&word, &real, sizeof(word));
    return store(array, index, uint16_t(word >> 16));
  }
  case LATHE_BOOL:
    return store(array, index, uint8_t(bits >> 63));
  default:
    break; // an integer of 1, 2, 4 or 8 bytes: its low bytes are the value
  }
  size_t bytes = typeNames(array.type).bytes;
  std::memcpy(array.bytes.data() + index * bytes, &integer, bytes);
}

Array randomArray(lathe_type type, std::vector<int64_t> shape, std::mt19937_64 &engine, int64_t low, int64_t high) {
  size_t count = 1;
  for (int64_t size : shape)
    count *= size_t(size);
  Array array = {type, std::move(shape), std::vector<char>(count * typeNames(type).bytes)};
  for (size_t i = 0; i != count; ++i)
    storeRandom(array, i, engine, low, high);
  return array;
}

void writeFile(const std::string &path, const std::string &bytes) {
  if (std::string problem = artifact::writeFile(path, bytes); !problem.empty())
    throw CommandFailure(LATHE_NOT_FOUND, problem);
}

} // namespace lathe::tools
