// Attention of attention.cuh on tensor cores, for 16-bit elements and heads whose widths are multiples of 16.
//
//   AttentionTiles<Element, Mask, Output, KeyWidth, ValueWidth>   Params as Attention's, whose widths it repeats
//
// A tile is Rows queries of one head against Keys keys a step: S[Rows, Keys] = Q K^T, then the mask and a step of the
// softmax, online, then O[Rows, value width] += P V with the weights straight from the accumulators. Products, layout
// in shared memory and sums are those of paged_attention_prefill.cuh. Keys past the last are zeros that nobody sees.
// The scores of a row are weighed in steps that begin at multiples of Keys: its bits depend on what it sees alone.
//
// Grid: Batches * Heads * ceil(Tokens / Rows). Block: 128. Shared: SharedBytes. Rows of heads lie side by side.
#ifndef LATHE_KERNELS_ATTENTION_TILES_CUH
#define LATHE_KERNELS_ATTENTION_TILES_CUH

#include "attention.cuh"
#include "paged_attention_prefill.cuh"

namespace lathe::kernels {

template <HalfElement Element, FloatElement MaskElement, class Output, int KeyWidth, int ValueWidth>
struct AttentionTiles {
  static_assert(KeyWidth % 16 == 0 && ValueWidth % 16 == 0, "widths must be multiples of 16; use Attention for others");
  /// One key head with one query head; lean: half the rows, of which encoders have few, and fewer registers.
  using Steps = PagedAttentionPrefill<Element, Element, Output, AttentionShape<1, 1, KeyWidth, ValueWidth>, true>;
  using Params = AttentionParams<Element, MaskElement, Output>;
  static constexpr int Threads = Steps::Threads, MinBlocks = KeyWidth <= 64 && ValueWidth <= 64 ? 4 : 2;
  static constexpr int Rows = Steps::Rows, Keys = Steps::Keys;
  static constexpr int Stages = 4, StageBytes = Steps::KeyBytes + Steps::ValueBytes; ///< steps in shared memory
  static constexpr int SharedBytes = Steps::QueryBytes + Stages * StageBytes;
  static_assert(Steps::RowBlocks == 1 && Steps::Parts == 1, "a warp must have 16 rows");

  static __host__ __device__ int64_t tiles(const Params &p) {
    return p.Batches * p.Heads * ceilDiv<int64_t>(p.Tokens, Rows);
  }

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

  static __device__ void run(const Params &p, int64_t tile, char *smem, NoBody) {
    int64_t rowTiles = ceilDiv<int64_t>(p.Tokens, Rows), row0 = tile % rowTiles * Rows;
    int64_t h = tile / rowTiles % p.Heads, b = tile / rowTiles / p.Heads, g = h / (p.Heads / p.KvHeads);
    auto place = [&](const AttentionView &v, int64_t head) { return b * v.Batch + head * v.Head; };
    MatrixView<Element> queries(p.Query + place(p.QueryView, h), p.Tokens, KeyWidth, p.QueryView.Token);
    MatrixView<Element> keys(p.Key + place(p.KeyView, g), p.Keys, KeyWidth, p.KeyView.Token);
    MatrixView<Element> values(p.Value + place(p.ValueView, g), p.Keys, ValueWidth, p.ValueView.Token);
    // A causal tile sees no more than its last query.
    int64_t past = p.Keys - p.Tokens + 1; // keys that query 0 sees
    int64_t end = p.Causal ? smaller<int64_t>(p.Keys, smaller<int64_t>(row0 + Rows, p.Tokens) - 1 + past) : p.Keys;
    int64_t steps = end > 0 ? ceilDiv<int64_t>(end, Keys) : 0;
    auto stage = [&](int64_t step) { return smem + Steps::QueryBytes + step % Stages * StageBytes; };
    auto loadStep = [&](int64_t step) {
      if (step < steps) {
        load<Keys, KeyWidth, Steps::KeyStride>(stage(step), keys, step * Keys);
        load<Keys, ValueWidth, Steps::ValueStride>(stage(step) + Steps::KeyBytes, values, step * Keys);
      }
      commitAsync();
    };
    // 1. Queries and all stages but one.
    load<Rows, KeyWidth, Steps::KeyStride>(smem, queries, row0);
#pragma unroll
    for (int step = 0; step < Stages - 1; ++step)
      loadStep(step);
    typename Steps::Sums sums;
    RowMask mask;
    mask.Step = p.MaskKey;
    mask.Keys = p.Keys;
    row0 += threadIdx.x / 32 * 16;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      int64_t row = row0 + threadIdx.x % 32 / 4 + half * 8;
      sums.Max[0][half] = -Infinity;
      sums.Total[0][half] = 0;
      mask.Mask[half] =
          p.Mask ? p.Mask + place(p.MaskView, h) + (row < p.Tokens ? row : 0) * p.MaskView.Token : nullptr;
      mask.End[half] = p.Causal ? smaller<int64_t>(row + past, p.Keys) : p.Keys;
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
      weigh(sums, scores, mask, step * Keys, p.Scale);
      if (step + 1 < steps)
        mask.load((step + 1) * Keys);
      Steps::addValues(sums, scores, stage(step) + Steps::KeyBytes);
    }
    waitAsync<0>();
    // 3. Out.
    store(sums, p.Out + place(p.OutView, h), p.OutView.Token, row0, p.Tokens);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_ATTENTION_TILES_CUH
