// PagedAttentionPrefill of paged_attention_prefill.cuh for sm_90a: products of warpgroups on operands in shared memory
// (Shah et al., 2024).
//
//   PagedAttentionPrefillSm90<Element, Output, Shape>   queries of the pages' type; keys and values 64 or 128
//                                                    wide
//
// Scale must be positive, queries and pages aligned to 16 bytes. Grid at most Blocks; block Threads; shared bytes:
// SharedBytes, aligned to 1024.
//
// A block takes every Blocks-th tile of Rows rows of one key head, to and fro, so that every block gets some of the
// long ones. One warpgroup fetches keys and values, Keys positions a step, with the swizzle that products read; the
// others have 64 rows each. While a warpgroup turns scores into weights, the products of the step before and those of
// the other warpgroups, which take turns, keep the tensor cores busy. Steps start at multiples of Keys, so the bits of
// a row depend on what it sees alone. Positions that no row of the tile sees become zeros; they may hold anything.
#ifndef LATHE_KERNELS_PAGED_ATTENTION_PREFILL_SM90_CUH
#define LATHE_KERNELS_PAGED_ATTENTION_PREFILL_SM90_CUH

#include "paged_attention_prefill.cuh"
#include "warpgroup_attention_sm90.cuh"

namespace lathe::kernels {

template <HalfElement Element, FloatElement Output, class Shape, int Blocks = 132> struct PagedAttentionPrefillSm90 {
  static constexpr int KeyWidth = Shape::KeyWidth, ValueWidth = Shape::ValueWidth, Group = Shape::Group;
  static_assert(KeyWidth == 64 || KeyWidth == 128,
                "keys must be 64 or 128 wide; PagedAttentionPrefill takes the others");
  static_assert(ValueWidth == 64 || ValueWidth == 128,
                "values must be 64 or 128 wide; PagedAttentionPrefill takes the others");
  using Params = PagedAttentionParams<Element, Element, Output>;
  static constexpr int Consumers = 2; ///< warpgroups that multiply
  static constexpr int Threads = (Consumers + 1) * 128, MinBlocks = 1;
  static constexpr int Rows = Consumers * 64;
  static constexpr int Keys = 128;
  static constexpr int StepPages = Keys / PageTokens;
  static constexpr int QueryBytes = 64 * KeyWidth * 2; ///< of a warpgroup
  static constexpr int KeyBytes = Keys * KeyWidth * 2, ValueBytes = Keys * ValueWidth * 2, PanelBytes = Keys * 128;
  static constexpr int Stages = smaller(4, (226 * 1024 - Consumers * QueryBytes) / (KeyBytes + ValueBytes));
  static constexpr int TileBytes = Consumers * QueryBytes + Stages * (KeyBytes + ValueBytes);
  static constexpr int SharedBytes = TileBytes + 256;
  // Of a thread; a multiprocessor has 65,536, which are dealt out evenly at the start.
  static constexpr int ProducerRegisters = 40, ConsumerRegisters = 232;

  static __host__ __device__ int64_t tiles(const Params &p) {
    return smaller<int64_t>(Blocks, Shape::KvHeads * (ceilDiv<int64_t>(p.Tokens * Group, Rows) + p.Sequences));
  }

  /// A tile, and the steps that its rows see.
  struct Tile {
    RowTile At;
    int KvHead, Begin, End, Step, Steps; ///< positions, and steps Step .. Steps-1
    int Window, Limit;

    __device__ Tile(const Params &p, int number)
        : At(findRowTile(p.RowOffsets, p.Lengths, p.Sequences, number / Shape::KvHeads, 0, Group, Rows)),
          KvHead(number % Shape::KvHeads), Window(int(smaller<int64_t>(p.Window, 0x7fffffff))),
          Limit(int(smaller<int64_t>(p.Pages * PageTokens, 0x7fffffff))) {
      // What is read from one lane is known to be the same in all: products in loops over it may overlap.
      At.Rows = __shfl_sync(0xffffffffu, At.Rows, 0);
      At.Row0 = __shfl_sync(0xffffffffu, At.Row0, 0);
      At.End = __shfl_sync(0xffffffffu, At.End, 0);
      Begin = begin(0);
      End = larger(0, end(smaller(Rows, At.Rows - At.Row0) - 1));
      Step = Begin / Keys;
      Steps = larger(Step + 1, ceilDiv(End, Keys));
    }
    __device__ bool none() const { return At.Rows == 0; }
    /// What row `row` of the tile sees.
    __device__ int end(int row) const { return smaller(At.End + (At.Row0 + row) / Group, Limit); }
    __device__ int begin(int row) const {
      int end = At.End + (At.Row0 + row) / Group;
      return Window > 0 && end > Window ? end - Window : 0;
    }
  };

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

  /// A warp: starts copying a step of keys or values. Lane i knows the number of the step's i-th page.
  template <int Width, bool Whole>
  static __device__ void copyPositions(char *stage, const Element *pool, int64_t pageElements, int32_t numbers,
                                       int first, const Tile &tile) {
    int lane = threadIdx.x % 32, row0 = lane / 8, chunk = lane % 8; // of a page and 64 elements
    const Element *source = pool + row0 * Width + chunk * 8;
    char *target = stage + row0 * 128;
#pragma unroll 2 // the addresses of more would take registers
    for (int page = 0; page < StepPages; ++page) {
      const Element *from = source + __shfl_sync(0xffffffffu, numbers, page) * pageElements;
      int position = first + page * PageTokens + row0;
#pragma unroll
      for (int row = 0; row < PageTokens; row += 4) {
        bool valid = Whole || (position + row >= tile.Begin && position + row < tile.End);
#pragma unroll
        for (int panel = 0; panel < Width / 64; ++panel)
          copyAsync16(target + panel * PanelBytes + (page * PageTokens + row) * 128 + (chunk ^ row0 ^ row % 8) * 16,
                      valid ? from + row * Width + panel * 64 : pool, valid ? 16 : 0);
      }
    }
  }

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
        return step < tile.Steps && page < p.Pages ? table[page] : 0;
      };
      int32_t numbers = readNumbers(tile.Step);
#pragma unroll 1
      for (int step = tile.Step; step < tile.Steps; ++step) {
        int32_t nextNumbers = readNumbers(step + 1);
        int first = step * Keys;
        char *stage = stages + at.Stage * (Keys * Width * 2);
        waitBarrier(empty + at.Stage, at.Round ^ 1);
        if (first >= tile.Begin && first + Keys <= tile.End)
          copyPositions<Width, true>(stage, pool, p.PageElements, numbers, first, tile);
        else
          copyPositions<Width, false>(stage, pool, p.PageElements, numbers, first, tile);
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
      for (int step = tile.Step; step < tile.Steps; ++step) {
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

  /// Starts copying this warpgroup's queries; rows beyond the sequence's are zeros.
  static __device__ void loadQueries(char *queries, const Params &p, const Tile &tile, int row0) {
    int thread = threadIdx.x % 128, chunk = thread % 8;
#pragma unroll
    for (int i = 0; i < 64; i += 16) {
      int local = thread / 8 + i, row = tile.At.Row0 + row0 + local;
      bool valid = row < tile.At.Rows;
      const Element *source =
          p.Q + (valid ? (tile.At.Token + row / Group) * p.LdQ + (tile.KvHead * Group + row % Group) * KeyWidth : 0);
#pragma unroll
      for (int panel = 0; panel < KeyWidth / 64; ++panel)
        copyAsync16(queries + panel * 8192 + chunkOffset<8>(local, chunk), source + panel * 64 + chunk * 8,
                    valid ? 16 : 0);
    }
    commitAsync();
  }

  /// What a warpgroup has summed: of rows g and g+8 of its warp's 16 in lane 4g+t.
  struct Sums {
    float Max[2], Total[2]; ///< of scores before Factor; Total is this lane's share
    float Values[ValueWidth / 2];
  };

  /// What scores become before the softmax: times Factor they are exponents of 2.
  struct ScoreScale {
    float Factor, Cap, Inner; ///< Cap 0: none
    __device__ ScoreScale(float scale, float cap)
        : Factor(cap != 0 ? Log2E : scale * Log2E), Cap(cap), Inner(cap != 0 ? 2 * Log2E * scale / cap : 0.0f) {}
    /// cap * tanh(scale * x / cap), its error absolute.
    __device__ float limit(float x) const { return Cap - 2 * Cap * reciprocal(1 + exponential2(x * Inner)); }
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
      addWeighted<Element, ValueWidth>(sums.Values, weights[k], right + k * 128);
    commitWarpgroup();
  }

  /// Scores of positions first .. first+Keys-1 become weights against the new maxima; what was summed must shrink.
  static __device__ void weigh(float (&scores)[Keys / 2], Sums &sums, float (&shrink)[2], const Tile &tile, int row0,
                               int first, const ScoreScale &scale) {
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    if (scale.Cap != 0)
#pragma unroll
      for (int i = 0; i < Keys / 2; ++i)
        scores[i] = scale.limit(scores[i]);
    if (first + Keys > tile.end(row0) || first < tile.begin(row0 + 15))
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        int row = row0 + g + half * 8, begin = tile.begin(row) - first - t * 2, end = tile.end(row) - first - t * 2;
#pragma unroll
        for (int j = 0; j < Keys / 8; ++j)
#pragma unroll
          for (int e = 0; e < 2; ++e)
            if (j * 8 + e < begin || j * 8 + e >= end)
              scores[j * 4 + half * 2 + e] = -Infinity;
      }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float top = sums.Max[half];
#pragma unroll
      for (int j = 0; j < Keys / 8; ++j)
        top = fmaxf(fmaxf(top, scores[j * 4 + half * 2]), scores[j * 4 + half * 2 + 1]);
      top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
      top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
      float origin = top == -Infinity ? 0.0f : top * scale.Factor;
      shrink[half] = exponential2(sums.Max[half] * scale.Factor - origin);
      sums.Max[half] = top;
      float total[2] = {0, 0};
#pragma unroll
      for (int j = 0; j < Keys / 8; ++j)
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          float &score = scores[j * 4 + half * 2 + e];
          score = exponential2(score * scale.Factor - origin);
          total[e] += score;
        }
      sums.Total[half] = sums.Total[half] * shrink[half] + (total[0] + total[1]);
    }
  }

  static __device__ void pack(uint32_t (&weights)[Keys / 16][4], const float (&scores)[Keys / 2]) {
#pragma unroll
    for (int k = 0; k < Keys / 16; ++k)
#pragma unroll
      for (int word = 0; word < 4; ++word)
        weights[k][word] = packPair<Element>(scores[k * 8 + word * 2], scores[k * 8 + word * 2 + 1]);
  }

  static __device__ void store(const Sums &sums, const Params &p, const Tile &tile, int row0) {
    int lane = threadIdx.x % 32;
    bool odd = lane % 2 != 0;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      int row = tile.At.Row0 + row0 + lane / 4 + half * 8, head = tile.KvHead * Group + row % Group;
      float total = sums.Total[half], top = sums.Max[half];
      total += __shfl_xor_sync(0xffffffffu, total, 1);
      total += __shfl_xor_sync(0xffffffffu, total, 2);
      float factor = 0;
      if (total != 0 && row < tile.At.Rows) {
        factor = 1;
        if (p.Sinks) { // one more score, which may be the largest
          ScoreScale scale(p.Scale, p.SoftCap);
          float sink = p.Sinks[head] * Log2E, most = top * scale.Factor, origin = sink > most ? sink : most;
          factor = exponential2(most - origin);
          total = total * factor + exponential2(sink - origin);
        }
        factor /= total;
      }
      // Of two blocks of eight columns an even lane takes its neighbour's pair in the first, an odd one in the second:
      // four columns a lane, whole sectors of memory a store.
      Output *out =
          p.Out + (row < tile.At.Rows ? (tile.At.Token + row / Group) * p.LdOut + int64_t(head) * ValueWidth : 0);
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
        if (row < tile.At.Rows)
          storeVector(out, j * 8 + (odd ? 8 : 0) + lane % 4 / 2 * 4, four);
      }
    }
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
      loadQueries(queries, p, tile, group * 64);
