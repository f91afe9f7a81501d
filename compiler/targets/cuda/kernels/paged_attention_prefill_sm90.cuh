// PagedAttentionPrefill of paged_attention_prefill.cuh for sm_90a: products of warpgroups on operands in shared memory
// (Shah et al., 2024).
//
//   PagedAttentionPrefillSm90<Element, Output, Shape>   queries of the pages' type; keys and values multiples of 16
//                                                    wide, at most 256
//
// Scale must be positive, queries and pages aligned to 16 bytes. Grid at most Blocks; block Threads; shared bytes:
// SharedBytes, aligned to 1024.
//
// A block takes every Blocks-th tile of Rows rows of one key head, to and fro, so that every block gets some of the
// long ones. One warpgroup fetches keys and values, Keys positions a step, with the swizzle that products read; the
// others have 64 rows each. Shared memory has whole panels of 64 elements; what is behind the last element of a row is
// never written there, and columns that come of it are not stored. While a warpgroup turns scores into weights, the
// products of the step before and those of the other warpgroups, which take turns, keep the tensor cores busy. Steps
// start at multiples of Keys, so the bits of a row depend on what it sees alone. Positions that no row of the tile sees
// become zeros; they may hold anything.
#ifndef LATHE_KERNELS_PAGED_ATTENTION_PREFILL_SM90_CUH
#define LATHE_KERNELS_PAGED_ATTENTION_PREFILL_SM90_CUH

#include "attention_steps_sm90.cuh"

