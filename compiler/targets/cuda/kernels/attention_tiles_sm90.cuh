// AttentionTiles and RaggedAttentionTiles of attention_tiles.cuh for sm_90a: products of a warpgroup on operands in
// shared memory.
//
//   AttentionTilesSm90<Element, Mask, Output, KeyWidth, ValueWidth>   widths of 64 or 128
//   RaggedAttentionTilesSm90<Element, Output, KeyWidth, ValueWidth>
//
// Grid as there. Block: 128. Shared: SharedBytes, aligned to 1024.
//
// A tile is 64 queries of one head against 128 keys a step, whose scores a thread keeps in registers. Several blocks
// share a multiprocessor: while one waits for its scores or copies, others compute.
//
// On an H200, 32 texts of 128 with 12 heads of 64, f16: 12.8 us, 21.0 by AttentionTiles; 8 of 512: 44 us, 74. A ragged
// batch of 32 texts of 20 to 509: 47 us, 77 by RaggedAttentionTiles, 4,730 by a warp a query. Not faster: a second
// stage in shared memory, so that keys and values come a step ahead.
#ifndef LATHE_KERNELS_ATTENTION_TILES_SM90_CUH
#define LATHE_KERNELS_ATTENTION_TILES_SM90_CUH

#include "attention_tiles.cuh"
#include "warpgroup_attention_sm90.cuh"

namespace lathe::kernels {

template <HalfElement Element, FloatElement MaskElement, class Output, int KeyWidth, int ValueWidth>
struct TensorAttentionStepsSm90 {
  static_assert((KeyWidth == 64 || KeyWidth == 128) && (ValueWidth == 64 || ValueWidth == 128),
                "keys and values must be 64 or 128 wide; AttentionTiles takes the others");
  using Tile = AttentionTile<Element, MaskElement, Output>;
  static constexpr int Threads = 128, Rows = 64, Keys = 128, PanelBytes = Keys * 128;
  static constexpr int QueryBytes = Rows * KeyWidth * 2, KeyBytes = Keys * KeyWidth * 2;
  static constexpr int SharedBytes = QueryBytes + KeyBytes + Keys * ValueWidth * 2;
  static constexpr int MinBlocks = KeyWidth == 64 && ValueWidth == 64 ? 3 : 2;

  /// Starts copying rows first .. of a head, `Count` of `Width` elements, in panels of 64; zeros behind the last.
  template <int Count, int Width>
  static __device__ void load(char *target, const MatrixView<Element> &view, int64_t first) {
    int chunk = threadIdx.x % 8, row = threadIdx.x / 8;
    target += chunkOffset<8>(row, chunk); // the same chunk in rows that are 8 apart
    if (view.Aligned && first + Count <= view.Rows) {
      const Element *source = view.Data + (first + row) * view.Stride + chunk * 8;
      int64_t step = Threads / 8 * view.Stride;
#pragma unroll
      for (int i = 0; i < Count; i += Threads / 8, source += step)
#pragma unroll
        for (int panel = 0; panel < Width / 64; ++panel)
          copyAsync16(target + panel * Count * 128 + i * 128, source + panel * 64, 16);
      return;
    }
#pragma unroll 1
    for (int i = 0; i < Count; i += Threads / 8)
#pragma unroll
      for (int panel = 0; panel < Width / 64; ++panel)
        loadChunk(target + panel * Count * 128 + i * 128, view, first + row + i, panel * 64 + chunk * 8);
  }

  /// Of rows g and g+8 of its warp's 16 in lane 4g+t.
  struct Sums {
    float Max[2], Total[2]; ///< Total is this lane's share
    float Values[ValueWidth / 2];
  };

  /// What is added to the scores of two neighbouring keys, of which `count` exist.
  static __device__ void loadPair(float (&pair)[2], const MaskElement *mask, int64_t step, int count) {
    pair[0] = count > 0 ? toValue(mask[0]) : 0.0f;
    pair[1] = count > 1 ? toValue(mask[step]) : 0.0f;
  }

