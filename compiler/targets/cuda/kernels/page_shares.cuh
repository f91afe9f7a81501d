// What a lane holds of a position's key and value while tensor cores multiply them: words as they lie in memory, turned
// into pairs of 16-bit numbers when they are needed. Lane 4g+t is that of mma: of keys, whose rows are positions, it
// holds the dimensions of t; of values, whose rows are dimensions, those of g.
//
//   KeyShare<State, Width, Before, Ringed>    Before: of the first dimensions, which lie at the front of the value
//   ValueShare<State, Width, Ringed>
//
// `dimension(word, lane)` is the first of the two neighbours of a word. `load` is from global memory, `take` from
// shared memory. Ringed shares lie in shared memory only, in rows without gaps: there lanes take words in an order that
// spreads them over the banks, and q8_0, whose blocks have 34 bytes, comes in words of four bytes, two blocks together.
#ifndef LATHE_KERNELS_PAGE_SHARES_CUH
#define LATHE_KERNELS_PAGE_SHARES_CUH

#include "pages.cuh"

namespace lathe::kernels {

/// Takes neighbours of a row from `first` on and `distance` further; the latter first where `swaps`.
template <class State>
__device__ inline void takeSwapped(Neighbours<State, 8> &low, Neighbours<State, 8> &high, const State *row, int first,
                                   int distance, bool swaps) {
  constexpr int Words = sizeof(low.Words) / sizeof(uint32_t);
  Neighbours<State, 8> one, other;
  one.take(row, swaps ? first + distance : first);
  other.take(row, swaps ? first : first + distance);
#pragma unroll
  for (int i = 0; i < Words; ++i) {
    low.Words[i] = swaps ? other.Words[i] : one.Words[i];
    high.Words[i] = swaps ? one.Words[i] : other.Words[i];
  }
}

/// Of each 32 dimensions eight neighbours, of the last 16 four.
template <class State, int Width, int Before, bool Ringed> struct KeyShare {
  static constexpr int Wide = Width / 32, Words = Width / 8;
  static constexpr int StepsOfScale = 0; ///< products of 16 dimensions that share a scale; 0: words are scaled
  /// Of 16-bit elements 8 rows lie in the same banks, and rows g, g + 1 meet: every other one takes neighbours first.
  static constexpr bool Swaps = Ringed && HalfElement<State> && Wide % 2 == 0;
  /// Of f8E4M3FN a lane takes sixteen neighbours at once, for the same reason first those of one or the other half.
  static constexpr bool Wider = Ringed && IsSame<State, Float8> && Width % 128 == 0;
  Neighbours<State, 8> Eights[Wide ? Wide : 1];
  Neighbours<State, 4> Four;

  static __device__ int dimension(int word, int t) {
    if constexpr (Wider)
      return word / 8 * 64 + t * 16 + word % 8 * 2;
    return word < Wide * 4 ? word / 4 * 32 + t * 8 + word % 4 * 2 : Wide * 32 + t * 4 + (word - Wide * 4) * 2;
  }
  /// `value` is the position's value where keys begin with it, as `row` then goes on.
  __device__ void load(const State *row, const State *value) {
    int t = threadIdx.x % 4;
#pragma unroll
    for (int j = 0; j < Wide; ++j) {
      int d = j * 32 + t * 8;
      Eights[j].load(d < Before ? value : row, d < Before ? d : d - Before);
    }
    if constexpr (Width % 32 != 0)
      Four.load(row, Wide * 32 + t * 4 - Before);
  }
  __device__ void take(const State *row) {
    int t = threadIdx.x % 4;
    if constexpr (Wider) {
      bool swaps = threadIdx.x / 4 % 2 != 0;
#pragma unroll
      for (int j = 0; j < Wide; j += 4) {
        const State *one = row + j * 32 + t * 16;
        uint4 low = *reinterpret_cast<const uint4 *>(swaps ? one + 64 : one);
        uint4 high = *reinterpret_cast<const uint4 *>(swaps ? one : one + 64);
        const uint32_t words[2][4] = {{low.x, low.y, low.z, low.w}, {high.x, high.y, high.z, high.w}};
#pragma unroll
        for (int i = 0; i < 8; ++i)
          Eights[j + i / 2].Words[i % 2] = swaps ? words[1 - i / 4][i % 4] : words[i / 4][i % 4];
      }
    } else if constexpr (Swaps) {
#pragma unroll
      for (int j = 0; j < Wide; j += 2)
        takeSwapped(Eights[j], Eights[j + 1], row, j * 32 + t * 8, 32, threadIdx.x / 4 % 2 != 0);
    } else {
#pragma unroll
      for (int j = 0; j < Wide; ++j)
        Eights[j].take(row, j * 32 + t * 8);
    }
    if constexpr (Width % 32 != 0)
      Four.take(row, Wide * 32 + t * 4);
  }
  template <HalfElement Element> __device__ void unpack(uint32_t (&words)[Words]) const {
#pragma unroll
    for (int j = 0; j < Wide; ++j)
      Eights[j].template unpack<Element>(words + j * 4);
    if constexpr (Width % 32 != 0)
      Four.template unpack<Element>(words + Wide * 4);
  }
  __device__ float scale(int) const { return 1; }
};

/// Of each 64 dimensions eight neighbours, or of each 128 sixteen where `Pairs`; of the last 32 four, of the last 16
/// two.
template <class State, int Width, bool Ringed> struct ValueShare {
  static constexpr int Wide = Width / 64;
  /// Rows lie in the same banks, so lanes of the same g do: one half of them takes one half of sixteen neighbours
  /// first.
  static constexpr bool Pairs = Ringed && Wide % 2 == 0 && !IsSame<State, Q8Block>;
  Neighbours<State, 8> Eights[Wide ? Wide : 1];
  Neighbours<State, 4> Four;
  Neighbours<State, 2> Two;

  static __device__ int dimension(int word, int g) {
    constexpr int Eight = Wide * 4, Middle = Width % 64 / 32 * 2;
    if (word < Eight && Pairs)
      return word / 8 * 128 + g * 16 + word % 8 * 2;
    if (word < Eight)
      return word / 4 * 64 + g * 8 + word % 4 * 2;
    if (word < Eight + Middle)
      return Eight * 16 + g * 4 + (word - Eight) * 2;
    return (Eight + Middle) * 16 + g * 2;
  }
  __device__ void load(const State *row) {
    static_assert(!Ringed);
    int g = threadIdx.x % 32 / 4;
#pragma unroll
    for (int j = 0; j < Wide; ++j)
      Eights[j].load(row, j * 64 + g * 8);
    if constexpr (Width % 64 >= 32)
      Four.load(row, Wide * 64 + g * 4);
    if constexpr (Width % 32 != 0)
      Two.load(row, Width / 32 * 32 + g * 2);
  }
  __device__ void take(const State *row) {
    int g = threadIdx.x % 32 / 4;
    if constexpr (Pairs) {
#pragma unroll
      for (int j = 0; j < Wide; j += 2)
        takeSwapped(Eights[j], Eights[j + 1], row, j * 64 + g * 16, 8, threadIdx.x % 2 != 0);
    } else {
#pragma unroll
      for (int j = 0; j < Wide; ++j)
        Eights[j].take(row, j * 64 + g * 8);
    }
    if constexpr (Width % 64 >= 32)
      Four.take(row, Wide * 64 + g * 4);
    if constexpr (Width % 32 != 0)
      Two.take(row, Width / 32 * 32 + g * 2);
  }
  /// Those of words First .. First + 3, or of all that are left.
  template <HalfElement Element, int First> __device__ void unpack(uint32_t (&words)[4]) const {
    if constexpr (First / 4 < Wide) {
      Eights[First / 4].template unpack<Element>(words);
    } else {
      if constexpr (Width % 64 >= 32)
        Four.template unpack<Element>(words);
      if constexpr (Width % 32 != 0)
        Two.template unpack<Element>(words + Width % 64 / 32 * 2);
    }
  }
  __device__ void clear() {
#pragma unroll
    for (int j = 0; j < Wide; ++j)
      Eights[j].clear();
    if constexpr (Width % 64 >= 32)
      Four.clear();
    if constexpr (Width % 32 != 0)
      Two.clear();
  }
};

/// Two blocks of q8_0 are 17 words: one with the first scale and two codes, seven with four codes, one with two codes
/// and the other scale, eight with four codes.
struct BlockPair {
  const uint32_t *Words;
  uint32_t First, Middle; ///< words 0 and 8

