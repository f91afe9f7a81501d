// One encoder for each format: a search (QuantizeSearch.h, QuantizeSuperBlock.h), then the bytes, whose layout is told
// in Dequantize.cpp. Compiled once for each level of the host, with LATHE_LEVEL for its name.
#include "runtime/gguf/QuantizeBlocks.h"
#include "runtime/gguf/QuantizeSuperBlock.h"

namespace lathe::gguf::LATHE_LEVEL {
namespace {

/// An f16 from an f32 that holds one.
LATHE_INLINE void storeHalf(float value, uint8_t *target) {
  _Float16 half = static_cast<_Float16>(value);
  __builtin_memcpy(target, &half, 2);
}

/// One number of each group.
struct Numbers {
  float lanes[Lanes];
  LATHE_INLINE explicit Numbers(Floats x) { __builtin_memcpy(lanes, &x, sizeof(x)); }
  LATHE_INLINE float operator[](int group) const { return lanes[group]; }
};

/// `count` bytes, each of two codes of four bits that stand `count` apart.
template <int Count> LATHE_INLINE void packNibbles(const uint8_t *codes, uint8_t *target) {
  for (int i = 0; i < Count; ++i)
    target[i] = uint8_t((codes[i] & 15) | codes[i + Count] << 4);
}

/// Bit `Bit` of 32 codes, the first one lowest.
template <int Bit> LATHE_INLINE void packBits(const uint8_t *codes, uint8_t *target) {
  uint32_t bits = 0;
  for (int i = 0; i < 32; ++i)
    bits |= uint32_t(codes[i] >> Bit & 1) << i;
  __builtin_memcpy(target, &bits, 4);
}

//===- Blocks of one group ----------------------------------------------------------------------------------------===//

/// f16 d and codes of four or five bits: d * the grid's value. Weighted errors are looked at in more places, as one
/// value may count for most.
template <class Grid, int Width, float First, float Last, int Count, int WeightedCount> struct Scaled {
  static constexpr int Groups = 1, Size = 32, Bytes = Width;

  template <bool Weighted> LATHE_INLINE static void encode(const Batch<32> &batch, uint8_t *block) {
    Floats scale = searchScale<Grid, Weighted>(batch, {First, Last, Weighted ? WeightedCount : Count});
    StoredScale<Grid, Weighted> stored;
    for (int turn = 0; turn < 3; ++turn)
      scale = stored.consider(batch, scale);
    if constexpr (!__is_same(Grid, Iq4)) {
      Floats step = findStep<-Grid::Lowest>(batch);
      if (__builtin_reduce_or(step != 0.0f)) {
        stored.consider(batch, step);
        stored.consider(batch, -step);
      }
    }
    uint8_t codes[Lanes * 32];
    writeCodes<Grid>(batch, stored.best, codes);
    Numbers d(stored.best * batch.unit);
    for (int i = 0; i < Lanes; ++i, block += Bytes) {
      storeHalf(d[i], block);
      if constexpr (Bytes == 22)
        packBits<4>(codes + i * 32, block + 2);
      packNibbles<16>(codes + i * 32, block + Bytes - 16);
    }
  }
};
using Q4_0 = Scaled<Integers<-8, 7>, 18, 5.0f, 8.5f, 5, 12>;
using Q5_0 = Scaled<Integers<-16, 15>, 22, 11.0f, 16.5f, 5, 12>;
using Iq4Nl = Scaled<Iq4, 18, 80.0f, 134.0f, 7, 7>;

struct Q8_0 {
  static constexpr int Groups = 1, Size = 32, Bytes = 34;
  using Grid = Integers<-128, 127>;

