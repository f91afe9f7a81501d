// What decode attention does with the rows of its step before it attends to them. Its parameter `Fresh` is
//
//   Stored                                 nothing: queries are ready, keys and values are in the pages
//   Rotating<Input, Pairing, Dims, Rows>   turns queries and keys as rope.cuh says, and writes keys and values into the
//                                          pages as append_kv.cuh says; a step has at most Rows tokens
//
// Rotating: Q [Tokens, Heads, KeyWidth], K [Tokens, KvHeads, KeyWidth] and V [Tokens, KvHeads, ValueWidth] of type
// Input, with LdQ, LdK and LdV elements between tokens. A token's slot is -1 or where its sequence's block table says
// that its position is. Queries are rounded to Query, keys and values to State. Dims is a multiple of 16.
//
// Every block turns the rows that it needs for itself and takes them from shared memory in place of what pages hold
// there. So nobody waits for who writes them, and pages, to which no other kernel of the step writes, are fetched
// before the kernels before this one have ended.
#ifndef LATHE_KERNELS_FRESH_ROWS_CUH
#define LATHE_KERNELS_FRESH_ROWS_CUH

#include "paged_attention.cuh"
#include "rope.cuh"

namespace lathe::kernels {

template <FloatElement Query, PageElement State, FloatElement Output> struct PagedAttentionParams {
  const Query *Q;
  Output *Out;
  const State *Pool;
  const int32_t *RowOffsets, *Lengths, *BlockTables;
  const float *Sinks;
  int64_t Tokens, Sequences, Pages;
  int64_t LdQ, LdOut, PageElements, LayerOffset;
  float Scale, SoftCap; ///< SoftCap 0: none, else c * tanh(x / c)
  int64_t Window;       ///< 0: none
};

struct Stored {
  static constexpr bool Rotates = false;
  template <class Query, class State, class Output> using Params = PagedAttentionParams<Query, State, Output>;
  template <class Query, class State, class Shape, int Columns> static constexpr int Bytes = 0;
};

template <FloatElement Input, HalfElement State, FloatElement Output, int Dims_> struct RotatingAttentionParams {
  static constexpr int Dims = Dims_;
  const Input *Q;
  Output *Out;
  State *Pool;
  const int32_t *RowOffsets, *Lengths, *BlockTables;
  const float *Sinks;
  int64_t Tokens, Sequences, Pages;
  int64_t LdQ, LdOut, PageElements, LayerOffset;
  float Scale, SoftCap;
  int64_t Window;
  const Input *K, *V;
  const int32_t *Slots, *Positions;
  const float *Factors; ///< may be null, else [Dims / 2]
  int64_t LdK, LdV, PositionStride;
  float Base, PositionScale, Magnitude;
};

template <FloatElement Input_, Pairing Pairs_, int Dims_, int Rows_> struct Rotating {
  static_assert(Dims_ % 16 == 0, "the dimensions that are turned must be a multiple of 16; turn them in rope.cuh");
  static constexpr bool Rotates = true;
  static constexpr Pairing Pairs = Pairs_;
  static constexpr int Dims = Dims_, Rows = Rows_;
  using Input = Input_;
  template <class Query, class State, class Output> using Params = RotatingAttentionParams<Input, State, Output, Dims>;
  /// Of shared memory, a multiple of 16.
  template <class Query, class State, class Shape, int Columns>
  static constexpr int Bytes = Rows * (Dims * 4 + (Shape::KeyWidth + Shape::ValueWidth) * int(sizeof(State)) + 16) +
                               Columns * (Shape::KeyWidth + 8) * int(sizeof(Query));
};

/// Elements d .. d+7 of a head, turned. `cosines` and `sines` are those of its token.
template <class Rotation>
__device__ inline void turnEight(const typename Rotation::Input *head, int d, const float *cosines, const float *sines,
                                 float (&x)[8]) {
  constexpr int Half = Rotation::Dims / 2;
  loadVector(head, d, x);
  if (d >= Rotation::Dims)
    return;
  if constexpr (Rotation::Pairs == Pairing::Adjacent) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float a = x[2 * i], b = x[2 * i + 1], cosine = cosines[d / 2 + i], sine = sines[d / 2 + i];
      x[2 * i] = a * cosine - b * sine;
      x[2 * i + 1] = b * cosine + a * sine;
    }
  } else {
    bool second = d >= Half;
    int pair = second ? d - Half : d;
    float other[8];
    loadVector(head, second ? pair : d + Half, other);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      float cosine = cosines[pair + i], sine = sines[pair + i];
      x[i] = second ? x[i] * cosine + other[i] * sine : x[i] * cosine - other[i] * sine;
    }
  }
}

