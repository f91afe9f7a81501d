// Blocks of `!lathe.blocked` that no GGUF format holds, in tiles of 16 rows: packed_blocks.cuh says what a format has,
// runtime/gguf/RowTiles.h has the bytes.
//
//   TiledNF4, TiledUINT4_G32, TiledUINT4_G64, TiledUINT4_G128, TiledE4M3, TiledE5M2
//
// Codes less their zero and small floats are exact in f16. Values of NF4 are rounded to it where they are the left
// operand of rows of f16; with one row in halves of 8 bits they are integers of 14 bits, at most 1.6e-5 of the scale
// off; unpackLane rounds none. One row meets small floats as pairs of f16 (RowHalves::Pairs). A code of NaN, which
// packing never writes, is a number. As the left operand of Pairs codes of NF4 are multiplied with their scale as a
// part of the larger one of the row's two in the tile, so that scales of any size fit f16.
//
//   Rounded                  of those with HasTileFactors: a tile's weights rounded to f16, times `Scale`, scales
//                            included; weights below 2^-20 lose digits, those of 2^10 and scales of about 2^8 (E4M3:
//                            2^2) are infinite
#ifndef LATHE_KERNELS_PACKED_ROW_BLOCKS_CUH
#define LATHE_KERNELS_PACKED_ROW_BLOCKS_CUH

#include "blocked_formats.cuh"
#include "packed_table_blocks.cuh"

namespace lathe::kernels {

/// Multiplies the left operands of 32 columns with factors of rows g and g + 8.
__device__ inline void scaleOperands(uint32_t (&a)[2][4], uint32_t factors) {
#pragma unroll
  for (int i = 0; i < 8; ++i)
    a[i / 4][i % 4] = multiplyPairs(a[i / 4][i % 4], splatHalf(factors, i % 2));
}

/// Codes of NF4 and an f32 for each 64 of them. Lane 4g + t has scale t / 2 of row g + 8 (t % 2).
struct TiledNF4 {
  static constexpr int Columns = 128, Bytes = 1152, Scales = 1024;
  static constexpr bool HasMinima = false, HasHalfSums = false, HasTileFactors = true;

  /// A lane's codes of group `group`, four in the low bits of each word.
  static __device__ void load(uint32_t (&words)[4], const char *tile, int group, int lane) {
    uint4 q = loadShared16(tile, group / 2 * 512 + lane * 16);
    int shift = group % 2 * 16;
    words[0] = q.x >> shift, words[1] = q.y >> shift, words[2] = q.z >> shift, words[3] = q.w >> shift;
  }
  /// Of rows g and g + 8, for columns 64 half .. 64 half + 63.
  static __device__ float2 scales(const char *tile, int g, int half) {
    uint2 pair = loadShared8(tile, Scales + g * 16 + half * 8);
    return {floatOfBits(pair.x), floatOfBits(pair.y)};
  }

