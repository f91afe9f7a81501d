// Writes this step's keys and values into the pages: for token t with slot s = Slots[t] >= 0, head h,
//   K(page s / 16)[h, s % 16, :] = k[t, h, :],  V(page s / 16)[h, s % 16, :] = v[t, h, :].
// A slot of -1 writes nothing. Pages are laid out as paged_attention.cuh says.
//
//   AppendKv<Input, State, Shape>
//
// K [Tokens, KvHeads, KeyWidth] with LdK elements between tokens, V [Tokens, KvHeads, ValueWidth] with LdV.
// No two tokens of a step share a slot. Values are rounded to State.
// Grid: Tokens. Block: 128. Shared: 0.
#ifndef LATHE_KERNELS_APPEND_KV_CUH
#define LATHE_KERNELS_APPEND_KV_CUH

#include "paged_attention.cuh"

namespace lathe::kernels {

template <FloatElement Input, FloatElement State, class Shape> struct AppendKv {
  static constexpr int Threads = 128, MinBlocks = 4, SharedBytes = 0;
  struct Params {
    const Input *K, *V;
    State *Pool;
    const int32_t *Slots;
    int64_t Tokens, LdK, LdV, PageElements, LayerOffset;
  };

  static __host__ __device__ int64_t tiles(const Params &p) { return p.Tokens; }

  template <int Width> static __device__ void copy(State *target, const Input *source) {
    constexpr int E = RowChunks<State, Width>::Elements, Count = Width / E;
    for (int i = threadIdx.x; i < Shape::KvHeads * Count; i += Threads) {
      int head = i / Count, chunk = i % Count;
      float x[E];
      loadVector(source + head * Width, chunk * E, x);
      storeVector(target + head * PageTokens * Width, chunk * E, x);
    }
  }

  static __device__ void run(const Params &p, int64_t token, char *, const NoBody &) {
    int64_t slot = p.Slots[token];
    if (slot < 0)
      return;
    int64_t offset = slot % PageTokens;
    State *layer = p.Pool + slot / PageTokens * p.PageElements + p.LayerOffset;
    copy<Shape::KeyWidth>(layer + offset * Shape::KeyWidth, p.K + token * p.LdK);
    copy<Shape::ValueWidth>(layer + Shape::KvHeads * PageTokens * Shape::KeyWidth + offset * Shape::ValueWidth,
                            p.V + token * p.LdV);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_APPEND_KV_CUH
