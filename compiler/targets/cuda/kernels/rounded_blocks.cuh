// Weights of tiles of blocks as left operands of matrix instructions, in f16: their scales and minima are in them, so
// that sums need no factors.
//
//   RoundedWeights<Format>   Format of packed_blocks.cuh, packed_table_blocks.cuh and packed_row_blocks.cuh
//     Scale                  what the weights are times
//     fetch(step, lane)      loads codes of columns 64 * step .. 64 * step + 63 of a tile in shared memory
//     unpack(a, step, lane)  gives them, in operands of 16 columns each
#ifndef LATHE_KERNELS_ROUNDED_BLOCKS_CUH
#define LATHE_KERNELS_ROUNDED_BLOCKS_CUH

#include "instructions_sm90.cuh"
#include "packed_row_blocks.cuh"

namespace lathe::kernels {

/// What gives 32 columns, twice.
template <class Weights> __device__ void unpackTwo(const Weights &weights, uint32_t (&a)[4][4], int step, int lane) {
#pragma unroll
  for (int i = 0; i < 2; ++i)
    weights.unpack(reinterpret_cast<uint32_t (&)[2][4]>(a[i * 2]), step * 2 + i, lane);
}

/// Weights of a tile as left operands, in f16: `Scale` times what they are, or what factors() says.
template <class Format> struct RoundedWeights : Format::Pairs {
  static_assert(!Format::HasTileFactors, "a format with factors for a tile needs weights that have them");
  static constexpr float Scale = 1 / Format::Pairs::factors().x;
  using Format::Pairs::Pairs;

  __device__ void fetch(int, int) {}
  /// Columns 64 * step .. 64 * step + 63.
  __device__ void unpack(uint32_t (&a)[4][4], int step, int lane) const {
    unpackTwo<typename Format::Pairs>(*this, a, step, lane);
  }
};

/// What a format with factors says of itself.
template <class Format>
  requires requires { typename Format::Rounded; }
struct RoundedWeights<Format> : Format::Rounded {
  using Format::Rounded::Rounded;

  __device__ void fetch(int, int) {}
  __device__ void unpack(uint32_t (&a)[4][4], int step, int lane) const {
    unpackTwo<typename Format::Rounded>(*this, a, step, lane);
  }
};

template <> struct RoundedWeights<TiledQ4_0> {
  static constexpr float Scale = 1;
  const char *Tile;
  uint4 Q; ///< the codes of the step that is to be unpacked next
  uint4 Words;
  __device__ RoundedWeights(const char *tile, int lane)
      : Tile(tile), Words(loadShared16(tile, TiledQ4_0::Factors + lane / 4 * 16)) {}

  __device__ void fetch(int step, int lane) { Q = loadShared16(Tile, step * 512 + lane * 16); }
  __device__ void unpack(uint32_t (&a)[4][4], int step, int) const {
    const uint32_t words[4] = {Q.x, Q.y, Q.z, Q.w};
    uint32_t high = inRegister(0x64006400u), sixteenth = inRegister(0x2c002c00u);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      uint32_t word = words[i / 4 * 2 + i % 2] >> i % 4 / 2 * 8;
      // 1024 + code, and 1024 + 16 code.
      uint32_t first = subtractPairs((word & 0x000f000fu) | high, 0x64086408u);
      uint32_t second = multiplyAddPairs((word & 0x00f000f0u) | high, sixteenth, 0xd480d480u);
      a[i / 4][i % 4] = multiplyPairs(first, splatHalf(step == 0 ? Words.x : Words.z, i % 2));
      a[2 + i / 4][i % 4] = multiplyPairs(second, splatHalf(step == 0 ? Words.y : Words.w, i % 2));
    }
  }
};