  __device__ BlockPair(const Q8Block *row, int pair)
      : Words(reinterpret_cast<const uint32_t *>(row) + pair * 17), First(Words[0]), Middle(Words[8]) {}
  /// The codes of the first block that share words with scales.
  __device__ uint32_t edges() const { return selectBytes(First, Middle, 0x5432); }
  /// Four codes of the first block, i < 7 as they lie in memory, 7 the edges.
  __device__ uint32_t even(int i) const { return i < 7 ? Words[1 + i] : edges(); }
  __device__ uint32_t odd(int i) const { return Words[9 + i]; }
  /// Both scales.
  __device__ uint32_t scales() const { return selectBytes(First, Middle, 0x7610); }
  /// Of a block's four codes number i, code c: its place in the block.
  static __device__ int place(int block, int i, int c) {
    if (block % 2 != 0)
      return 4 * i + c;
    return i < 7 ? 2 + 4 * i + c : c < 2 ? c : 28 + c;
  }
};

/// Two times four codes of each block; products are of codes, sums are scaled.
template <int Width, int Before>
  requires(Width % 64 == 0)
struct KeyShare<Q8Block, Width, Before, true> {
  static constexpr int Blocks = Width / 32, Words = Width / 8, StepsOfScale = 2;
  uint32_t Codes[Blocks][2], Scales[Blocks / 2];

