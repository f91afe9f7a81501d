// GGUF blocks whose codes of 4 bits are places in a table, in tiles of 16 rows: packed_blocks.cuh says what a format
// has, runtime/gguf/BlockTiles.h has the bytes.
//
//   TiledMXFP4, TiledNVFP4, TiledIQ4_NL
//
// A code becomes a byte, its entry and a zero that makes all entries positive, by selections of bytes among two pairs
// of registers; and in f16 that byte under the exponent of 1024, less 1024 and the zero. Both are exact. As the left
// operand of Pairs codes of MXFP4 are multiplied with their scale less the largest of the row's in the tile, so that
// scales of any size fit f16: what stands 2^26 below it or more is zero. Those of NVFP4 times their scale are exact.
#ifndef LATHE_KERNELS_PACKED_TABLE_BLOCKS_CUH
#define LATHE_KERNELS_PACKED_TABLE_BLOCKS_CUH

#include "packed_blocks.cuh"

namespace lathe::kernels {

// Of four codes, which are the low 16 bits of a word.

/// 0, 1, 2, 3, 4, 6, 8, 12 and their negatives: E2M1, doubled.
struct Fp4Table {
  static constexpr uint32_t Zero = 12;
  static constexpr bool HasParts = true;
  /// Magnitudes of the negative entries, and the positive ones: of a code one is its entry, the other zero, as a
  /// selector of 8 and more takes the sign of a byte.
  static __device__ void parts(uint32_t codes, uint32_t &negative, uint32_t &positive) {
    negative = selectBytes(0x03020100u, 0x0c080604u, codes ^ 0x8888u);
    positive = selectBytes(0x03020100u, 0x0c080604u, codes);
  }
  /// A selector of 8 and more takes the sign of a byte, which none here has: one of the two selections is zero.
  static __device__ uint32_t bytes(uint32_t codes) {
    return selectBytes(0x0f0e0d0cu, 0x18141210u, codes) | selectBytes(0x090a0b0cu, 0x00040608u, codes ^ 0x8888u);
  }
};

/// -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113.
struct Iq4Table {
  static constexpr uint32_t Zero = 128;
  static constexpr bool HasParts = true;
  /// Magnitudes of the negative entries, and the positive ones: of a code one is its entry, the other zero, as a
  /// selector of 8 and more takes the sign of a byte. Half the instructions that bytes() takes.
  static __device__ void parts(uint32_t codes, uint32_t &negative, uint32_t &positive) {
    negative = selectBytes(0x4153687fu, 0x0a162331u, codes);
    positive = selectBytes(0x26190d01u, 0x71594535u, codes ^ 0x8888u);
  }
  static __device__ uint32_t bytes(uint32_t codes) {
    uint32_t place = codes & 0x7777u;
    return selectBytes(selectBytes(0x3f2d1801u, 0x766a5d4fu, place), selectBytes(0xa6998d81u, 0xf1d9c5b5u, place),
                       (codes >> 1 & 0x4444u) | 0x3210u);
  }
};

/// The codes of a tile of 128 columns.
template <class Table> struct TableCodes {
  static constexpr int Bytes = 1024;

  /// A lane's bytes of group `group` of 32 columns, as a matrix instruction of bytes takes them.
  static __device__ void load(uint32_t (&a)[4], const char *tile, int group, int lane) {
    uint4 q = loadShared16(tile, group / 2 * 512 + lane * 16);
    const uint32_t words[4] = {q.x, q.y, q.z, q.w};
#pragma unroll
    for (int i = 0; i < 4; ++i)
      a[i] = Table::bytes(group % 2 ? words[i] >> 16 : words[i]);
  }
  /// The same in two parts of which one is to be taken off the other.
  static __device__ void loadParts(uint32_t (&negative)[4], uint32_t (&positive)[4], const char *tile, int group,
                                   int lane) {
    uint4 q = loadShared16(tile, group / 2 * 512 + lane * 16);
    const uint32_t words[4] = {q.x, q.y, q.z, q.w};
#pragma unroll
    for (int i = 0; i < 4; ++i)
      Table::parts(group % 2 ? words[i] >> 16 : words[i], negative[i], positive[i]);
  }
  /// Two entries of a word as f16: columns 2t and 2t + 1, or those eight further on.
  static __device__ uint32_t pair(uint32_t word, bool second) {
    constexpr uint32_t Zero = 0x64006400u + Table::Zero * 0x10001u;
    return subtractPairs(selectBytes(word, 0x64646464u, second ? 0x4341 : 0x4240), Zero);
  }
  /// The left operand of columns 16 i .. 16 i + 15, without scales.
  static __device__ void operand(uint32_t (&a)[4], const uint32_t (&words)[4], int i) {
#pragma unroll
    for (int part = 0; part < 4; ++part)
      a[part] = pair(words[i * 2 + part % 2], part >= 2);
  }
  static __device__ float entry(uint32_t word, int e) { return float(int(codeOf(word, e)) - int(Table::Zero)); }
};

/// Scales of f16, one for 32 columns: of rows g and g + 8 in a word.
struct HalfScales {
  static constexpr int Bytes = 128;
  static constexpr bool HasTileFactors = false;
  static __device__ float2 ofGroup(const char *scales, int g, int group) {
    uint32_t pair = loadShared4(scales, (g * 4 + group) * 4);
    return {lowHalf(pair), highHalf(pair)};
  }