  /// The mask that all rows share, of the keys from `first` on: on its way before the scores are there.
  static __device__ void loadShared(float (&bias)[Keys / 8][2], const Tile &tile, int64_t first) {
    int64_t key = first + threadIdx.x % 4 * 2;
    const MaskElement *mask = tile.Mask + key * tile.MaskKey;
    int count = int(smaller<int64_t>(tile.Keys.Rows - key, Keys));
#pragma unroll
    for (int j = 0; j < Keys / 8; ++j, mask += 8 * tile.MaskKey)
      loadPair(bias[j], mask, tile.MaskKey, count - j * 8);
  }

  /// Scores of the keys from `first` on become what the softmax reads: scaled, with the mask, -infinity where they are
  /// not seen. They stay natural: in powers of two a mask of -FLT_MAX would become -infinity.
  static __device__ void mask(float (&scores)[Keys / 2], const float (&bias)[Keys / 8][2], const Tile &tile,
                              int64_t row0, int64_t first) {
    int64_t key0 = first + threadIdx.x % 4 * 2;
    bool own = tile.Mask && tile.MaskToken != 0;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      int64_t row = row0 + half * 8;
      int end = int(smaller<int64_t>(tile.endOfRow(row) - key0, Keys)); // of keys from key0 on
      const MaskElement *source = tile.Mask;
      if (own)
        source += (row < tile.Queries.Rows ? row : 0) * tile.MaskToken + key0 * tile.MaskKey;
      bool whole = end > Keys - 7;
#pragma unroll
      for (int j = 0; j < Keys / 8; ++j, source += 8 * tile.MaskKey) {
        float pair[2] = {bias[j][0], bias[j][1]};
        if (own)
          loadPair(pair, source, tile.MaskKey, end - j * 8);
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          float &score = scores[j * 4 + half * 2 + e];
          score = score * tile.Scale + pair[e];
          if (!whole)
            score = j * 8 + e < end ? score : -Infinity;
        }
      }
    }
  }

  /// Scores become weights against the new maxima; what was summed must shrink.
  static __device__ void weigh(float (&scores)[Keys / 2], Sums &sums, float (&shrink)[2]) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float top = sums.Max[half];
#pragma unroll
      for (int j = 0; j < Keys / 8; ++j)
        top = fmaxf(fmaxf(top, scores[j * 4 + half * 2]), scores[j * 4 + half * 2 + 1]);
      top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
      top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
      float origin = top == -Infinity ? 0.0f : top, total[2] = {0, 0};
      shrink[half] = exponential2((sums.Max[half] - origin) * Log2E);
      sums.Max[half] = top;
