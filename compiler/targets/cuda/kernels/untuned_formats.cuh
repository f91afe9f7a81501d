// The block formats of GGUF that few files use: each element by the definition's operations, eight at a time, byte by
// byte (runtime/gguf/Dequantize.cpp says the same for whole blocks). Lattices are in lattice_formats.cuh.
#ifndef LATHE_KERNELS_UNTUNED_FORMATS_CUH
#define LATHE_KERNELS_UNTUNED_FORMATS_CUH

#include "tiles.cuh"

namespace lathe::kernels {

/// Granules of 32 neighbours, from eights.
template <class Format> struct GranulesOfEights {
  static constexpr int Alignment = 1, Runs = 1;
  static __device__ int granuleColumn(int granule, int) { return granule * 32; }
  static __device__ void unpackGranule(const uint8_t *block, int granule, float (&w)[32]) {
#pragma unroll
    for (int part = 0; part < 32; part += 8) {
      float eight[8];
      Format::unpack8(block, granule * 32 + part, eight);
#pragma unroll
      for (int i = 0; i < 8; ++i)
        w[part + i] = eight[i];
    }
  }
};

/// A number of 16 or 32 bits at any address.
__device__ inline uint32_t load16(const uint8_t *bytes) { return bytes[0] | uint32_t(bytes[1]) << 8; }
__device__ inline uint32_t load32(const uint8_t *bytes) { return load16(bytes) | load16(bytes + 2) << 16; }
__device__ inline float loadScale(const uint8_t *bytes) { return halfToFloat(uint16_t(load16(bytes))); }
__device__ inline float floatOfBits(uint32_t bits) {
  union {
    uint32_t Bits;
    float Number;
  } both;
  both.Bits = bits;
  return both.Number;
}

/// Code `index` of a table of 16 bytes that is written as two numbers, lowest first: it stays in registers.
__device__ inline float lookUp(uint64_t low, uint64_t high, uint32_t index) {
  return float(int8_t((index < 8 ? low : high) >> index % 8 * 8));
}
/// 0, 1, 2, 3, 4, 6, 8, 12 and their negatives: E2M1, doubled.
__device__ inline float lookUpFp4(uint32_t code) { return lookUp(0x0c08060403020100ull, 0xf4f8fafcfdfeff00ull, code); }
/// -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113.
__device__ inline float lookUpIq4(uint32_t code) { return lookUp(0xf6eaddcfbfad9881ull, 0x7159453526190d01ull, code); }

/// Nibbles of blocks of 32: the low ones are elements 0 to 15, the high ones 16 to 31.
__device__ inline uint32_t nibble(const uint8_t *codes, int k) { return codes[k % 16] >> k / 16 * 4 & 15u; }

struct Q4_1 : GranulesOfEights<Q4_1> {
  static constexpr int Block = 32, BlockBytes = 20;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    float d = loadScale(block), m = loadScale(block + 2);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = d * float(nibble(block + 4, k + i)) + m;
  }
};

struct Q5_0 : GranulesOfEights<Q5_0> {
  static constexpr int Block = 32, BlockBytes = 22;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    float d = loadScale(block);
    uint32_t fifth = load32(block + 2) >> k;
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = d * float(int(nibble(block + 6, k + i) | (fifth >> i & 1u) << 4) - 16);
  }
};

struct Q5_1 : GranulesOfEights<Q5_1> {
  static constexpr int Block = 32, BlockBytes = 24;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    float d = loadScale(block), m = loadScale(block + 2);
    uint32_t fifth = load32(block + 4) >> k;
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = d * float(nibble(block + 8, k + i) | (fifth >> i & 1u) << 4) + m;
  }
};

struct Q8_1 : GranulesOfEights<Q8_1> {
  static constexpr int Block = 32, BlockBytes = 36;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    float d = loadScale(block);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = d * float(int8_t(block[4 + k + i]));
  }
};

struct Q8_K : GranulesOfEights<Q8_K> {
  static constexpr int Block = 256, BlockBytes = 292;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    float d = floatOfBits(load32(block));
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = d * float(int8_t(block[4 + k + i]));
  }
};

struct IQ4_NL : GranulesOfEights<IQ4_NL> {
  static constexpr int Block = 32, BlockBytes = 18;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    float d = loadScale(block);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = d * lookUpIq4(nibble(block + 2, k + i));
  }
};

