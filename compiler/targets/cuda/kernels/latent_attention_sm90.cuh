// Paged attention where a key begins with its value, as in multi-head latent attention (DeepSeek-AI, 2024): what
// paged_attention.cuh says, for shapes whose keys are shared, on products of warpgroups. Many heads meet one row of
// the pages, which is read once for all of them, and once for both products.
//
//   LatentAttentionSm90<Element, State, Output, Shape, Cluster>   queries of type Element; values 128, 256 or 512 wide,
//                                                                 keys a multiple of 16 wider
//
// Scale must be positive, queries and pages aligned to 16 bytes. A tile is 64 pairs (row of the step, query head of one
// key head), heads innermost, against steps of 64 positions: S[64, 64] = Q K^T, O[64, value width] += P V, where K and
// V are one matrix in shared memory. The first warpgroup fetches; the second scores, weighs and adds half of the
// columns, the third gets the weights from it and adds the other half. The place of a step is free as soon as both have
// added it, which does not wait for the next to come.
//
// The steps of a tile go to the blocks of a cluster in turn, by their number, so that the bits of a row depend on what
// it sees and on Cluster alone; the blocks join through each other's shared memory. Grid: tiles(p), in clusters of
// Cluster; block Threads; shared SharedBytes, aligned to 1024.
#ifndef LATHE_KERNELS_LATENT_ATTENTION_SM90_CUH
#define LATHE_KERNELS_LATENT_ATTENTION_SM90_CUH

#include "attention_steps_sm90.cuh"

namespace lathe::kernels {

template <HalfElement Element, PageElement State, FloatElement Output, class Shape, int Cluster_ = 1>
struct LatentAttentionSm90 {
  static constexpr int Cluster = Cluster_;
  static constexpr int KeyWidth = Shape::KeyWidth, ValueWidth = Shape::ValueWidth, Group = Shape::Group;
  static_assert(Shape::Shared, "keys must begin with their values; PagedAttentionPrefillSm90 takes the others");
  static_assert(ValueWidth == 128 || ValueWidth == 256 || ValueWidth == 512,
                "values must be 128, 256 or 512 wide; PagedAttentionDecode takes the others");
  static_assert(KeyWidth % 16 == 0, "keys must be a multiple of 16 wide; PagedAttention takes the others");
  using Params = PagedAttentionParams<Element, State, Output>;
  static constexpr int Threads = 3 * 128, MinBlocks = 1;
  static constexpr int Rows = 64, Keys = 64, StepPages = Keys / PageTokens;
  static constexpr int Half = ValueWidth / 2; ///< columns of a warpgroup
  static constexpr int Panels = ceilDiv(KeyWidth, 64), ValuePanels = ValueWidth / 64, PanelBytes = Keys * 128;
  static constexpr int QueryBytes = Panels * 8192, StageBytes = Panels * PanelBytes;
  static constexpr int WeightBytes = Rows * Keys * 2, ShrinkBytes = 128 * 8, RowBytes = 2 * Rows * 4;
  static constexpr int OtherBytes = WeightBytes + ShrinkBytes + RowBytes + 256;
  static constexpr int Stages = smaller(4, (226 * 1024 - QueryBytes - OtherBytes) / StageBytes);
  static constexpr int SharedBytes = QueryBytes + Stages * StageBytes + OtherBytes;
  static constexpr int SumPitch = ValueWidth + 8; ///< floats of a row of sums where blocks join, in the stages' memory
  static_assert(Stages >= 2 && (Cluster == 1 || Rows * SumPitch * 4 <= QueryBytes + Stages * StageBytes),
                "keys are too wide");
  static constexpr int Fetchers = 3; ///< warps that fetch; one more shows what has come
  // Of a thread; a multiprocessor has 65,536, which are dealt out evenly at the start.
  static constexpr int ProducerRegisters = 56, FirstRegisters = 240, SecondRegisters = 208;
  using Tile = StepTile<Shape, Rows, Keys>;

  /// Tiles of rows, by the sums of all rows or by the rows of each token, whichever are fewer.
  static __host__ __device__ int64_t rowTiles(const Params &p) {
    return Shape::KvHeads * smaller<int64_t>(ceilDiv<int64_t>(p.Tokens * Group, Rows) + p.Sequences,
                                             p.Tokens * ceilDiv<int64_t>(Group, Rows));
  }
  static __host__ __device__ int64_t tiles(const Params &p) { return rowTiles(p) * Cluster; }

