// Blocks of `!lathe.blocked` that are one row high and have a scale each (dialects/lathe/RowBlocks.h), as formats of
// formats.cuh: value = (code - zero) * scale, each operation rounded to f32.
//
//   Blocked<Code, Columns, Scale, Zero>
//     Code     SignedCode<Bits>, UnsignedCode<Bits> with 1 to 4 or 8 bits, E2M1Code, E4M3Code, E5M2Code, Nf4Code
//     Columns  elements that share a scale: a multiple of 32, or 8 or 16
//     Scale    float or Half
//     Zero     int8_t, uint8_t, or void where there is none
//
// In memory a block is its scale, its zero, then its codes, the low bits of a byte first. Rows are multiples of 32
// long.
#ifndef LATHE_KERNELS_BLOCKED_FORMATS_CUH
#define LATHE_KERNELS_BLOCKED_FORMATS_CUH

#include "formats.cuh"

namespace lathe::kernels {

template <int Width> struct SignedCode {
  static constexpr int Bits = Width;
  static __device__ float value(uint32_t code) {
    constexpr int Rest = 32 - Width;
    return float(int32_t(code << Rest) >> Rest);
  }
};

template <int Width> struct UnsignedCode {
  static constexpr int Bits = Width;
  static __device__ float value(uint32_t code) { return float(code); }
};

struct E2M1Code {
  static constexpr int Bits = 4;
  static __device__ float value(uint32_t code) {
    float magnitude = 0.5f * lookUpFp4(code & 7u);
    return code & 8u ? -magnitude : magnitude; // zero has a sign too
  }
};

/// Read as f16 it is 2^-8 of itself, subnormals too.
struct E4M3Code {
  static constexpr int Bits = 8;
  static __device__ float value(uint32_t code) {
    uint32_t magnitude = code & 0x7fu, bits = magnitude == 0x7fu ? 0x7e00u : magnitude << 7;
    return 256.0f * halfToFloat(uint16_t(bits | (code & 0x80u) << 8));
  }
};

/// The upper half of an f16.
struct E5M2Code {
  static constexpr int Bits = 8;
  static __device__ float value(uint32_t code) { return halfToFloat(uint16_t(code << 8)); }
};

struct Nf4Code {
  static constexpr int Bits = 4;
  static __device__ float value(uint32_t code) {
    constexpr float Values[16] = {
#include "runtime/Nf4Values.def"
    };
    // Selected, not indexed, so that they stay out of memory.
    float chosen[8];
#pragma unroll
    for (int i = 0; i < 8; ++i)
      chosen[i] = code & 8u ? Values[i + 8] : Values[i];
#pragma unroll
    for (int i = 0; i < 4; ++i)
      chosen[i] = code & 4u ? chosen[i + 4] : chosen[i];
    float low = code & 2u ? chosen[2] : chosen[0], high = code & 2u ? chosen[3] : chosen[1];
    return code & 1u ? high : low;
  }
};

/// A scale, a zero.
template <class Number> struct BlockedPart {
  static constexpr int Bytes = sizeof(Number);
};
template <> struct BlockedPart<void> {
  static constexpr int Bytes = 0;
};

template <class Code, int Columns, class Scale, class Zero = void> struct Blocked {
  static_assert(Columns % 32 == 0 || Columns == 16 || Columns == 8,
                "granules of 32 are whole blocks or parts of one; unpack the weights when they are packed");
  static_assert(IsSame<Scale, float> || IsSame<Scale, Half>, "a scale is f32 or f16; pack others as row blocks");
  static constexpr int ScaleBytes = BlockedPart<Scale>::Bytes, Header = ScaleBytes + BlockedPart<Zero>::Bytes;
  static constexpr int OwnBytes = Header + Columns * Code::Bits / 8; ///< of what shares a scale
  static constexpr int Block = Columns < 32 ? 32 : Columns, BlockBytes = Block / Columns * OwnBytes;
  static constexpr int Runs = 1;

  /// What all of some numbers of bytes are multiples of, up to 16.
  static __host__ __device__ constexpr int align(int bytes) {
    int lowest = bytes & -bytes;
    return lowest > 16 ? 16 : lowest;
  }
  static constexpr int Alignment = align(BlockBytes);

  struct Scaling {
    float Factor, Offset;
    __device__ float operator()(float code) const { return (code - Offset) * Factor; }
  };
  static __device__ Scaling loadScaling(const uint8_t *block) {
    Scaling scaling{0, 0};
    if constexpr (IsSame<Scale, float>)
      scaling.Factor = floatOfBits(loadBits<ScaleBytes, align(OwnBytes | 16)>(block));
    else
      scaling.Factor = halfToFloat(uint16_t(loadBits<ScaleBytes, align(OwnBytes | 16)>(block)));
    if constexpr (!IsSame<Zero, void>)
      scaling.Offset = float(Zero(block[ScaleBytes]));
    return scaling;
  }

  static __device__ int granuleColumn(int granule, int) { return granule * 32; }
  /// N codes from column `column` of a block on.
  template <int N> static __device__ void unpackRun(const uint8_t *block, int column, float *w) {
    constexpr int Size = N * Code::Bits / 8;
    const uint8_t *own = block + column / Columns * OwnBytes;
    Scaling scaling = loadScaling(own);
    Bytes<Size, align(OwnBytes | Header | Size | 16)> codes(own + Header + column % Columns * Code::Bits / 8);
#pragma unroll
    for (int i = 0; i < N; ++i) {
      constexpr uint32_t Mask = (1u << Code::Bits) - 1;
      int bit = i * Code::Bits, byte = bit / 8, shift = bit % 8;
      uint32_t code = codes[byte] >> shift;
      if (shift + Code::Bits > 8)
        code |= codes[byte + 1] << (8 - shift);
      w[i] = scaling(Code::value(code & Mask));
    }
  }
  static __device__ void unpack8(const uint8_t *block, int k, float (&w)[8]) { unpackRun<8>(block, k, w); }
  static __device__ void unpackGranule(const uint8_t *block, int granule, float (&w)[32]) {
    constexpr int N = Columns < 32 ? Columns : 32;
#pragma unroll
    for (int part = 0; part < 32; part += N)
      unpackRun<N>(block, granule * 32 + part, w + part);
  }

private:
  template <int N, int Aligned> static __device__ uint32_t loadBits(const uint8_t *bytes) {
    Bytes<N, (Aligned < N ? Aligned : N)> part(bytes);
    uint32_t bits = 0;
#pragma unroll
    for (int i = 0; i < N; ++i)
      bits |= part[i] << (i * 8);
    return bits;
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_BLOCKED_FORMATS_CUH
