// out[t, h, :] = sum_j p[j] * v[j, h / G, :],  p = softmax_j(cap(scale * q[t, h, :] . k[j, h / G, :])),  G = Heads /
// KvHeads over the positions j that token t of its sequence may see: j <= its own position, and j > position - Window.
//
//   PagedAttention<Query, State, Output, Shape>   any token of a ragged batch, decode and prefill alike
//   PagedAttentionMerge<Output, Shape>            joins the parts when Splits > 1; launched after it
//
// State lives in pages of 16 positions: page p starts at Pool + p * PageElements; this layer's part of it, at
// LayerOffset, is K [KvHeads, 16, KeyWidth] then V [KvHeads, 16, ValueWidth]. append_kv.cuh writes it. Where the shape
// says that keys are shared, k is v and then K [KvHeads, 16, KeyWidth - ValueWidth].
// State is one of pages.cuh, and a place in the pool is told in elements.
// Q [Tokens, Heads, KeyWidth] with LdQ elements between tokens, Out [Tokens, Heads, ValueWidth] with LdOut.
// RowOffsets [Sequences + 1]: sequence s owns tokens RowOffsets[s] .. RowOffsets[s + 1] - 1, its last ones.
// Lengths [Sequences]: positions in the state, this step's tokens included. BlockTables [Sequences, Pages].
// A token of no sequence, of a sequence of length 0, or with Slots[t] < 0 (Slots may be null) gets zeros.
// Everything is read from device memory, so one captured launch serves every batch of its bucket.
//
// Grid: Tokens * Blocks * Splits (Blocks = Heads / HeadsPerBlock); block 128; shared SharedBytes.
// Partial (Splits > 1): f32 [Tokens, Heads, Splits, ValueWidth + 2]. Merge grid: ceil(Tokens * Heads / 4); block 128.
// A warp takes every fourth page of its part; parts and warps join in a fixed order, so the bits depend on the
// position, Splits and nothing else in the batch. Arithmetic is in f32.
#ifndef LATHE_KERNELS_PAGED_ATTENTION_CUH
#define LATHE_KERNELS_PAGED_ATTENTION_CUH

#include "pages.cuh"