/// The rows of one sequence's step that one key head has, in shared memory.
template <class Rotation, class Query, class State, class Shape, int Columns> struct FreshRows {
  static constexpr bool Rotates = true;
  static constexpr int KeyWidth = Shape::KeyWidth, ValueWidth = Shape::ValueWidth, Pitch = KeyWidth + 8;
  static constexpr int Pairs = Rotation::Dims / 2, KeyChunks = KeyWidth / 8, ValueChunks = ValueWidth / 8;
  float *Cosines, *Sines; ///< [Rows, Pairs]
  State *Keys, *Values;   ///< [Rows, width]
  Query *Queries;         ///< [Columns, Pitch]
  int32_t *Slots;
  int64_t Token;    ///< the first of them
  int Begin, Count; ///< its position in the sequence, and how many there are

  template <class Params>
  __device__ FreshRows(const Params &p, int64_t sequence, char *memory)
      : Cosines(reinterpret_cast<float *>(memory)), Sines(Cosines + Rotation::Rows * Pairs),
        Keys(reinterpret_cast<State *>(Sines + Rotation::Rows * Pairs)), Values(Keys + Rotation::Rows * KeyWidth),
        Queries(reinterpret_cast<Query *>(Values + Rotation::Rows * ValueWidth)),
        Slots(reinterpret_cast<int32_t *>(Queries + Columns * Pitch)), Token(0), Begin(0), Count(0) {
    if (sequence >= p.Sequences)
      return; // a padded token
    Token = p.RowOffsets[sequence];
    Count = int(smaller<int64_t>(p.RowOffsets[sequence + 1] - Token, Rotation::Rows));
    Begin = p.Lengths[sequence] - Count;
  }

  /// Fills it by all `Threads` threads of a block, after the kernels before this one. Every thread may read it behind
  /// the next barrier. With `writes` the item's own rows go into the pages.
  template <int Threads, class Params, class Item>
  __device__ void fill(const Params &p, const Item &item, bool writes) const {
    // 1. Angles and slots, which only inputs of the step decide.
    for (int id = threadIdx.x; id < Count * Pairs; id += Threads)
      findAngle(p, Token + id / Pairs, id % Pairs, Cosines[id], Sines[id]);
    if (int(threadIdx.x) < Count)
      Slots[threadIdx.x] = p.Slots[Token + threadIdx.x];
    __syncthreads();
    waitForPrevious();
    // 2. Eight elements a thread: queries of the item, then keys and values.
    int queries = Count > 0 ? item.count() * KeyChunks : 0;
    for (int id = threadIdx.x; id < queries + Count * (KeyChunks + ValueChunks); id += Threads) {
      float x[8];
      if (id < queries) {
        int column = id / KeyChunks, d = id % KeyChunks * 8, row = int(item.Token - Token) + item.row(column);
        turnEight<Rotation>(p.Q + (Token + row) * p.LdQ + int64_t(item.head(column)) * KeyWidth, d,
                            Cosines + row * Pairs, Sines + row * Pairs, x);
        storeVector(Queries + column * Pitch, d, x);
        continue;
      }
      int row = (id - queries) / (KeyChunks + ValueChunks), chunk = (id - queries) % (KeyChunks + ValueChunks);
      bool key = chunk < KeyChunks, own = row >= item.Token - Token && row < item.Token - Token + item.Rows;
      int64_t slot = Slots[row];
      State *page = p.Pool + slot / PageTokens * p.PageElements + p.LayerOffset;
      if (key) {
        turnEight<Rotation>(p.K + (Token + row) * p.LdK + item.KvHead * KeyWidth, chunk * 8, Cosines + row * Pairs,
                            Sines + row * Pairs, x);
        storeVector(Keys + row * KeyWidth, chunk * 8, x);
        page += (item.KvHead * PageTokens + slot % PageTokens) * KeyWidth + chunk * 8;
      } else {
        chunk -= KeyChunks;
        loadVector(p.V + (Token + row) * p.LdV + item.KvHead * ValueWidth, chunk * 8, x);
        storeVector(Values + row * ValueWidth, chunk * 8, x);
        page += Shape::KvHeads * PageTokens * KeyWidth + (item.KvHead * PageTokens + slot % PageTokens) * ValueWidth +
                chunk * 8;
      }
      if (writes && own && slot >= 0)
        storeVector(page, 0, x);
    }
  }

  /// The number of the row at `position`, -1 when pages hold what is there.
  __device__ int find(int position) const {
    int row = position - Begin;
    return row >= 0 && row < Count && Slots[row] >= 0 ? row : -1;
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_FRESH_ROWS_CUH