  template <bool Weighted> LATHE_INLINE static void encode(const Batch<32> &batch, uint8_t *block) {
    // 127 is where others put the largest magnitude: what they wrote is written again without loss.
    Floats scale = searchFineScale<Grid, Weighted>(batch, {127.0f, 128.0f, 3});
    uint8_t codes[Lanes * 32];
    writeCodes<Grid>(batch, scale, codes);
    Numbers d(scale * batch.unit);
    for (int i = 0; i < Lanes; ++i, block += Bytes) {
      storeHalf(d[i], block);
      for (int j = 0; j < 32; ++j)
        block[2 + j] = codes[i * 32 + j] ^ 0x80;
    }
  }
};

/// f16 d, f16 m and codes from 0 to `Levels`: d * code + m.
template <int Levels, int Width> struct Shifted {
  static constexpr int Groups = 1, Size = 32, Bytes = Width;

  template <bool Weighted> LATHE_INLINE static void encode(const Batch<32> &batch, uint8_t *block) {
    Floats sumX = sumValues<Weighted>(batch);
    Affine best =
        searchAffine<Levels, Weighted>(batch, {Levels - 0.5f, Levels * 1.2f, Weighted ? 9 : 6}, sumX, Floats{}, 1);
    best = refineStoredAffine<Levels, Weighted>(batch, best, sumX, 3);
    uint8_t codes[Lanes * 32];
    writeAffineCodes<Levels>(batch, best, codes);
    Numbers d(best.scale * batch.unit), m(best.minimum * batch.unit);
    for (int i = 0; i < Lanes; ++i, block += Bytes) {
      storeHalf(d[i], block);
      storeHalf(-m[i], block + 2);
      if constexpr (Levels == 31)
        packBits<4>(codes + i * 32, block + 4);
      packNibbles<16>(codes + i * 32, block + Bytes - 16);
    }
  }
};
using Q4_1 = Shifted<15, 20>;
using Q5_1 = Shifted<31, 24>;

struct Mxfp4 {
  static constexpr int Groups = 1, Size = 32, Bytes = 17;
  template <bool Weighted> LATHE_INLINE static void encode(const Batch<32> &batch, uint8_t *block) {
    // Exponents are looked for around the one that takes the largest magnitude to [4, 8). Above 2^125 a code overflows.
    Ints unit = (bitsOf(batch.unit) >> 23) - 127, first = (bitsOf(batch.largest) >> 23) + unit - 3;
    Floats least = splat(__builtin_inff()), scale = {};
    Ints exponent = {};
    for (int step = 0; step < 3; ++step) {
      Ints tried = smallerInt(largerInt(first + step, Ints{}), splatInt(252));
      Floats d = fromBits((tried - unit) << 23);
      Floats error = sumScale<E2M1, Weighted, true>(batch, d, reciprocal(d)).error;
      Ints isBetter = error < least;
      scale = isBetter ? d : scale;
      exponent = isBetter ? tried : exponent;
      least = smaller(least, error);
    }
    uint8_t codes[Lanes * 32];
    writeCodes<E2M1>(batch, scale, codes);
    for (int i = 0; i < Lanes; ++i, block += Bytes) {
      block[0] = uint8_t(exponent[i]);
      packNibbles<16>(codes + i * 32, block + 1);
    }
  }
};

struct Nvfp4 {
  static constexpr int Groups = 4, Size = 16, Bytes = 36;

  /// The number of an unsigned E4M3, but its NaN.
  LATHE_INLINE static Floats decode(Ints code) {
    return code < 8 ? toFloats(code) * 0x1p-9f : fromBits((code << 20) + (120 << 23));
  }

