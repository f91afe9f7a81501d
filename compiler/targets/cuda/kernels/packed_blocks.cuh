// GGUF blocks in tiles of 16 rows, in the order of tensor cores: runtime/gguf/BlockTiles.h has the bytes.
//
//   TiledQ4_K, TiledQ6_K, TiledQ8_0, TiledQ4_0
//     Columns, Bytes           of a tile
//     addOneRow                a tile's share of the product with one row in two halves of 8 bits (RowHalves)
//     addRows                  the same with up to eight rows of f16 (RowFragments)
//     finish                   what a lane has summed up, as one number
//     Pairs                    a tile's weights as the left operand of a matrix instruction in f16: unpack(a, group,
//     lane)
//                              gives those of a group of 32 columns, whose products are to be multiplied with factors()
//                              of rows g and g + 8: integers, exact below 2048, or rounded to f16 once
//     HasTileFactors           whether these factors are others in each tile
//     unpackLane               a lane's weights of rows g and g + 8 in a group of 32 columns, as formats.cuh has them:
//                              16 i + {2t, 2t + 1, 2t + 8, 2t + 9} for i = 0 and 1, from shared or global memory
//
// In `sums` of addOneRow a lane 4g + t has its share of rows g and g + 8: the products in sums[0] and [1], what zeros
// or minima take off in [2] and [3]. In addRows it has columns 2t and 2t + 1 of rows g and g + 8, four numbers in each
// line. No conversion in here rounds a weight: codes are exact in both forms, and scales meet sums in f32.
#ifndef LATHE_KERNELS_PACKED_BLOCKS_CUH
#define LATHE_KERNELS_PACKED_BLOCKS_CUH

#include "formats.cuh"

namespace lathe::kernels {

/// One row of the left side, each element as 256 * high + low, times a power of two for each 32 (quantized_few_sm90.cuh
/// makes it).
struct RowHalves {
  const uint2 *Codes;    ///< [K / 128][lane]: of lane 4g + t half g % 2 (high, low) of group g / 2 of 32 columns: its
                         ///< eight columns as a tile orders them
  const float2 *Scales;  ///< [K / 32]: the scale, and the sum of the group
  const float *HalfSums; ///< [K / 16]: the sums of groups of 16
  const uint4 *Pairs; ///< [K / 32][t]: for formats that TakesOnePairs, elements by the scale in f16: eight columns as
                      ///< a tile orders them
};

/// Up to eight rows of the left side.
struct RowFragments {
  const char *Rows;  ///< this lane's row of a fragment: f16, row (lane % 8), 8 (lane / 8) elements in
  const uint2 *Sums; ///< [K / 256][8][4]: of row g and lane t the sums of groups t and t + 4, and what f16 lost of them
  const float *Factors; ///< [K / 256][8]: what the sums of a row are to be multiplied with
};

__device__ inline uint4 loadShared16(const char *tile, int offset) {
  return *reinterpret_cast<const uint4 *>(tile + offset);
}
__device__ inline uint2 loadShared8(const char *tile, int offset) {
  return *reinterpret_cast<const uint2 *>(tile + offset);
}
__device__ inline uint32_t loadShared4(const char *tile, int offset) {
  return *reinterpret_cast<const uint32_t *>(tile + offset);
}
__device__ inline float lowHalf(uint32_t pair) { return halfToFloat(static_cast<uint16_t>(pair)); }
__device__ inline float highHalf(uint32_t pair) { return halfToFloat(static_cast<uint16_t>(pair >> 16)); }

/// 256 * high + low, of sums[0..1] and [2..3].
__device__ inline float joinHalves(const int32_t (&sums)[4], int row) {
  return static_cast<float>(sums[row * 2] * 256 + sums[row * 2 + 1]);
}

/// `word` where `own`, else nothing: a column of the right operand that this product leaves alone.
__device__ inline uint32_t wordIf(bool own, uint32_t word) { return own ? word : 0u; }

/// The code bits of a chunk under `mask`.
__device__ inline void maskWords(uint32_t (&a)[4], const uint4 &q, uint32_t mask) {
  a[0] = q.x & mask;
  a[1] = q.y & mask;
  a[2] = q.z & mask;
  a[3] = q.w & mask;
}

/// The byte of column {2t, 2t + 1, 2t + 8, 2t + 9}[e].
__device__ inline uint32_t codeOf(uint32_t word, int e) { return word >> (e % 2 * 16 + e / 2 * 8) & 0xffu; }

/// Codes of 4 bits less 8 as f16: the low ones of bytes 0 and 2 or, of odd groups, the high ones.
__device__ inline uint32_t codePairs(uint32_t word, bool odd) {
  // 1024 + code, and 1024 + 16 code.
  uint32_t low = (word & 0x000f000fu) | 0x64006400u, high = (word & 0x00f000f0u) | 0x64006400u;
  return odd ? multiplyAddPairs(high, 0x2c002c00u, 0xd480d480u) : subtractPairs(low, 0x64086408u);
}

/// w = scale * code + shift. Every product is exact, so it does not matter whether it is rounded before the sum.
__device__ inline void unpackCodes(float (&w)[8], uint32_t first, uint32_t second, float scale, float shift) {
#pragma unroll
  for (int e = 0; e < 8; ++e)
    w[e] = scale * float(codeOf(e < 4 ? first : second, e % 4)) + shift;
}

struct TiledQ4_K {
  static constexpr int Columns = 256, Bytes = 2304;
  static constexpr int Halves = 128, Factors = 192, Codes = 256;
  static constexpr bool HasMinima = true, HasHalfSums = false, HasTileFactors = true;