struct IQ4_XS : GranulesOfEights<IQ4_XS> {
  static constexpr int Block = 256, BlockBytes = 136;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    int group = k / 32;
    int scale = int((block[4 + group / 2] >> group % 2 * 4 & 15u) | (load16(block + 2) >> group * 2 & 3u) << 4);
    float d = loadScale(block) * float(scale - 32);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = d * lookUpIq4(nibble(block + 8 + group * 16, k % 32 + i));
  }
};

struct MXFP4 : GranulesOfEights<MXFP4> {
  static constexpr int Block = 32, BlockBytes = 17;
  /// Half of 2^(e - 127): exponents 0 and 1 give subnormals.
  static __device__ float scale(uint32_t e) { return floatOfBits(e < 2 ? 0x00200000u << e : (e - 1) << 23); }
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    float d = scale(block[0]);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = d * lookUpFp4(nibble(block + 1, k + i));
  }
};

struct NVFP4 : GranulesOfEights<NVFP4> {
  static constexpr int Block = 64, BlockBytes = 36;
  /// Half of an unsigned E4M3 number, whose top bit is not looked at; the code of NaN is 0. Read as f32 its bits are
  /// 2^-120 of it, subnormals too.
  static __device__ float scale(uint32_t bits) {
    return bits == 0x7f ? 0.0f : floatOfBits((bits & 0x7fu) << 20) * floatOfBits(246u << 23);
  }
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    int group = k / 16;
    float d = scale(block[group]);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = d * lookUpFp4(block[4 + group * 8 + i] >> k % 16 / 8 * 4 & 15u);
  }
};

struct Q1_0 : GranulesOfEights<Q1_0> {
  static constexpr int Block = 128, BlockBytes = 18;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    float d = loadScale(block);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = block[2 + k / 8] >> i & 1 ? d : -d;
  }
};

struct Q2_0 : GranulesOfEights<Q2_0> {
  static constexpr int Block = 64, BlockBytes = 18;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    float d = loadScale(block);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = d * float(int(block[2 + (k + i) / 4] >> i % 4 * 2 & 3) - 1);
  }
};

struct Q2_K : GranulesOfEights<Q2_K> {
  static constexpr int Block = 256, BlockBytes = 84;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    int group = k / 16, shift = group % 8 / 2 * 2;
    float scale = loadScale(block + 80) * float(block[group] & 15),
          minimum = loadScale(block + 82) * float(block[group] >> 4);
    const uint8_t *codes = block + 16 + group / 8 * 32 + k % 32;
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = scale * float(codes[i] >> shift & 3) - minimum;
  }
};

struct Q3_K : GranulesOfEights<Q3_K> {
  static constexpr int Block = 256, BlockBytes = 110;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    int group = k / 16, shift = group % 8 / 2 * 2;
    const uint8_t *scales = block + 96, *codes = block + 32 + group / 8 * 32 + k % 32, *third = block + k % 32;
    int code = int((scales[group % 8] >> group / 8 * 4 & 15u) | (scales[8 + group % 4] >> group / 4 * 2 & 3u) << 4);
    float scale = loadScale(block + 108) * float(code - 32);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = scale * float(int(codes[i] >> shift & 3) - (third[i] >> group / 2 & 1 ? 0 : 4));
  }
};

struct TQ1_0 : GranulesOfEights<TQ1_0> {
  static constexpr int Block = 256, BlockBytes = 54;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    float d = loadScale(block + 52);
    // Runs of 32, 16 and 4 bytes with five, five and four digits: which byte, which digit.
    int begin = k < 160 ? 0 : k < 240 ? 160 : 240, bytes = k < 160 ? 32 : k < 240 ? 16 : 4;
    int first = k < 160 ? 0 : k < 240 ? 32 : 48;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      int place = k + i - begin, digit = place / bytes;
      // A byte is a fraction of 256 in base 3: multiplying by 3^n drops the digits before n.
      uint32_t power = digit == 0 ? 1 : digit == 1 ? 3 : digit == 2 ? 9 : digit == 3 ? 27 : 81;
      uint32_t rest = block[first + place % bytes] * power & 255u;
      w[i] = d * float(int(rest * 3 >> 8) - 1);
    }
  }
};

struct TQ2_0 : GranulesOfEights<TQ2_0> {
  static constexpr int Block = 256, BlockBytes = 66;
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    float d = loadScale(block + 64);
    const uint8_t *codes = block + k / 128 * 32 + k % 32;
    int shift = k % 128 / 32 * 2;
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = d * float(int(codes[i] >> shift & 3) - 1);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_UNTUNED_FORMATS_CUH
