// Paged attention of sequences with few rows a step, on tensor cores: what paged_attention.cuh says, for pages of
// 16-bit elements, of f8E4M3FN, and with 16-bit queries of q8_0, and widths that are multiples of 16. Products are of
// 16-bit numbers, the type of the pages or else of the queries: those of f8E4M3FN are exact in it, those of q8_0
// rounded.
//
//   PagedAttentionDecode<Query, State, Output, Shape, Warps>
//   PagedAttentionDecode<Query, State, Output, Shape, Warps, Warps, true>   lean: for what is assembled before sm_90,
//                                                                           where registers go further
//   PagedAttentionDecode<..., Lean, Fresh>                                  fresh_rows.cuh
//   PagedAttentionDecode<..., Lean, Fresh, Ringed>   of pages in shared memory, for kernels that bring them there
//
// A column is a pair (row of the step, query head of one key head); an item is up to Columns of them. A warp takes
// every Slots-th page, by its number: S^T[16 positions, columns] = K Q^T and O^T[value width, columns] += V^T P^T, a
// page a step, with K and V in registers as they come from global memory in 16-byte words. The order of dimensions
// within a product is chosen so that a word holds neighbours: mma never sees the matrices in the order that they have
// in memory. Pages go to warps, and warps are joined, by position alone: the bits of a row depend on what it sees, on
// the number of slots, and on nothing else in the batch.
//
// f32 queries and the weights that meet them are sums of 16-bit numbers, so nothing of them is lost.
// Grid: Tokens * KvHeads * HeadBlocks, a tile for each token; block 32 * Warps; shared SharedBytes.
// Sinks [Heads] may be null: one more score a head, without value.
#ifndef LATHE_KERNELS_PAGED_ATTENTION_DECODE_CUH
#define LATHE_KERNELS_PAGED_ATTENTION_DECODE_CUH

#include "fresh_rows.cuh"
#include "mma_tile.cuh"
#include "page_shares.cuh"

namespace lathe::kernels {

inline constexpr float Log2E = 1.44269504088896340736f;

/// 16-bit numbers whose sum is a query or a weight of type Query.
template <class Query, class State>
inline constexpr int OperandParts = !IsSame<Query, float>                        ? 1
                                    : IsSame<ProductElement<Query, State>, Half> ? 2
                                                                                 : 3;

/// Two values as the sum of `Parts` pairs of 16-bit numbers.
template <HalfElement Element, int Parts>
__device__ inline void splitPair(float low, float high, uint32_t (&parts)[Parts]) {
#pragma unroll
  for (int i = 0; i < Parts; ++i) {
    parts[i] = packPair<Element>(low, high);
    low -= toValue(Element{uint16_t(parts[i])});
    high -= toValue(Element{uint16_t(parts[i] >> 16)});
  }
}

/// The sequence that owns `token`, found by a warp: the first whose rows end behind it; Sequences when there is none.
__device__ inline int64_t findSequence(const int32_t *rowOffsets, int64_t sequences, int64_t token) {
  if (sequences == 1)
    return token < rowOffsets[1] ? 0 : 1;
  int before = 0;
  for (int64_t s = threadIdx.x % 32; s < sequences; s += 32)
    before += rowOffsets[s + 1] <= token;
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2)
    before += __shfl_xor_sync(0xffffffffu, before, distance);
  return before;
}

/// What scores become before the softmax: the exponent of 2.
struct ScoreMap {
  float Scale, Cap, InverseCap; ///< Cap 0: none
  __device__ ScoreMap(float scale, float cap)
      : Scale(cap != 0 ? scale : scale * Log2E), Cap(cap * Log2E), InverseCap(cap != 0 ? 1.0f / cap : 0.0f) {}
  __device__ float operator()(float dot) const {
    return Cap != 0 ? Cap * tanhf(dot * Scale * InverseCap) : dot * Scale;
  }
};

template <FloatElement Query, PageElement State, FloatElement Output, class Shape, int Warps, int Slots = Warps,
          bool Lean = false, class Fresh = Stored, bool Ringed = false>