  /// What shared memory holds behind the queries and the ring.
  struct Memory {
    char *Queries, *Ring;
    uint4 *Weights;         ///< [4, 128]: those of a thread for its counterpart in the other warpgroup
    float2 *Shrink;         ///< [128]
    float *RowMax, *RowSum; ///< [Rows]
    uint64_t *Copied, *Full, *Empty, *WeightsFull, *WeightsEmpty;
    __device__ explicit Memory(char *smem)
        : Queries(smem), Ring(smem + QueryBytes), Weights(reinterpret_cast<uint4 *>(Ring + Stages * StageBytes)),
          Shrink(reinterpret_cast<float2 *>(Weights + WeightBytes / 16)),
          RowMax(reinterpret_cast<float *>(Shrink + 128)), RowSum(RowMax + Rows),
          Copied(reinterpret_cast<uint64_t *>(RowSum + Rows)), Full(Copied + Stages), Empty(Full + Stages),
          WeightsFull(Empty + Stages), WeightsEmpty(WeightsFull + 1) {}
    __device__ const char *stage(int number) const { return Ring + number * StageBytes; }
  };

  /// The first step of a tile that is block `rank`'s.
  static __device__ int firstStep(const Tile &tile, int rank) {
    return tile.Step + (rank + Cluster - tile.Step % Cluster) % Cluster;
  }

  /// One of the warps that fetch.
  static __device__ void fetch(const Params &p, const Tile &tile, int step, int warp, const Memory &memory) {
    const int32_t *table = p.BlockTables + tile.At.Sequence * p.Pages;
    const State *layer = elementsAfter(p.Pool, p.LayerOffset);
    const State *keys = elementsAfter(layer, tile.KvHead * PageTokens * Shape::StoredWidth);
    const State *values = elementsAfter(layer, Shape::ValueOffset + tile.KvHead * PageTokens * ValueWidth);
    auto readNumbers = [&](int step) {
      int page = step * StepPages + int(threadIdx.x % StepPages);
      return step < tile.Steps && page < p.Pages ? table[page] : 0;
    };
    auto copy = [&]<bool Whole>(char *stage, int32_t numbers, int first) {
      copyPanels<Element, ValueWidth, Keys, Whole, Fetchers>(stage, values, p.PageElements, numbers, first, tile, warp);
      copyPanels<Element, Shape::StoredWidth, Keys, Whole, Fetchers>(
          stage + ValuePanels * PanelBytes, keys, p.PageElements, numbers, first, tile, (warp + 1) % Fetchers);
    };
    RingPosition<Stages> at;
    int32_t numbers = readNumbers(step);
#pragma unroll 1
    for (; step < tile.Steps; step += Cluster) {
      int32_t nextNumbers = readNumbers(step + Cluster);
      char *stage = memory.Ring + at.Stage * StageBytes;
      waitBarrier(memory.Empty + at.Stage, at.Round ^ 1);
      if (tile.whole(step * Keys))
        copy.template operator()<true>(stage, numbers, step * Keys);
      else
        copy.template operator()<false>(stage, numbers, step * Keys);
      if constexpr (IsSame<State, Element>)
        arriveAfterCopies(memory.Copied + at.Stage);
      else
        arrive(memory.Copied + at.Stage);
      at.advance();
      numbers = nextNumbers;
    }
  }

  /// A warp: says that steps have come, after the fence without which products would not see them.
  static __device__ void show(const Tile &tile, int step, const Memory &memory) {
    RingPosition<Stages> at;
#pragma unroll 1
    for (; step < tile.Steps; step += Cluster) {
      waitBarrier(memory.Copied + at.Stage, at.Round);
      fenceAsync();
      arrive(memory.Full + at.Stage);
      at.advance();
    }
  }