#pragma unroll 1
    while (!tile.none()) {
      Sums sums;
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        sums.Max[half] = -Infinity;
        sums.Total[half] = 0;
      }
#pragma unroll
      for (int i = 0; i < ValueWidth / 2; ++i)
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
      weigh(scores, sums, shrink, tile, row0, step * Keys, scale);
      pack(weights, scores);
      // 2. Scores of a step and values of the one before.
#pragma unroll 1
      for (++step; step < tile.Steps; ++step) {
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
        weigh(scores, sums, shrink, tile, row0, step * Keys, scale);
        holdAccumulators(scores);
        // Returns at once; as a branch it keeps the assembler from moving the wait for values before the weights.
        waitBarrier(rings.FullValues + values.Stage, values.Round);
        waitWarpgroup<0>();
        holdAccumulators(sums.Values);
        if (lane == 0)
          arrive(rings.EmptyValues + values.Stage);
        values.advance();
#pragma unroll
        for (int i = 0; i < ValueWidth / 2; ++i)
          sums.Values[i] *= shrink[i / 2 % 2];
        pack(weights, scores);
      }
      // 3. The last values, and meanwhile the next queries.
      waitBarrier(rings.FullValues + values.Stage, values.Round);
      holdAccumulators(sums.Values);
      beginWarpgroup();
      startAdding(sums, weights, rings.Values + values.Stage * ValueBytes);
      Tile next(p, tileNumber(block, blocks, ++round));
      syncNamed(own, 128); // all warps are done with the queries
      if (!next.none())
        loadQueries(queries, p, next, group * 64);
      waitWarpgroup<0>();
      holdAccumulators(sums.Values);
      if (lane == 0)
        arrive(rings.EmptyValues + values.Stage);
      values.advance();
      store(sums, p, tile, row0);
      tile = next;
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
