// Attention of attention.cuh on tensor cores, for 16-bit elements and heads whose widths are multiples of 16.
//
//   AttentionTiles<Element, Mask, Output, KeyWidth, ValueWidth>   Params as Attention's, whose widths it repeats
//   RaggedAttentionTiles<Element, Output, KeyWidth, ValueWidth>   Params as RaggedAttention's
//
// A tile is Rows queries of one head against Keys keys a step: S[Rows, Keys] = Q K^T, then the mask and a step of the
// softmax, online, then O[Rows, value width] += P V with the weights straight from the accumulators. Products, layout
// in shared memory and sums are those of paged_attention_prefill.cuh. Keys past the last are zeros that nobody sees.
// The scores of a row are weighed in steps that begin at multiples of Keys: its bits depend on what it sees alone.
//
// Grid: Batches * Heads * ceil(Tokens / Rows), of ragged batches Heads * (ceil(their rows / Rows) + Texts). Block: 128.
// Shared: SharedBytes. Rows of heads lie side by side.
#ifndef LATHE_KERNELS_ATTENTION_TILES_CUH
#define LATHE_KERNELS_ATTENTION_TILES_CUH

#include "attention.cuh"
#include "paged_attention_prefill.cuh"

namespace lathe::kernels {

/// Some queries of one head from Row0 on, and the keys and values that they may see: those of a batch, or of a text.
template <class Element, class MaskElement, class Output> struct AttentionTile {
  MatrixView<Element> Queries, Keys, Values;
  Output *Out;
  int64_t OutToken; ///< elements from a query's result to the next one's
  const MaskElement *Mask;
  int64_t MaskToken, MaskKey;
  int64_t Row0;
  float Scale;
  bool Causal;

  __device__ bool none() const { return Row0 >= Queries.Rows; }
  /// Keys that the query in row 0 sees if it is causal.
  __device__ int64_t past() const { return Keys.Rows - Queries.Rows + 1; }
  /// Keys that some of the `count` rows from Row0 on see.
  __device__ int64_t end(int count) const {
    int64_t last = smaller<int64_t>(Row0 + count, Queries.Rows) - 1;
    return Causal ? smaller<int64_t>(Keys.Rows, last + past()) : Keys.Rows;
  }
  /// Keys that a row sees.
  __device__ int64_t endOfRow(int64_t row) const {
    return Causal ? smaller<int64_t>(row + past(), Keys.Rows) : Keys.Rows;
  }
};

/// Tiles of `Rows` queries in batches of equal length.
template <int Rows, int KeyWidth, int ValueWidth> struct BatchTiles {
  template <class Params> static __host__ __device__ int64_t count(const Params &p) {
    return p.Batches * p.Heads * ceilDiv<int64_t>(p.Tokens, Rows);
  }
  template <class Element, class MaskElement, class Output>
  static __device__ AttentionTile<Element, MaskElement, Output>
  find(const AttentionParams<Element, MaskElement, Output> &p, int64_t tile) {
    int64_t rowTiles = ceilDiv<int64_t>(p.Tokens, Rows), h = tile / rowTiles % p.Heads, b = tile / rowTiles / p.Heads;
    int64_t g = h / (p.Heads / p.KvHeads);
    auto place = [&](const AttentionView &v, int64_t head) { return b * v.Batch + head * v.Head; };
    return {.Queries = {p.Query + place(p.QueryView, h), p.Tokens, KeyWidth, p.QueryView.Token},
            .Keys = {p.Key + place(p.KeyView, g), p.Keys, KeyWidth, p.KeyView.Token},
            .Values = {p.Value + place(p.ValueView, g), p.Keys, ValueWidth, p.ValueView.Token},
            .Out = p.Out + place(p.OutView, h),
            .OutToken = p.OutView.Token,
            .Mask = p.Mask ? p.Mask + place(p.MaskView, h) : nullptr,
            .MaskToken = p.MaskView.Token,
            .MaskKey = p.MaskKey,
            .Row0 = tile % rowTiles * Rows,
            .Scale = p.Scale,
            .Causal = p.Causal};
  }
  template <class Params> static __device__ void clearPadding(const Params &, int64_t) {}
};

/// Tiles of `Rows` queries in texts of a ragged batch; there may be fewer than are counted.
template <int Rows, int KeyWidth, int ValueWidth> struct TextTiles {
  template <class Params> static __host__ __device__ int64_t count(const Params &p) {
    return p.Heads * (ceilDiv<int64_t>(p.Rows, Rows) + p.Texts);
  }
  template <class Element, class Output>
  static __device__ AttentionTile<Element, float, Output> find(const RaggedAttentionParams<Element, Output> &p,
                                                               int64_t tile) {
    int64_t h = tile % p.Heads, g = h / (p.Heads / p.KvHeads);
    // Lengths are for caches, which texts here have none of.
    RowTile rows = findRowTile(p.RowOffsets, p.RowOffsets, p.Texts, tile / p.Heads, 0, 1, Rows);
    int64_t first = rows.Token;
    return {.Queries = {p.Query + (first * p.Heads + h) * KeyWidth, rows.Rows, KeyWidth, p.Heads * KeyWidth},
            .Keys = {p.Key + (first * p.KvHeads + g) * KeyWidth, rows.Rows, KeyWidth, p.KvHeads * KeyWidth},
            .Values = {p.Value + (first * p.KvHeads + g) * ValueWidth, rows.Rows, ValueWidth, p.KvHeads * ValueWidth},
            .Out = p.Out + (first * p.Heads + h) * ValueWidth,
            .OutToken = p.Heads * ValueWidth,
            .Mask = nullptr,
            .MaskToken = 0,
            .MaskKey = 0,
            .Row0 = rows.Row0,
            .Scale = p.Scale,
            .Causal = p.Causal};
  }
  /// Rows of no text become zeros, a part of them by each tile.
  template <class Params> static __device__ void clearPadding(const Params &p, int64_t tile) {
    int64_t cols = p.Heads * ValueWidth;
    for (int64_t row = (p.Texts ? p.RowOffsets[p.Texts] : 0) + tile; row < p.Rows; row += count(p))
      for (int64_t i = threadIdx.x; i < cols; i += blockDim.x)
        p.Out[row * cols + i] = {};
  }
};

template <HalfElement Element, FloatElement MaskElement, class Output, int KeyWidth, int ValueWidth>
struct TensorAttentionSteps {
  static_assert(KeyWidth % 16 == 0 && ValueWidth % 16 == 0, "widths must be multiples of 16; use Attention for others");
  /// One key head with one query head; lean: half the rows, of which encoders have few, and fewer registers.
  using Steps = PagedAttentionPrefill<Element, Element, Output, AttentionShape<1, 1, KeyWidth, ValueWidth>, true>;
  using Tile = AttentionTile<Element, MaskElement, Output>;
  static constexpr int Threads = Steps::Threads, MinBlocks = KeyWidth <= 64 && ValueWidth <= 64 ? 4 : 2;
  static constexpr int Rows = Steps::Rows, Keys = Steps::Keys;
  static constexpr int Stages = 4, StageBytes = Steps::KeyBytes + Steps::ValueBytes; ///< steps in shared memory
  static constexpr int SharedBytes = Steps::QueryBytes + Stages * StageBytes;
  static_assert(Steps::RowBlocks == 1 && Steps::Parts == 1, "a warp must have 16 rows");