  static __device__ void startScoring(float (&scores)[Keys / 2], const char *queries, const char *keys) {
    uint64_t left = matrixDescriptor(queries), right = matrixDescriptor(keys);
    startScores<Element, Keys>(scores, left, right);
#pragma unroll
    for (int k = 1; k < KeyWidth / 16; ++k)
      multiplyWarpgroup<Element, Keys>(scores, left + k / 4 * (8192 >> 4) + k % 4 * 2,
                                       right + k / 4 * (PanelBytes >> 4) + k % 4 * 2);
    commitWarpgroup();
  }

  static __device__ void startAdding(float (&sums)[Half / 2], const uint32_t (&weights)[Keys / 16][4],
                                     const char *values) {
    uint64_t right = valuesDescriptor(values, PanelBytes);
#pragma unroll
    for (int k = 0; k < Keys / 16; ++k)
      addWeighted<Element, Half>(sums, weights[k], right + k * 128);
    commitWarpgroup();
  }

  static __device__ void scaleRows(float (&sums)[Half / 2], float first, float second) {
#pragma unroll
    for (int i = 0; i < Half / 2; ++i)
      sums[i] *= i / 2 % 2 ? second : first;
  }

  /// Leaves weights for the other warpgroup.
  static __device__ void handOver(const Memory &memory, const uint32_t (&weights)[Keys / 16][4],
                                  const float (&shrink)[2], uint32_t &round) {
    int thread = threadIdx.x % 128;
    waitBarrier(memory.WeightsEmpty, round ^ 1);
#pragma unroll
    for (int k = 0; k < Keys / 16; ++k)
      memory.Weights[k * 128 + thread] = {weights[k][0], weights[k][1], weights[k][2], weights[k][3]};
    memory.Shrink[thread] = {shrink[0], shrink[1]};
    arrive(memory.WeightsFull);
    round ^= 1;
  }

  /// The second warpgroup's share of a tile: maxima and totals of its rows go to RowMax and RowSum.
  static __device__ void attendFirst(const Params &p, const Tile &tile, int step, const Memory &memory,
                                     float (&sums)[Half / 2]) {
    int lane = threadIdx.x % 32, row0 = threadIdx.x % 128 / 32 * 16;
    ScoreScale scale(p.Scale, p.SoftCap);
    RowSums rows;
    RingPosition<Stages> keys, values;
    uint32_t round = 0;
    if (step < tile.Steps) {
      float scores[Keys / 2], shrink[2];
      uint32_t weights[Keys / 16][4];
      // 1. The first scores.
      waitBarrier(memory.Full + keys.Stage, keys.Round);
      beginWarpgroup();
      startScoring(scores, memory.Queries, memory.stage(keys.Stage));
      waitWarpgroup<0>();
      holdAccumulators(scores);
      keys.advance();
      weighScores<Keys>(scores, rows, shrink, tile, row0, step * Keys, scale);
      packWeights<Element, Keys>(weights, scores);
      handOver(memory, weights, shrink, round);
      // 2. Values of a step, which do not wait for the next, whose place they free, and its scores.
#pragma unroll 1
      for (step += Cluster; step < tile.Steps; step += Cluster) {
        holdAccumulators(sums);
        beginWarpgroup();
        startAdding(sums, weights, memory.stage(values.Stage));
        waitBarrier(memory.Full + keys.Stage, keys.Round);
        beginWarpgroup();
        startScoring(scores, memory.Queries, memory.stage(keys.Stage));
        waitWarpgroup<1>();
        holdAccumulators(sums);
        if (lane == 0)
          arrive(memory.Empty + values.Stage);
        values.advance();
        waitWarpgroup<0>();
        holdAccumulators(scores);
        keys.advance();
        weighScores<Keys>(scores, rows, shrink, tile, row0, step * Keys, scale);
        packWeights<Element, Keys>(weights, scores);
        handOver(memory, weights, shrink, round);
        scaleRows(sums, shrink[0], shrink[1]);
      }
      // 3. The last values.
      holdAccumulators(sums);
      beginWarpgroup();
      startAdding(sums, weights, memory.stage(values.Stage));
      waitWarpgroup<0>();
      holdAccumulators(sums);
      if (lane == 0)
        arrive(memory.Empty + values.Stage);
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float total = rows.Total[half];
      total += __shfl_xor_sync(0xffffffffu, total, 1);
      total += __shfl_xor_sync(0xffffffffu, total, 2);
      int row = row0 + lane / 4 + half * 8;
      if (lane % 4 == 0) {
        memory.RowMax[row] = rows.Max[half] * scale.Factor;
        memory.RowSum[row] = total;
      }
    }
  }

