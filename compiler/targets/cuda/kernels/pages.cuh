// What pages of keys and values hold, and how kernels read and write their rows: elements of f32, f16, bf16 or
// f8E4M3FN, or GGUF's blocks of q8_0, 32 elements each. A row, one head's key or value, is whole blocks.
//
// Places are told in elements whatever the blocks are: `elementsAfter` goes on from a place at the start of a block.
#ifndef LATHE_KERNELS_PAGES_CUH
#define LATHE_KERNELS_PAGES_CUH

#include "tiles.cuh"

namespace lathe::kernels {

/// A block of q8_0: 32 elements of value Scale * Codes[i], the scale in f16.
struct Q8Block {
  uint16_t Scale;
  int8_t Codes[32];
};

/// What pages may hold.
template <class T>
concept PageElement = FloatElement<T> || IsSame<T, Float8> || IsSame<T, Q8Block>;

template <class State> inline constexpr int BlockElements = 1;
template <> inline constexpr int BlockElements<Q8Block> = 32;

/// The place `elements` further; both are at the start of a block.
template <class State> __host__ __device__ inline State *elementsAfter(State *place, int64_t elements) {
  using Element = RemoveConst<State>;
  if constexpr (BlockElements<Element> == 1)
    return place + elements;
  else
    return place + elements / BlockElements<Element>;
}

/// Elements first .. first + N - 1 of a row, which lie within a block.
template <class State, int N> __device__ inline void loadRow(const State *row, int first, float (&x)[N]) {
  if constexpr (IsSame<State, Q8Block>) {
    const Q8Block &block = row[first / 32];
    float scale = halfToFloat(block.Scale);
#pragma unroll
    for (int i = 0; i < N; ++i)
      x[i] = scale * float(block.Codes[first % 32 + i]);
  } else {
    loadVector(row, first, x);
  }
}

/// The 16-bit type of the products that read pages: that of the pages, else of the queries; f16 holds every f8E4M3FN.
template <class Query, class State> struct ProductElementOf {
  using Type = Query;
};
template <class Query, HalfElement State> struct ProductElementOf<Query, State> {
  using Type = State;
};
template <> struct ProductElementOf<float, Float8> {
  using Type = Half;
};
template <class Query, class State> using ProductElement = typename ProductElementOf<Query, State>::Type;

/// Two f16 as two neighbouring elements of another 16-bit type.
template <HalfElement Element> __device__ inline uint32_t convertHalfPair(uint32_t pair) {
  if constexpr (IsSame<Element, Half>)
    return pair;
  else
    return packPair<Element>(halfToFloat(uint16_t(pair)), halfToFloat(uint16_t(pair >> 16)));
}

/// N neighbours of a row as they lie in memory, N a power of two up to 8: loaded now, and turned into pairs of a 16-bit
/// type when they are needed. `load` is from global memory, `take` from shared memory.
template <class State, int N> struct Neighbours {
  static_assert(HalfElement<State>, "pages of f32 have no products in 16 bits");
  uint32_t Words[N / 2];

  __device__ void load(const State *row, int first) {
    if constexpr (N == 8) {
      uint4 x = loadStreaming16(row + first);
      Words[0] = x.x, Words[1] = x.y, Words[2] = x.z, Words[3] = x.w;
    } else if constexpr (N == 4) {
      uint2 x = *reinterpret_cast<const uint2 *>(row + first);
      Words[0] = x.x, Words[1] = x.y;
    } else {
      Words[0] = *reinterpret_cast<const uint32_t *>(row + first);
    }
  }
  __device__ void take(const State *row, int first) {
    if constexpr (N == 8) {
      uint4 x = *reinterpret_cast<const uint4 *>(row + first);
      Words[0] = x.x, Words[1] = x.y, Words[2] = x.z, Words[3] = x.w;
    } else {
      load(row, first);
    }
  }
  template <HalfElement Element> __device__ void unpack(uint32_t *pairs) const {
    static_assert(IsSame<Element, State>, "pages of 16 bits are read as they are");
#pragma unroll
    for (int i = 0; i < N / 2; ++i)
      pairs[i] = Words[i];
  }
  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < N / 2; ++i)
      Words[i] = 0;
  }
};