  /// As pairs of f16, with what is left for the sums of rows g and g + 8.
  struct Pairs {
    uint4 Words;
    __device__ Pairs(const char *scales, int g) : Words(loadShared16(scales, g * 16)) {}
    static __device__ constexpr float2 factors() { return {1, 1}; }
    __device__ uint32_t pair(int group, int row) const {
      return splatHalf(group == 0 ? Words.x : group == 1 ? Words.y : group == 2 ? Words.z : Words.w, row);
    }
  };
};

/// Powers of two, E8M0, halved because entries are doubled.
struct ExponentScales {
  static constexpr int Bytes = 64;
  static constexpr bool HasTileFactors = true;
  static __device__ float2 ofGroup(const char *scales, int g, int group) {
    uint32_t both = *reinterpret_cast<const uint16_t *>(scales + (g * 4 + group) * 2);
    return {MXFP4::scale(both & 0xffu), MXFP4::scale(both >> 8)};
  }

  struct Pairs {
    static constexpr int Top = 27; ///< exponent of the largest as f16: 2^12, so that entries stay below 2^16
    uint2 Words;                   ///< bytes of group 0 row g, group 0 row g + 8, group 1 row g ...
    int Largest[2];
    __device__ Pairs(const char *scales, int g) : Words(loadShared8(scales, g * 8)) {
#pragma unroll
      for (int row = 0; row < 2; ++row)
        Largest[row] = larger(larger(exponent(0, row), exponent(1, row)), larger(exponent(2, row), exponent(3, row)));
    }
    __device__ int exponent(int group, int row) const {
      return int((group < 2 ? Words.x : Words.y) >> (group % 2 * 16 + row * 8) & 0xffu);
    }
    __device__ float2 factors() const {
      constexpr float Below = 1.0f / 4096;
      return {MXFP4::scale(uint32_t(Largest[0])) * Below, MXFP4::scale(uint32_t(Largest[1])) * Below};
    }
    __device__ uint32_t pair(int group, int row) const {
      return uint32_t(larger(exponent(group, row) - Largest[row] + Top, 0)) * 0x04000400u;
    }
  };
};

/// Formats with a scale for 32 columns.
template <class Table, class Scales> struct TiledTable {
  using Codes = TableCodes<Table>;
  static constexpr int Columns = 128, Bytes = Codes::Bytes + Scales::Bytes;
  static constexpr bool HasMinima = false, HasHalfSums = false, HasTileFactors = Scales::HasTileFactors;

  static __device__ void addOneRow(float (&sums)[4], const char *tile, const RowHalves &x, int column, int lane) {
    int t = lane % 4, own = lane / 8;
    uint2 codes = x.Codes[column / 128 * 32 + lane];
    int32_t product[4] = {}, taken[4] = {};
#pragma unroll
    for (int group = 0; group < 4; ++group) {
      uint32_t a[4], x0 = wordIf(group == own, codes.x), x1 = wordIf(group == own, codes.y);
      if constexpr (Table::HasParts) {
        uint32_t negative[4];
        Codes::loadParts(negative, a, tile, group, lane);
        multiplyBytes(taken, negative, x0, x1);
      } else {
        Codes::load(a, tile, group, lane);
      }
      multiplyBytes(product, a, x0, x1);
    }
    if constexpr (Table::HasParts)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        product[i] -= taken[i];
    float2 d = Scales::ofGroup(tile + Codes::Bytes, lane / 4, t), scale = x.Scales[column / 32 + t];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      sums[row] += (row ? d.y : d.x) * (scale.x * joinHalves(product, row));
      if constexpr (!Table::HasParts)
        sums[2 + row] += (row ? d.y : d.x) * scale.y;
    }
  }
  static __device__ float finish(float products, float corrections, int) {
    return Table::HasParts ? products : products - float(Table::Zero) * corrections;
  }

