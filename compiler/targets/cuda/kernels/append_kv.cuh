// Writes this step's keys and values into the pages: for token t with slot s = Slots[t] >= 0, head h,
//   K(page s / 16)[h, s % 16, :] = k[t, h, :],  V(page s / 16)[h, s % 16, :] = v[t, h, :].
// A slot of -1 writes nothing. Pages are laid out as paged_attention.cuh says.
//
//   AppendKv<Input, State, Shape>
//   AppendRotatedKv<Input, State, Shape, Pairing, Early>   keys are turned on the way, as rope.cuh turns a token's
//                                                          heads
//
// K [Tokens, KvHeads, KeyWidth] with LdK elements between tokens, V [Tokens, KvHeads, ValueWidth] with LdV.
// No two tokens of a step share a slot. Values are rounded to State, one of pages.cuh; those of a block of q8_0 share a
// scale.
// Grid: Tokens. Block: 128; AppendRotatedKv 256. Shared: 0; AppendRotatedKv SharedBytes, and the limits of rope.cuh.
#ifndef LATHE_KERNELS_APPEND_KV_CUH
#define LATHE_KERNELS_APPEND_KV_CUH

#include "paged_attention.cuh"
#include "rope.cuh"

namespace lathe::kernels {

/// Heads of `Width` elements into their places in a page, where `element(head, i)` says what they are: a warp a block.
template <int KvHeads, int Width, int Threads, class Element>
__device__ inline void appendBlocks(Q8Block *target, const Element &element) {
  constexpr int Blocks = Width / 32;
  static_assert(Width % 32 == 0, "a head must be whole blocks of 32");
  for (int i = threadIdx.x / 32; i < KvHeads * Blocks; i += Threads / 32) {
    int head = i / Blocks, block = i % Blocks;
    storeQ8(target[head * PageTokens * Blocks + block], element(head, block * 32 + int(threadIdx.x % 32)));
  }
}

/// Heads of `Width` elements into their places in a page, by `Threads` threads.
template <int KvHeads, int Width, int Threads, class State, class Input>
__device__ inline void appendHeads(State *target, const Input *source) {
  if constexpr (IsSame<State, Q8Block>) {
    appendBlocks<KvHeads, Width, Threads>(target, [&](int head, int i) { return toValue(source[head * Width + i]); });
    return;
  } else {
    constexpr int E = RowChunks<State, Width>::Elements, Count = Width / E;
    for (int i = threadIdx.x; i < KvHeads * Count; i += Threads) {
      int head = i / Count, chunk = i % Count;
      float x[E];
      loadVector(source + head * Width, chunk * E, x);
      storeVector(target + head * PageTokens * Width, chunk * E, x);
    }
  }
}

template <FloatElement Input, PageElement State, class Shape> struct AppendKv {
  static constexpr int Threads = 128, MinBlocks = 4, SharedBytes = 0;
  struct Params {
    const Input *K, *V;
    State *Pool;
    const int32_t *Slots;
    int64_t Tokens, LdK, LdV, PageElements, LayerOffset;
  };

  static __host__ __device__ int64_t tiles(const Params &p) { return p.Tokens; }

  static __device__ void run(const Params &p, int64_t token, char *, const NoBody &) {
    int64_t slot = p.Slots[token];
    if (slot < 0)
      return;
    int64_t offset = slot % PageTokens;
    State *layer = elementsAfter(p.Pool, slot / PageTokens * p.PageElements + p.LayerOffset);
    appendHeads<Shape::KvHeads, Shape::KeyWidth, Threads>(elementsAfter(layer, offset * Shape::KeyWidth),
                                                          p.K + token * p.LdK);
    appendHeads<Shape::KvHeads, Shape::ValueWidth, Threads>(
        elementsAfter(layer, Shape::KvHeads * PageTokens * Shape::KeyWidth + offset * Shape::ValueWidth),
        p.V + token * p.LdV);
  }
};

template <FloatElement Input, PageElement State, class Shape, Pairing Pairs, bool Early = false>
struct AppendRotatedKv {
  using Rotation = Rope<Input, float, Pairs>;
  static constexpr bool WaitsItself = Early;
  static constexpr int Threads = Rotation::Threads, MinBlocks = 4, SharedBytes = Rotation::SharedBytes;
  struct Params {
    const Input *K, *V;
    State *Pool;
    const int32_t *Slots;
    const int32_t *Positions;
    const float *Factors;
    int64_t Tokens, Dims, LdK, LdV, PageElements, LayerOffset, PositionStride;
    float Base, PositionScale, Magnitude;
  };

  static __host__ __device__ int64_t tiles(const Params &p) { return p.Tokens; }

  /// Element i of a key after the rotation of its first `dims`.
  static __device__ float turnedElement(const Input *key, int i, int dims, const float *cosines, const float *sines) {
    float own = toValue(key[i]);
    if (i >= dims)
      return own;
    int pairs = dims / 2, pair = Pairs == Pairing::Adjacent ? i / 2 : i % pairs;
    bool first = Pairs == Pairing::Adjacent ? i % 2 == 0 : i < pairs;
    int distance = Pairs == Pairing::Adjacent ? 1 : pairs;
    float other = toValue(key[first ? i + distance : i - distance]);
    return first ? own * cosines[pair] - other * sines[pair] : own * cosines[pair] + other * sines[pair];
  }

  static __device__ void run(const Params &p, int64_t token, char *smem, const NoBody &) {
    constexpr int Width = Shape::KeyWidth;
    int pairs = int(p.Dims / 2), rest = Width - int(p.Dims);
    float *cosines = reinterpret_cast<float *>(smem), *sines = cosines + pairs;
    // 1. One angle a pair, and values.
    if constexpr (Early)
      startNext();
    fillAngles<Threads>(p, token, cosines, sines);
    if constexpr (Early)
      waitForPrevious();
    int64_t slot = p.Slots[token];
    if (slot < 0)
      return;
    int64_t offset = slot % PageTokens;
    State *layer = elementsAfter(p.Pool, slot / PageTokens * p.PageElements + p.LayerOffset);
    appendHeads<Shape::KvHeads, Shape::ValueWidth, Threads>(
        elementsAfter(layer, Shape::KvHeads * PageTokens * Width + offset * Shape::ValueWidth), p.V + token * p.LdV);
    __syncthreads();
    // 2. Keys: pairs, then what is not turned.
    const Input *keys = p.K + token * p.LdK;
    if constexpr (IsSame<State, Q8Block>) {
      appendBlocks<Shape::KvHeads, Width, Threads>(elementsAfter(layer, offset * Width), [&](int head, int i) {
        return turnedElement(keys + head * Width, i, int(p.Dims), cosines, sines);
      });
      return;
    } else {
      turnPairs<Pairs, Threads>(keys, Width, Shape::KvHeads, pairs, cosines, sines,
                                [&](int64_t head, int i, float a, float b) {
                                  State *out = layer + (head * PageTokens + offset) * Width;
                                  out[Pairs == Pairing::Adjacent ? 2 * i : i] = fromValue<State>(a);
                                  out[Pairs == Pairing::Adjacent ? 2 * i + 1 : i + pairs] = fromValue<State>(b);
                                });
      for (int id = threadIdx.x; id < Shape::KvHeads * rest; id += Threads) {
        int head = id / rest, at = int(p.Dims) + id % rest;
        layer[(head * PageTokens + offset) * Width + at] = fromValue<State>(toValue(keys[head * Width + at]));
      }
    }
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_APPEND_KV_CUH