  // With one row: the magnitudes of values times 15684, 128 high + low, those of the negative ones apart from the
  // others. A selector of 8 and more takes the sign of a byte, which none here has.
  static constexpr float Unit = 15684;
  struct Parts {
    uint32_t High[4], Low[4];
    __device__ Parts(const uint32_t (&words)[4], bool positive) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        uint32_t codes = positive ? words[i] ^ 0x8888u : words[i];
        High[i] =
            positive ? selectBytes(0x291e1309u, 0x7a584436u, codes) : selectBytes(0x3040557au, 0x000b1622u, codes);
        Low[i] = positive ? selectBytes(0x34145c60u, 0x444b7800u, codes) : selectBytes(0x322b2744u, 0x0014526du, codes);
      }
    }
  };
  static __device__ void addOneRow(float (&sums)[4], const char *tile, const RowHalves &x, int column, int lane) {
    int t = lane % 4, own = lane / 8;
    uint2 codes = x.Codes[column / 128 * 32 + lane];
    int32_t high[4] = {}, low[4] = {}, highTaken[4] = {}, lowTaken[4] = {};
#pragma unroll
    for (int group = 0; group < 4; ++group) {
      uint32_t words[4], x0 = wordIf(group == own, codes.x), x1 = wordIf(group == own, codes.y);
      load(words, tile, group, lane);
      Parts positive(words, true), negative(words, false);
      multiplyBytes(high, positive.High, x0, x1);
      multiplyBytes(low, positive.Low, x0, x1);
      multiplyBytes(highTaken, negative.High, x0, x1);
      multiplyBytes(lowTaken, negative.Low, x0, x1);
    }
    float2 d = scales(tile, lane / 4, t / 2);
    float scale = x.Scales[column / 32 + t].x;
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      float halves[2];
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        int e = row * 2 + i;
        halves[i] = static_cast<float>((high[e] - highTaken[e]) * 128 + (low[e] - lowTaken[e]));
      }
      sums[row] += (row ? d.y : d.x) * (scale * (256.0f * halves[0] + halves[1]));
    }
  }
  static __device__ float finish(float products, float, int) { return products * (1.0f / Unit); }

  /// 16 entries of a byte, which four codes in the low 16 bits of a word choose: `place` of eight, `side` of those.
  static __device__ uint32_t chooseBytes(const uint32_t (&table)[4], uint32_t place, uint32_t side) {
    return selectBytes(selectBytes(table[0], table[1], place), selectBytes(table[2], table[3], place), side);
  }
  /// The left operand of columns 16 i .. 16 i + 15, without scales: values in f16, by their two bytes.
  static __device__ void operand(uint32_t (&a)[4], const uint32_t (&words)[4], int i) {
    constexpr uint32_t Low[4] = {0x52339200u, 0x00d4ea8du, 0x68e02618u, 0x00c9800du},
                       High[4] = {0xb6b8b9bcu, 0x00adb1b4u, 0x3533312du, 0x3c393837u};
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      uint32_t codes = words[i * 2 + row], place = codes & 0x7777u, side = (codes >> 1 & 0x4444u) | 0x3210u;
      uint32_t low = chooseBytes(Low, place, side), high = chooseBytes(High, place, side);
      a[row] = selectBytes(low, high, 0x6240);
      a[2 + row] = selectBytes(low, high, 0x7351);
    }
  }

  static __device__ void addRows(float (&sums)[2][4], const char *tile, const RowFragments &x, int column, int lane) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float product[4] = {};
#pragma unroll
      for (int s = half * 2; s < half * 2 + 2; ++s) {
        uint32_t words[4], b[4];
        load(words, tile, s, lane);
        loadMatrix4(b, x.Rows + (column + s * 32) * 2);
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          uint32_t a[4];
          operand(a, words, i);
          multiplyHalf(product, a, b[i * 2], b[i * 2 + 1]);
        }
      }
      float2 d = scales(tile, lane / 4, half);
#pragma unroll
      for (int e = 0; e < 4; ++e)
        sums[0][e] += (e < 2 ? d.x : d.y) * product[e];
    }
  }
  static __device__ float finishRows(float products, float) { return products; }

  static __device__ void unpackLane(float (&w)[2][8], const char *tile, int group, int lane) {
    uint32_t words[4];
    load(words, tile, group, lane);
    float2 d = scales(tile, lane / 4, group / 2);
    float value = Nf4Code::value(uint32_t(lane) & 15u); // of which each lane takes what it needs
#pragma unroll
    for (int row = 0; row < 2; ++row)
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        uint32_t code = words[e / 4 * 2 + row] >> (e % 2 * 8 + e % 4 / 2 * 4);
        w[row][e] = __shfl_sync(0xffffffffu, value, int(code & 15u)) * (row ? d.y : d.x);
      }
  }

  struct Pairs {
    const char *Tile;
    float2 Largest;
    uint32_t Parts[2]; ///< of each half: the scales of rows g and g + 8 as parts of the largest

    __device__ Pairs(const char *tile, int lane) : Tile(tile) {
      float2 first = scales(tile, lane / 4, 0), second = scales(tile, lane / 4, 1);
      Largest = {larger(fabsf(first.x), fabsf(second.x)), larger(fabsf(first.y), fabsf(second.y))};
      // What is 0 stays 0.
      float x = Largest.x > 0 ? 1.0f / Largest.x : 0.0f, y = Largest.y > 0 ? 1.0f / Largest.y : 0.0f;
      Parts[0] = packHalf(first.x * x, first.y * y);
      Parts[1] = packHalf(second.x * x, second.y * y);
    }
    __device__ float2 factors() const { return Largest; }
    __device__ void unpack(uint32_t (&a)[2][4], int group, int lane) const {
      uint32_t words[4];
      load(words, Tile, group, lane);
      operand(a[0], words, 0);
      operand(a[1], words, 1);
      scaleOperands(a, Parts[group / 2]);
    }
  };

  struct Rounded {
    static constexpr float Scale = 64;
    const char *Tile;
    uint32_t Factors[2]; ///< of each half, of rows g and g + 8

    __device__ Rounded(const char *tile, int lane) : Tile(tile) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float2 d = scales(tile, lane / 4, half);
        Factors[half] = packHalf(Scale * d.x, Scale * d.y);
      }
    }
    __device__ void unpack(uint32_t (&a)[2][4], int group, int lane) const {
      uint32_t words[4];
      load(words, Tile, group, lane);
      operand(a[0], words, 0);
      operand(a[1], words, 1);
      scaleOperands(a, Factors[group / 2]);
    }
  };
};

