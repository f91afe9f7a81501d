// The instructions of warpgroup_sm90.cuh and warpgroup_attention_sm90.cuh on the CPU; part of Emulation.h. Products
// take place at the call, on operands found by decoding the descriptors. Registers given up or taken, and fences
// between kinds of memory access, are not modelled.
#ifndef LATHE_TEST_KERNELS_WARPGROUPEMULATION_H
#define LATHE_TEST_KERNELS_WARPGROUPEMULATION_H

#include "warpgroup_attention_sm90.cuh"

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
/// Eight elements from the first, a multiple of 8, of row `row` of an operand: their address without the swizzle, then
/// the swizzle, which is of addresses.
template <HalfElement Element> inline const Element *operandChunk(uint64_t descriptor, int row, int first) {
  if (descriptor >> 62 != 1)
    warpgroupError("is not in the 128-byte swizzle");
  uintptr_t address = (descriptor & ((uint64_t(1) << 60) - 1)) << 4;
  address += row / 8 * 1024 + row % 8 * 128 + first * 2;
  address ^= (address >> 7 & 7) << 4;
  return reinterpret_cast<const Element *>(address);
}

/// The first 16 elements of a row.
template <HalfElement Element> inline void readOperandRow(float (&x)[16], uint64_t descriptor, int row) {
  for (int first = 0; first < 16; first += 8) {
    const Element *chunk = operandChunk<Element>(descriptor, row, first);
    for (int k = 0; k < 8; ++k)
      x[first + k] = toValue(chunk[k]);
  }
}
} // namespace test

template <HalfElement Element, int N> inline void multiplyWarpgroup(float (&d)[N / 2], uint64_t a, uint64_t b) {
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
  float left[2][16], right[16];
  for (int half = 0; half < 2; ++half)
    test::readOperandRow<Element>(left[half], a, warp * 16 + half * 8 + lane / 4);
  for (int col = 0; col < N / 4; ++col) {
    test::readOperandRow<Element>(right, b, col / 2 * 8 + lane % 4 * 2 + col % 2);
    for (int half = 0; half < 2; ++half) {
      double sum = 0;
      for (int k = 0; k < 16; ++k)
        sum += static_cast<double>(left[half][k]) * right[k];
      d[col / 2 * 4 + half * 2 + col % 2] += static_cast<float>(sum);
    }
  }
}

inline uint64_t valuesDescriptor(const void *shared, uint32_t panelBytes) {
  if (panelBytes % 1024)
    test::warpgroupError("has panels that are no multiple of 1024 bytes");
  return matrixDescriptor(shared) | uint64_t(panelBytes / 1024) << 48; // above an address of user space
}
inline float reciprocal(float x) { return 1 / x; }
inline void syncNamed(int id, int threads) {
  test::Block &block = *test::Block::Current;
  block.Running->SomeBarrier = id;
  block.Running->SomeThreads = unsigned(threads);
  block.wait(test::Fiber::AtSomeBarrier);
}
inline void arriveNamed(int id, int) { ++test::Block::Current->SomeArrived[id]; }

template <HalfElement Element, int N> inline void startScores(float (&d)[N / 2], uint64_t a, uint64_t b) {
  for (float &sum : d)
    sum = 0;
  multiplyWarpgroup<Element, N>(d, a, b);
}

template <HalfElement Element, int N> inline void addWeighted(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b) {
  struct Fragment {
    uint32_t A[4];
  };
  auto all = test::exchange(Fragment{{a[0], a[1], a[2], a[3]}});
  int lane = threadIdx.x % 32;
  uint64_t panelBytes = (b >> 48 & 0x3fff) * 1024, first = b & ~(uint64_t(0x3fff) << 48);
  float left[2][16];
  for (int half = 0; half < 2; ++half)
    for (int k = 0; k < 16; ++k) {
      uint32_t pair = all[lane / 4 * 4 + k % 8 / 2].A[half + k / 8 * 2];
      left[half][k] = toValue(Element{uint16_t(pair >> k % 2 * 16)});
    }
  for (int col = 0; col < N; col += 8) {
    double sums[2][2] = {};
    for (int k = 0; k < 16; ++k) {
      // A row is a position here.
      const Element *right =
          test::operandChunk<Element>(first + (col / 64 * panelBytes >> 4), k, col % 64) + lane % 4 * 2;
      for (int e = 0; e < 2; ++e)
        for (int half = 0; half < 2; ++half)
          sums[half][e] += static_cast<double>(left[half][k]) * toValue(right[e]);
    }
    for (int half = 0; half < 2; ++half)
      for (int e = 0; e < 2; ++e)
        d[col / 2 + half * 2 + e] += static_cast<float>(sums[half][e]);
  }
}

template <int N> inline void multiplyWarpgroup(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b) {
  struct Fragment {
    uint32_t A[4];
  };
  auto all = test::exchange(Fragment{{a[0], a[1], a[2], a[3]}});
  int lane = threadIdx.x % 32;
  float left[2][16], right[16];
  for (int half = 0; half < 2; ++half)
    for (int k = 0; k < 16; ++k) {
      uint32_t pair = all[lane / 4 * 4 + k % 8 / 2].A[half + k / 8 * 2];
      left[half][k] = test::halfValue(static_cast<uint16_t>(pair >> k % 2 * 16));
    }
  for (int col = 0; col < N / 4; ++col) {
    test::readOperandRow<Half>(right, b, col / 2 * 8 + lane % 4 * 2 + col % 2);
    for (int half = 0; half < 2; ++half) {
      double sum = 0;
      for (int k = 0; k < 16; ++k)
        sum += static_cast<double>(left[half][k]) * right[k];
      d[col / 2 * 4 + half * 2 + col % 2] += static_cast<float>(sum);
    }
  }
}

} // namespace lathe::kernels

#endif // LATHE_TEST_KERNELS_WARPGROUPEMULATION_H