  static __device__ void addRows(float (&sums)[2][4], const char *tile, const RowFragments &x, int column, int lane) {
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      uint32_t words[4], b[4];
      float product[4] = {};
      Codes::load(words, tile, s, lane);
      loadMatrix4(b, x.Rows + (column + s * 32) * 2);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        uint32_t a[4];
        Codes::operand(a, words, i);
        multiplyHalf(product, a, b[i * 2], b[i * 2 + 1]);
      }
      float2 d = Scales::ofGroup(tile + Codes::Bytes, lane / 4, s);
#pragma unroll
      for (int e = 0; e < 4; ++e)
        sums[0][e] += (e < 2 ? d.x : d.y) * product[e];
    }
  }
  static __device__ float finishRows(float products, float) { return products; }

  static __device__ void unpackLane(float (&w)[2][8], const char *tile, int group, int lane) {
    uint32_t words[4];
    Codes::load(words, tile, group, lane);
    float2 d = Scales::ofGroup(tile + Codes::Bytes, lane / 4, group);
#pragma unroll
    for (int row = 0; row < 2; ++row)
#pragma unroll
      for (int e = 0; e < 8; ++e)
        w[row][e] = (row ? d.y : d.x) * Codes::entry(words[e / 4 * 2 + row], e % 4);
  }

  struct Pairs {
    const char *Tile;
    typename Scales::Pairs Scale;

    __device__ Pairs(const char *tile, int lane) : Tile(tile), Scale(tile + Codes::Bytes, lane / 4) {}
    static __device__ constexpr float2 factors()
      requires(!HasTileFactors)
    {
      return Scales::Pairs::factors();
    }
    __device__ float2 factors() const
      requires HasTileFactors
    {
      return Scale.factors();
    }

    __device__ void unpack(uint32_t (&a)[2][4], int group, int lane) const {
      uint32_t words[4];
      Codes::load(words, Tile, group, lane);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        Codes::operand(a[i], words, i);
#pragma unroll
        for (int part = 0; part < 4; ++part)
          a[i][part] = multiplyPairs(a[i][part], Scale.pair(group, part % 2));
      }
    }
  };
};

using TiledIQ4_NL = TiledTable<Iq4Table, HalfScales>;
using TiledMXFP4 = TiledTable<Fp4Table, ExponentScales>;

/// Scales of E4M3, one for 16 columns. Lane t has those of sixteens t and t + 4: of row g in the low half of a word, of
/// row g + 8 in the high one.
struct TiledNVFP4 {
  using Codes = TableCodes<Fp4Table>;
  static constexpr int Columns = 128, Bytes = Codes::Bytes + 128;
  static constexpr bool HasMinima = false, HasHalfSums = true, HasTileFactors = false;

