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
/// 16 bytes from the first element, a multiple of as many, of row `row` of an operand: their address without the
/// swizzle, then the swizzle, which is of addresses.
template <MmaElement Element> inline const InMemory<Element> *operandChunk(uint64_t descriptor, int row, int first) {
  if (descriptor >> 62 != 1)
    warpgroupError("is not in the 128-byte swizzle");
  uintptr_t address = (descriptor & ((uint64_t(1) << 60) - 1)) << 4;
  address += row / 8 * 1024 + row % 8 * 128 + first / ChunkSize<Element> * 16;
  address ^= (address >> 7 & 7) << 4;
  return reinterpret_cast<const InMemory<Element> *>(address);
}

/// Elements in 32 bytes, the depth of a product.
template <MmaElement Element> constexpr int OperandDepth = 2 * ChunkSize<Element>;

/// An f32 as a product in tf32 takes it: without the low bits.
inline float truncateToTf32(float value) { return std::bit_cast<float>(std::bit_cast<uint32_t>(value) & 0xffffe000); }

/// The first 32 bytes of a row.
template <MmaElement Element>
inline void readOperandRow(float (&x)[OperandDepth<Element>], uint64_t descriptor, int row) {
  constexpr int Size = ChunkSize<Element>;
  for (int first = 0; first < OperandDepth<Element>; first += Size) {
    const InMemory<Element> *chunk = operandChunk<Element>(descriptor, row, first);
    for (int k = 0; k < Size; ++k)
      x[first + k] = IsSame<Element, Tf32> ? truncateToTf32(toValue(chunk[k])) : toValue(chunk[k]);
  }
}

/// The sums of a lane, whose rows of the left operand are known.
template <MmaElement Element, int N>
inline void addProducts(float (&d)[N / 2], const float (&left)[2][OperandDepth<Element>], uint64_t b) {
  int lane = threadIdx.x % 32;
  float right[OperandDepth<Element>];
  for (int col = 0; col < N / 4; ++col) {
    readOperandRow<Element>(right, b, col / 2 * 8 + lane % 4 * 2 + col % 2);
    for (int half = 0; half < 2; ++half) {
      double sum = 0;
      for (int k = 0; k < OperandDepth<Element>; ++k)
        sum += static_cast<double>(left[half][k]) * right[k];
      d[col / 2 * 4 + half * 2 + col % 2] += static_cast<float>(sum);
    }
  }
}
} // namespace test

template <MmaElement Element, int N> inline void multiplyWarpgroup(float (&d)[N / 2], uint64_t a, uint64_t b) {
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
  float left[2][test::OperandDepth<Element>];
  for (int half = 0; half < 2; ++half)
    test::readOperandRow<Element>(left[half], a, warp * 16 + half * 8 + lane / 4);
  test::addProducts<Element, N>(d, left, b);
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

template <MmaElement Element, int N>
inline void multiplyWarpgroup(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b) {
  struct Fragment {
    uint32_t A[4];
  };
  auto all = test::exchange(Fragment{{a[0], a[1], a[2], a[3]}});
  int lane = threadIdx.x % 32;
  constexpr int Depth = test::OperandDepth<Element>;
  float left[2][Depth];
  for (int half = 0; half < 2; ++half)
    for (int k = 0; k < Depth; ++k) {
      // Half of a row is in the words of four lanes, half in their other words.
      int inside = k % (Depth / 2), each = Depth / 8;
      uint32_t word = all[lane / 4 * 4 + inside / each].A[half + k / (Depth / 2) * 2];
      if constexpr (HalfElement<Element>)
        left[half][k] = toValue(Element{static_cast<uint16_t>(word >> inside % each * 16)});
      else
        left[half][k] = test::truncateToTf32(std::bit_cast<float>(word));
    }
  test::addProducts<Element, N>(d, left, b);
}

} // namespace lathe::kernels

#endif // LATHE_TEST_KERNELS_WARPGROUPEMULATION_H