/// Codes of 4 bits, of each `Group` an f16 scale and a signed zero.
template <int Group> struct TiledUint4 {
  static_assert(Group == 32 || Group == 64 || Group == 128, "a tile has whole groups; give it 32, 64 or 128 columns");
  static constexpr int Columns = 128, Groups = 128 / Group, Scales = 1024, Zeros = Scales + Groups * 32,
                       Bytes = Zeros + Groups * 16;
  static constexpr bool HasMinima = false, HasHalfSums = false, HasTileFactors = false;

  /// Of rows g and g + 8, for 32 columns: f16 in a word.
  static __device__ uint32_t scales(const char *tile, int g, int group) {
    return loadShared4(tile, Scales + (g * Groups + group * 32 / Group) * 4);
  }
  /// Bytes in the low bits of a word.
  static __device__ uint32_t zeros(const char *tile, int g, int group) {
    return *reinterpret_cast<const uint16_t *>(tile + Zeros + (g * Groups + group * 32 / Group) * 2);
  }

  static __device__ void addOneRow(float (&sums)[4], const char *tile, const RowHalves &x, int column, int lane) {
    int g = lane / 4, t = lane % 4, own = lane / 8;
    uint2 codes = x.Codes[column / 128 * 32 + lane];
    int32_t product[4] = {};
#pragma unroll
    for (int c = 0; c < 2; ++c) {
      uint4 q = loadShared16(tile, c * 512 + lane * 16);
      bool low = own == c * 2, high = own == c * 2 + 1;
      uint32_t a[4];
      maskWords(a, q, 0x0f0f0f0fu);
      multiplyBytes(product, a, wordIf(low, codes.x), wordIf(low, codes.y));
      maskWords(a, q, 0xf0f0f0f0u);
      multiplyBytes(product, a, wordIf(high, codes.x), wordIf(high, codes.y));
    }
    uint32_t d = scales(tile, g, t), zero = zeros(tile, g, t);
    float2 scale = x.Scales[column / 32 + t];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      float factor = row ? highHalf(d) : lowHalf(d);
      sums[row] += factor * (scale.x * joinHalves(product, row));
      sums[2 + row] += factor * (float(int8_t(zero >> row * 8)) * scale.y);
    }
  }
  /// Codes of odd groups stand four bits higher.
  static __device__ float finish(float products, float corrections, int t) {
    return (t & 1 ? 0.0625f : 1.0f) * products - corrections;
  }

  /// What the codes of a group are made of, of row g and of row g + 8: twice 1024 + zero in f16, or, of odd groups,
  /// -64 - zero.
  struct Offsets {
    uint32_t Pairs[2];
    __device__ Offsets(const char *tile, int group, int g) {
      uint32_t own = zeros(tile, g, group) ^ 0x8080u;
#pragma unroll
      for (int row = 0; row < 2; ++row) {
        uint32_t above = (own >> row * 8 & 0xffu) * 0x10001u | 0x64006400u; // 1152 + zero
        Pairs[row] = group % 2 ? subtractPairs(0x64406440u, above) : subtractPairs(above, 0x58005800u);
      }
    }
  };
  /// Two codes less their zero.
  static __device__ uint32_t pair(uint32_t word, uint32_t offset, bool odd) {
    uint32_t low = (word & 0x000f000fu) | 0x64006400u, high = (word & 0x00f000f0u) | 0x64006400u;
    return odd ? multiplyAddPairs(high, 0x2c002c00u, offset) : subtractPairs(low, offset);
  }
  /// The left operand of columns 16 i .. 16 i + 15 of a group, without scales.
  static __device__ void operand(uint32_t (&a)[4], const uint4 &q, const Offsets &offsets, int i, bool odd) {
    const uint32_t words[4] = {q.x, q.y, q.z, q.w};
#pragma unroll
    for (int part = 0; part < 4; ++part)
      a[part] = pair(words[i * 2 + part % 2] >> part / 2 * 8, offsets.Pairs[part % 2], odd);
  }

  static __device__ void addRows(float (&sums)[2][4], const char *tile, const RowFragments &x, int column, int lane) {
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      uint32_t b[4];
      float product[4] = {};
      uint4 q = loadShared16(tile, s / 2 * 512 + lane * 16);
      Offsets offsets(tile, s, lane / 4);
      loadMatrix4(b, x.Rows + (column + s * 32) * 2);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        uint32_t a[4];
        operand(a, q, offsets, i, s % 2);
        multiplyHalf(product, a, b[i * 2], b[i * 2 + 1]);
      }
      uint32_t d = scales(tile, lane / 4, s);