  /// The scales of groups t and t + 4 of rows g and g + 8, as pairs of integers.
  static __device__ void scalePairs(uint32_t word, uint32_t pair, uint32_t &first, uint32_t &second) {
    first = (pair & 0x3fu) | (pair << 10 & 0x3f0000u);
    second = (word >> 12 & 0x000f000fu) | ((pair >> 8 & 0x30u) | (pair << 6 & 0x300000u));
  }

  static __device__ void addOneRow(float (&sums)[4], const char *tile, const RowHalves &x, int column, int lane) {
    int t = lane % 4, group = lane / 8;
    int32_t product[2][4] = {};
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      uint2 codes = x.Codes[(column / 128 + c / 2) * 32 + lane];
      uint4 q = loadShared16(tile, Codes + c * 512 + lane * 16);
      uint32_t a[4];
      maskWords(a, q, 0x0f0f0f0fu);
      bool low = group == c % 2 * 2, high = group == c % 2 * 2 + 1;
      multiplyBytes(product[c / 2], a, wordIf(low, codes.x), wordIf(low, codes.y));
      maskWords(a, q, 0xf0f0f0f0u);
      multiplyBytes(product[c / 2], a, wordIf(high, codes.x), wordIf(high, codes.y));
    }
    uint32_t word = loadShared4(tile, lane * 4);
    uint32_t pair = *reinterpret_cast<const uint16_t *>(tile + Halves + lane * 2);
    uint2 factors = loadShared8(tile, Factors + lane / 4 * 8);
    float2 x0 = x.Scales[column / 32 + t], x1 = x.Scales[column / 32 + 4 + t];
    uint32_t first, second, minG = word & 0x003f003fu, minH = word >> 6 & 0x003f003fu;
    scalePairs(word, pair, first, second);
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      float s0 = row ? highHalf(first) : lowHalf(first), s1 = row ? highHalf(second) : lowHalf(second);
      uint32_t factor = row ? factors.y : factors.x, minima = row ? minH : minG;
      sums[row] +=
          lowHalf(factor) * (s0 * (x0.x * joinHalves(product[0], row)) + s1 * (x1.x * joinHalves(product[1], row)));
      sums[2 + row] += highHalf(factor) * (lowHalf(minima) * x0.y + highHalf(minima) * x1.y);
    }
  }
  /// The integers of 6 bits were read as subnormal f16, 2^-24 each; codes of odd groups stand four bits higher.
  static __device__ float finish(float products, float corrections, int t) {
    return 16777216.0f * ((t & 1 ? 0.0625f : 1.0f) * products - corrections);
  }

  static __device__ void addRows(float (&sums)[2][4], const char *tile, const RowFragments &x, int column, int lane) {
    int g = lane / 4;
    float product[2][4] = {}, minima[4] = {};
    uint4 words = loadShared16(tile, g * 16);
    uint2 pairs = loadShared8(tile, Halves + g * 8);
#pragma unroll
    for (int t = 0; t < 4; ++t) {
      uint32_t word = t == 0 ? words.x : t == 1 ? words.y : t == 2 ? words.z : words.w;
      uint32_t pair = (t < 2 ? pairs.x : pairs.y) >> t % 2 * 16;
      uint32_t scales[2];
      scalePairs(word, pair, scales[0], scales[1]);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        int group = t + half * 4, odd = t % 2;
        uint32_t normal = subtractPairs(scales[half] | 0x64006400u, 0x64006400u);
        uint32_t scaleG = selectBytes(normal, 0, 0x1010), scaleH = selectBytes(normal, 0, 0x3232);
        uint4 q = loadShared16(tile, Codes + group / 2 * 512 + lane * 16);
        uint32_t mask = odd ? 0x00f000f0u : 0x000f000fu, b[4];
        loadMatrix4(b, x.Rows + (column + group * 32) * 2);
        uint32_t a[4] = {multiplyPairs(q.x & mask, scaleG), multiplyPairs(q.y & mask, scaleH),
                         multiplyPairs(q.x >> 8 & mask, scaleG), multiplyPairs(q.y >> 8 & mask, scaleH)};
        multiplyHalf(product[odd], a, b[0], b[1]);
        uint32_t c[4] = {multiplyPairs(q.z & mask, scaleG), multiplyPairs(q.w & mask, scaleH),
                         multiplyPairs(q.z >> 8 & mask, scaleG), multiplyPairs(q.w >> 8 & mask, scaleH)};
        multiplyHalf(product[odd], c, b[2], b[3]);
      }
    }
    uint32_t word = loadShared4(tile, lane * 4);
    uint32_t a[4] = {word & 0x003f003fu, word >> 6 & 0x003f003fu, word & 0x003f003fu, word >> 6 & 0x003f003fu};
    uint2 rowSums = x.Sums[column / 256 * 32 + lane];
    multiplyHalf(minima, a, rowSums.x, rowSums.y);
    uint2 factors = loadShared8(tile, Factors + g * 8);
    const float *rowFactors = x.Factors + column / 256 * 8 + lane % 4 * 2;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      uint32_t factor = i < 2 ? factors.x : factors.y;
      sums[0][i] += lowHalf(factor) * (product[0][i] + 0.0625f * product[1][i]);
      sums[1][i] += highHalf(factor) * (minima[i] * rowFactors[i % 2]);
    }
  }
  static __device__ float finishRows(float products, float corrections) {
    return 16777216.0f * (products - corrections);
  }

  static __device__ void unpackLane(float (&w)[2][8], const char *tile, int group, int lane) {
    int owner = lane / 4 * 4 + group % 4; // the lane that has the scales
    uint32_t pair = *reinterpret_cast<const uint16_t *>(tile + Halves + owner * 2), word = loadShared4(tile, owner * 4);
    uint2 factors = loadShared8(tile, Factors + lane / 4 * 8);
    uint4 q = loadShared16(tile, Codes + group / 2 * 512 + lane * 16);
    uint32_t first, second;
    scalePairs(word, pair, first, second);
    uint32_t scales = group < 4 ? first : second, minima = group < 4 ? word : word >> 16, codes[4];
    maskWords(codes, q, group % 2 ? 0xf0f0f0f0u : 0x0f0f0f0fu);
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      uint32_t factor = row ? factors.y : factors.x;
      float scale = lowHalf(factor) * float(scales >> row * 16 & 63u),
            min = highHalf(factor) * float(minima >> row * 6 & 63u);
      unpackCodes(w[row], codes[row], codes[2 + row], group % 2 ? 0.0625f * scale : scale, -min);
    }
  }

  struct Pairs {
    const char *Tile;
    uint2 Factors_;

    __device__ Pairs(const char *tile, int lane) : Tile(tile), Factors_(loadShared8(tile, Factors + lane / 4 * 8)) {}
    /// Codes and minima are read as subnormal f16, 2^-24 each; sums are 1/64 of themselves.
    __device__ float2 factors() const { return {16777216.0f * lowHalf(Factors_.x), 16777216.0f * lowHalf(Factors_.y)}; }
    __device__ float2 minimaFactors() const {
      return {-64 * 16777216.0f * highHalf(Factors_.x), -64 * 16777216.0f * highHalf(Factors_.y)};
    }

    __device__ void unpack(uint32_t (&a)[2][4], int group, int lane) const {
      int owner = lane / 4 * 4 + group % 4; // the lane that has the scales
      uint32_t word = loadShared4(Tile, owner * 4), first, second;
      scalePairs(word, *reinterpret_cast<const uint16_t *>(Tile + Halves + owner * 2), first, second);
      uint32_t scales = subtractPairs((group < 4 ? first : second) | 0x64006400u, 0x64006400u);
      if (group % 2)
        scales = multiplyPairs(scales, 0x2c002c00u); // codes of odd groups stand four bits higher
      uint32_t mask = group % 2 ? 0x00f000f0u : 0x000f000fu;
      uint4 q = loadShared16(Tile, Codes + group / 2 * 512 + lane * 16);
      const uint32_t words[4] = {q.x, q.y, q.z, q.w};
#pragma unroll
      for (int i = 0; i < 8; ++i)
        a[i / 4][i % 4] = multiplyPairs(words[i / 4 * 2 + i % 2] >> i % 4 / 2 * 8 & mask, splatHalf(scales, i % 2));
    }
    /// The minima of groups t and t + 4, for the product with their sums (in order 0 4 1 5 2 6 3 7) and what f16 lost
    /// of these.
    __device__ void unpackMinima(uint32_t (&a)[4], int lane) const {
      uint32_t word = loadShared4(Tile, lane * 4);
      a[0] = a[2] = word & 0x003f003fu;
      a[1] = a[3] = word >> 6 & 0x003f003fu;
    }
  };
};