  /// Starts copying rows first .. of one head to shared memory, `Count` rows of `Width` elements; zeros behind the
  /// last.
  template <int Count, int Width, int Stride>
  static __device__ void load(char *target, const MatrixView<Element> &view, int64_t first) {
    constexpr int Chunks = Width / 8;
#pragma unroll
    for (int i = threadIdx.x; i < Count * Chunks; i += Threads)
      loadChunk(target + i / Chunks * Stride + i % Chunks * 16, view, first + i / Chunks, i % Chunks * 8);
  }

  /// What this thread's two rows see of the keys, and what is added to the scores of a step.
  struct RowMask {
    const MaskElement *Mask[2]; ///< null: none
    int64_t Step;               ///< of neighbouring keys
    int64_t End[2], Keys;
    float Bias[2][Steps::KeyBlocks][2];

    __device__ void load(int64_t first) {
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int j = 0; j < Steps::KeyBlocks; ++j) {
          int64_t key = first + j * 8 + threadIdx.x % 4 * 2;
          float (&pair)[2] = Bias[half][j];
          pair[0] = pair[1] = 0;
          if (!Mask[half])
            continue;
          if (Step == 1 && key + 1 < Keys) {
            loadVector(Mask[half], key, pair);
            continue;
          }
#pragma unroll
          for (int e = 0; e < 2; ++e)
            if (key + e < Keys)
              pair[e] = toValue(Mask[half][(key + e) * Step]);
        }
    }
  };