  static __device__ int dimension(int word, int t) {
    return word / 4 * 32 + BlockPair::place(word / 4, 2 * t + word % 4 / 2, word % 2 * 2);
  }
  __device__ void take(const Q8Block *row) {
    int t = threadIdx.x % 4;
#pragma unroll
    for (int pair = 0; pair < Blocks / 2; ++pair) {
      BlockPair both(row, pair);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        Codes[pair * 2][i] = both.even(2 * t + i);
        Codes[pair * 2 + 1][i] = both.odd(2 * t + i);
      }
      Scales[pair] = both.scales();
    }
  }
  template <HalfElement Element> __device__ void unpack(uint32_t (&words)[Words]) const {
#pragma unroll
    for (int word = 0; word < Words; ++word)
      words[word] = widenCodes<Element>(Codes[word / 4][word % 4 / 2], word % 2);
  }
  __device__ float scale(int block) const { return halfToFloat(uint16_t(Scales[block / 2] >> block % 2 * 16)); }
};

/// Four codes of each block.
template <int Width>
  requires(Width % 64 == 0)
struct ValueShare<Q8Block, Width, true> {
  static constexpr int Blocks = Width / 32;
  uint32_t Codes[Blocks], Scales[Blocks / 2];

  static __device__ int dimension(int word, int g) {
    return word / 2 * 32 + BlockPair::place(word / 2, g, word % 2 * 2);
  }
  __device__ void take(const Q8Block *row) {
    int g = threadIdx.x % 32 / 4;
#pragma unroll
    for (int pair = 0; pair < Blocks / 2; ++pair) {
      BlockPair both(row, pair);
      Codes[pair * 2] = both.even(g);
      Codes[pair * 2 + 1] = both.odd(g);
      Scales[pair] = both.scales();
    }
  }
  template <HalfElement Element, int First> __device__ void unpack(uint32_t (&words)[4]) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      int block = First / 2 + i / 2;
      uint32_t scales = Scales[block / 2];
      words[i] = scaleCodes<Element>(widenCodes<Half>(Codes[block], i % 2),
                                     selectBytes(scales, 0, block % 2 ? 0x3232 : 0x1010));
    }
  }
  __device__ void clear() {
#pragma unroll
    for (int block = 0; block < Blocks; ++block)
      Codes[block] = 0;
#pragma unroll
    for (int pair = 0; pair < Blocks / 2; ++pair)
      Scales[pair] = 0;
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PAGE_SHARES_CUH