struct TiledQ6_K {
  static constexpr int Columns = 256, Bytes = 3360;
  static constexpr int Rest = 2048, Scales = 3072, Factors = 3328;
  static constexpr bool HasMinima = false, HasHalfSums = true, HasTileFactors = true;

  /// The codes of group s of 32 as bytes: even groups as they are, odd ones four times as large.
  static __device__ void codeBytes(uint32_t (&a)[4], const uint4 &q, const uint4 &rest, int s) {
    const uint32_t low[4] = {q.x, q.y, q.z, q.w}, high[4] = {rest.x, rest.y, rest.z, rest.w};
#pragma unroll
    for (int i = 0; i < 4; ++i)
      a[i] = s % 4 == 0   ? (low[i] & 0x0f0f0f0fu) | (high[i] & 0x30303030u)
             : s % 4 == 1 ? (low[i] & 0xf0f0f0f0u) | (high[i] & 0x0c0c0c0cu)
             : s % 4 == 2 ? (low[i] & 0x0f0f0f0fu) | (high[i] >> 2 & 0x30303030u)
                          : (low[i] & 0xf0f0f0f0u) | (high[i] << 2 & 0x0c0c0c0cu);
  }

  static __device__ void addOneRow(float (&sums)[4], const char *tile, const RowHalves &x, int column, int lane) {
    int t = lane % 4, group = lane / 8, half = lane / 4 % 2;
    uint2 scales = loadShared8(tile, Scales + lane * 8);
    float products[2] = {}, zeros[2] = {};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      // This lane's column of the right operand is 16 columns long: word group % 2 of group 2 (j % 2) + group / 2
      // of 32.
      const uint2 &codes = x.Codes[(column / 128 + j / 2) * 32 + ((j % 2 * 2 + group / 2) * 2 + half) * 4 + t];
      uint32_t word = reinterpret_cast<const uint32_t *>(&codes)[group % 2];
      uint4 q = loadShared16(tile, j * 512 + lane * 16), rest = loadShared16(tile, Rest + j / 2 * 512 + lane * 16);
      int32_t product[4] = {};
      uint32_t a[4];
      codeBytes(a, q, rest, j * 2);
      multiplyBytes(product, a, wordIf(group == 0, word), wordIf(group == 1, word));
      codeBytes(a, q, rest, j * 2 + 1);
      multiplyBytes(product, a, wordIf(group == 2, word), wordIf(group == 3, word));
      float scale = x.Scales[column / 32 + j * 2 + t / 2].x, sum = x.HalfSums[column / 16 + j * 4 + t];
#pragma unroll
      for (int row = 0; row < 2; ++row) {
        float s = float(int8_t((row ? scales.y : scales.x) >> j * 8));
        products[row] += s * (scale * joinHalves(product, row));
        zeros[row] += s * sum;
      }
    }
    uint32_t factors = loadShared4(tile, Factors + lane / 4 * 4);
    sums[0] += lowHalf(factors) * products[0];
    sums[1] += highHalf(factors) * products[1];
    sums[2] += lowHalf(factors) * zeros[0];
    sums[3] += highHalf(factors) * zeros[1];
  }
  static __device__ float finish(float products, float corrections, int t) {
    return (t >= 2 ? 0.25f : 1.0f) * products - 32.0f * corrections;
  }

  static __device__ void addRows(float (&sums)[2][4], const char *tile, const RowFragments &x, int column, int lane) {
    int g = lane / 4;
    float products[2][4] = {};
    uint4 scales[2] = {loadShared16(tile, Scales + g * 32), loadShared16(tile, Scales + g * 32 + 16)};
#pragma unroll
    for (int s = 0; s < 8; ++s) {
      uint4 q = loadShared16(tile, s / 2 * 512 + lane * 16), rest = loadShared16(tile, Rest + s / 4 * 512 + lane * 16);
      uint32_t bytes[4], b[4], zero = s % 2 ? 0x64806480u : 0x64206420u;
      codeBytes(bytes, q, rest, s);
      loadMatrix4(b, x.Rows + (column + s * 32) * 2);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        uint32_t a[4];
#pragma unroll
        for (int part = 0; part < 4; ++part)
          a[part] = subtractPairs(selectBytes(bytes[i * 2 + part % 2], 0x64646464u, part < 2 ? 0x4240 : 0x4341), zero);
        float product[4] = {};
        multiplyHalf(product, a, b[i * 2], b[i * 2 + 1]);
        int sub = s * 2 + i; // of 16 columns
        const uint4 &four = scales[sub % 4 / 2];
        float scaleG = float(int8_t((sub % 2 ? four.z : four.x) >> sub / 4 * 8)),
              scaleH = float(int8_t((sub % 2 ? four.w : four.y) >> sub / 4 * 8));
#pragma unroll
        for (int e = 0; e < 4; ++e)
          products[s % 2][e] += (e < 2 ? scaleG : scaleH) * product[e];
      }
    }
    uint32_t factors = loadShared4(tile, Factors + g * 4);