  /// Scores of keys first .. become weights against the new maxima; what was summed is rescaled. Scores stay natural
  /// until the largest is subtracted: in powers of two a mask of -FLT_MAX would become -infinity.
  static __device__ void weigh(typename Steps::Sums &sums, float (&scores)[1][Steps::KeyBlocks][4], const RowMask &mask,
                               int64_t first, float scale) {
    int t = threadIdx.x % 4;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float top = sums.Max[0][half];
#pragma unroll
      for (int j = 0; j < Steps::KeyBlocks; ++j)
#pragma unroll
        for (int e = half * 2; e < half * 2 + 2; ++e) {
          int64_t key = first + j * 8 + t * 2 + e % 2;
          bool seen = key < mask.End[half];
          float x = seen ? scores[0][j][e] * scale + mask.Bias[half][j][e % 2] : -Infinity;
          scores[0][j][e] = x;
          top = x > top ? x : top;
        }
#pragma unroll
      for (int distance = 1; distance < 4; distance *= 2) {
        float other = __shfl_xor_sync(0xffffffffu, top, distance);
        top = other > top ? other : top;
      }
      float origin = top == -Infinity ? 0.0f : top, shrink = exponential2((sums.Max[0][half] - origin) * Log2E);
      sums.Max[0][half] = top;
      float total = 0;
#pragma unroll
      for (int j = 0; j < Steps::KeyBlocks; ++j)
#pragma unroll
        for (int e = half * 2; e < half * 2 + 2; ++e) {
          scores[0][j][e] = exponential2((scores[0][j][e] - origin) * Log2E);
          total += scores[0][j][e];
        }
      sums.Total[0][half] = sums.Total[0][half] * shrink + total;
#pragma unroll
      for (int j = 0; j < Steps::ValueBlocks; ++j) {
        sums.Values[0][j][half * 2] *= shrink;
        sums.Values[0][j][half * 2 + 1] *= shrink;
      }
    }
  }

  static __device__ void store(const typename Steps::Sums &sums, Output *out, int64_t step, int64_t row0,
                               int64_t rows) {
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      int64_t row = row0 + g + half * 8;
      float total = sums.Total[0][half];
      total += __shfl_xor_sync(0xffffffffu, total, 1);
      total += __shfl_xor_sync(0xffffffffu, total, 2);
      float factor = total > 0 ? 1.0f / total : 0.0f;
      if (row >= rows)
        continue;
#pragma unroll
      for (int j = 0; j < Steps::ValueBlocks; ++j) {
        float pair[2] = {sums.Values[0][j][half * 2] * factor, sums.Values[0][j][half * 2 + 1] * factor};
        storeVector(out + row * step, j * 8 + t * 2, pair);
      }
    }
  }

  static __device__ void attend(const Tile &tile, char *smem) {
    int64_t end = tile.end(Rows), steps = end > 0 ? ceilDiv<int64_t>(end, Keys) : 0;
    auto stage = [&](int64_t step) { return smem + Steps::QueryBytes + step % Stages * StageBytes; };
    auto loadStep = [&](int64_t step) {
      if (step < steps) {
        load<Keys, KeyWidth, Steps::KeyStride>(stage(step), tile.Keys, step * Keys);
        load<Keys, ValueWidth, Steps::ValueStride>(stage(step) + Steps::KeyBytes, tile.Values, step * Keys);
      }
      commitAsync();
    };
    // 1. Queries and all stages but one.
    load<Rows, KeyWidth, Steps::KeyStride>(smem, tile.Queries, tile.Row0);
#pragma unroll
    for (int step = 0; step < Stages - 1; ++step)
      loadStep(step);
    typename Steps::Sums sums;
    RowMask mask;
    mask.Step = tile.MaskKey;
    mask.Keys = tile.Keys.Rows;
    int64_t row0 = tile.Row0 + threadIdx.x / 32 * 16;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      int64_t row = row0 + threadIdx.x % 32 / 4 + half * 8;
      sums.Max[0][half] = -Infinity;
      sums.Total[0][half] = 0;
      mask.Mask[half] = tile.Mask ? tile.Mask + (row < tile.Queries.Rows ? row : 0) * tile.MaskToken : nullptr;
      mask.End[half] = tile.endOfRow(row);
    }