#pragma unroll
      for (int e = 0; e < 4; ++e)
        sums[0][e] += (e < 2 ? lowHalf(d) : highHalf(d)) * product[e];
    }
  }
  static __device__ float finishRows(float products, float) { return products; }

  static __device__ void unpackLane(float (&w)[2][8], const char *tile, int group, int lane) {
    uint4 q = loadShared16(tile, group / 2 * 512 + lane * 16);
    const uint32_t words[4] = {q.x, q.y, q.z, q.w};
    uint32_t d = scales(tile, lane / 4, group), zero = zeros(tile, lane / 4, group);
#pragma unroll
    for (int row = 0; row < 2; ++row)
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        int code = int(codeOf(words[e / 4 * 2 + row], e % 4) >> group % 2 * 4 & 15u);
        w[row][e] = float(code - int8_t(zero >> row * 8)) * (row ? highHalf(d) : lowHalf(d));
      }
  }

  struct Pairs {
    const char *Tile;
    __device__ Pairs(const char *tile, int) : Tile(tile) {}
    static __device__ constexpr float2 factors() { return {1, 1}; }
    __device__ void unpack(uint32_t (&a)[2][4], int group, int lane) const {
      uint4 q = loadShared16(Tile, group / 2 * 512 + lane * 16);
      Offsets offsets(Tile, group, lane / 4);
      operand(a[0], q, offsets, 0, group % 2);
      operand(a[1], q, offsets, 1, group % 2);
      scaleOperands(a, scales(Tile, lane / 4, group));
    }
  };
};

using TiledUINT4_G32 = TiledUint4<32>;
using TiledUINT4_G64 = TiledUint4<64>;
using TiledUINT4_G128 = TiledUint4<128>;

