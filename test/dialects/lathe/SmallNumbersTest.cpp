// Small floats against LLVM's own arithmetic: every code, and every place where rounding turns.
#include "runtime/SmallNumbers.h"
#include "llvm/ADT/APFloat.h"
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace lathe;

namespace {

float decode(const llvm::fltSemantics &semantics, unsigned code) {
  llvm::APFloat value(semantics, llvm::APInt(llvm::APFloat::semanticsSizeInBits(semantics), code));
  bool losesInfo;
  value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return value.convertToFloat();
}

unsigned encode(const llvm::fltSemantics &semantics, float number) {
  llvm::APFloat value(number);
  bool losesInfo;
  value.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return unsigned(value.bitcastToAPInt().getZExtValue());
}

template <typename Format> void checkFormat(const llvm::fltSemantics &semantics) {
  constexpr unsigned Codes = 1u << Format::Width;
  for (unsigned code = 0; code < Codes; ++code) {
    float wanted = decode(semantics, code), found = Format::widen(uint8_t(code));
    if (std::isnan(wanted)) {
      EXPECT_TRUE(std::isnan(found)) << code;
      EXPECT_TRUE(std::isnan(Format::widen(Format::round(found)))) << code;
      continue;
    }
    EXPECT_EQ(std::bit_cast<uint32_t>(found), std::bit_cast<uint32_t>(wanted)) << code;
    if (std::isinf(wanted))
      continue;
    EXPECT_EQ(Format::round(wanted), code) << wanted;
    // Halfway to the neighbour, and the floats beside it.
    float next = decode(semantics, code + 1 < Codes ? code + 1 : code);
    if (!std::isfinite(next) || std::signbit(next) != std::signbit(wanted))
      continue;
    float middle = (wanted + next) / 2;
    for (float value : {middle, std::nextafter(middle, wanted), std::nextafter(middle, next)})
      EXPECT_EQ(Format::round(value), encode(semantics, value)) << value;
  }
  uint8_t Most = Format::round(Format::Largest);
  float infinity = std::numeric_limits<float>::infinity();
  for (float value : {Format::Largest, Format::Largest * 1.01f, Format::Largest * 100, 3e38f, infinity}) {
    EXPECT_EQ(Format::round(value), Most) << value;
    EXPECT_EQ(Format::round(-value), Most | Format::SignBit) << value;
  }
  for (float value : {1e-30f, 1e-45f, 0.0f}) {
    EXPECT_EQ(Format::round(value), 0) << value;
    EXPECT_EQ(Format::round(-value), Format::SignBit) << value;
  }
}

TEST(SmallNumbers, FourBitsAgreeWithLlvm) { checkFormat<E2M1>(llvm::APFloat::Float4E2M1FN()); }
TEST(SmallNumbers, FourExponentBitsAgreeWithLlvm) { checkFormat<E4M3>(llvm::APFloat::Float8E4M3FN()); }
TEST(SmallNumbers, FiveExponentBitsAgreeWithLlvm) { checkFormat<E5M2>(llvm::APFloat::Float8E5M2()); }

TEST(SmallNumbers, PowersOfTwoAgreeWithLlvm) {
  for (unsigned code = 0; code < 255; ++code) {
    float wanted = decode(llvm::APFloat::Float8E8M0FNU(), code);
    EXPECT_EQ(E8M0::widen(uint8_t(code)), wanted) << code;
    EXPECT_EQ(E8M0::floor(wanted), code);
    EXPECT_EQ(E8M0::floor(wanted * 1.5f), code);
  }
  EXPECT_TRUE(std::isnan(E8M0::widen(255)));
  EXPECT_EQ(E8M0::floor(1e-45f), 0) << "what is below all of them becomes the least";
}

TEST(SmallNumbers, NormalFloatIsAscendingWithAZero) {
  for (int i = 0; i < 15; ++i)
    EXPECT_LT(Nf4Values[i], Nf4Values[i + 1]);
  EXPECT_EQ(Nf4Values[7], 0);
  EXPECT_EQ(Nf4Values[0], -1);
  EXPECT_EQ(Nf4Values[15], 1);
}

} // namespace
