#include "dialects/lathe/BlockedNumbers.h"
#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace lathe;

Number lathe::getCodeNumber(Type code) {
  if (auto integer = dyn_cast<IntegerType>(code))
    return integer.getWidth() > 8 ? Number::None : integer.isUnsigned() ? Number::Unsigned : Number::Signed;
  if (isa<Nf4Type>(code))
    return Number::Nf4;
  if (isa<Float4E2M1FNType>(code))
    return Number::E2M1;
  if (isa<Float8E4M3FNType>(code))
    return Number::E4M3;
  return isa<Float8E5M2Type>(code) ? Number::E5M2 : Number::None;
}

Number lathe::getPartNumber(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.getWidth() != 8 ? Number::None : integer.isUnsigned() ? Number::Unsigned : Number::Signed;
  if (type.isF32())
    return Number::F32;
  if (type.isF16())
    return Number::F16;
  if (type.isBF16())
    return Number::BF16;
  if (isa<Float8E4M3FNType>(type))
    return Number::E4M3;
  if (isa<Float8E5M2Type>(type))
    return Number::E5M2;
  return isa<Float8E8M0FNUType>(type) ? Number::E8M0 : Number::None;
}

bool StoredFloat::has(Type type) {
  return isa<NoneType>(type) || (isa<FloatType>(type) && getPartNumber(type) != Number::None);
}

int64_t lathe::getPartBytes(Type type) { return isa<NoneType>(type) ? 0 : getElementBytes(type); }

float lathe::decodeNumber(Type type, uint64_t bits) {
  if (isa<Nf4Type>(type))
    return Nf4Values[bits];
  unsigned width = type.getIntOrFloatBitWidth();
  if (auto floating = dyn_cast<FloatType>(type)) {
    APFloat value(floating.getFloatSemantics(), APInt(width, bits));
    if (value.isNaN()) // that of a type without a fraction would become an infinity
      return std::nanf("");
    bool losesInfo;
    value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &losesInfo);
    return value.convertToFloat();
  }
  APInt value(width, bits);
  return type.isUnsignedInteger() ? float(value.getZExtValue()) : float(value.getSExtValue());
}

float lathe::readPart(Type type, const uint8_t *bytes, float absent) {
  if (isa<NoneType>(type))
    return absent;
  uint64_t bits = 0;
  std::memcpy(&bits, bytes, getElementBytes(type));
  return decodeNumber(type, bits & llvm::maskTrailingOnes<uint64_t>(type.getIntOrFloatBitWidth()));
}

static float roundHalf(float value) {
  constexpr float Largest = 65504;
  return float(_Float16(std::clamp(value, -Largest, Largest)));
}

static float roundBf16(float value) {
  constexpr uint32_t Largest = 0x7F7F0000;
  uint32_t bits = std::bit_cast<uint32_t>(value), rounded = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000;
  bool beyond = (rounded & 0x7FFFFFFF) > Largest;
  return std::bit_cast<float>(beyond ? Largest | (bits & 0x80000000) : rounded);
}

uint8_t StoredFloat::encode(float value) const {
  if (Kind == Number::E4M3)
    return E4M3::round(value);
  if (Kind == Number::E5M2)
    return E5M2::round(value);
  uint8_t low = E8M0::floor(value);
  constexpr uint8_t Last = 254;
  bool upper = low < Last && value - E8M0::widen(low) > E8M0::widen(low + 1) - value;
  return std::min<uint8_t>(low + upper, Last);
}

float StoredFloat::decode(uint8_t code) const {
  return Kind == Number::E4M3 ? E4M3::widen(code) : Kind == Number::E5M2 ? E5M2::widen(code) : E8M0::widen(code);
}

float StoredFloat::round(float value) const {
  switch (Kind) {
  case Number::None:
    return 1;
  case Number::F32:
    return std::clamp(value, -FLT_MAX, FLT_MAX);
  case Number::F16:
    return roundHalf(value);
  case Number::BF16:
    return roundBf16(value);
  default:
    return decode(encode(value));
  }
}

float StoredFloat::getLeast() const { return Kind == Number::E8M0 ? E8M0::widen(0) : 0; }

float StoredFloat::getLeastPositive() const {
  switch (Kind) {
  case Number::F32:
    return FLT_TRUE_MIN;
  case Number::F16:
    return 0x1p-24f;
  case Number::BF16:
    return 0x1p-133f;
  case Number::E8M0:
    return getLeast();
  default:
    return decode(1);
  }
}

float StoredFloat::getLargestFraction() const {
  return Kind == Number::E4M3 ? E4M3::Largest : Kind == Number::E5M2 ? E5M2::Largest : 0;
}

SmallVector<float> StoredFloat::getBetween(float low, float high) const {
  SmallVector<float> scales;
  int last = encode(high);
  for (int code = encode(low); code <= last; ++code)
    if (float scale = decode(uint8_t(code)); scale >= low && scale <= high)
      scales.push_back(scale);
  return scales;
}

uint8_t *StoredFloat::write(float value, uint8_t *bytes) const {
  switch (Kind) {
  case Number::None:
    return bytes;
  case Number::F32:
    std::memcpy(bytes, &value, 4);
    return bytes + 4;
  case Number::F16: {
    _Float16 half(value);
    std::memcpy(bytes, &half, 2);
    return bytes + 2;
  }
  case Number::BF16: {
    uint16_t upper = uint16_t(std::bit_cast<uint32_t>(value) >> 16);
    std::memcpy(bytes, &upper, 2);
    return bytes + 2;
  }
  default:
    *bytes = encode(value);
    return bytes + 1;
  }
}

StoredInteger::StoredInteger(Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  Present = integer && integer.getWidth() == 8;
  Signed = !integer || !integer.isUnsigned();
}

float StoredInteger::round(float value) const {
  float low = Signed ? -128 : 0;
  return std::nearbyint(std::clamp(value, low, low + 255));
}

uint8_t *StoredInteger::write(float value, uint8_t *bytes) const {
  if (!Present)
    return bytes;
  *bytes = uint8_t(int(value));
  return bytes + 1;
}