#pragma unroll
    for (int e = 0; e < 4; ++e)
      sums[0][e] += (e < 2 ? lowHalf(factors) : highHalf(factors)) * (products[0][e] + 0.25f * products[1][e]);
  }
  static __device__ float finishRows(float products, float) { return products; }

  static __device__ void unpackLane(float (&w)[2][8], const char *tile, int group, int lane) {
    uint4 q = loadShared16(tile, group / 2 * 512 + lane * 16),
          rest = loadShared16(tile, Rest + group / 4 * 512 + lane * 16);
    uint32_t factors = loadShared4(tile, Factors + lane / 4 * 4), codes[4];
    codeBytes(codes, q, rest, group);
#pragma unroll
    for (int row = 0; row < 2; ++row)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        int sub = group * 2 + i;
        float scale = (row ? highHalf(factors) : lowHalf(factors)) *
                      float(int8_t(tile[Scales + (lane / 4 * 4 + sub % 4) * 8 + row * 4 + sub / 4]));
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          int code = int(codeOf(codes[i * 2 + row], e));
          w[row][i * 4 + e] = scale * float(group % 2 ? code / 4 - 32 : code - 32);
        }
      }
  }

  struct Pairs {
    const char *Tile;
    uint4 Scales_[2];
    uint32_t Factors_;

    __device__ Pairs(const char *tile, int lane)
        : Tile(tile),
          Scales_{loadShared16(tile, Scales + lane / 4 * 32), loadShared16(tile, Scales + lane / 4 * 32 + 16)},
          Factors_(loadShared4(tile, Factors + lane / 4 * 4)) {}
    __device__ float2 factors() const { return {lowHalf(Factors_), highHalf(Factors_)}; }

    __device__ void unpack(uint32_t (&a)[2][4], int group, int lane) const {
      uint4 q = loadShared16(Tile, group / 2 * 512 + lane * 16),
            rest = loadShared16(Tile, Rest + group / 4 * 512 + lane * 16);
      uint32_t bytes[4], zero = group % 2 ? 0x64806480u : 0x64206420u;
      codeBytes(bytes, q, rest, group);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        int sub = group * 2 + i; // of 16 columns
        const uint4 &four = Scales_[sub % 4 / 2];
#pragma unroll
        for (int part = 0; part < 4; ++part) {
          uint32_t scales = part % 2 ? (sub % 2 ? four.w : four.y) : (sub % 2 ? four.z : four.x);
          float scale = (group % 2 ? 0.25f : 1.0f) * float(int8_t(scales >> sub / 4 * 8));
          a[i][part] = multiplyPairs(
              subtractPairs(selectBytes(bytes[i * 2 + part % 2], 0x64646464u, part < 2 ? 0x4240 : 0x4341), zero),
              packHalf(scale, scale));
        }
      }
    }
  };
};

