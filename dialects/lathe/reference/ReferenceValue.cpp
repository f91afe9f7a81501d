#include "dialects/lathe/reference/ReferenceValue.h"
#include "dialects/lathe/Lathe.h"
#include "runtime/gguf/EncodeBlocks.h"
#include "llvm/ADT/APFloat.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace lathe;

static const llvm::fltSemantics &getSemantics(Type type) { return cast<FloatType>(type).getFloatSemantics(); }

int64_t lathe::getElementBytes(Type type) { return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8); }

template <typename T> static T load(const uint8_t *address) {
  T value;
  std::memcpy(&value, address, sizeof(value));
  return value;
}

/// Rounds once, to nearest even: first to an odd f32, which has more than two bits beyond those of bf16.
static uint16_t roundToBf16(double value) {
  float near = float(value);
  uint32_t bits = llvm::bit_cast<uint32_t>(near);
  if (std::isnan(value))
    return uint16_t(bits >> 16 | 0x40);
  if (double(near) != value) {
    bits -= std::abs(double(near)) > std::abs(value);
    bits |= 1;
  }
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

double lathe::loadFloat(Type type, const uint8_t *address) {
  if (type.isF32())
    return load<float>(address);
  if (type.isF16())
    return double(load<_Float16>(address));
  if (type.isBF16())
    return llvm::bit_cast<float>(uint32_t(load<uint16_t>(address)) << 16);
  if (type.isF64())
    return load<double>(address);
  uint64_t bits = 0;
  std::memcpy(&bits, address, getElementBytes(type));
  APFloat value(getSemantics(type), APInt(type.getIntOrFloatBitWidth(), bits));
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return value.convertToDouble();
}

template <typename T> static void store(uint8_t *address, T value) { std::memcpy(address, &value, sizeof(value)); }

void lathe::storeFloat(Type type, uint8_t *address, double value) {
  if (type.isF32())
    return store(address, float(value));
  if (type.isF16())
    return store(address, _Float16(value));
  if (type.isBF16())
    return store(address, roundToBf16(value));
  if (type.isF64())
    return store(address, value);
  APFloat rounded(value);
  bool losesInfo;
  rounded.convert(getSemantics(type), APFloat::rmNearestTiesToEven, &losesInfo);
  uint64_t bits = rounded.bitcastToAPInt().getZExtValue();
  std::memcpy(address, &bits, getElementBytes(type));
}

int64_t lathe::getRowBytes(Type type, int64_t elements) {
  if (auto blocks = dyn_cast<QuantizedTypeInterface>(type))
    return elements / blocks.getBlockShape()[1] * blocks.getBlockBytes();
  return elements * getElementBytes(type);
}

std::vector<double> lathe::loadElements(Type type, ArrayRef<uint8_t> bytes) {
  std::vector<double> elements;
  if (auto blocks = dyn_cast<QuantizedTypeInterface>(type)) {
    std::vector<float> values(bytes.size() / blocks.getBlockBytes() * blocks.getBlockShape()[1]);
    LogicalResult unpacked = blocks.unpack({int64_t(values.size())}, bytes, values);
    assert(succeeded(unpacked) && "the caller has whole blocks");
    (void)unpacked;
    elements.assign(values.begin(), values.end());
    return elements;
  }
  int64_t size = getElementBytes(type);
  for (size_t i = 0; i + size <= bytes.size(); i += size)
    elements.push_back(loadFloat(type, &bytes[i]));
  return elements;
}

void lathe::storeElements(Type type, ArrayRef<double> elements, MutableArrayRef<uint8_t> bytes) {
  if (auto blocks = dyn_cast<QuantizedTypeInterface>(type)) {
    constexpr int64_t Block = 32;
    std::vector<float> values(elements.begin(), elements.end());
    for (size_t i = 0; i < values.size(); i += Block)
      gguf::encodeQ8_0(&values[i], &bytes[i / Block * blocks.getBlockBytes()]);
    return;
  }
  int64_t size = getElementBytes(type);
  bool saturates = isa<Float8E4M3FNType>(type);
  constexpr double Largest = 448;
  for (auto [i, element] : llvm::enumerate(elements)) {
    double stored = saturates && !std::isnan(element) ? std::clamp(element, -Largest, Largest) : element;
    storeFloat(type, &bytes[i * size], stored);
  }
}

ReferenceValue::ReferenceValue(mlir::Type type, ArrayRef<int64_t> shape, int64_t bytes)
    : Type(type), Shape(shape), Owned(std::make_shared<std::vector<uint8_t>>(bytes)) {}

ReferenceValue ReferenceValue::tensor(mlir::Type elementType, ArrayRef<int64_t> shape) {
  return ReferenceValue(elementType, shape, ShapedType::getNumElements(shape) * getElementBytes(elementType));
}

ReferenceValue ReferenceValue::borrowed(mlir::Type elementType, ArrayRef<int64_t> shape, ArrayRef<uint8_t> bytes) {
  ReferenceValue value(elementType, shape, 0);
  value.Borrowed = bytes;
  return value;
}

ReferenceValue ReferenceValue::fromElements(ElementsAttr elements) {
  auto type = cast<RankedTensorType>(elements.getType());
  ReferenceValue value = tensor(type.getElementType(), type.getShape());
  int64_t index = 0;
  if (isa<FloatType>(type.getElementType()))
    for (APFloat element : elements.getValues<APFloat>()) {
      bool losesInfo;
      element.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
      value.setFloat(index++, element.convertToDouble());
    }
  else
    for (APInt element : elements.getValues<APInt>())
      value.setInt(index++, type.getElementType().isUnsignedInteger() || type.getElementType().isInteger(1)
                                ? element.getZExtValue()
                                : element.getSExtValue());
  return value;
}

int64_t ReferenceValue::getNumElements() const { return ShapedType::getNumElements(Shape); }

MutableArrayRef<uint8_t> ReferenceValue::mutableBytes() {
  if (Borrowed.data()) {
    Owned = std::make_shared<std::vector<uint8_t>>(Borrowed.begin(), Borrowed.end());
    Borrowed = {};
  } else if (Owned.use_count() > 1) {
    Owned = std::make_shared<std::vector<uint8_t>>(*Owned);
  }
  return *Owned;
}

double ReferenceValue::getFloat(int64_t index) const {
  return loadFloat(Type, getBytes().data() + index * getElementBytes(Type));
}

void ReferenceValue::setFloat(int64_t index, double value) {
  storeFloat(Type, mutableBytes().data() + index * getElementBytes(Type), value);
}

int64_t ReferenceValue::getInt(int64_t index) const {
  int64_t bytes = getElementBytes(Type);
  uint64_t bits = 0;
  std::memcpy(&bits, getBytes().data() + index * bytes, bytes);
  if (Type.isUnsignedInteger() || Type.isInteger(1))
    return bits;
  int64_t shift = 64 - 8 * bytes;
  return int64_t(bits << shift) >> shift;
}

void ReferenceValue::setInt(int64_t index, int64_t value) {
  int64_t bytes = getElementBytes(Type);
  std::memcpy(mutableBytes().data() + index * bytes, &value, bytes);
}

FailureOr<std::vector<float>> ReferenceValue::toFloats() const {
  std::vector<float> values(getNumElements());
  if (auto quantized = dyn_cast<QuantizedTypeInterface>(Type)) {
    if (failed(quantized.unpack(Shape, getBytes(), values)))
      return failure();
    return values;
  }
  const uint8_t *from = getBytes().data();
  // Weights are large, and these three are what they come in.
  if (Type.isF32())
    std::memcpy(values.data(), from, values.size() * sizeof(float));
  else if (Type.isF16())
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = float(load<_Float16>(from + 2 * i));
  else if (Type.isBF16())
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = llvm::bit_cast<float>(uint32_t(load<uint16_t>(from + 2 * i)) << 16);
  else
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = float(getFloat(i));
  return values;
}
