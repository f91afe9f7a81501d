// GGUF's block formats: how a block's bytes become f32 weights, bit for bit as the formats define them.
//
// A format is a struct with
//   Block, BlockBytes elements and bytes of a block; a row of K elements is K / Block blocks, K a multiple of Block
//   Alignment         what the address of every block is a multiple of; the base of the tensor must be 16-byte aligned
//   unpack8           elements k .. k+7 of a block, k a multiple of 8
//   Runs              a granule is 32 elements that one thread decodes at once with few wide loads: `Runs` runs of
//   granuleColumn     32 / Runs neighbours, run r of granule g starting at element granuleColumn(g, r)
//   unpackGranule     the 32 elements of granule g, run after run
// Each value is computed in f32 by the definition's operations in the definition's order. All of Q4_0, Q8_0, Q4_K and
// Q5_K are exact up to the last subtraction, so contracting it into an fma changes nothing; Q6_K rounds once, in
// (d * scale) * q.
#ifndef LATHE_KERNELS_FORMATS_CUH
#define LATHE_KERNELS_FORMATS_CUH

#include "tiles.cuh"
#include "untuned_formats.cuh"

namespace lathe::kernels {

/// N bytes at an address aligned to `Alignment`, in loads that the alignment allows.
template <int N, int Alignment> struct Bytes {
  static constexpr int WordBytes = Alignment > 16 ? 16 : Alignment;
  using Word = typename WordOf<WordBytes>::Type;
  union {
    Word Words[N / WordBytes];
    uint8_t Data[N];
    uint32_t Quads[N / 4 > 0 ? N / 4 : 1];
  };
  __device__ explicit Bytes(const uint8_t *source) {
    static_assert(N % WordBytes == 0, "a length must be a multiple of the alignment");
#pragma unroll
    for (int i = 0; i < N / WordBytes; ++i)
      Words[i] = reinterpret_cast<const Word *>(source)[i];
  }
  /// Byte i without touching memory: the union's array would otherwise be indexed byte by byte.
  __device__ uint32_t operator[](int i) const { return Quads[i / 4] >> (i % 4 * 8) & 0xffu; }
};

__device__ inline float loadHalf(const uint8_t *source) {
  return halfToFloat(*reinterpret_cast<const uint16_t *>(source));
}

struct Q8_0 {
  static constexpr int Block = 32, BlockBytes = 34, Alignment = 2, Runs = 1;
  static __device__ int granuleColumn(int, int) { return 0; }
  template <int N> static __device__ void unpackRun(const uint8_t *block, int k, float (&w)[N]) {
    float d = loadHalf(block);
    Bytes<N, 2> codes(block + 2 + k);
#pragma unroll
    for (int i = 0; i < N; ++i)
      w[i] = d * float(int8_t(codes[i]));
  }
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) { unpackRun(block, k, w); }
  static __device__ void unpackGranule(const uint8_t *block, int, float (&w)[32]) { unpackRun(block, 0, w); }
};

struct Q4_0 {
  static constexpr int Block = 32, BlockBytes = 18, Alignment = 2, Runs = 1;
  static __device__ int granuleColumn(int, int) { return 0; }
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    float d = loadHalf(block);
    Bytes<8, 2> codes(block + 2 + k % 16);
    int shift = k / 16 * 4;
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = d * float(int(codes[i] >> shift & 15u) - 8);
  }
  static __device__ void unpackGranule(const uint8_t *block, int, float (&w)[32]) {
    float d = loadHalf(block);
    Bytes<16, 2> codes(block + 2);
#pragma unroll
    for (int i = 0; i < 16; ++i) {
      w[i] = d * float(int(codes[i] & 15u) - 8);
      w[i + 16] = d * float(int(codes[i] >> 4) - 8);
    }
  }
};

/// The scale and the minimum of one 32-element sub-block of Q4_K and Q5_K.
struct ScaleAndMin {
  float Scale, Min;
  /// `header` is f16 d, f16 dmin, then eight 6-bit scales and eight 6-bit minima in 12 bytes.
  __device__ ScaleAndMin(const Bytes<16, 16> &header, int sub) {
    float d = halfToFloat(uint16_t(header.Quads[0])), dmin = halfToFloat(uint16_t(header.Quads[0] >> 16));
    // Byte j of the three words; the words are selected, not indexed, so that they stay in registers.
    int shift = sub % 4 * 8;
    uint32_t low = header.Quads[1] >> shift & 0xffu, middle = header.Quads[2] >> shift & 0xffu,
             high = header.Quads[3] >> shift & 0xffu;
    uint32_t scale = sub < 4 ? low & 63u : (high & 15u) | (low >> 6 << 4);
    uint32_t min = sub < 4 ? middle & 63u : high >> 4 | (middle >> 6 << 4);
    Scale = d * float(scale);
    Min = dmin * float(min);
  }
};