struct TiledQ8_0 {
  static constexpr int Columns = 128, Bytes = 2176;
  static constexpr int Factors = 2048;
  static constexpr bool HasMinima = false, HasHalfSums = false, HasTileFactors = false;

  static __device__ void addOneRow(float (&sums)[4], const char *tile, const RowHalves &x, int column, int lane) {
    int t = lane % 4, group = lane / 8;
    uint2 codes = x.Codes[column / 128 * 32 + lane];
    int32_t product[4] = {};
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      uint4 q = loadShared16(tile, c * 512 + lane * 16);
      uint32_t a[4] = {q.x, q.y, q.z, q.w};
      multiplySignedBytes(product, a, wordIf(group == c, codes.x), wordIf(group == c, codes.y));
    }
    uint32_t factors = loadShared4(tile, Factors + lane * 4);
    float scale = x.Scales[column / 32 + t].x;
    sums[0] += lowHalf(factors) * (scale * joinHalves(product, 0));
    sums[1] += highHalf(factors) * (scale * joinHalves(product, 1));
  }
  static __device__ float finish(float products, float, int) { return products; }

  static __device__ void addRows(float (&sums)[2][4], const char *tile, const RowFragments &x, int column, int lane) {
    uint4 words = loadShared16(tile, Factors + lane / 4 * 16);
    const uint32_t factors[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      uint4 q = loadShared16(tile, s * 512 + lane * 16);
      const uint32_t bytes[4] = {q.x ^ 0x80808080u, q.y ^ 0x80808080u, q.z ^ 0x80808080u, q.w ^ 0x80808080u};
      uint32_t b[4];
      float product[4] = {};
      loadMatrix4(b, x.Rows + (column + s * 32) * 2);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        uint32_t a[4];
#pragma unroll
        for (int part = 0; part < 4; ++part)
          a[part] =
              subtractPairs(selectBytes(bytes[i * 2 + part % 2], 0x64646464u, part < 2 ? 0x4240 : 0x4341), 0x64806480u);
        multiplyHalf(product, a, b[i * 2], b[i * 2 + 1]);
      }
#pragma unroll
      for (int e = 0; e < 4; ++e)
        sums[0][e] += (e < 2 ? lowHalf(factors[s]) : highHalf(factors[s])) * product[e];
    }
  }
  static __device__ float finishRows(float products, float) { return products; }

  static __device__ void unpackLane(float (&w)[2][8], const char *tile, int group, int lane) {
    uint4 q = loadShared16(tile, group * 512 + lane * 16);
    uint32_t factors = loadShared4(tile, Factors + (lane / 4 * 4 + group) * 4);
    const uint32_t codes[4] = {q.x, q.y, q.z, q.w};
#pragma unroll
    for (int row = 0; row < 2; ++row)
#pragma unroll
      for (int e = 0; e < 8; ++e)
        w[row][e] = (row ? highHalf(factors) : lowHalf(factors)) * float(int8_t(codeOf(codes[e / 4 * 2 + row], e % 4)));
  }

  struct Pairs {
    const char *Tile;
    uint4 Words;

    __device__ Pairs(const char *tile, int lane) : Tile(tile), Words(loadShared16(tile, Factors + lane / 4 * 16)) {}
    static __device__ constexpr float2 factors() { return {1, 1}; }

    __device__ void unpack(uint32_t (&a)[2][4], int group, int lane) const {
      uint4 q = loadShared16(Tile, group * 512 + lane * 16);
      const uint32_t bytes[4] = {q.x ^ 0x80808080u, q.y ^ 0x80808080u, q.z ^ 0x80808080u, q.w ^ 0x80808080u};
      uint32_t factors = group == 0 ? Words.x : group == 1 ? Words.y : group == 2 ? Words.z : Words.w;
#pragma unroll
      for (int i = 0; i < 8; ++i)
        a[i / 4][i % 4] = multiplyPairs(
            subtractPairs(selectBytes(bytes[i / 4 * 2 + i % 2], 0x64646464u, i % 4 < 2 ? 0x4240 : 0x4341), 0x64806480u),
            splatHalf(factors, i % 2));
    }
  };
};