  /// The third warpgroup's share.
  static __device__ void attendSecond(const Tile &tile, int step, const Memory &memory, float (&sums)[Half / 2]) {
    int thread = threadIdx.x % 128;
    RingPosition<Stages> values;
    uint32_t round = 0;
#pragma unroll 1
    for (; step < tile.Steps; step += Cluster) {
      uint32_t weights[Keys / 16][4];
      waitBarrier(memory.WeightsFull, round);
#pragma unroll
      for (int k = 0; k < Keys / 16; ++k) {
        uint4 words = memory.Weights[k * 128 + thread];
        weights[k][0] = words.x, weights[k][1] = words.y, weights[k][2] = words.z, weights[k][3] = words.w;
      }
      float2 shrink = memory.Shrink[thread];
      arrive(memory.WeightsEmpty);
      round ^= 1;
      scaleRows(sums, shrink.x, shrink.y);
      waitBarrier(memory.Full + values.Stage, values.Round);
      holdAccumulators(sums);
      beginWarpgroup();
      startAdding(sums, weights, memory.stage(values.Stage) + ValuePanels / 2 * PanelBytes);
      waitWarpgroup<0>();
      holdAccumulators(sums);
      if (thread % 32 == 0)
        arrive(memory.Empty + values.Stage);
      values.advance();
    }
  }

  /// A block alone stores its results.
  static __device__ void store(const Params &p, const Tile &tile, const Memory &memory, const float (&sums)[Half / 2],
                               int col0) {
    auto storeOne = [&]<int Number>() {
      int row = threadIdx.x % 128 / 32 * 16 + threadIdx.x % 32 / 4 + Number * 8;
      bool valid = row < tile.count();
      int head = valid ? tile.head(row) : 0;
      float factor = valid ? finishRow(p, memory.RowMax[row], memory.RowSum[row], head) : 0.0f;
      storeRow<Half, Number>(p.Out + (valid ? tile.token(row) * p.LdOut + int64_t(head) * ValueWidth + col0 : 0), sums,
                             factor, valid);
    };
    storeOne.template operator()<0>();
    storeOne.template operator()<1>();
  }

  /// Leaves sums in shared memory, in the place of queries and ring.
  static __device__ void leave(float *joined, const float (&sums)[Half / 2], int col0) {
    int lane = threadIdx.x % 32, row = threadIdx.x % 128 / 32 * 16 + lane / 4;
#pragma unroll
    for (int j = 0; j < Half / 8; ++j)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        *reinterpret_cast<float2 *>(joined + (row + half * 8) * SumPitch + col0 + j * 8 +
                                    lane % 4 * 2) = {sums[j * 4 + half * 2], sums[j * 4 + half * 2 + 1]};
  }

  /// Joins the cluster's blocks in order; each stores its share of the results.
  static __device__ void join(const Params &p, const Tile &tile, int rank, const float *joined, const Memory &memory) {
    constexpr int Chunks = ValueWidth / 4, Joiners = 256;
    for (int i = rank * Joiners + int(threadIdx.x) - 128; i < tile.count() * Chunks; i += Joiners * Cluster) {
      int row = i / Chunks, col = i % Chunks * 4;
      float parts[Cluster][4], maxima[Cluster], totals[Cluster];
#pragma unroll
      for (int peer = 0; peer < Cluster; ++peer) {
        loadPeer4(joined + row * SumPitch + col, peer, parts[peer]);
        maxima[peer] = loadPeer(memory.RowMax + row, peer);
        totals[peer] = loadPeer(memory.RowSum + row, peer);
      }
      float top = p.Sinks ? p.Sinks[tile.head(row)] * Log2E : -Infinity, total = 0, sums[4] = {0, 0, 0, 0};
#pragma unroll
      for (int peer = 0; peer < Cluster; ++peer)
        top = fmaxf(top, maxima[peer]);
#pragma unroll
      for (int peer = 0; peer < Cluster; ++peer) {
        float shrink = totals[peer] == 0 ? 0.0f : exponential2(maxima[peer] - top);
        total += shrink * totals[peer];
#pragma unroll
        for (int e = 0; e < 4; ++e)
          sums[e] += shrink * parts[peer][e];
      }
      if (p.Sinks && total != 0)
        total += exponential2(p.Sinks[tile.head(row)] * Log2E - top);
#pragma unroll
      for (int e = 0; e < 4; ++e)
        sums[e] = total == 0 ? 0.0f : sums[e] / total;
      storeVector(p.Out + tile.token(row) * p.LdOut + int64_t(tile.head(row)) * ValueWidth, col, sums);
    }
  }