struct Q4_K {
  static constexpr int Block = 256, BlockBytes = 144, Alignment = 16, Runs = 2;
  static __device__ int granuleColumn(int granule, int run) { return granule / 2 * 64 + run * 32 + granule % 2 * 16; }
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    ScaleAndMin s(Bytes<16, 16>(block), k / 32);
    Bytes<8, 8> codes(block + 16 + k / 64 * 32 + k % 32);
    int shift = k / 32 % 2 * 4;
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = s.Scale * float(codes[i] >> shift & 15u) - s.Min;
  }
  static __device__ void unpackGranule(const uint8_t *block, int granule, float (&w)[32]) {
    Bytes<16, 16> header(block), codes(block + 16 + granule * 16);
    ScaleAndMin low(header, granule / 2 * 2), high(header, granule / 2 * 2 + 1);
#pragma unroll
    for (int i = 0; i < 16; ++i) {
      w[i] = low.Scale * float(codes[i] & 15u) - low.Min;
      w[i + 16] = high.Scale * float(codes[i] >> 4) - high.Min;
    }
  }
};

struct Q5_K {
  static constexpr int Block = 256, BlockBytes = 176, Alignment = 16, Runs = 2;
  static __device__ int granuleColumn(int granule, int run) { return Q4_K::granuleColumn(granule, run); }
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    ScaleAndMin s(Bytes<16, 16>(block), k / 32);
    Bytes<8, 8> codes(block + 48 + k / 64 * 32 + k % 32), fifth(block + 16 + k % 32);
    int shift = k / 32 % 2 * 4, bit = k / 32;
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = s.Scale * float((codes[i] >> shift & 15u) | (fifth[i] >> bit & 1u) << 4) - s.Min;
  }
  static __device__ void unpackGranule(const uint8_t *block, int granule, float (&w)[32]) {
    Bytes<16, 16> header(block), codes(block + 48 + granule * 16), fifth(block + 16 + granule % 2 * 16);
    int bit = granule / 2 * 2;
    ScaleAndMin low(header, bit), high(header, bit + 1);
#pragma unroll
    for (int i = 0; i < 16; ++i) {
      uint32_t top = fifth[i] >> bit;
      w[i] = low.Scale * float((codes[i] & 15u) | (top & 1u) << 4) - low.Min;
      w[i + 16] = high.Scale * float(codes[i] >> 4 | (top & 2u) << 3) - high.Min;
    }
  }
};

struct Q6_K {
  static constexpr int Block = 256, BlockBytes = 210, Alignment = 2, Runs = 4;
  static __device__ int granuleColumn(int granule, int run) { return granule / 4 * 128 + run * 32 + granule % 4 * 8; }
  static __device__ float scale(const uint8_t *block, int k) {
    return loadHalf(block + 208) * float(int8_t(block[192 + k / 16]));
  }
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) {
    int part = k % 128 / 32; // quarter of its 128-element half: which nibble, which two bits
    float s = scale(block, k);
    Bytes<8, 2> low(block + k / 128 * 64 + part % 2 * 32 + k % 32), high(block + 128 + k / 128 * 32 + k % 32);
    int shift = part / 2 * 4, bits = part * 2;
#pragma unroll
    for (int i = 0; i < 8; ++i)
      w[i] = s * float(int((low[i] >> shift & 15u) | (high[i] >> bits & 3u) << 4) - 32);
  }
  static __device__ void unpackGranule(const uint8_t *block, int granule, float (&w)[32]) {
    int half = granule / 4, l = granule % 4 * 8;
    Bytes<8, 2> first(block + half * 64 + l), second(block + half * 64 + 32 + l), high(block + 128 + half * 32 + l);
#pragma unroll
    for (int run = 0; run < 4; ++run) {
      float s = scale(block, half * 128 + run * 32 + l);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        uint32_t low = run % 2 ? second[i] : first[i];
        w[run * 8 + i] = s * float(int((low >> run / 2 * 4 & 15u) | (high[i] >> run * 2 & 3u) << 4) - 32);
      }
    }
  }
};

/// A tensor of plain elements seen as a format, for templates that take any.
template <FloatElement Element> struct Plain {
  static constexpr int Block = 8, BlockBytes = 8 * sizeof(Element), Alignment = sizeof(Element);
  static __device__ void unpack8(const uint8_t *block, int, float (&w)[8]) {
    loadVector(reinterpret_cast<const Element *>(block), 0, w);
  }
};

/// Elements k .. k+7 of the row that starts at `row`, k a multiple of 8.
template <class Format> __device__ inline void unpackRow8(const uint8_t *row, int64_t k, float (&w)[8]) {
  Format::unpack8(row + k / Format::Block * Format::BlockBytes, int(k % Format::Block), w);
}

} // namespace lathe::kernels

#endif // LATHE_KERNELS_FORMATS_CUH