/// Floats of 8 bits and an f32 for each row of the tile: of rows g and g + 8 at 8 g.
template <class Code> struct TiledFloat8 {
  static constexpr int Columns = 128, Bytes = 2112, Scales = 2048;
  static constexpr bool HasMinima = false, HasHalfSums = false, HasTileFactors = true, TakesPairs = true;
  static constexpr bool IsE4M3 = IsSame<Code, E4M3Code>;
  /// E4M3 read as f16 is 2^-8 of itself.
  static constexpr float Unit = IsE4M3 ? 256 : 1;

  /// Two codes, in the high bytes of the halves of a word, as f16.
  static __device__ uint32_t widen(uint32_t pair) {
    if constexpr (IsE4M3)
      return (pair & 0x80008000u) | (pair >> 1 & 0x3f803f80u);
    else
      return pair & 0xff00ff00u;
  }
  /// The left operand of columns 16 i .. 16 i + 15 of a group.
  static __device__ void operand(uint32_t (&a)[4], const uint4 &q, int i) {
    const uint32_t words[4] = {q.x, q.y, q.z, q.w};
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      a[row] = widen(words[i * 2 + row] << 8);
      a[2 + row] = widen(words[i * 2 + row]);
    }
  }
  static __device__ float2 scales(const char *tile, int g) {
    uint2 pair = loadShared8(tile, Scales + g * 8);
    return {Unit * floatOfBits(pair.x), Unit * floatOfBits(pair.y)};
  }

  /// All columns of the right operand are the row: each lane has the whole sums.
  static __device__ void addOneRow(float (&sums)[4], const char *tile, const RowHalves &x, int column, int lane) {
    float2 d = scales(tile, lane / 4);
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      uint4 q = loadShared16(tile, s * 512 + lane * 16), b = x.Pairs[(column / 32 + s) * 4 + lane % 4];
      float product[4] = {}, scale = x.Scales[column / 32 + s].x;
      uint32_t a[4];
      operand(a, q, 0);
      multiplyHalf(product, a, b.x, b.y);
      operand(a, q, 1);
      multiplyHalf(product, a, b.z, b.w);
      sums[0] += d.x * scale * product[0];
      sums[1] += d.y * scale * product[2];
    }
  }
  static __device__ float finish(float products, float, int t) { return t == 0 ? products : 0; }

  static __device__ void addRows(float (&sums)[2][4], const char *tile, const RowFragments &x, int column, int lane) {
    float product[2][4] = {};
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      uint32_t b[4];
      uint4 q = loadShared16(tile, s * 512 + lane * 16);
      loadMatrix4(b, x.Rows + (column + s * 32) * 2);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        uint32_t a[4];
        operand(a, q, i);
        multiplyHalf(product[i], a, b[i * 2], b[i * 2 + 1]);
      }
    }
    float2 d = scales(tile, lane / 4);
#pragma unroll
    for (int e = 0; e < 4; ++e)
      sums[0][e] += (e < 2 ? d.x : d.y) * (product[0][e] + product[1][e]);
  }
  static __device__ float finishRows(float products, float) { return products; }

  static __device__ void unpackLane(float (&w)[2][8], const char *tile, int group, int lane) {
    uint4 q = loadShared16(tile, group * 512 + lane * 16);
    float2 d = scales(tile, lane / 4);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      uint32_t a[4];
      operand(a, q, i);
#pragma unroll
      for (int row = 0; row < 2; ++row)
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          uint32_t pair = a[row + e / 2 * 2];
          w[row][i * 4 + e] = (e % 2 ? highHalf(pair) : lowHalf(pair)) * (row ? d.y : d.x);
        }
    }
  }

  struct Pairs {
    const char *Tile;
    float2 Factors;
    __device__ Pairs(const char *tile, int lane) : Tile(tile), Factors(scales(tile, lane / 4)) {}
    __device__ float2 factors() const { return Factors; }
    __device__ void unpack(uint32_t (&a)[2][4], int group, int lane) const {
      uint4 q = loadShared16(Tile, group * 512 + lane * 16);
      operand(a[0], q, 0);
      operand(a[1], q, 1);
    }
  };

  /// E5M2 is taken 2^-8 of itself as well, which is exact, so that its scales are not below what f16 holds.
  struct Rounded {
    static constexpr float Scale = 64;
    const char *Tile;
    uint32_t Factors; ///< of rows g and g + 8

    __device__ Rounded(const char *tile, int lane) : Tile(tile) {
      float2 d = scales(tile, lane / 4);
      constexpr float Times = Scale * (IsE4M3 ? 1 : 256);
      Factors = packHalf(Times * d.x, Times * d.y);
    }
    __device__ void unpack(uint32_t (&a)[2][4], int group, int lane) const {
      uint4 q = loadShared16(Tile, group * 512 + lane * 16);
      operand(a[0], q, 0);
      operand(a[1], q, 1);
      if constexpr (!IsE4M3)
        scaleOperands(a, 0x1c001c00u);
      scaleOperands(a, Factors);
    }
  };
};

using TiledE4M3 = TiledFloat8<E4M3Code>;
using TiledE5M2 = TiledFloat8<E5M2Code>;

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PACKED_ROW_BLOCKS_CUH
