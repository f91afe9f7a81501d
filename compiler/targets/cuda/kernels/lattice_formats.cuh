// The lattice formats of GGUF (iq1, iq2, iq3): eight values are a point of a table, or two points of four.
// runtime/gguf/LatticeGrids.h has the tables; runtime/gguf/Dequantize.cpp says the same for whole blocks.
#ifndef LATHE_KERNELS_LATTICE_FORMATS_CUH
#define LATHE_KERNELS_LATTICE_FORMATS_CUH

#include "untuned_formats.cuh"

#define LATHE_LATTICE_DEVICE
#include "runtime/gguf/LatticeGrids.h"

namespace lathe::kernels {

/// Signs of eight values that are kept in seven bits: the number of negative ones is even.
__device__ inline uint32_t completeSigns(uint32_t bits) {
  bits &= 127u;
  uint32_t parity = bits ^ bits >> 4;
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return bits | (parity & 1u) << 7;
}

/// A point times `scale`, with bit i of `signs` set where value i is negative.
template <int Size>
__device__ inline void writePoint(const gguf::LatticePoint<Size> &point, float scale, uint32_t signs, float *w) {
#pragma unroll
  for (int i = 0; i < Size; ++i) {
    float magnitude = scale * float(point.Coordinates[i]);
    w[i] = signs >> i & 1u ? -magnitude : magnitude;
  }
}

struct IQ2_XXS : GranulesOfEights<IQ2_XXS> {
  static constexpr int Block = 256, BlockBytes = 66;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    const uint8_t *codes = block + 2 + k / 32 * 8;
    uint32_t rest = load32(codes + 4);
    float scale = loadScale(block) * (0.5f + float(rest >> 28)) * 0.25f;
    int i = k % 32 / 8;
    writePoint(gguf::Iq2XxsGrid.Points[codes[i]], scale, completeSigns(rest >> i * 7), w);
  }
};

struct IQ2_XS : GranulesOfEights<IQ2_XS> {
  static constexpr int Block = 256, BlockBytes = 74;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    int i = k / 8;
    uint32_t code = load16(block + 2 + i * 2);
    float scale = loadScale(block) * (0.5f + float(block[66 + i / 4] >> i % 4 / 2 * 4 & 15)) * 0.25f;
    writePoint(gguf::Iq2XsGrid.Points[code & 511u], scale, completeSigns(code >> 9), w);
  }
};

struct IQ2_S : GranulesOfEights<IQ2_S> {
  static constexpr int Block = 256, BlockBytes = 82;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    int i = k / 8, code = block[2 + i] | (block[66 + i / 4] >> i % 4 * 2 & 3) << 8;
    float scale = loadScale(block) * (0.5f + float(block[74 + i / 4] >> i % 4 / 2 * 4 & 15)) * 0.25f;
    writePoint(gguf::Iq2SGrid.Points[code], scale, block[34 + i], w);
  }
};

struct IQ3_XXS : GranulesOfEights<IQ3_XXS> {
  static constexpr int Block = 256, BlockBytes = 98;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    const uint8_t *codes = block + 2 + k / 4;
    uint32_t rest = load32(block + 66 + k / 32 * 4), signs = completeSigns(rest >> k % 32 / 8 * 7);
    float scale = loadScale(block) * (0.5f + float(rest >> 28)) * 0.5f;
    writePoint(gguf::Iq3XxsGrid.Points[codes[0]], scale, signs, w);
    writePoint(gguf::Iq3XxsGrid.Points[codes[1]], scale, signs >> 4, w + 4);
  }
};

struct IQ3_S : GranulesOfEights<IQ3_S> {
  static constexpr int Block = 256, BlockBytes = 110;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    float d = loadScale(block);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      int i = k / 4 + half, code = block[2 + i] | (block[66 + i / 8] >> i % 8 & 1) << 8;
      float scale = d * float(1 + 2 * (block[106 + i / 16] >> i % 16 / 8 * 4 & 15));
      writePoint(gguf::Iq3SGrid.Points[code], scale, uint32_t(block[74 + i / 2] >> i % 2 * 4), w + half * 4);
    }
  }
};

/// The values of iq1 are points moved by an eighth, up or down.
__device__ inline void writeMovedPoint(int code, float scale, bool isDown, float (&w)[8]) {
  float delta = isDown ? -0.125f : 0.125f;
#pragma unroll
  for (int i = 0; i < 8; ++i)
    w[i] = scale * (float(gguf::Iq1Grid.Points[code].Coordinates[i]) + delta);
}

struct IQ1_S : GranulesOfEights<IQ1_S> {
  static constexpr int Block = 256, BlockBytes = 50;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    int i = k / 8;
    uint32_t rest = load16(block + 34 + i / 4 * 2);
    int code = int(block[2 + i] | (rest >> i % 4 * 3 & 7u) << 8);
    writeMovedPoint(code, loadScale(block) * float(2 * int(rest >> 12 & 7u) + 1), rest >> 15, w);
  }
};

struct IQ1_M : GranulesOfEights<IQ1_M> {
  static constexpr int Block = 256, BlockBytes = 56;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    uint32_t bits = 0; // the f16 scale, in the top nibbles of four numbers
#pragma unroll
    for (int i = 0; i < 4; ++i)
      bits |= uint32_t(block[49 + i * 2] >> 4) << i * 4;
    int i = k / 8, rest = block[32 + i / 2] >> i % 2 * 4;
    int scale = int(load16(block + 48 + i / 8 * 2) >> i % 8 / 2 * 3 & 7u);
    writeMovedPoint(block[i] | (rest & 7) << 8, halfToFloat(uint16_t(bits)) * float(2 * scale + 1), rest >> 3 & 1, w);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_LATTICE_FORMATS_CUH