struct TiledQ4_0 {
  static constexpr int Columns = 128, Bytes = 1152;
  static constexpr int Factors = 1024;
  static constexpr bool HasMinima = false, HasHalfSums = false, HasTileFactors = false;

  static __device__ void addOneRow(float (&sums)[4], const char *tile, const RowHalves &x, int column, int lane) {
    int t = lane % 4, group = lane / 8;
    uint2 codes = x.Codes[column / 128 * 32 + lane];
    int32_t product[4] = {};
#pragma unroll
    for (int c = 0; c < 2; ++c) {
      uint4 q = loadShared16(tile, c * 512 + lane * 16);
      bool low = group == c * 2, high = group == c * 2 + 1;
      uint32_t a[4];
      maskWords(a, q, 0x0f0f0f0fu);
      multiplyBytes(product, a, wordIf(low, codes.x), wordIf(low, codes.y));
      maskWords(a, q, 0xf0f0f0f0u);
      multiplyBytes(product, a, wordIf(high, codes.x), wordIf(high, codes.y));
    }
    uint32_t factors = loadShared4(tile, Factors + lane * 4);
    float2 scale = x.Scales[column / 32 + t];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      float d = row ? highHalf(factors) : lowHalf(factors);
      sums[row] += d * (scale.x * joinHalves(product, row));
      sums[2 + row] += d * scale.y;
    }
  }
  static __device__ float finish(float products, float corrections, int t) {
    return (t & 1 ? 0.0625f : 1.0f) * products - 8.0f * corrections;
  }

  static __device__ void addRows(float (&sums)[2][4], const char *tile, const RowFragments &x, int column, int lane) {
    uint4 words = loadShared16(tile, Factors + lane / 4 * 16);
    const uint32_t factors[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      uint4 q = loadShared16(tile, s / 2 * 512 + lane * 16);
      // Bits read as subnormal f16, times 2^15, less the zero: normal numbers, which tensor cores sum up better.
      uint32_t mask = s % 2 ? 0x00f000f0u : 0x000f000fu, zero = s % 2 ? 0xb400b400u : 0xa400a400u, b[4];
      float product[4] = {};
      loadMatrix4(b, x.Rows + (column + s * 32) * 2);
      auto code = [&](uint32_t word) { return multiplyAddPairs(word & mask, 0x78007800u, zero); };
      uint32_t a[4] = {code(q.x), code(q.y), code(q.x >> 8), code(q.y >> 8)};
      multiplyHalf(product, a, b[0], b[1]);
      uint32_t c[4] = {code(q.z), code(q.w), code(q.z >> 8), code(q.w >> 8)};
      multiplyHalf(product, c, b[2], b[3]);
#pragma unroll
      for (int e = 0; e < 4; ++e)
        sums[s % 2][e] += (e < 2 ? lowHalf(factors[s]) : highHalf(factors[s])) * product[e];
    }
  }
  /// The second line has the odd groups, whose codes stand four bits higher.
  static __device__ float finishRows(float even, float odd) { return 512.0f * (even + 0.0625f * odd); }

  static __device__ void unpackLane(float (&w)[2][8], const char *tile, int group, int lane) {
    uint4 q = loadShared16(tile, group / 2 * 512 + lane * 16);
    uint32_t factors = loadShared4(tile, Factors + (lane / 4 * 4 + group) * 4), codes[4];
    maskWords(codes, q, group % 2 ? 0xf0f0f0f0u : 0x0f0f0f0fu);
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      float d = row ? highHalf(factors) : lowHalf(factors);
      unpackCodes(w[row], codes[row], codes[2 + row], group % 2 ? 0.0625f * d : d, -8.0f * d);
    }
  }

  struct Pairs {
    const char *Tile;
    uint4 Words;

    __device__ Pairs(const char *tile, int lane) : Tile(tile), Words(loadShared16(tile, Factors + lane / 4 * 16)) {}
    static __device__ constexpr float2 factors() { return {1, 1}; }

    __device__ void unpack(uint32_t (&a)[2][4], int group, int lane) const {
      uint4 q = loadShared16(Tile, group / 2 * 512 + lane * 16);
      const uint32_t words[4] = {q.x, q.y, q.z, q.w};
      uint32_t factors = group == 0 ? Words.x : group == 1 ? Words.y : group == 2 ? Words.z : Words.w;
#pragma unroll
      for (int i = 0; i < 8; ++i)
        a[i / 4][i % 4] =
            multiplyPairs(codePairs(words[i / 4 * 2 + i % 2] >> i % 4 / 2 * 8, group % 2), splatHalf(factors, i % 2));
    }
  };
};

template <class Format>
concept TiledFormat = requires { Format::Columns; };

/// Whether a format multiplies one row as pairs of f16 instead of halves of 8 bits.
template <class Format>
concept TakesOnePairs = requires { requires Format::TakesPairs; };

/// The tile of a matrix with `columns` columns that element (row, column) lies in.
template <TiledFormat Format>
__device__ inline const char *tileAt(const uint8_t *w, int64_t columns, int64_t row, int64_t column) {
  int64_t tile = row / 16 * ceilDiv<int64_t>(columns, Format::Columns) + column / Format::Columns;
  return reinterpret_cast<const char *>(w) + tile * Format::Bytes;
}

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PACKED_BLOCKS_CUH
