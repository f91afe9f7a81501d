// Kernels that are loops: how the emitter describes buffers, sizes and attributes to them. What each loop computes is
// tested by its operation in test/dialects/lathe/eval.
#include "dialects/lathe/reference/loops/Tensor.h"
#include "test/compiler/targets/cpu/ImageRunner.h"
#include "llvm/ADT/APFloat.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

TEST(CpuLoop, SliceOfSeveralElementWidths) {
  for (std::string type : {"f16", "f32"}) {
    std::string in = "tensor<?x?x" + type + ">", out = "tensor<?x2x" + type + ">";
    LaunchText launch{2,
                      {{in, "s0, s1"}},
                      {{out, "s0, 2"}},
                      "%0 = lathe.slice %a0 starts affine_map<()[s0, s1] -> (0, s1 - 1)> steps [1, -2] sizes "
                      "affine_map<()[s0, s1] -> (s0, 2)> : (" +
                          in + ") -> " + out + "\nlathe.yield %0 : " + out};
    checkAgainstReference(launch, {{{1, 3}, {}, {}, {}, {}}, {{3000, 5}, {}, {}, {}, {}}}, 0);
  }
}

TEST(CpuLoop, HalvesRoundOnceToNearestEven) {
  auto pack = [](double value, const llvm::fltSemantics &semantics) {
    llvm::APFloat rounded(value);
    bool losesInfo;
    rounded.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return uint16_t(rounded.bitcastToAPInt().getZExtValue());
  };
  uint64_t state = 1;
  for (int i = 0; i < 200000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    // Exponents around the range of both types, and fractions that end near a tie.
    uint64_t fraction = (state >> 12) & ~((state >> 3 & 1) ? (uint64_t(1) << 40) - 1 : 0);
    uint64_t exponent = 1023 - 160 + (state >> 7) % 320;
    double value = std::bit_cast<double>(state >> 63 << 63 | exponent << 52 | fraction);
    ASSERT_EQ(loops::packHalf(value, 10, 5), pack(value, llvm::APFloat::IEEEhalf())) << value;
    ASSERT_EQ(loops::packHalf(value, 7, 8), pack(value, llvm::APFloat::BFloat())) << value;
  }
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    double half = loops::unpackHalf(bits, 10, 5), brain = loops::unpackHalf(bits, 7, 8);
    if (!std::isnan(half))
      ASSERT_EQ(loops::packHalf(half, 10, 5), bits);
    if (!std::isnan(brain))
      ASSERT_EQ(brain, std::bit_cast<float>(bits << 16));
  }
}

} // namespace