  template <bool Weighted> LATHE_INLINE static void encode(const Batch<16> &batch, uint8_t *block) {
    // From the scale that takes the largest magnitude to 6 or a bit above, to what takes it to about 3.5.
    Floats wanted = smaller(batch.largest * batch.unit * (1.0f / 6), splat(448.0f));
    Ints first = wanted < 0x1p-6f ? toInts(wanted * 512.0f) : (bitsOf(wanted) >> 20) - (120 << 3);
    Floats least = splat(__builtin_inff()), scale = {};
    Ints best = {};
    for (int step = -1; step < 8; ++step) {
      Ints tried = smallerInt(largerInt(first + step, Ints{}), splatInt(0x7E));
      Floats d = decode(tried) * batch.inverseUnit;
      Floats error = sumScale<E2M1, Weighted, true>(batch, d, reciprocal(d)).error;
      Ints isBetter = error < least;
      scale = isBetter ? d : scale;
      best = isBetter ? tried : best;
      least = smaller(least, error);
    }
    uint8_t codes[Lanes * 16];
    writeCodes<E2M1>(batch, scale, codes);
    for (int i = 0; i < Lanes; ++i) {
      block[i / 4 * Bytes + i % 4] = uint8_t(best[i]);
      packNibbles<8>(codes + i * 16, block + i / 4 * Bytes + 4 + i % 4 * 8);
    }
  }
};

//===- Blocks of 256 ----------------------------------------------------------------------------------------------===//

struct Q2K {
  static constexpr int Groups = 16, Size = 16, Bytes = 84;
  template <bool Weighted> LATHE_INLINE static void encode(const Batch<16> &batch, uint8_t *block) {
    Floats sumX = sumValues<Weighted>(batch), sign = signOfMinima<Groups>(batch);
    Affine wanted = searchAffine<3, Weighted>(batch, {2.5f, 4.5f, 7}, sumX, sign, 1);
    AffineChoice best = searchAffineFactors<Groups, 3, 15, Weighted>(batch, wanted, sumX, sign, 3);
    uint8_t codes[256];
    writeAffineCodes<3>(batch, {best.unit.scale * best.factor.scale, best.unit.minimum * best.factor.minimum}, codes);
    Ints scales = toInts(best.factor.scale) | toInts(best.factor.minimum) << 4;
    for (int group = 0; group < 16; ++group)
      block[group] = uint8_t(scales[group]);
    for (int half = 0; half < 2; ++half)
      for (int i = 0; i < 32; ++i) {
        const uint8_t *field = codes + half * 128 + i;
        block[16 + half * 32 + i] = uint8_t(field[0] | field[32] << 2 | field[64] << 4 | field[96] << 6);
      }
    storeHalf(best.unit.scale[0] * batch.unit[0], block + 80);
    storeHalf(best.unit.minimum[0] * batch.unit[0], block + 82);
  }
};

struct Q3K {
  static constexpr int Groups = 16, Size = 16, Bytes = 110;
  using Grid = Integers<-4, 3>;
  template <bool Weighted> LATHE_INLINE static void encode(const Batch<16> &batch, uint8_t *block) {
    Floats wanted = searchScale<Grid, Weighted>(batch, {2.0f, 4.4f, Weighted ? 12 : 10});
    ScaleChoice best =
        searchFactors<Grid, Groups, -32, 31, Weighted ? 16 : 1, Weighted>(batch, wanted, Weighted ? 1 : 2, 2);
    uint8_t codes[256];
    writeCodes<Grid>(batch, best.unit * best.factor, codes);
    for (int i = 0; i < 32; ++i) {
      int bits = 0;
      for (int field = 0; field < 8; ++field)
        bits |= (codes[field * 32 + i] >> 2) << field;
      block[i] = uint8_t(bits);
    }
    for (int half = 0; half < 2; ++half)
      for (int i = 0; i < 32; ++i) {
        const uint8_t *field = codes + half * 128 + i;
        block[32 + half * 32 + i] =
            uint8_t((field[0] & 3) | (field[32] & 3) << 2 | (field[64] & 3) << 4 | (field[96] & 3) << 6);
      }
    Ints scales = toInts(best.factor) + 32;
    for (int i = 0; i < 8; ++i)
      block[96 + i] = uint8_t((scales[i] & 15) | (scales[i + 8] & 15) << 4);
    for (int i = 0; i < 4; ++i)
      block[104 + i] =
          uint8_t(scales[i] >> 4 | scales[i + 4] >> 4 << 2 | scales[i + 8] >> 4 << 4 | scales[i + 12] >> 4 << 6);
    storeHalf(best.unit[0] * batch.unit[0], block + 108);
  }
};

/// Six-bit scales and minima of eight groups in 12 bytes.
LATHE_INLINE void packScales(const Ints &scales, const Ints &minima, int first, uint8_t *packed) {
  for (int i = 0; i < 4; ++i) {
    int scale = scales[first + i + 4], minimum = minima[first + i + 4];
    packed[i] = uint8_t(scales[first + i] | scale >> 4 << 6);
    packed[i + 4] = uint8_t(minima[first + i] | minimum >> 4 << 6);
    packed[i + 8] = uint8_t((scale & 15) | (minimum & 15) << 4);
  }
}

template <int Levels, int Width> struct AffineK {
  static constexpr int Groups = 8, Size = 32, Bytes = Width;
  template <bool Weighted> LATHE_INLINE static void encode(const Batch<32> &batch, uint8_t *block) {
    Floats sumX = sumValues<Weighted>(batch), sign = signOfMinima<Groups>(batch);
    Affine wanted = searchAffine<Levels, Weighted>(batch, {Levels - 0.5f, Levels * 1.2f, 8}, sumX, sign, 1);
    AffineChoice best = searchAffineFactors<Groups, Levels, 63, Weighted>(batch, wanted, sumX, sign, 2);
    uint8_t all[Lanes * 32];
    writeAffineCodes<Levels>(batch, {best.unit.scale * best.factor.scale, best.unit.minimum * best.factor.minimum},
                             all);
    Ints scales = toInts(best.factor.scale), minima = toInts(best.factor.minimum);
    for (int first = 0; first < Lanes; first += Groups, block += Bytes) {
      storeHalf(best.unit.scale[first] * batch.unit[first], block);
      storeHalf(best.unit.minimum[first] * batch.unit[first], block + 2);
      packScales(scales, minima, first, block + 4);
      const uint8_t *codes = all + first * 32;
      if constexpr (Levels == 31)
        for (int i = 0; i < 32; ++i) {
          int bits = 0;
          for (int group = 0; group < 8; ++group)
            bits |= (codes[group * 32 + i] >> 4) << group;
          block[16 + i] = uint8_t(bits);
        }
      for (int pair = 0; pair < 4; ++pair)
        packNibbles<32>(codes + pair * 64, block + Bytes - 128 + pair * 32);
    }
  }
};
using Q4K = AffineK<15, 144>;
using Q5K = AffineK<31, 176>;

struct Q6K {
  static constexpr int Groups = 16, Size = 16, Bytes = 210;
  using Grid = Integers<-32, 31>;
  template <bool Weighted> LATHE_INLINE static void encode(const Batch<16> &batch, uint8_t *block) {
    Floats wanted = searchScale<Grid, Weighted>(batch, {27.0f, 32.5f, 10});
    ScaleChoice best = searchFactors<Grid, Groups, -128, 127, 1, Weighted>(batch, wanted, 1, 2);
    uint8_t codes[256];
    writeCodes<Grid>(batch, best.unit * best.factor, codes);
    for (int half = 0; half < 2; ++half) {
      const uint8_t *field = codes + half * 128;
      for (int i = 0; i < 64; ++i)
        block[half * 64 + i] = uint8_t((field[i] & 15) | (field[i + 64] & 15) << 4);
      for (int i = 0; i < 32; ++i)
        block[128 + half * 32 + i] =
            uint8_t(field[i] >> 4 | field[i + 32] >> 4 << 2 | field[i + 64] >> 4 << 4 | field[i + 96] >> 4 << 6);
    }
    Ints scales = toInts(best.factor);
    for (int group = 0; group < 16; ++group)
      block[192 + group] = uint8_t(scales[group]);
    storeHalf(best.unit[0] * batch.unit[0], block + 208);
  }
};

struct Iq4Xs {
  static constexpr int Groups = 8, Size = 32, Bytes = 136;
  template <bool Weighted> LATHE_INLINE static void encode(const Batch<32> &batch, uint8_t *block) {
    Floats wanted = searchScale<Iq4, Weighted>(batch, {80.0f, 134.0f, 7});
    ScaleChoice best = searchFactors<Iq4, Groups, -32, 31, 1, Weighted>(batch, wanted, 1, 2);
    uint8_t codes[Lanes * 32];
    writeCodes<Iq4>(batch, best.unit * best.factor, codes);
    Ints scales = toInts(best.factor) + 32;
    for (int first = 0; first < Lanes; first += Groups, block += Bytes) {
      storeHalf(best.unit[first] * batch.unit[first], block);
      uint16_t high = 0;
      for (int i = 0; i < 8; ++i)
        high = uint16_t(high | scales[first + i] >> 4 << (2 * i));
      __builtin_memcpy(block + 2, &high, 2);
      for (int i = 0; i < 4; ++i)
        block[4 + i] = uint8_t((scales[first + 2 * i] & 15) | (scales[first + 2 * i + 1] & 15) << 4);
      for (int i = 0; i < 8; ++i)
        packNibbles<16>(codes + (first + i) * 32, block + 8 + i * 16);
    }
  }
};

//===- All blocks -------------------------------------------------------------------------------------------------===//

template <class Format, bool Weighted> void encodeBatch(const float *values, const float *importance, uint8_t *blocks) {
  Batch<Format::Size> batch;
  loadBatch<Format::Groups, Weighted>(values, importance, batch);
  Format::template encode<Weighted>(batch, blocks);
}

template <class Format, bool Weighted>
void encodeAll(const float *values, int64_t count, const float *importance, uint8_t *blocks) {
  constexpr int Step = Lanes * Format::Size, BlockBytes = Lanes / Format::Groups * Format::Bytes;
  int64_t i = 0;
  for (; i + Step <= count; i += Step, blocks += BlockBytes)
    encodeBatch<Format, Weighted>(values + i, Weighted ? importance + i : nullptr, blocks);
  if (i == count)
    return;
  // The last ones, among groups of zeros.
  float lastValues[Step] = {}, lastImportance[Step] = {};
  uint8_t lastBlocks[BlockBytes];
  __builtin_memcpy(lastValues, values + i, (count - i) * sizeof(float));
  if constexpr (Weighted)
    __builtin_memcpy(lastImportance, importance + i, (count - i) * sizeof(float));
  encodeBatch<Format, Weighted>(lastValues, lastImportance, lastBlocks);
  __builtin_memcpy(blocks, lastBlocks, (count - i) / (Format::Size * Format::Groups) * Format::Bytes);
}

template <class Format>
void encodeFormat(const float *values, int64_t count, const float *importance, uint8_t *blocks) {
  if (importance)
    encodeAll<Format, true>(values, count, importance, blocks);
  else
    encodeAll<Format, false>(values, count, nullptr, blocks);
}

} // namespace

void quantizeBlocks(uint32_t id, const float *values, int64_t count, const float *importance, uint8_t *blocks) {
  switch (id) {
  case 2:
    return encodeFormat<Q4_0>(values, count, importance, blocks);
  case 3:
    return encodeFormat<Q4_1>(values, count, importance, blocks);
  case 6:
    return encodeFormat<Q5_0>(values, count, importance, blocks);
  case 7:
    return encodeFormat<Q5_1>(values, count, importance, blocks);
  case 8:
    return encodeFormat<Q8_0>(values, count, importance, blocks);
  case 10:
    return encodeFormat<Q2K>(values, count, importance, blocks);
  case 11:
    return encodeFormat<Q3K>(values, count, importance, blocks);
  case 12:
    return encodeFormat<Q4K>(values, count, importance, blocks);
  case 13:
    return encodeFormat<Q5K>(values, count, importance, blocks);
  case 14:
    return encodeFormat<Q6K>(values, count, importance, blocks);
  case 20:
    return encodeFormat<Iq4Nl>(values, count, importance, blocks);
  case 23:
    return encodeFormat<Iq4Xs>(values, count, importance, blocks);
  case 39:
    return encodeFormat<Mxfp4>(values, count, importance, blocks);
  case 40:
    return encodeFormat<Nvfp4>(values, count, importance, blocks);
  }
}

} // namespace lathe::gguf::LATHE_LEVEL