/// d * (scale * (code - 8)) + (8 d scale - dmin * min): both terms in brackets are rounded once, and the first is
/// exact. Scales or minima rounded to f16 would be off by as much as 15 codes and all of them are, several times as
/// much as weights that are rounded.
template <> struct RoundedWeights<TiledQ4_K> {
  static constexpr float Scale = 1;
  const char *Tile;
  uint4 Q;                      ///< the codes of the step that is to be unpacked next
  uint32_t Factors, MinFactors; ///< of rows g and g + 8

  __device__ RoundedWeights(const char *tile, int lane) : Tile(tile) {
    uint2 both = loadShared8(tile, TiledQ4_K::Factors + lane / 4 * 8);
    Factors = selectBytes(both.x, both.y, 0x5410);
    MinFactors = selectBytes(both.x, both.y, 0x7632);
  }

  __device__ void fetch(int step, int lane) { Q = loadShared16(Tile, TiledQ4_K::Codes + step * 512 + lane * 16); }
  __device__ void unpack(uint32_t (&a)[4][4], int step, int lane) const {
    const uint32_t words[4] = {Q.x, Q.y, Q.z, Q.w};
    uint32_t integer = inRegister(0x64006400u), high = inRegister(0x54005400u);
#pragma unroll
    for (int odd = 0; odd < 2; ++odd) {
      int group = step * 2 + odd, owner = lane / 4 * 4 + group % 4; // the lane that has the scales
      uint32_t word = loadShared4(Tile, owner * 4);
      uint32_t pair = *reinterpret_cast<const uint16_t *>(Tile + TiledQ4_K::Halves + owner * 2);
      uint32_t bits = group < 4 ? word : word >> 16;
      // 6 bits of each row, as numbers.
      uint32_t scales = group < 4 ? (pair & 0x3fu) | integer : (word >> 12 & 0x000f000fu) | integer;
      scales |= group < 4 ? pair << 10 & 0x3f0000u : (pair >> 8 & 0x30u) | (pair << 6 & 0x300000u);
      uint32_t minima = ((bits & 0x3fu) | integer) | (bits << 10 & 0x3f0000u);
      scales = subtractPairs(scales, 0x64006400u);
      minima = subtractPairs(minima, 0x64006400u);
      // The product of the minima, what f16 lost of it, and the middle.
      uint32_t negative = multiplyPairs(minima, MinFactors ^ 0x80008000u);
      uint32_t lost = multiplyAddPairs(minima, MinFactors, negative);
      uint32_t middles = multiplyAddPairs(multiplyPairs(scales, 0x48004800u), Factors, negative);
      middles = subtractPairs(middles, lost);
      uint32_t zeros = multiplyPairs(scales, 0xd480d480u); // -72, of 64 + code
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        uint32_t codes = words[i / 4 * 2 + i % 2];
        codes = odd ? codes >> i % 4 / 2 * 8 : i % 4 / 2 ? codes >> 4 : codes << 4;
        codes = (codes & 0x00f000f0u) | high;
        codes = multiplyAddPairs(codes, splatHalf(scales, i % 2), splatHalf(zeros, i % 2));
        a[odd * 2 + i / 4][i % 4] = multiplyAddPairs(codes, splatHalf(Factors, i % 2), splatHalf(middles, i % 2));
      }
    }
  }
};

/// Rounded without the factor of the tile, and again with it.
template <> struct RoundedWeights<TiledQ6_K> : TiledQ6_K::Pairs {
  static constexpr float Scale = 1;
  using TiledQ6_K::Pairs::Pairs;

  __device__ void fetch(int, int) {}
  __device__ void unpack(uint32_t (&a)[4][4], int step, int lane) const {
    unpackTwo<TiledQ6_K::Pairs>(*this, a, step, lane);
#pragma unroll
    for (int i = 0; i < 16; ++i)
      a[i / 4][i % 4] = multiplyPairs(a[i / 4][i % 4], splatHalf(Factors_, i % 2));
  }
};

template <> struct RoundedWeights<TiledIQ4_NL> {
  static constexpr float Scale = 1;
  const char *Tile;
  uint4 Q; ///< the codes of the step that is to be unpacked next
  uint4 Words;
  __device__ RoundedWeights(const char *tile, int lane) : Tile(tile), Words(loadShared16(tile, 1024 + lane / 4 * 16)) {}

  __device__ void fetch(int step, int lane) { Q = loadShared16(Tile, step * 512 + lane * 16); }
  __device__ void unpack(uint32_t (&a)[4][4], int step, int) const {
    const uint32_t words[4] = {Q.x, Q.y, Q.z, Q.w};
    uint32_t negative = inRegister(0x3f2d1801u), positive = inRegister(0xa6998d81u), halves = inRegister(0x32103210u),
             high = inRegister(0x64646464u);
#pragma unroll
    for (int word = 0; word < 4; ++word) {
      uint32_t places = words[word] & 0x77777777u, signs = (words[word] >> 1 & 0x44444444u) | halves;
#pragma unroll
      for (int group = 0; group < 2; ++group) {
        uint32_t place = places >> group * 16;
        uint32_t bytes = selectBytes(selectBytes(negative, 0x766a5d4fu, place),
                                     selectBytes(positive, 0xf1d9c5b5u, place), signs >> group * 16);
        uint32_t scales = step == 0 ? (group == 0 ? Words.x : Words.y) : (group == 0 ? Words.z : Words.w);
#pragma unroll
        for (int part = 0; part < 2; ++part)
          a[group * 2 + word / 2][part * 2 + word % 2] =
              multiplyPairs(subtractPairs(selectBytes(bytes, high, part ? 0x4341 : 0x4240), 0x64806480u),
                            splatHalf(scales, word % 2));
      }
    }
  }
};