  static __device__ void addOneRow(float (&sums)[4], const char *tile, const RowHalves &x, int column, int lane) {
    int t = lane % 4, sixteen = lane / 8, half = lane / 4 % 2;
    uint32_t scales = loadShared4(tile + Codes::Bytes, lane * 4);
    uint32_t nan = ((scales & 0x7f7f7f7fu) + 0x01010101u) & 0x80808080u;
    scales &= ~(nan - (nan >> 7)); // the code of NaN is 0
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      // This lane's column of the right operand is 16 columns long: word sixteen % 2 of group 2 j + sixteen / 2 of 32.
      const uint2 &codes = x.Codes[column / 128 * 32 + ((j * 2 + sixteen / 2) * 2 + half) * 4 + t];
      uint32_t word = reinterpret_cast<const uint32_t *>(&codes)[sixteen % 2];
      int32_t product[4] = {}, taken[4] = {};
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        uint32_t a[4], negative[4], x0 = wordIf(sixteen == i * 2, word), x1 = wordIf(sixteen == i * 2 + 1, word);
        Codes::loadParts(negative, a, tile, j * 2 + i, lane);
        multiplyBytes(taken, negative, x0, x1);
        multiplyBytes(product, a, x0, x1);
      }
#pragma unroll
      for (int i = 0; i < 4; ++i)
        product[i] -= taken[i];
      float scale = x.Scales[column / 32 + j * 2 + t / 2].x;
      // Read as f16 they are 2^-8 of themselves; the top bit is not looked at.
      uint32_t pair = (j == 0 ? scales << 7 : scales >> 1) & 0x3f803f80u;
      sums[0] += lowHalf(pair) * (scale * joinHalves(product, 0));
      sums[1] += highHalf(pair) * (scale * joinHalves(product, 1));
    }
  }
  /// Entries are doubled.
  static __device__ float finish(float products, float, int) { return 128.0f * products; }

  struct Pairs {
    const char *Tile;
    uint32_t Words[4];

    __device__ Pairs(const char *tile, int lane) : Tile(tile) {
      uint4 words = loadShared16(tile + Codes::Bytes, lane / 4 * 16);
      Words[0] = words.x, Words[1] = words.y, Words[2] = words.z, Words[3] = words.w;
      // The code of NaN is 0.
      uint32_t nan[4], any = 0;
#pragma unroll
      for (int t = 0; t < 4; ++t) {
        uint32_t rest = Words[t] ^ 0x7f7f7f7fu;
        nan[t] = ~(((rest & 0x7f7f7f7fu) + 0x7f7f7f7fu) | rest) & 0x80808080u;
        any |= nan[t];
        Words[t] &= 0x7f7f7f7fu; // the top bit is not looked at
      }
      if (any)
#pragma unroll
        for (int t = 0; t < 4; ++t)
          Words[t] &= ~(nan[t] - (nan[t] >> 7));
    }
    /// Scales are times 8, so that all products are normal numbers, and entries are doubled.
    static __device__ constexpr float2 factors() { return {0.0625f, 0.0625f}; }

    /// The scale of sixteen `s` and row g or g + 8, twice.
    __device__ uint32_t scale(int s, int row) const {
      uint32_t bytes = selectBytes(Words[s % 4], 0, row == 0 ? (s < 4 ? 0x0404 : 0x1414) : (s < 4 ? 0x2424 : 0x3434));
      return multiplyPairs(bytes >> 1, 0x68006800u); // read as f16 it is 2^-8 of itself
    }

    __device__ void unpack(uint32_t (&a)[2][4], int group, int lane) const {
      uint32_t words[4];
      Codes::load(words, Tile, group, lane);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        Codes::operand(a[i], words, i);
        const uint32_t scales[2] = {scale(group * 2 + i, 0), scale(group * 2 + i, 1)};
#pragma unroll
        for (int part = 0; part < 4; ++part)
          a[i][part] = multiplyPairs(a[i][part], scales[part % 2]);
      }
    }
  };

  /// Weights are exact in f16, so that all of a row is one sum.
  static __device__ void addRows(float (&sums)[2][4], const char *tile, const RowFragments &x, int column, int lane) {
    Pairs weights(tile, lane);
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      uint32_t a[2][4], b[4];
      weights.unpack(a, s, lane);
      loadMatrix4(b, x.Rows + (column + s * 32) * 2);
#pragma unroll
      for (int i = 0; i < 2; ++i)
        multiplyHalf(sums[i], a[i], b[i * 2], b[i * 2 + 1]);
    }
  }
  static __device__ float finishRows(float even, float odd) { return 0.0625f * (even + odd); }

  static __device__ void unpackLane(float (&w)[2][8], const char *tile, int group, int lane) {
    uint32_t words[4];
    Codes::load(words, tile, group, lane);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      int s = group * 2 + i;
      uint32_t scales = loadShared4(tile + Codes::Bytes, (lane / 4 * 4 + s % 4) * 4) >> s / 4 * 8;
#pragma unroll
      for (int row = 0; row < 2; ++row)
#pragma unroll
        for (int e = 0; e < 4; ++e)
          w[row][i * 4 + e] = NVFP4::scale(scales >> row * 16 & 0xffu) * Codes::entry(words[i * 2 + row], e);
    }
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PACKED_TABLE_BLOCKS_CUH