namespace lathe::kernels {

template <HalfElement Element, FloatElement Output, class Shape, int Blocks = 132> struct PagedAttentionPrefillSm90 {
  static constexpr int KeyWidth = Shape::KeyWidth, ValueWidth = Shape::ValueWidth, Group = Shape::Group;
  static_assert(KeyWidth % 16 == 0 && KeyWidth <= 256 && ValueWidth % 16 == 0 && ValueWidth <= 256,
                "keys and values must be multiples of 16, at most 256, wide; PagedAttentionDecode takes the others");
  static_assert(!Shape::Shared, "keys that begin with their value are for LatentAttentionSm90");
  using Params = PagedAttentionParams<Element, Element, Output>;
  static constexpr int Consumers = 2; ///< warpgroups that multiply
  static constexpr int Threads = (Consumers + 1) * 128, MinBlocks = 1;
  static constexpr int Rows = Consumers * 64;
  static constexpr int KeyPanels = ceilDiv(KeyWidth, 64), ValuePanels = ceilDiv(ValueWidth, 64);
  static constexpr int Columns = ValuePanels * 64;         ///< of sums, with those that are not stored
  static constexpr int Keys = ValuePanels <= 2 ? 128 : 64; ///< what fits into registers with the sums
  static constexpr int StepPages = Keys / PageTokens;
  static constexpr int QueryBytes = KeyPanels * 8192; ///< of a warpgroup
  static constexpr int PanelBytes = Keys * 128, KeyBytes = KeyPanels * PanelBytes,
                       ValueBytes = ValuePanels * PanelBytes;
  static constexpr int Stages = smaller(4, (226 * 1024 - Consumers * QueryBytes) / (KeyBytes + ValueBytes));
  static constexpr int TileBytes = Consumers * QueryBytes + Stages * (KeyBytes + ValueBytes);
  static constexpr int SharedBytes = TileBytes + 256;
  // Of a thread; a multiprocessor has 65,536, which are dealt out evenly at the start.
  static constexpr int ProducerRegisters = 40, ConsumerRegisters = 232;
  using Tile = StepTile<Shape, Rows, Keys>;

  static __host__ __device__ int64_t tiles(const Params &p) {
    return smaller<int64_t>(Blocks, Shape::KvHeads * (ceilDiv<int64_t>(p.Tokens * Group, Rows) + p.Sequences));
  }

  /// Tiles that see nothing take a step too.
  static __device__ int lastStep(const Tile &tile) { return larger(tile.Step + 1, tile.Steps); }

  /// Tile number of a block's round `round`; every other round goes backwards.
  static __device__ int tileNumber(int block, int blocks, int round) {
    return round * blocks + (round % 2 == 0 ? block : blocks - 1 - block);
  }

  /// Rings of keys and of values, and their barriers.
  struct Rings {
    char *Keys, *Values;
    uint64_t *CopiedKeys, *FullKeys, *EmptyKeys, *CopiedValues, *FullValues, *EmptyValues;
    __device__ explicit Rings(char *smem)
        : Keys(smem + Consumers * QueryBytes), Values(Keys + Stages * KeyBytes),
          CopiedKeys(reinterpret_cast<uint64_t *>(smem + TileBytes)), FullKeys(CopiedKeys + Stages),
          EmptyKeys(FullKeys + Stages), CopiedValues(EmptyKeys + Stages), FullValues(CopiedValues + Stages),
          EmptyValues(FullValues + Stages) {}
  };

  /// A warp: fetches the keys or the values, at `offset` in a page, of all tiles of a block.
  template <int Width>
  static __device__ void fetch(const Params &p, int block, int blocks, int64_t offset, char *stages, uint64_t *copied,
                               uint64_t *empty) {
    RingPosition<Stages> at;
#pragma unroll 1
    for (int round = 0;; ++round) {
      Tile tile(p, tileNumber(block, blocks, round));
      if (tile.none())
        break;
      const int32_t *table = p.BlockTables + tile.At.Sequence * p.Pages;
      const Element *pool = p.Pool + p.LayerOffset + offset + tile.KvHead * PageTokens * Width;
      auto readNumbers = [&](int step) {
        int page = step * StepPages + int(threadIdx.x % StepPages);
        return step < lastStep(tile) && page < p.Pages ? table[page] : 0;
      };
      int32_t numbers = readNumbers(tile.Step);
#pragma unroll 1
      for (int step = tile.Step; step < lastStep(tile); ++step) {
        int32_t nextNumbers = readNumbers(step + 1);
        int first = step * Keys;
        char *stage = stages + at.Stage * (ceilDiv(Width, 64) * PanelBytes);
        waitBarrier(empty + at.Stage, at.Round ^ 1);
        if (tile.whole(first))
          copyPanels<Element, Width, Keys, true>(stage, pool, p.PageElements, numbers, first, tile);
        else
          copyPanels<Element, Width, Keys, false>(stage, pool, p.PageElements, numbers, first, tile);
        arriveAfterCopies(copied + at.Stage);
        at.advance();
        numbers = nextNumbers;
      }
    }
  }

  /// A warp: says that steps have come, after the fence without which products would not see them. Who multiplies has
  /// no time for it, and who fetches would have to wait for the copies.
  static __device__ void show(const Params &p, int block, int blocks, uint64_t *copied, uint64_t *full) {
    RingPosition<Stages> at;
#pragma unroll 1
    for (int round = 0;; ++round) {
      Tile tile(p, tileNumber(block, blocks, round));
      if (tile.none())
        break;
#pragma unroll 1
      for (int step = tile.Step; step < lastStep(tile); ++step) {
        waitBarrier(copied + at.Stage, at.Round);
        fenceAsync();
        arrive(full + at.Stage);
        at.advance();
      }
    }
  }

  /// The warpgroup that fetches: tokens of no sequence get zeros.
  static __device__ void clearPadding(const Params &p, int block, int blocks) {
    int64_t first = p.Sequences ? p.RowOffsets[p.Sequences] : 0;
    for (int64_t token = first + block; token < p.Tokens; token += blocks)
      for (int i = threadIdx.x; i < Shape::Heads * ValueWidth; i += 128)
        p.Out[token * p.LdOut + i] = fromValue<Output>(0.0f);
  }

  /// The warpgroup that fetches: a warp for keys, one for values, and one each that shows them.
  static __device__ void produce(const Params &p, int block, int blocks, const Rings &rings) {
    int warp = __shfl_sync(0xffffffffu, int(threadIdx.x / 32), 0);
    if (warp == 0)
      fetch<KeyWidth>(p, block, blocks, 0, rings.Keys, rings.CopiedKeys, rings.EmptyKeys);
    else if (warp == 1)
      fetch<ValueWidth>(p, block, blocks, Shape::KvHeads * PageTokens * KeyWidth, rings.Values, rings.CopiedValues,
                        rings.EmptyValues);
    else if (warp == 2)
      show(p, block, blocks, rings.CopiedKeys, rings.FullKeys);
    else
      show(p, block, blocks, rings.CopiedValues, rings.FullValues);
    waitAsync<0>();
    clearPadding(p, block, blocks);
  }

  /// What a warpgroup has summed: of rows g and g+8 of its warp's 16 in lane 4g+t.
  struct Sums {
    RowSums Rows;
    float Values[Columns / 2];
  };

  static __device__ void startScoring(float (&scores)[Keys / 2], const char *queries, const char *keys) {
    uint64_t left = matrixDescriptor(queries), right = matrixDescriptor(keys);
    startScores<Element, Keys>(scores, left, right);
#pragma unroll
    for (int k = 1; k < KeyWidth / 16; ++k)
      multiplyWarpgroup<Element, Keys>(scores, left + k / 4 * (8192 >> 4) + k % 4 * 2,
                                       right + k / 4 * (PanelBytes >> 4) + k % 4 * 2);
    commitWarpgroup();
  }

  static __device__ void startAdding(Sums &sums, const uint32_t (&weights)[Keys / 16][4], const char *values) {
    uint64_t right = valuesDescriptor(values, PanelBytes);
#pragma unroll
    for (int k = 0; k < Keys / 16; ++k)
      addWeighted<Element, Columns>(sums.Values, weights[k], right + k * 128);
    commitWarpgroup();
  }

  template <int Half> static __device__ void storeHalf(const Sums &sums, const Params &p, const Tile &tile, int row0) {
    int row = row0 + threadIdx.x % 32 / 4 + Half * 8;
    bool valid = row < tile.count();
    float total = sums.Rows.Total[Half];
    total += __shfl_xor_sync(0xffffffffu, total, 1);
    total += __shfl_xor_sync(0xffffffffu, total, 2);
    int head = valid ? tile.head(row) : 0;
    float factor =
        valid ? finishRow(p, sums.Rows.Max[Half] * ScoreScale(p.Scale, p.SoftCap).Factor, total, head) : 0.0f;
    storeRow<ValueWidth, Half>(p.Out + (valid ? tile.token(row) * p.LdOut + int64_t(head) * ValueWidth : 0),
                               sums.Values, factor, valid);
  }

  static __device__ void consume(const Params &p, int block, int blocks, char *smem, const Rings &rings) {
    int group = __shfl_sync(0xffffffffu, int(threadIdx.x / 128) - 1, 0), lane = threadIdx.x % 32;
    int row0 = group * 64 + threadIdx.x % 128 / 32 * 16;
    char *queries = smem + group * QueryBytes;
    RingPosition<Stages> keys, values;
    ScoreScale scale(p.Scale, p.SoftCap);
    // Named barriers: 1 and up for a warpgroup's own threads, 1 + Consumers and up for its turn at the products.
    int own = 1 + group, turn = own + Consumers, after = 1 + Consumers + (group + 1) % Consumers;
    if (group == Consumers - 1)
      arriveNamed(after, 256);
    int round = 0;
    Tile tile(p, tileNumber(block, blocks, round));
    if (!tile.none())
      copyQueries<KeyWidth, 128>(queries, p, tile, group * 64, threadIdx.x % 128);
#pragma unroll 1
    while (!tile.none()) {
      Sums sums;
#pragma unroll
      for (int i = 0; i < Columns / 2; ++i)
        sums.Values[i] = 0;
      waitAsync<0>();
      fenceAsync();
      syncNamed(own, 128);
      float scores[Keys / 2], shrink[2];
      uint32_t weights[Keys / 16][4];
      int step = tile.Step;
      // 1. The first scores.
      waitBarrier(rings.FullKeys + keys.Stage, keys.Round);
      beginWarpgroup();
      startScoring(scores, queries, rings.Keys + keys.Stage * KeyBytes);
      waitWarpgroup<0>();
      holdAccumulators(scores);
      if (lane == 0)
        arrive(rings.EmptyKeys + keys.Stage);
      keys.advance();
      weighScores<Keys>(scores, sums.Rows, shrink, tile, row0, step * Keys, scale);
      packWeights<Element, Keys>(weights, scores);
      // 2. Scores of a step and values of the one before.
#pragma unroll 1
      for (++step; step < lastStep(tile); ++step) {
        waitBarrier(rings.FullKeys + keys.Stage, keys.Round);
        syncNamed(turn, 256);
        holdAccumulators(sums.Values);
        beginWarpgroup();
        startScoring(scores, queries, rings.Keys + keys.Stage * KeyBytes);
        waitBarrier(rings.FullValues + values.Stage, values.Round);
        beginWarpgroup();
        startAdding(sums, weights, rings.Values + values.Stage * ValueBytes);
        arriveNamed(after, 256);
        waitWarpgroup<1>();
        holdAccumulators(scores);
        if (lane == 0)
          arrive(rings.EmptyKeys + keys.Stage);
        keys.advance();
        weighScores<Keys>(scores, sums.Rows, shrink, tile, row0, step * Keys, scale);
        holdAccumulators(scores);
        // Returns at once; as a branch it keeps the assembler from moving the wait for values before the weights.
        waitBarrier(rings.FullValues + values.Stage, values.Round);
        waitWarpgroup<0>();
        holdAccumulators(sums.Values);
        if (lane == 0)
          arrive(rings.EmptyValues + values.Stage);
        values.advance();
#pragma unroll
        for (int i = 0; i < Columns / 2; ++i)
          sums.Values[i] *= shrink[i / 2 % 2];
        packWeights<Element, Keys>(weights, scores);
      }
      // 3. The last values, and the next queries: meanwhile, or where sums leave no registers for that, behind the
      // store.
      auto begin = [&] {
        Tile next(p, tileNumber(block, blocks, ++round));
        syncNamed(own, 128); // all warps are done with the queries
        if (!next.none())
          copyQueries<KeyWidth, 128>(queries, p, next, group * 64, threadIdx.x % 128);
        return next;
      };
      auto finish = [&](const Tile &tile) {
        waitWarpgroup<0>();
        holdAccumulators(sums.Values);
        if (lane == 0)
          arrive(rings.EmptyValues + values.Stage);
        values.advance();
        storeHalf<0>(sums, p, tile, row0);
        storeHalf<1>(sums, p, tile, row0);
      };
      waitBarrier(rings.FullValues + values.Stage, values.Round);
      holdAccumulators(sums.Values);
      beginWarpgroup();
      startAdding(sums, weights, rings.Values + values.Stage * ValueBytes);
      if constexpr (Columns <= 128) {
        Tile next = begin();
        finish(tile);
        tile = next;
      } else { // what the store needs is looked up again: nothing of it is kept while steps are added
        finish(Tile(p, tileNumber(block, blocks, round)));
        tile = begin();
      }
    }
    if (group == 0)
      syncNamed(turn, 256);
  }

  static __device__ void run(const Params &p, int64_t tile, char *smem, const NoBody &) {
    Rings rings(smem);
    int block = int(tile), blocks = int(tiles(p));
    if (threadIdx.x == 0) {
      for (int i = 0; i < Stages; ++i) {
        initBarrier(rings.CopiedKeys + i, 32);
        initBarrier(rings.FullKeys + i, 32);
        initBarrier(rings.CopiedValues + i, 32);
        initBarrier(rings.FullValues + i, 32);
        initBarrier(rings.EmptyKeys + i, Consumers * 4);
        initBarrier(rings.EmptyValues + i, Consumers * 4);
      }
      publishBarriers();
    }
    __syncthreads();
    if (threadIdx.x < 128) {
      lowerRegisters<ProducerRegisters>();
      produce(p, block, blocks, rings);
    } else {
      raiseRegisters<ConsumerRegisters>();
      consume(p, block, blocks, smem, rings);
    }
    __syncthreads();
    if (threadIdx.x == 0)
      for (int i = 0; i < 6 * Stages; ++i)
        endBarrier(rings.CopiedKeys + i);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PAGED_ATTENTION_PREFILL_SM90_CUH