/// E2M1 times the scales of rows g and g + 8 in each 16 columns. An entry, doubled, is read as (268 + entry) times a
/// power of two; 268 times the scale, which has 11 bits, is taken off. `High` is the upper byte of 268.
template <uint32_t High> __device__ inline void unpackFp4(uint32_t (&a)[4][4], uint4 q, const uint32_t (&scales)[4]) {
  constexpr uint32_t Exponent = High * 0x01010101u, Zero = (High << 8 | 48) * 0x00010001u;
  // Bytes 4 (12 + entry), which are 256 + .. under their exponent. A selector of 8 and more takes the sign of a byte,
  // which none here has: one of the two selections is zero.
  uint32_t positive = inRegister(0x3c383430u), negative = inRegister(0x24282c30u), exponent = inRegister(Exponent);
  const uint32_t words[4] = {q.x, q.y, q.z, q.w};
  uint32_t zeros[4];
#pragma unroll
  for (int i = 0; i < 4; ++i)
    zeros[i] = multiplyPairs(scales[i], Zero ^ 0x80008000u);
#pragma unroll
  for (int word = 0; word < 4; ++word) {
    uint32_t others = words[word] ^ 0x88888888u;
#pragma unroll
    for (int group = 0; group < 2; ++group) {
      uint32_t bytes = selectBytes(positive, 0x60504840u, words[word] >> group * 16) |
                       selectBytes(negative, 0x00101820u, others >> group * 16);
      int i = group * 2 + word / 2;
#pragma unroll
      for (int part = 0; part < 2; ++part)
        a[i][part * 2 + word % 2] = multiplyAddPairs(selectBytes(bytes, exponent, part ? 0x4341 : 0x4240),
                                                     splatHalf(scales[i], word % 2), splatHalf(zeros[i], word % 2));
    }
  }
}

/// Exact but for scales that f16 does not hold: of less than 2^-19 they are zero, of 2^7 and more infinite.
template <> struct RoundedWeights<TiledMXFP4> {
  static constexpr float Scale = 4;
  const char *Tile;
  uint4 Q;     ///< the codes of the step that is to be unpacked next
  uint2 Words; ///< bytes of group 0 row g, group 0 row g + 8, group 1 row g ...

  __device__ RoundedWeights(const char *tile, int lane)
      : Tile(tile), Words(loadShared8(tile + TiledMXFP4::Codes::Bytes, lane / 4 * 8)) {}

  __device__ void fetch(int step, int lane) { Q = loadShared16(Tile, step * 512 + lane * 16); }
  __device__ void unpack(uint32_t (&a)[4][4], int step, int) const {
    uint32_t word = step == 0 ? Words.x : Words.y, scales[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      // 2^5 times the scale: the exponent of f16 is 15 for 1, that of a scale 127.
      constexpr uint32_t Offset = uint32_t(5 + 15 - 127) & 0xffffu;
      scales[i] = addClamped(selectBytes(word, 0, i < 2 ? 0x4140 : 0x4342), Offset * 0x00010001u, 0x001f001fu) << 10;
    }
    unpackFp4<0x4c>(a, Q, scales);
  }
};

/// Exact.
template <> struct RoundedWeights<TiledNVFP4> {
  static constexpr float Scale = 0.125f;
  const char *Tile;
  uint4 Q; ///< the codes of the step that is to be unpacked next
  uint32_t Words[4];

  __device__ RoundedWeights(const char *tile, int lane) : Tile(tile) {
    uint4 words = loadShared16(tile + TiledNVFP4::Codes::Bytes, lane / 4 * 16);
    Words[0] = words.x, Words[1] = words.y, Words[2] = words.z, Words[3] = words.w;
    // The code of NaN is 0.
    uint32_t nan[4], any = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      nan[i] = (Words[i] & 0x7f7f7f7fu) + 0x01010101u;
      any |= nan[i];
    }
    if (any & 0x80808080u)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        nan[i] &= 0x80808080u;
        Words[i] &= ~(nan[i] - (nan[i] >> 7));
      }
  }

  __device__ void fetch(int step, int lane) { Q = loadShared16(Tile, step * 512 + lane * 16); }
  __device__ void unpack(uint32_t (&a)[4][4], int step, int) const {
    uint32_t scales[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) // read as f16 they are 2^-8 of themselves; the top bit is not looked at
      scales[i] = (step == 0 ? Words[i] << 7 : Words[i] >> 1) & 0x3f803f80u;
    unpackFp4<0x6c>(a, Q, scales);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_ROUNDED_BLOCKS_CUH
