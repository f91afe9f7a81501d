// The instructions of warpgroup_sm90.cuh on the CPU; part of Emulation.h. Products take place at the call, on operands
// found by decoding the descriptors. Registers given up or taken, and fences between kinds of memory access, are not
// modelled.
#ifndef LATHE_TEST_KERNELS_WARPGROUPEMULATION_H
#define LATHE_TEST_KERNELS_WARPGROUPEMULATION_H

#include "warpgroup_sm90.cuh"

namespace lathe::kernels {

inline void fenceAsync() {}
template <int Registers> inline void lowerRegisters() {}
template <int Registers> inline void raiseRegisters() {}

namespace test {
[[noreturn]] inline void warpgroupError(const char *what) {
  std::fprintf(stderr, "emulation: an operand of a warpgroup %s\n", what);
  std::exit(1);
}
} // namespace test

/// As on the GPU, but with all bits of the address: those above the 14 that the GPU has lie in fields it leaves zero.
inline uint64_t matrixDescriptor(const void *shared) {
  auto address = reinterpret_cast<uintptr_t>(shared);
  if (address % 1024)
    test::warpgroupError("does not begin at a multiple of 1024 bytes");
  return address >> 4 | uint64_t(1) << 62;
}
inline void beginWarpgroup() {}
inline void commitWarpgroup() {}
template <int Pending> inline void waitWarpgroup() {}
template <int Count> inline void holdAccumulators(float (&)[Count]) {}

namespace test {
/// Element k of row `row` of an operand: its address without the swizzle, then the swizzle, which is of addresses.
template <HalfElement Element> inline float operandElement(uint64_t descriptor, int row, int k) {
  if (descriptor >> 62 != 1)
    warpgroupError("is not in the 128-byte swizzle");
  uintptr_t address = (descriptor & ((uint64_t(1) << 60) - 1)) << 4;
  address += row / 8 * 1024 + row % 8 * 128 + k * 2;
  address ^= (address >> 7 & 7) << 4;
  return toValue(*reinterpret_cast<const Element *>(address));
}
} // namespace test

template <HalfElement Element, int N> inline void multiplyWarpgroup(float (&d)[N / 2], uint64_t a, uint64_t b) {
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
  float left[2][16];
  for (int half = 0; half < 2; ++half)
    for (int k = 0; k < 16; ++k)
      left[half][k] = test::operandElement<Element>(a, warp * 16 + half * 8 + lane / 4, k);
  for (int col = 0; col < N / 4; ++col) {
    double sums[2] = {};
    for (int k = 0; k < 16; ++k) {
      float right = test::operandElement<Element>(b, col / 2 * 8 + lane % 4 * 2 + col % 2, k);
      for (int half = 0; half < 2; ++half)
        sums[half] += static_cast<double>(left[half][k]) * right;
    }
    for (int half = 0; half < 2; ++half)
      d[col / 2 * 4 + half * 2 + col % 2] += static_cast<float>(sums[half]);
  }
}

} // namespace lathe::kernels

#endif // LATHE_TEST_KERNELS_WARPGROUPEMULATION_H