struct PagedAttentionDecode {
  static_assert(Shape::KeyWidth % 16 == 0 && Shape::ValueWidth % 16 == 0,
                "widths must be multiples of 16; PagedAttention takes the others");
  static constexpr int KeyWidth = Shape::KeyWidth, ValueWidth = Shape::ValueWidth, Group = Shape::Group;
  static constexpr int ColumnBlocks = Group > 8 && ValueWidth <= 128 ? 2 : 1; ///< of eight columns
  static constexpr int Columns = 8 * ColumnBlocks;
  static constexpr int HeadsPerItem = Group < Columns ? Group : Columns;
  static constexpr int HeadBlocks = (Group + HeadsPerItem - 1) / HeadsPerItem;
  static constexpr int RowsPerItem = HeadBlocks > 1 ? 1 : Columns / Group;
  static constexpr int Threads = Warps * 32;
  static constexpr int KeyWords = KeyWidth / 8, ValueWords = ValueWidth / 16;  ///< a lane's share of a position
  static constexpr bool Ahead = !Lean && KeyWidth <= 256 && ValueWidth <= 256; ///< whether a page waits in registers
  static constexpr int MinBlocks = ColumnBlocks * ValueWidth <= 128 && KeyWidth <= 128 ? 12 / Warps : 8 / Warps;
  using Element = ProductElement<Query, State>;
  static constexpr int Parts = OperandParts<Query, State>;
  static constexpr int SumFloats = Warps * Columns * ValueWidth;
  static constexpr int SumBytes = 4 * (SumFloats + 2 * Warps * Columns);
  static constexpr int FreshBytes = Fresh::template Bytes<Query, State, Shape, Columns>;
  static constexpr int SharedBytes = SumBytes + FreshBytes;
  static constexpr bool WaitsItself = Fresh::Rotates;
  static_assert(!(Shape::Shared && Fresh::Rotates), "keys that begin with their value are turned before");
  using Params = typename Fresh::template Params<Query, State, Output>;

  static __host__ __device__ int64_t tiles(const Params &p) { return p.Tokens * Shape::KvHeads * HeadBlocks; }

  /// The columns of an item, and what each sees.
  struct Item {
    int Sequence, Token; ///< the first row's token
    int KvHead, Head0, Rows;
    int End;    ///< of the first row; row r sees r positions more
    int Window; ///< 0: none
    int Limit;  ///< of all positions

    __device__ int count() const { return HeadBlocks > 1 ? smaller(HeadsPerItem, Group - Head0) : Rows * Group; }
    __device__ int row(int column) const { return HeadBlocks > 1 ? 0 : column / Group; }
    __device__ int head(int column) const {
      return KvHead * Group + (HeadBlocks > 1 ? Head0 + column : column % Group);
    }
    __device__ int end(int column) const { return smaller(End + row(column), Limit); }
    __device__ int begin(int column) const {
      int end = End + row(column);
      return Window > 0 && end > Window ? end - Window : 0;
    }
  };

  static __device__ int windowOf(const Params &p) { return int(smaller<int64_t>(p.Window, 0x7fffffff)); }
  static __device__ int limitOf(const Params &p) { return int(smaller<int64_t>(p.Pages * PageTokens, 0x7fffffff)); }

  /// What a warp has summed so far. Lane 4g+t holds columns 2t and 2t+1 of each block.
  struct Sums {
    float Max[ColumnBlocks][2], Total[ColumnBlocks][2]; ///< Total is this lane's share
    float Values[ColumnBlocks][ValueWords][4];          ///< mma's accumulators
  };

  /// Queries as right operands: lane 4g+t holds column g of each block, the dimensions that a KeyShare has in lane t.
  /// `place(column)` is where a column's are.
  template <class Place>
  static __device__ void loadQueries(uint32_t (&q)[Parts][ColumnBlocks][KeyWords], const Item &item,
                                     const Place &place) {
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#pragma unroll
    for (int block = 0; block < ColumnBlocks; ++block) {
      int column = block * 8 + g;
      bool valid = column < item.count();
      const Query *source = place(valid ? column : 0);
#pragma unroll
      for (int word = 0; word < KeyWords; ++word) {
        int d = KeyShare::dimension(word, t);
        if constexpr (Parts == 1) {
          q[0][block][word] = valid ? *reinterpret_cast<const uint32_t *>(source + d) : 0;
        } else {
          float pair[2] = {0, 0};
          if (valid)
            loadVector(source, d, pair);
          uint32_t parts[Parts];
          splitPair<Element, Parts>(pair[0], pair[1], parts);
#pragma unroll
          for (int part = 0; part < Parts; ++part)
            q[part][block][word] = parts[part];
        }
      }
    }
  }