template <int N> struct Neighbours<Float8, N> {
  static constexpr int Count = (N + 3) / 4;
  uint32_t Words[Count];

  __device__ void load(const Float8 *row, int first) {
    if constexpr (N == 8) {
      uint2 x = *reinterpret_cast<const uint2 *>(row + first);
      Words[0] = x.x, Words[1] = x.y;
    } else if constexpr (N == 4) {
      Words[0] = *reinterpret_cast<const uint32_t *>(row + first);
    } else {
      Words[0] = *reinterpret_cast<const uint16_t *>(row + first);
    }
  }
  __device__ void take(const Float8 *row, int first) { load(row, first); }
  template <HalfElement Element> __device__ void unpack(uint32_t *pairs) const {
#pragma unroll
    for (int i = 0; i < N / 2; ++i)
      pairs[i] = convertHalfPair<Element>(widenFloat8(uint16_t(Words[i / 2] >> i % 2 * 16)));
  }
  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < Count; ++i)
      Words[i] = 0;
  }
};

/// The first or last two of four codes of q8_0, exact.
template <HalfElement Element> __device__ inline uint32_t widenCodes(uint32_t codes, int second) {
  if constexpr (IsSame<Element, Half>) {
    // 0x6400 + u is 1024 + u in f16; u is the code + 128.
    return subtractPairs(selectBytes(codes ^ 0x80808080u, 0x64646464u, second ? 0x4342 : 0x4140), 0x64806480u);
  } else {
    // 0x4300 + u is 128 + u in bf16, u the low seven bits, from which 256 is too much where the code is negative.
    uint32_t wide = selectBytes(codes, 0x43434343u, second ? 0x4342 : 0x4140);
    return subtractBFloat16Pairs(wide & 0xff7fff7fu, (wide & 0x00800080u) | 0x43004300u);
  }
}

/// Codes in f16 times scales in f16, rounded once.
template <HalfElement Element> __device__ inline uint32_t scaleCodes(uint32_t codes, uint32_t scales) {
  if constexpr (IsSame<Element, Half>)
    return multiplyPairs(codes, scales);
  else
    return packPair<Element>(halfToFloat(uint16_t(codes)) * halfToFloat(uint16_t(scales)),
                             halfToFloat(uint16_t(codes >> 16)) * halfToFloat(uint16_t(scales >> 16)));
}

template <int N> struct Neighbours<Q8Block, N> {
  static constexpr int Count = (N + 3) / 4;
  uint32_t Words[Count]; ///< four codes each
  uint16_t Scale;

  __device__ void load(const Q8Block *row, int first) {
    const Q8Block &block = row[first / 32];
    Scale = block.Scale;
    // Codes are aligned to two bytes alone.
    const uint16_t *codes = reinterpret_cast<const uint16_t *>(block.Codes + first % 32);
#pragma unroll
    for (int i = 0; i < Count; ++i)
      Words[i] = codes[i * 2] | (N > 2 ? uint32_t(codes[i * 2 + (N > 2)]) << 16 : 0);
  }
  __device__ void take(const Q8Block *row, int first) { load(row, first); }
  /// Codes are exact in both types; code times scale is rounded once.
  template <HalfElement Element> __device__ void unpack(uint32_t *pairs) const {
#pragma unroll
    for (int i = 0; i < N / 2; ++i)
      pairs[i] = scaleCodes<Element>(widenCodes<Half>(Words[i / 2], i % 2), Scale * 0x10001u);
  }
  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < Count; ++i)
      Words[i] = 0;
    Scale = 0;
  }
};

/// Element `lane` of a block of q8_0 from a value in each lane of a warp: d, in f16, is the largest magnitude / 127,
/// each code the nearest integer, ties to even, of value / d. A value that is not finite, or a d that f16 cannot hold,
/// makes all of the block NaN.
__device__ inline void storeQ8(Q8Block &block, float value) {
  constexpr float Shift = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer
  int lane = threadIdx.x % 32;
  float largest = value < 0 ? -value : value;
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    float other = __shfl_xor_sync(0xffffffffu, largest, distance);
    largest = other > largest ? other : largest;
  }
  uint16_t stored = floatToHalf(largest / 127.0f + sumLanes(value * 0.0f));
  float scale = halfToFloat(stored);
  bool usable = scale > 0.0f && scale <= 65504.0f;
  float code = usable ? value * (1.0f / scale) : 0.0f;
  code = code < -127.0f ? -127.0f : code > 127.0f ? 127.0f : code;
  code = code + Shift;
  code = code - Shift;
  block.Codes[lane] = int8_t(code);
  if (lane == 0)
    block.Scale = usable || scale == 0.0f ? stored : uint16_t(0x7e00);
}

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PAGES_CUH