#pragma unroll
      for (int j = 0; j < Keys / 8; ++j)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          float &score = scores[j * 4 + half * 2 + e];
          score = exponential2((score - origin) * Log2E);
          total[e] += score;
        }
      sums.Total[half] = sums.Total[half] * shrink[half] + (total[0] + total[1]);
    }
  }

  static __device__ void score(float (&scores)[Keys / 2], const char *queries, const char *keys) {
    uint64_t left = matrixDescriptor(queries), right = matrixDescriptor(keys);
    beginWarpgroup();
    startScores<Element, Keys>(scores, left, right);
#pragma unroll
    for (int k = 1; k < KeyWidth / 16; ++k)
      multiplyWarpgroup<Element, Keys>(scores, left + k / 4 * (Rows * 128 >> 4) + k % 4 * 2,
                                       right + k / 4 * (PanelBytes >> 4) + k % 4 * 2);
    commitWarpgroup();
    waitWarpgroup<0>();
    holdAccumulators(scores);
  }

  static __device__ void addValues(Sums &sums, const float (&weights)[Keys / 2], const float (&shrink)[2],
                                   const char *values) {
    uint32_t left[Keys / 16][4];
#pragma unroll
    for (int k = 0; k < Keys / 16; ++k)
#pragma unroll
      for (int word = 0; word < 4; ++word)
        left[k][word] = packPair<Element>(weights[k * 8 + word * 2], weights[k * 8 + word * 2 + 1]);
#pragma unroll
    for (int i = 0; i < ValueWidth / 2; ++i)
      sums.Values[i] *= shrink[i / 2 % 2];
    holdAccumulators(sums.Values);
    uint64_t right = valuesDescriptor(values, PanelBytes);
    beginWarpgroup();
#pragma unroll
    for (int k = 0; k < Keys / 16; ++k)
      addWeighted<Element, ValueWidth>(sums.Values, left[k], right + k * 128);
    commitWarpgroup();
    waitWarpgroup<0>();
    holdAccumulators(sums.Values);
  }

  static __device__ void store(const Sums &sums, const Tile &tile, int64_t row0) {
    int lane = threadIdx.x % 32;
    bool odd = lane % 2 != 0;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      int64_t row = row0 + half * 8;
      float total = sums.Total[half];
      total += __shfl_xor_sync(0xffffffffu, total, 1);
      total += __shfl_xor_sync(0xffffffffu, total, 2);
      float factor = total > 0 ? 1.0f / total : 0.0f;
      bool exists = row < tile.Queries.Rows;
      Output *out = tile.Out + (exists ? row * tile.OutToken : 0);
      // Of two blocks of eight columns an even lane takes its neighbour's pair in the first, an odd one in the second:
      // four columns a lane, whole sectors of memory a store.
#pragma unroll
      for (int j = 0; j < ValueWidth / 8; j += 2) {
        float four[4];
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          float first = sums.Values[j * 4 + half * 2 + e] * factor,
                second = sums.Values[j * 4 + 4 + half * 2 + e] * factor;
          float other = __shfl_xor_sync(0xffffffffu, odd ? first : second, 1);
          four[e] = odd ? other : first;
          four[e + 2] = odd ? second : other;
        }
        if (exists)
          storeVector(out, j * 8 + (odd ? 8 : 0) + lane % 4 / 2 * 4, four);
      }
    }
  }

  static __device__ void attend(const Tile &tile, char *smem) {
    int64_t end = tile.end(Rows), steps = end > 0 ? ceilDiv<int64_t>(end, Keys) : 0;
    char *keys = smem + QueryBytes, *values = keys + KeyBytes;
    // Keys and values are two groups of copies.
    auto loadStep = [&](int64_t step) {
      load<Keys, KeyWidth>(keys, tile.Keys, step * Keys);
      commitAsync();
      load<Keys, ValueWidth>(values, tile.Values, step * Keys);
      commitAsync();
    };
    load<Rows, KeyWidth>(smem, tile.Queries, tile.Row0);
    if (steps > 0)
      loadStep(0);
    int64_t row0 = tile.Row0 + threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
    Sums sums;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      sums.Max[half] = -Infinity;
      sums.Total[half] = 0;
    }
#pragma unroll
    for (int i = 0; i < ValueWidth / 2; ++i)
      sums.Values[i] = 0;
    float bias[Keys / 8][2] = {};
#pragma unroll 1
    for (int64_t step = 0; step < steps; ++step) {
      float scores[Keys / 2], shrink[2];
      if (tile.Mask && tile.MaskToken == 0)
        loadShared(bias, tile, step * Keys);
      waitAsync<1>();
      fenceAsync();
      __syncthreads();
      score(scores, smem, keys);
      mask(scores, bias, tile, row0, step * Keys);
      weigh(scores, sums, shrink);
      waitAsync<0>();
      fenceAsync();
      __syncthreads();
      addValues(sums, scores, shrink, values);
      if (step + 1 < steps) {
        __syncthreads(); // all are done with the step
        loadStep(step + 1);
      }
    }
    waitAsync<0>();
    store(sums, tile, row0);
  }
};

template <HalfElement Element, FloatElement MaskElement, class Output, int KeyWidth, int ValueWidth>
using AttentionTilesSm90 =
    TiledAttention<AttentionParams<Element, MaskElement, Output>, BatchTiles<64, KeyWidth, ValueWidth>,
                   TensorAttentionStepsSm90<Element, MaskElement, Output, KeyWidth, ValueWidth>>;

template <HalfElement Element, class Output, int KeyWidth, int ValueWidth>
using RaggedAttentionTilesSm90 =
    TiledAttention<RaggedAttentionParams<Element, Output>, TextTiles<64, KeyWidth, ValueWidth>,
                   TensorAttentionStepsSm90<Element, float, Output, KeyWidth, ValueWidth>>;

} // namespace lathe::kernels

#endif // LATHE_KERNELS_ATTENTION_TILES_SM90_CUH