  using KeyShare = lathe::kernels::KeyShare<State, KeyWidth, KeyWidth - Shape::StoredWidth, Ringed>;
  using ValueShare = lathe::kernels::ValueShare<State, ValueWidth, Ringed>;

  /// Positions g and g+8 of a page.
  static __device__ void loadKeys(KeyShare (&k)[2], const State *keys, const State *values) {
    int g = threadIdx.x % 32 / 4;
#pragma unroll
    for (int i = 0; i < 2; ++i)
      k[i].load(elementsAfter(keys, (g + i * 8) * Shape::StoredWidth), elementsAfter(values, (g + i * 8) * ValueWidth));
  }
  /// The same from shared memory.
  static __device__ void takeKeys(KeyShare (&k)[2], const State *keys) {
    int g = threadIdx.x % 32 / 4;
#pragma unroll
    for (int i = 0; i < 2; ++i)
      k[i].take(elementsAfter(keys, (g + i * 8) * KeyWidth));
  }

  /// Positions 2t, 2t+1, 2t+8 and 2t+9 of a page.
  static __device__ void loadValues(ValueShare (&v)[4], const State *values) {
    int t = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < 4; ++i)
      v[i].load(elementsAfter(values, (t * 2 + i % 2 + i / 2 * 8) * ValueWidth));
  }
  /// The same from shared memory.
  static __device__ void takeValues(ValueShare (&v)[4], const State *values) {
    int t = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < 4; ++i)
      v[i].take(elementsAfter(values, (t * 2 + i % 2 + i / 2 * 8) * ValueWidth));
  }

  /// Nothing summed yet.
  static __device__ void start(Sums &sums) {
#pragma unroll
    for (int block = 0; block < ColumnBlocks; ++block)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (i < 2) {
          sums.Max[block][i] = -Infinity;
          sums.Total[block][i] = 0;
        }
#pragma unroll
        for (int word = 0; word < ValueWords; ++word)
          sums.Values[block][word][i] = 0;
      }
  }

  /// N pages' positions, first .. first+15 and those of a page `distance` further each: weights of all columns as right
  /// operands, `sums` rescaled to the new maxima. `whole`: whether all columns see the page.
  template <int N>
  static __device__ void weigh(Sums &sums, float (&scores)[N][ColumnBlocks][4],
                               uint32_t (&weights)[N][Parts][ColumnBlocks][2], const Item &item, int first,
                               int distance, const bool (&whole)[N], const ScoreMap &map) {
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#pragma unroll
    for (int block = 0; block < ColumnBlocks; ++block) {
#pragma unroll
      for (int n = 0; n < N; ++n) {
        float (&s)[4] = scores[n][block];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          s[i] = map(s[i]);
          int column = block * 8 + t * 2 + i % 2;
          int position = first + n * distance + g + i / 2 * 8;
          if (!whole[n] && (position >= item.end(column) || position < item.begin(column)))
            s[i] = -Infinity;
        }
      }
#pragma unroll
      for (int c = 0; c < 2; ++c) {
        float top = -Infinity, total = 0;
#pragma unroll
        for (int n = 0; n < N; ++n) {
          const float (&s)[4] = scores[n][block];
          float larger = s[c] > s[c + 2] ? s[c] : s[c + 2];
          top = larger > top ? larger : top;
        }
#pragma unroll
        for (int step = 4; step < 32; step *= 2) {
          float other = __shfl_xor_sync(0xffffffffu, top, step);
          top = other > top ? other : top;
        }
        top = sums.Max[block][c] > top ? sums.Max[block][c] : top;
        float origin = top == -Infinity ? 0.0f : top, shrink = exponential2(sums.Max[block][c] - origin);
        sums.Max[block][c] = top;
#pragma unroll
        for (int n = 0; n < N; ++n) {
          float (&s)[4] = scores[n][block];
          s[c] = exponential2(s[c] - origin);
          s[c + 2] = exponential2(s[c + 2] - origin);
          total += s[c] + s[c + 2];
        }
        sums.Total[block][c] = sums.Total[block][c] * shrink + total;
#pragma unroll
        for (int word = 0; word < ValueWords; ++word) {
          sums.Values[block][word][c] *= shrink;
          sums.Values[block][word][c + 2] *= shrink;
        }
      }
#pragma unroll
      for (int n = 0; n < N; ++n)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          uint32_t parts[Parts];
          splitPair<Element, Parts>(scores[n][block][half * 2], scores[n][block][half * 2 + 1], parts);
#pragma unroll
          for (int part = 0; part < Parts; ++part)
            weights[n][part][block][half] = transposeMatrix(parts[part]);
        }
    }
  }

  static __device__ void score(float (&scores)[ColumnBlocks][4], const KeyShare (&shares)[2],
                               const uint32_t (&q)[Parts][ColumnBlocks][KeyWords]) {
    uint32_t k[2][KeyWords];
    shares[0].template unpack<Element>(k[0]);
    shares[1].template unpack<Element>(k[1]);
    // Sums that do not wait for each other: of codes of one scale, else of every other step.
    constexpr int Scaled = KeyShare::StepsOfScale, Steps = KeyWords / 2;
    constexpr int Sums = Scaled ? Steps / Scaled : smaller(2, Steps);
    float sums[Sums][ColumnBlocks][4] = {};
#pragma unroll
    for (int step = 0; step < Steps; ++step) {
      int sum = Scaled ? step / larger(Scaled, 1) : step % Sums;
      uint32_t left[4] = {k[0][2 * step], k[1][2 * step], k[0][2 * step + 1], k[1][2 * step + 1]};
#pragma unroll
      for (int part = 0; part < Parts; ++part)
#pragma unroll
        for (int block = 0; block < ColumnBlocks; ++block)
          multiplyAccumulate<Element>(sums[sum][block], left, q[part][block][2 * step], q[part][block][2 * step + 1]);
    }
#pragma unroll
    for (int block = 0; block < ColumnBlocks; ++block)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        scores[block][i] = sums[0][block][i] * shares[i / 2].scale(0);
#pragma unroll
        for (int sum = 1; sum < Sums; ++sum)
          scores[block][i] += sums[sum][block][i] * shares[i / 2].scale(sum);
      }
  }

  /// Adds the dimensions of words First .. First + 3 and all behind them.
  template <int First = 0>
  static __device__ void addValues(Sums &sums, const ValueShare (&shares)[4],
                                   const uint32_t (&weights)[Parts][ColumnBlocks][2]) {
    if constexpr (First < ValueWords) {
      uint32_t v[4][4];
#pragma unroll
      for (int i = 0; i < 4; ++i)
        shares[i].template unpack<Element, First>(v[i]);
#pragma unroll
      for (int word = 0; word < smaller(4, ValueWords - First); ++word) {
        uint32_t left[4] = {lowHalves(v[0][word], v[1][word]), highHalves(v[0][word], v[1][word]),
                            lowHalves(v[2][word], v[3][word]), highHalves(v[2][word], v[3][word])};
#pragma unroll
        for (int part = 0; part < Parts; ++part)
#pragma unroll
          for (int block = 0; block < ColumnBlocks; ++block)
            multiplyAccumulate<Element>(sums.Values[block][First + word], left, weights[part][block][0],
                                        weights[part][block][1]);
      }
      addValues<First + 4>(sums, shares, weights);
    }
  }

  /// Values of positions that no column sees may be anything, NaN included: they become 0.
  static __device__ void clearUnseen(ValueShare (&v)[4], int first, int begin, int end) {
    int t = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      int position = first + t * 2 + i % 2 + i / 2 * 8;
      if (position < begin || position >= end)
        v[i].clear();
    }
  }

  /// Puts fresh keys in the place of what a page of positions first, first+1 .. had there.
  template <class Rows> static __device__ void replaceKeys(KeyShare (&k)[2], const Rows &rows, int first) {
    int g = threadIdx.x % 32 / 4;
#pragma unroll
    for (int i = 0; i < 2; ++i)
      if (int row = rows.find(first + g + i * 8); row >= 0)
        k[i].take(rows.Keys + row * KeyWidth);
  }

  /// replaceKeys for values.
  template <class Rows> static __device__ void replaceValues(ValueShare (&v)[4], const Rows &rows, int first) {
    int t = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (int row = rows.find(first + t * 2 + i % 2 + i / 2 * 8); row >= 0)
        v[i].take(rows.Values + row * ValueWidth);
  }

  using Queries = uint32_t[Parts][ColumnBlocks][KeyWords];

  /// Queries of an item, and what is fresh of its sequence, for which `memory` and `writes` are. Calls `early` as soon
  /// as pages may be fetched: that does not depend on the kernels before this one where rows are turned here.
  template <class Early>
  static __device__ auto bringRows(Queries &q, const Params &p, const Item &item, char *memory, bool writes,
                                   const Early &early) {
    if constexpr (Fresh::Rotates) {
      early();
      FreshRows<Fresh, Query, State, Shape, Columns> found(p, item.Sequence, memory);
      found.template fill<Threads>(p, item, writes);
      __syncthreads();
      loadQueries(q, item, [&](int column) { return found.Queries + column * found.Pitch; });
      return found;
    } else {
      loadQueries(q, item, [&](int column) {
        return p.Q + (item.Token + item.row(column)) * p.LdQ + int64_t(item.head(column)) * KeyWidth;
      });
      early();
      return Stored{};
    }
  }

  /// What an item sees of its sequence.
  struct View {
    int Begin, End, WholeBegin, WholeEnd; ///< of any column, and of all
    __device__ View(const Item &item)
        : Begin(item.begin(0)), End(smaller(item.End + (HeadBlocks > 1 ? 1 : item.Rows) - 1, item.Limit)),
          WholeBegin(item.begin(item.count() - 1)), WholeEnd(item.end(0)) {}
    __device__ int endPage() const { return ceilDiv(larger(End, 0), PageTokens); }
    /// Whether all columns see the page of positions first, first+1 ...
    __device__ bool whole(int first) const { return first >= WholeBegin && first + PageTokens <= WholeEnd; }
  };

  /// Adds N pages in shared memory, that of positions first, first+1 ... and those `distance` positions further each:
  /// two take little longer than one, as few instructions of either wait for the other's. `source.keys(i)` and
  /// `values(i)` say where they lie; `scored` is told when keys, `added(i)` when values are not needed any more, each
  /// with a number that depends on all of them.
  template <int N, class Rows, class Source>
  static __device__ void addStaged(Sums &sums, const Queries &q, Source &source, const Item &item, const View &view,
                                   const Rows &fresh, int first, int distance, const ScoreMap &map) {
    bool whole[N];
    float scores[N][ColumnBlocks][4];
    uint32_t weights[N][Parts][ColumnBlocks][2];
#pragma unroll
    for (int i = 0; i < N; ++i) {
      KeyShare k[2];
      takeKeys(k, source.keys(i));
      if constexpr (Rows::Rotates)
        if (first + i * distance + PageTokens > fresh.Begin)
          replaceKeys(k, fresh, first + i * distance);
      score(scores[i], k, q);
      whole[i] = view.whole(first + i * distance);
    }
    source.scored(scores[0][ColumnBlocks - 1][0]);
    ValueShare v[4];
    auto take = [&](int i) {
      takeValues(v, source.values(i));
      if constexpr (Rows::Rotates)
        if (first + i * distance + PageTokens > fresh.Begin)
          replaceValues(v, fresh, first + i * distance);
    };
    take(0);
    weigh(sums, scores, weights, item, first, distance, whole, map);
#pragma unroll
    for (int i = 0; i < N; ++i) {
      if (i > 0)
        take(i);
      if (!whole[i])
        clearUnseen(v, first + i * distance, view.Begin, view.End);
      addValues(sums, v, weights[i]);
      source.added(i, sums.Values[ColumnBlocks - 1][ValueWords - 1][0]);
    }
  }

  /// Sums of the pages first, first + Slots, ... of an item. `memory` and `writes` are for fresh rows.
  static __device__ void addPages(Sums &sums, const Params &p, const Item &item, int page, char *memory, bool writes) {
    int lane = threadIdx.x % 32;
    const View view(item);
    int last = view.endPage();
    const int32_t *table = p.BlockTables + item.Sequence * p.Pages;
    const State *layer = elementsAfter(p.Pool, p.LayerOffset);
    const State *keys = elementsAfter(layer, item.KvHead * PageTokens * Shape::StoredWidth);
    const State *values = elementsAfter(layer, Shape::ValueOffset + item.KvHead * PageTokens * ValueWidth);
    // Each lane holds the number of one of the warp's next 32 pages.
    auto readNumbers = [&](int from) {
      int mine = from + lane * Slots;
      return mine < last ? table[mine] : 0;
    };
    Queries q;
    KeyShare k[2];
    ValueShare v[4];
    int32_t numbers = readNumbers(page);
    ScoreMap map(p.Scale, p.SoftCap);
    int64_t offset = 0;
    const auto fresh = bringRows(q, p, item, memory, writes, [&] {
      if (page >= last)
        return;
      offset = __shfl_sync(0xffffffffu, numbers, 0) * p.PageElements;
      loadKeys(k, elementsAfter(keys, offset), elementsAfter(values, offset));
      if constexpr (Ahead)
        loadValues(v, elementsAfter(values, offset));
    });
    if (page >= last)
      return;
#pragma unroll 1
    for (int step = 1; page < last; ++step, page += Slots) {
      int first = page * PageTokens;
      int64_t next = offset;
      bool whole[1] = {view.whole(first)}, more = page + Slots < last;
      if (step % 32 == 0)
        numbers = readNumbers(page + Slots);
      next = __shfl_sync(0xffffffffu, numbers, step % 32) * p.PageElements;
      float scores[1][ColumnBlocks][4];
      uint32_t weights[1][Parts][ColumnBlocks][2];
      if constexpr (Fresh::Rotates)
        if (first + PageTokens > fresh.Begin)
          replaceKeys(k, fresh, first);
      score(scores[0], k, q);
      if (more)
        loadKeys(k, pointerAfter(elementsAfter(keys, next), scores[0][0][0]), elementsAfter(values, next));
      if constexpr (!Ahead)
        loadValues(v, elementsAfter(values, offset));
      weigh(sums, scores, weights, item, first, 0, whole, map);
      if constexpr (Fresh::Rotates)
        if (first + PageTokens > fresh.Begin)
          replaceValues(v, fresh, first);
      if (!whole[0])
        clearUnseen(v, first, view.Begin, view.End);
      addValues(sums, v, weights[0]);
      if (Ahead && more)
        loadValues(v, pointerAfter(elementsAfter(values, next), sums.Values[ColumnBlocks - 1][ValueWords - 1][0]));
      offset = next;
    }
  }

  /// Leaves this warp's sums in shared memory.
  static __device__ void leave(Sums &sums, float *parts, float *maxima, float *totals) {
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4, warp = threadIdx.x / 32;
#pragma unroll
    for (int block = 0; block < ColumnBlocks; ++block)
#pragma unroll
      for (int c = 0; c < 2; ++c) {
        int column = warp * Columns + block * 8 + t * 2 + c;
        float total = sums.Total[block][c];
#pragma unroll
        for (int distance = 4; distance < 32; distance *= 2)
          total += __shfl_xor_sync(0xffffffffu, total, distance);
        if (g == 0) {
          maxima[column] = sums.Max[block][c];
          totals[column] = total;
        }
#pragma unroll
        for (int word = 0; word < ValueWords; ++word) {
          float pair[2] = {sums.Values[block][word][c], sums.Values[block][word][c + 2]};
          storeVector(parts, column * ValueWidth + ValueShare::dimension(word, g), pair);
        }
      }
  }

  /// What weighted sums of one result have come to: relative to 2^Top.
  struct Joined {
    float Top, Total = 0, Value = 0;

    __device__ void raise(float maximum) { Top = maximum > Top ? maximum : Top; }
    /// Adds a part, once Top is at least its maximum.
    __device__ void add(float maximum, float total, float value) {
      float shrink = total == 0 ? 0.0f : exponential2(maximum - Top);
      Total += shrink * total;
      Value += shrink * value;
    }
  };

  /// Where the maximum of a head's results begins.
  static __device__ float lowest(const Params &p, int head) { return p.Sinks ? p.Sinks[head] * Log2E : -Infinity; }

  /// Adds dimensions d .. d + N - 1 of a column, the warps in order.
  template <int N>
  static __device__ void joinWarps(Joined (&joined)[N], const float *parts, const float *maxima, const float *totals,
                                   int column, int d) {
#pragma unroll
    for (int warp = 0; warp < Warps; ++warp)
#pragma unroll
      for (int k = 0; k < N; ++k)
        joined[k].raise(maxima[warp * Columns + column]);
#pragma unroll
    for (int warp = 0; warp < Warps; ++warp) {
      int part = warp * Columns + column;
      float values[N];
      loadVector(parts, part * ValueWidth + d, values);
#pragma unroll
      for (int k = 0; k < N; ++k)
        joined[k].add(maxima[part], totals[part], values[k]);
    }
  }

  static __device__ void storeResult(const Params &p, const Item &item, Joined joined, int column, int d) {
    int head = item.head(column);
    if (p.Sinks && joined.Total != 0)
      joined.Total += exponential2(p.Sinks[head] * Log2E - joined.Top);
    p.Out[(item.Token + item.row(column)) * p.LdOut + int64_t(head) * ValueWidth + d] =
        fromValue<Output>(joined.Total == 0 ? 0.0f : joined.Value / joined.Total);
  }

  /// Joins the warps and stores the item's results.
  static __device__ void join(const Params &p, const Item &item, const float *parts, const float *maxima,
                              const float *totals) {
    for (int i = threadIdx.x; i < item.count() * ValueWidth; i += Threads) {
      int column = i / ValueWidth, d = i % ValueWidth;
      Joined joined[1] = {{lowest(p, item.head(column))}};
      joinWarps(joined, parts, maxima, totals, column, d);
      storeResult(p, item, joined[0], column, d);
    }
  }

  /// The first page of a slot that an item sees.
  static __device__ int firstPage(const Item &item, int slot) {
    int first = item.begin(0) / PageTokens;
    return first + (slot + Slots - first % Slots) % Slots;
  }

  /// Sums of an item over the pages of slot `slot`, left in shared memory: page numbers that are equal modulo Slots
  /// are one slot's, whatever is seen.
  static __device__ void addSlot(const Params &p, const Item &item, int slot, float *parts, float *maxima,
                                 float *totals, char *memory, bool writes) {
    Sums sums;
    start(sums);
    addPages(sums, p, item, firstPage(item, slot), memory, writes);
    leave(sums, parts, maxima, totals);
  }

  /// Computes one item.
  static __device__ void attend(const Params &p, const Item &item, char *smem) {
    float *parts = reinterpret_cast<float *>(smem), *maxima = parts + SumFloats, *totals = maxima + Warps * Columns;
    addSlot(p, item, threadIdx.x / 32, parts, maxima, totals, smem + SumBytes, item.Head0 == 0);
    __syncthreads();
    join(p, item, parts, maxima, totals);
  }

  /// The item of `token` in part `part` of KvHeads * HeadBlocks; without rows where an earlier token's item has it.
  static __device__ Item findItem(const Params &p, int64_t token, int part) {
    Item item{.Sequence = int(findSequence(p.RowOffsets, p.Sequences, token)),
              .Token = int(token),
              .KvHead = part / HeadBlocks,
              .Head0 = part % HeadBlocks * HeadsPerItem,
              .Rows = 1,
              .End = 0,
              .Window = windowOf(p),
              .Limit = limitOf(p)};
    if (item.Sequence >= p.Sequences)
      return item; // a padded token: it sees nothing
    int begin = p.RowOffsets[item.Sequence], rest = p.RowOffsets[item.Sequence + 1] - int(token);
    item.Rows = (int(token) - begin) % RowsPerItem == 0 ? smaller(RowsPerItem, rest) : 0;
    int length = p.Lengths[item.Sequence];
    item.End = length > 0 ? length - rest + 1 : -RowsPerItem;
    return item;
  }

  static __device__ void run(const Params &p, int64_t tile, char *smem, const NoBody &) {
    constexpr int ItemsPerToken = Shape::KvHeads * HeadBlocks;
    Item item = findItem(p, tile / ItemsPerToken, int(tile % ItemsPerToken));
    if constexpr (WaitsItself) {
      startNext();
      if (item.Rows == 0)
        waitForPrevious();
    }
    if (item.Rows > 0)
      attend(p, item, smem);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PAGED_ATTENTION_DECODE_CUH