  /// The warpgroup that multiplies first, or second.
  template <int Number>
  static __device__ void consume(const Params &p, const Tile &tile, int64_t number, char *smem, const Memory &memory) {
    int rank = int(number % Cluster), step = firstStep(tile, rank);
    copyQueries<KeyWidth, 256>(memory.Queries, p, tile, 0, threadIdx.x - 128);
    waitAsync<0>();
    fenceAsync();
    syncSome<1, 256>();
    float sums[Half / 2];
#pragma unroll
    for (int i = 0; i < Half / 2; ++i)
      sums[i] = 0;
    if constexpr (Number == 0)
      attendFirst(p, tile, step, memory, sums);
    else
      attendSecond(tile, step, memory, sums);
    syncSome<1, 256>();
    // What the rest needs is looked up again: nothing of it is kept while steps are added.
    Tile found(p, int(number / Cluster));
    if constexpr (Cluster == 1) {
      store(p, found, memory, sums, Number * Half);
    } else {
      float *joined = reinterpret_cast<float *>(smem);
      leave(joined, sums, Number * Half);
      clusterBarrier(Cluster);
      join(p, found, rank, joined, memory);
      clusterBarrier(Cluster); // nobody leaves, or goes on to the next tile, while its memory is read
    }
  }

  /// The warpgroup that fetches.
  static __device__ void produce(const Params &p, const Tile &tile, int rank, const Memory &memory) {
    int warp = __shfl_sync(0xffffffffu, int(threadIdx.x / 32), 0), step = firstStep(tile, rank);
    if (warp < Fetchers)
      fetch(p, tile, step, warp, memory);
    else
      show(tile, step, memory);
    waitAsync<0>();
    if constexpr (Cluster > 1) {
      clusterBarrier(Cluster);
      clusterBarrier(Cluster);
    }
  }

  /// Tokens of no sequence get zeros.
  static __device__ void clearPadding(const Params &p, int64_t tile, int64_t tiles) {
    int64_t first = p.Sequences ? p.RowOffsets[p.Sequences] : 0;
    for (int64_t token = first + tile; token < p.Tokens; token += tiles)
      for (int i = threadIdx.x; i < Shape::Heads * ValueWidth; i += Threads)
        p.Out[token * p.LdOut + i] = fromValue<Output>(0.0f);
  }

  static __device__ void run(const Params &p, int64_t number, char *smem, const NoBody &) {
    Memory memory(smem);
    clearPadding(p, number, tiles(p));
    int rank = int(number % Cluster);
    Tile tile(p, int(number / Cluster));
    if (tile.none())
      return; // and so does the whole cluster
    if (threadIdx.x == 0) {
      for (int i = 0; i < Stages; ++i) {
        initBarrier(memory.Copied + i, Fetchers * 32);
        initBarrier(memory.Full + i, 32);
        initBarrier(memory.Empty + i, 8);
      }
      initBarrier(memory.WeightsFull, 128);
      initBarrier(memory.WeightsEmpty, 128);
      publishBarriers();
    }
    __syncthreads();
    if (threadIdx.x < 128) {
      lowerRegisters<ProducerRegisters>();
      produce(p, tile, rank, memory);
    } else if (threadIdx.x < 256) {
      raiseRegisters<FirstRegisters>();
      consume<0>(p, tile, number, smem, memory);
    } else {
      raiseRegisters<SecondRegisters>();
      consume<1>(p, tile, number, smem, memory);
    }
    __syncthreads();
    if (threadIdx.x == 0)
      for (int i = 0; i < 3 * Stages + 2; ++i)
        endBarrier(memory.Copied + i);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_LATENT_ATTENTION_SM90_CUH