namespace lathe::kernels {

constexpr int PageTokens = 16;

/// With Shared_ a key is its value and what follows it, and pages hold the value and what follows it.
template <int Heads_, int KvHeads_, int KeyWidth_, int ValueWidth_, bool Shared_ = false> struct AttentionShape {
  static_assert(Heads_ % KvHeads_ == 0, "Heads must be a multiple of KvHeads");
  static_assert(!Shared_ || KeyWidth_ > ValueWidth_, "a key that begins with its value must go on");
  static constexpr int Heads = Heads_, KvHeads = KvHeads_, KeyWidth = KeyWidth_, ValueWidth = ValueWidth_;
  static constexpr int Group = Heads / KvHeads;
  static constexpr bool Shared = Shared_;
  static constexpr int StoredWidth = Shared ? KeyWidth - ValueWidth : KeyWidth; ///< of a key in a page
  /// Elements of one layer in a page, and where its values begin.
  static constexpr int64_t LayerElements = int64_t(KvHeads) * PageTokens * (StoredWidth + ValueWidth);
  static constexpr int64_t ValueOffset = int64_t(KvHeads) * PageTokens * StoredWidth;
};

/// The sequence that owns `token`, and how many positions that token sees.
struct TokenPosition {
  int64_t Sequence, Begin, End; ///< positions Begin .. End-1; none for a padded token
  __device__ TokenPosition(const int32_t *rowOffsets, const int32_t *lengths, const int32_t *slots, int64_t sequences,
                           int64_t pages, int64_t window, int64_t token)
      : Sequence(0), Begin(0), End(0) {
    if (sequences == 0 || token >= rowOffsets[sequences] || (slots && slots[token] < 0))
      return;
    // The last sequence that starts at or before the token: empty ones before it start there too.
    int64_t low = 0, high = sequences;
    while (high - low > 1) {
      int64_t middle = (low + high) / 2;
      if (rowOffsets[middle] <= token)
        low = middle;
      else
        high = middle;
    }
    Sequence = low;
    int64_t end = int64_t(lengths[low]) - (rowOffsets[low + 1] - token) + 1;
    if (lengths[low] <= 0 || end <= 0)
      return;
    End = smaller<int64_t>(end, pages * PageTokens);
    Begin = window > 0 ? larger<int64_t>(0, end - window) : 0;
  }
};

/// How a warp reads rows of `Width` elements of State: in chunks of at most 16 bytes, one a lane.
template <class State, int Width> struct RowChunks {
  static constexpr int Largest = BlockElements<State> > 1 ? 8 : 16 / sizeof(State);
  static constexpr int Elements = Width % Largest == 0 ? Largest : Width % 4 == 0 ? 4 : Width % 2 == 0 ? 2 : 1;
  static constexpr int Count = Width / Elements;
  static constexpr int PerLane = Count <= 32 ? 1 : (Count + 31) / 32;
  static constexpr int Rows = Count <= 32 ? 32 / Count : 1; ///< rows that a warp reads side by side
};

/// The largest divisor of `group` that is at most 8: query heads that share one reading of the state.
__host__ __device__ constexpr int headsPerBlock(int group) {
  int heads = group < 8 ? group : 8;
  while (group % heads != 0)
    --heads;
  return heads;
}

__host__ __device__ constexpr int commonDivisor(int a, int b) { return b == 0 ? a : commonDivisor(b, a % b); }

template <FloatElement Query, PageElement State, FloatElement Output, class Shape> struct PagedAttention {
  static constexpr int Warps = 4, Threads = Warps * 32;
  static constexpr int HeadsPerBlock = headsPerBlock(Shape::Group);
  static constexpr int Blocks = Shape::Heads / HeadsPerBlock;
  /// Keys that are shared with values are read in chunks that divide both of their parts.
  using KeyChunks =
      RowChunks<State, Shape::Shared ? commonDivisor(Shape::StoredWidth, Shape::ValueWidth) : Shape::KeyWidth>;
  static constexpr int KeyCount = Shape::KeyWidth / KeyChunks::Elements;
  using ValueChunks = RowChunks<State, Shape::ValueWidth>;
  static constexpr int ValueElements = ValueChunks::PerLane * ValueChunks::Elements;
  static constexpr int MinBlocks = HeadsPerBlock * ValueElements >= 64   ? 2
                                   : HeadsPerBlock * ValueElements >= 32 ? 3
                                                                         : 4;
  static constexpr int PartRows = Warps * ValueChunks::Rows; ///< partial sums of a head that a block joins
  static constexpr int QueryFloats = HeadsPerBlock * Shape::KeyWidth;
  static constexpr int WeightFloats = Warps * PageTokens * HeadsPerBlock;
  static constexpr int SumFloats = PartRows * HeadsPerBlock * Shape::ValueWidth;
  static constexpr int SharedBytes = 4 * (QueryFloats + WeightFloats + SumFloats + 2 * Warps * HeadsPerBlock);
  struct Params {
    const Query *Q;
    Output *Out;
    const State *Pool;
    const int32_t *RowOffsets, *Lengths, *BlockTables, *Slots;
    int64_t Tokens, Sequences, Pages;
    int64_t LdQ, LdOut, PageElements, LayerOffset;
    float Scale, SoftCap; ///< SoftCap 0: none, else c * tanh(x / c)
    int64_t Window;       ///< 0: none
    const float *Sinks;   ///< [Heads], or null: one more score a head, without value; Splits must be 1
    int64_t Splits;       ///< parts a sequence is divided into, 1: none
    float *Partial;       ///< null when Splits is 1
  };

  static __host__ __device__ int64_t tiles(const Params &p) { return p.Tokens * Blocks * p.Splits; }

  /// What a warp has summed so far.
  struct Sums {
    float Max[HeadsPerBlock], Total[HeadsPerBlock]; ///< Total is this lane's share
    float Values[HeadsPerBlock][ValueElements];
  };

  /// Scores of the page's 16 positions: lane 2t+half sums half of the chunks of position t, then both add up.
  static __device__ void score(float (&scores)[HeadsPerBlock], const State *keys, const State *values,
                               const float *query) {
    constexpr int E = KeyChunks::Elements;
    int lane = threadIdx.x % 32;
    const State *key = elementsAfter(keys, lane / 2 * Shape::StoredWidth);
    const State *value = elementsAfter(values, lane / 2 * Shape::ValueWidth);
#pragma unroll
    for (int h = 0; h < HeadsPerBlock; ++h)
      scores[h] = 0;
#pragma unroll HeadsPerBlock> 4 ? 2 : 4
    for (int chunk = lane % 2; chunk < KeyCount; chunk += 2) {
      float k[E];
      if (!Shape::Shared)
        loadRow(key, chunk * E, k);
      else if (chunk * E < Shape::ValueWidth)
        loadRow(value, chunk * E, k);
      else
        loadRow(key, chunk * E - Shape::ValueWidth, k);
#pragma unroll
      for (int h = 0; h < HeadsPerBlock; ++h) {
        float q[E];
        loadVector(query + h * Shape::KeyWidth, chunk * E, q);
#pragma unroll
        for (int e = 0; e < E; ++e)
          scores[h] += q[e] * k[e];
      }
    }
#pragma unroll
    for (int h = 0; h < HeadsPerBlock; ++h)
      scores[h] += __shfl_xor_sync(0xffffffffu, scores[h], 1);
  }

  /// Turns scores into weights against the new maximum and rescales what was summed; position t's weights go to
  /// weights[t][head].
  static __device__ void weigh(Sums &sums, float (&scores)[HeadsPerBlock], float *weights, bool visible,
                               const Params &p) {
    int lane = threadIdx.x % 32;
#pragma unroll
    for (int h = 0; h < HeadsPerBlock; ++h) {
      float x = scores[h] * p.Scale;
      if (p.SoftCap != 0)
        x = p.SoftCap * tanhf(x / p.SoftCap);
      if (!visible)
        x = -Infinity;
      float top = x;
#pragma unroll
      for (int distance = 16; distance > 1; distance /= 2) {
        float other = __shfl_xor_sync(0xffffffffu, top, distance);
        top = other > top ? other : top;
      }
      top = sums.Max[h] > top ? sums.Max[h] : top;
      float weight = visible ? expf(x - top) : 0.0f;
      float shrink = expf(sums.Max[h] - top);
      sums.Max[h] = top;
      sums.Total[h] = sums.Total[h] * shrink + (lane % 2 == 0 ? weight : 0.0f);
#pragma unroll
      for (int e = 0; e < ValueElements; ++e)
        sums.Values[h][e] *= shrink;
      if (lane % 2 == 0)
        weights[lane / 2 * HeadsPerBlock + h] = weight;
    }
  }

  /// Adds weights * values for the page's positions begin .. end-1; the others may hold anything, NaN included.
  static __device__ void addValues(Sums &sums, const State *values, const float *weights, int begin, int end) {
    constexpr int E = ValueChunks::Elements, Rows = ValueChunks::Rows;
    int lane = threadIdx.x % 32;
    if (lane >= Rows * ValueChunks::Count && Rows > 1)
      return;
    int first = Rows > 1 ? lane / ValueChunks::Count : 0, chunk0 = Rows > 1 ? lane % ValueChunks::Count : lane;
#pragma unroll HeadsPerBlock> 4 ? 2 : 4
    for (int t = first; t < PageTokens; t += Rows) {
      if (t < begin || t >= end)
        continue;
#pragma unroll
      for (int part = 0; part < ValueChunks::PerLane; ++part) {
        int chunk = chunk0 + part * 32;
        if (chunk >= ValueChunks::Count)
          continue;
        float v[E];
        loadRow(elementsAfter(values, t * Shape::ValueWidth), chunk * E, v);
#pragma unroll
        for (int h = 0; h < HeadsPerBlock; ++h) {
          float weight = weights[t * HeadsPerBlock + h];
#pragma unroll
          for (int e = 0; e < E; ++e)
            sums.Values[h][part * E + e] += weight * v[e];
        }
      }
    }
  }

  /// Leaves this warp's sums in shared memory.
  static __device__ void leave(const Sums &sums, float *parts, float *maxima, float *totals) {
    constexpr int E = ValueChunks::Elements, Rows = ValueChunks::Rows;
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int row = Rows > 1 ? lane / ValueChunks::Count : 0, chunk0 = Rows > 1 ? lane % ValueChunks::Count : lane;
#pragma unroll
    for (int h = 0; h < HeadsPerBlock; ++h) {
      float total = sumLanes(sums.Total[h]);
      if (lane == 0) {
        maxima[warp * HeadsPerBlock + h] = sums.Max[h];
        totals[warp * HeadsPerBlock + h] = total;
      }
#pragma unroll
      for (int part = 0; part < ValueChunks::PerLane; ++part) {
        int chunk = chunk0 + part * 32;
        if (row >= Rows || chunk >= ValueChunks::Count)
          continue;
#pragma unroll
        for (int e = 0; e < E; ++e)
          parts[((warp * Rows + row) * HeadsPerBlock + h) * Shape::ValueWidth + chunk * E + e] =
              sums.Values[h][part * E + e];
      }
    }
  }

  static __device__ void run(const Params &p, int64_t tile, char *smem, const NoBody &) {
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    int64_t split = tile % p.Splits, block = tile / p.Splits % Blocks, token = tile / p.Splits / Blocks;
    int head0 = int(block) * HeadsPerBlock, kvHead = head0 / Shape::Group;
    float *query = reinterpret_cast<float *>(smem), *weights = query + QueryFloats + warp * PageTokens * HeadsPerBlock;
    float *parts = query + QueryFloats + WeightFloats, *maxima = parts + SumFloats;
    float *totals = maxima + Warps * HeadsPerBlock;
    // 1. What the token sees, and this part's share of it in pages.
    TokenPosition position(p.RowOffsets, p.Lengths, p.Slots, p.Sequences, p.Pages, p.Window, token);
    int64_t firstPage = position.Begin / PageTokens, lastPage = ceilDiv<int64_t>(position.End, PageTokens);
    int64_t share = ceilDiv<int64_t>(lastPage - firstPage, p.Splits);
    firstPage += split * share;
    lastPage = smaller<int64_t>(lastPage, firstPage + share);
    for (int i = threadIdx.x; i < QueryFloats; i += Threads)
      query[i] = toValue(p.Q[token * p.LdQ + head0 * Shape::KeyWidth + i]);
    __syncthreads();
    // 2. Each warp every fourth page: scores, weights, values.
    Sums sums;
#pragma unroll
    for (int h = 0; h < HeadsPerBlock; ++h) {
      sums.Max[h] = -Infinity;
      sums.Total[h] = 0;
#pragma unroll
      for (int e = 0; e < ValueElements; ++e)
        sums.Values[h][e] = 0;
    }
#pragma unroll 1
    for (int64_t page = firstPage + warp; page < lastPage; page += Warps) {
      int64_t number = p.BlockTables[position.Sequence * p.Pages + page];
      const State *layer = elementsAfter(p.Pool, number * p.PageElements + p.LayerOffset);
      const State *keys = elementsAfter(layer, kvHead * PageTokens * Shape::StoredWidth);
      const State *values = elementsAfter(layer, Shape::ValueOffset + kvHead * PageTokens * Shape::ValueWidth);
      int begin = int(larger<int64_t>(0, position.Begin - page * PageTokens));
      int end = int(smaller<int64_t>(PageTokens, position.End - page * PageTokens));
      float scores[HeadsPerBlock];
      score(scores, keys, values, query);
      weigh(sums, scores, weights, lane / 2 >= begin && lane / 2 < end, p);
      __syncwarp();
      addValues(sums, values, weights, begin, end);
      __syncwarp();
    }
    // 3. Join the warps in order.
    leave(sums, parts, maxima, totals);
    __syncthreads();
    for (int i = threadIdx.x; i < HeadsPerBlock * Shape::ValueWidth; i += Threads)
      join(p, parts, maxima, totals, i / Shape::ValueWidth, i % Shape::ValueWidth, token, head0, split);
  }

  static __device__ void join(const Params &p, const float *parts, const float *maxima, const float *totals, int h,
                              int col, int64_t token, int head0, int64_t split) {
    constexpr int Rows = ValueChunks::Rows;
    float top = maxima[h], total = 0, value = 0;
    for (int warp = 1; warp < Warps; ++warp)
      top = maxima[warp * HeadsPerBlock + h] > top ? maxima[warp * HeadsPerBlock + h] : top;
    for (int warp = 0; warp < Warps; ++warp) {
      float shrink = totals[warp * HeadsPerBlock + h] == 0 ? 0.0f : expf(maxima[warp * HeadsPerBlock + h] - top);
      total += shrink * totals[warp * HeadsPerBlock + h];
      float sum = 0;
      for (int row = 0; row < Rows; ++row)
        sum += parts[((warp * Rows + row) * HeadsPerBlock + h) * Shape::ValueWidth + col];
      value += shrink * sum;
    }
    if (p.Splits == 1) {
      if (p.Sinks && total != 0) { // one more score, which may be the largest
        float sink = p.Sinks[head0 + h], origin = sink > top ? sink : top, shrink = expf(top - origin);
        total = total * shrink + expf(sink - origin);
        value *= shrink;
      }
      p.Out[token * p.LdOut + (head0 + h) * Shape::ValueWidth + col] =
          fromValue<Output>(total == 0 ? 0.0f : value / total);
      return;
    }
    float *partial = p.Partial + ((token * Shape::Heads + head0 + h) * p.Splits + split) * (Shape::ValueWidth + 2);
    partial[col] = value;
    if (col == 0) {
      partial[Shape::ValueWidth] = top;
      partial[Shape::ValueWidth + 1] = total;
    }
  }
};

template <FloatElement Output, class Shape> struct PagedAttentionMerge {
  static constexpr int Threads = 128, MinBlocks = 4, SharedBytes = 0;
  struct Params {
    const float *Partial;
    Output *Out;
    int64_t Tokens, Splits, LdOut;
  };

  static __host__ __device__ int64_t tiles(const Params &p) {
    return ceilDiv<int64_t>(p.Tokens * Shape::Heads, Threads / 32);
  }

  static __device__ void run(const Params &p, int64_t tile, char *, const NoBody &) {
    constexpr int Stride = Shape::ValueWidth + 2;
    int64_t row = tile * (Threads / 32) + threadIdx.x / 32; // token and head
    if (row >= p.Tokens * Shape::Heads)
      return;
    const float *partial = p.Partial + row * p.Splits * Stride;
    float top = -Infinity, total = 0;
    for (int64_t split = 0; split < p.Splits; ++split)
      top = partial[split * Stride + Shape::ValueWidth] > top ? partial[split * Stride + Shape::ValueWidth] : top;
    for (int64_t split = 0; split < p.Splits; ++split)
      total += shrink(partial + split * Stride, top) * partial[split * Stride + Shape::ValueWidth + 1];
    for (int col = threadIdx.x % 32; col < Shape::ValueWidth; col += 32) {
      float value = 0;
      for (int64_t split = 0; split < p.Splits; ++split)
        value += shrink(partial + split * Stride, top) * partial[split * Stride + col];
      p.Out[row / Shape::Heads * p.LdOut + row % Shape::Heads * Shape::ValueWidth + col] =
          fromValue<Output>(total == 0 ? 0.0f : value / total);
    }
  }

  static __device__ float shrink(const float *part, float top) {
    return part[Shape::ValueWidth + 1] == 0 ? 0.0f : expf(part[Shape::ValueWidth] - top);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PAGED_ATTENTION_CUH