#pragma unroll
    for (int j = 0; j < Steps::ValueBlocks; ++j)
#pragma unroll
      for (int e = 0; e < 4; ++e)
        sums.Values[0][j][e] = 0;
    mask.load(0);
    // 2. A step of keys after the other; the next ones and their mask are on their way meanwhile.
#pragma unroll 1
    for (int64_t step = 0; step < steps; ++step) {
      waitAsync<Stages - 2>();
      __syncthreads();
      loadStep(step + Stages - 1);
      float scores[1][Steps::KeyBlocks][4];
      Steps::score(scores, smem, stage(step));
      weigh(sums, scores, mask, step * Keys, tile.Scale);
      if (step + 1 < steps)
        mask.load((step + 1) * Keys);
      Steps::addValues(sums, scores, stage(step) + Steps::KeyBytes);
    }
    waitAsync<0>();
    // 3. Out.
    store(sums, tile.Out, tile.OutToken, row0, tile.Queries.Rows);
  }
};

/// A template of tiles: which there are, and what is done to each.
template <class Params_, class Tiles, class Steps> struct TiledAttention {
  using Params = Params_;
  static constexpr int Threads = Steps::Threads, MinBlocks = Steps::MinBlocks, SharedBytes = Steps::SharedBytes;

  static __host__ __device__ int64_t tiles(const Params &p) { return Tiles::count(p); }

  static __device__ void run(const Params &p, int64_t number, char *smem, NoBody) {
    Tiles::clearPadding(p, number);
    auto tile = Tiles::find(p, number);
    if (!tile.none())
      Steps::attend(tile, smem);
  }
};

template <HalfElement Element, FloatElement MaskElement, class Output, int KeyWidth, int ValueWidth>
using AttentionTiles =
    TiledAttention<AttentionParams<Element, MaskElement, Output>, BatchTiles<64, KeyWidth, ValueWidth>,
                   TensorAttentionSteps<Element, MaskElement, Output, KeyWidth, ValueWidth>>;

template <HalfElement Element, class Output, int KeyWidth, int ValueWidth>
using RaggedAttentionTiles = TiledAttention<RaggedAttentionParams<Element, Output>, TextTiles<64, KeyWidth, ValueWidth>,
                                            TensorAttentionSteps<Element, float, Output, KeyWidth, ValueWidth>>;

} // namespace lathe::kernels

#endif // LATHE_KERNELS_ATTENTION_TILES_CUH
