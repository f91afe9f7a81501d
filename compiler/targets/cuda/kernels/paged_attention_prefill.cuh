// Paged attention of sequences with many rows a step, on tensor cores with the softmax online (Dao, 2023): what
// paged_attention.cuh says, for pages as paged_attention_decode.cuh takes them, widths that are multiples of 16 and at
// most 256. Sequences with few rows are left to the body of paged_attention_decode.cuh in the same launch, so any
// ragged batch is right.
//
//   PagedAttentionPrefill<Query, State, Output, Shape, Lean = false>   lean: for what is assembled before
//                                                                   sm_90, where registers go further; all is tiles
//
// A row is a pair (row of the step, query head of one key head), heads innermost; a tile is Rows of them against the
// pages of one key head, Keys positions a step: S[Rows, Keys] = Q K^T, O[Rows, value width] += P V, weights as the left
// operand straight from the accumulators of the scores. Steps start at multiples of Keys, so the bits of a row depend
// on what it sees alone. f32 queries and their weights are sums of 16-bit numbers.
//
// Shared memory: rows of 16-byte chunks, an odd number of chunks apart, so that the eight rows that ldmatrix reads lie
// in different banks. Positions that no row of the tile sees become zeros; they may hold anything, NaN included. Grid:
// KvHeads * (ceil(Tokens * G / Rows) + Sequences) tiles of many rows, then KvHeads * HeadBlocks * Sequences items of
// few; block 128; shared SharedBytes.
#ifndef LATHE_KERNELS_PAGED_ATTENTION_PREFILL_CUH
#define LATHE_KERNELS_PAGED_ATTENTION_PREFILL_CUH

#include "paged_attention_decode.cuh"

namespace lathe::kernels {

/// Rows of one sequence and key head.
struct RowTile {
  int64_t Sequence, Token; ///< the sequence's first token in this step
  int Row0, Rows;          ///< of the tile, and of the sequence
  int End;                 ///< positions that the sequence's first token sees
  __device__ bool none() const { return Sequence < 0; }
};

/// Tile number `number` of the sequences with more than `few` tokens, each cut into tiles of `height` rows, `group`
/// rows a token; the last tiles of a sequence, which see most, come first. Found by a warp.
__device__ inline RowTile findRowTile(const int32_t *rowOffsets, const int32_t *lengths, int64_t sequences,
                                      int64_t number, int few, int group, int height) {
  int lane = threadIdx.x % 32, mine = int(number);
  for (int64_t first = 0; first < sequences; first += 32) {
    int64_t s = first + lane;
    int begin = s < sequences ? rowOffsets[s] : 0, tokens = s < sequences ? rowOffsets[s + 1] - begin : 0;
    int length = s < sequences ? lengths[s] : 0;
    int tiles = tokens > few ? ceilDiv(tokens * group, height) : 0, before = tiles;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
      int other = __shfl_sync(0xffffffffu, before, lane < distance ? lane : lane - distance);
      before += lane < distance ? 0 : other;
    }
    int total = __shfl_sync(0xffffffffu, before, 31);
    if (mine >= total) {
      mine -= total;
      continue;
    }
    // The lane of the sequence: as many lanes end at or before the tile.
    int owner = before <= mine;
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
      owner += __shfl_xor_sync(0xffffffffu, owner, distance);
    begin = __shfl_sync(0xffffffffu, begin, owner);
    tokens = __shfl_sync(0xffffffffu, tokens, owner);
    length = __shfl_sync(0xffffffffu, length, owner);
    int inside = __shfl_sync(0xffffffffu, before, owner) - 1 - mine;
    return {first + owner, begin, inside * height, tokens * group, length > 0 ? length - tokens + 1 : -tokens};
  }
  return {-1, 0, 0, 0, 0};
}

template <FloatElement Query, PageElement State, FloatElement Output, class Shape, bool Lean = false>
struct PagedAttentionPrefill {
  static constexpr int KeyWidth = Shape::KeyWidth, ValueWidth = Shape::ValueWidth, Group = Shape::Group;
  static_assert(KeyWidth <= 256 && ValueWidth <= 256,
                "widths must be at most 256; PagedAttentionDecode takes the others");
  static_assert(!Shape::Shared, "keys that begin with their value are for PagedAttentionDecode");
  static constexpr int Warps = 4, Threads = Warps * 32;
  using Few = PagedAttentionDecode<Query, State, Output, Shape, Warps, Warps, Lean>;
  using Params = typename Few::Params;
  using Element = typename Few::Element; ///< of keys and values in shared memory
  static constexpr int Parts = OperandParts<Query, State>;
  static constexpr int RowBlocks =
      !Lean && KeyWidth <= 128 && ValueWidth <= 128 && Parts == 1 ? 2 : 1; ///< of 16 a warp
  static constexpr int Rows = Warps * 16 * RowBlocks;
  static constexpr int Keys =
      !Lean && KeyWidth <= 128 && RowBlocks == 1 ? 64 : 32; ///< what fits into registers with the sums
  static constexpr int KeyChunks = KeyWidth / 8, ValueChunks = ValueWidth / 8;
  static constexpr int KeyStride = (KeyChunks | 1) * 16, ValueStride = (ValueChunks | 1) * 16; ///< bytes
  static constexpr int QueryBytes = Parts * Rows * KeyStride, KeyBytes = Keys * KeyStride,
                       ValueBytes = Keys * ValueStride;
  static constexpr int TileBytes = QueryBytes + 2 * KeyBytes + 2 * ValueBytes;
  static constexpr int SharedBytes = Lean || TileBytes > Few::SharedBytes ? TileBytes : Few::SharedBytes;
  static constexpr int MinBlocks = SharedBytes <= 112 * 1024 ? 2 : 1;
  static constexpr int KeyBlocks = Keys / 8, ValueBlocks = ValueWidth / 8;

  static constexpr int FewRows = Lean ? 0 : Few::RowsPerItem; ///< of a sequence, so many leave it to the other body

  static __host__ __device__ int64_t manyTiles(const Params &p) {
    return Shape::KvHeads * (ceilDiv<int64_t>(p.Tokens * Group, Rows) + p.Sequences);
  }
  static __host__ __device__ int64_t tiles(const Params &p) {
    return manyTiles(p) + (FewRows ? Shape::KvHeads * Few::HeadBlocks * p.Sequences : 0);
  }

  /// What a warp has summed: mma's accumulators, of rows g and g+8 of each block in lane 4g+t.
  struct Sums {
    float Max[RowBlocks][2], Total[RowBlocks][2]; ///< Total is this lane's share
    float Values[RowBlocks][ValueBlocks][4];
  };

  /// The positions of a tile's rows.
  struct View {
    int End, Window, Limit;
    __device__ int end(int row) const { return smaller(End + row / Group, Limit); }
    __device__ int begin(int row) const {
      int end = End + row / Group;
      return Window > 0 && end > Window ? end - Window : 0;
    }
  };

  /// Copies the tile's queries to shared memory, [Parts][Rows] rows; rows beyond the sequence's are zeros.
  static __device__ void loadQueries(char *target, const Params &p, const RowTile &tile, int kvHead) {
    for (int i = threadIdx.x; i < Rows * KeyChunks; i += Threads) {
      int row = i / KeyChunks, chunk = i % KeyChunks;
      int r = tile.Row0 + row;
      bool valid = r < tile.Rows;
      float x[8] = {};
      if (valid)
        loadVector(p.Q + (tile.Token + r / Group) * p.LdQ + (kvHead * Group + r % Group) * KeyWidth, chunk * 8, x);
      uint32_t words[4][Parts];
#pragma unroll
      for (int word = 0; word < 4; ++word)
        splitPair<Element, Parts>(x[word * 2], x[word * 2 + 1], words[word]);
#pragma unroll
      for (int part = 0; part < Parts; ++part)
        *reinterpret_cast<uint4 *>(target + (part * Rows + row) * KeyStride +
                                   chunk * 16) = {words[0][part], words[1][part], words[2][part], words[3][part]};
    }
  }

  /// Starts copying positions first .. first+Keys-1, rows of Width elements, from pages; what is outside of begin ..
  /// end-1 becomes zeros. `numbers` are those of the step's pages, `pool` is the first row of page 0.
  template <int Width, int Stride>
  static __device__ void loadPositions(char *target, const State *pool, int64_t pageElements,
                                       const int32_t (&numbers)[Keys / PageTokens], int first, int begin, int end) {
    constexpr int Chunks = Width / 8, PageChunks = PageTokens * Chunks;
#pragma unroll
    for (int page = 0; page < Keys / PageTokens; ++page) {
      const State *source = elementsAfter(pool, numbers[page] * pageElements);
#pragma unroll
      for (int i = threadIdx.x; i < PageChunks; i += Threads) {
        int row = page * PageTokens + i / Chunks;
        bool valid = first + row >= begin && first + row < end;
        char *chunk = target + row * Stride + i % Chunks * 16;
        if constexpr (IsSame<State, Element>) {
          copyAsync16(chunk, valid ? source + i * 8 : pool, valid ? 16 : 0);
        } else {
          uint32_t words[4] = {};
          if (valid) {
            Neighbours<State, 8> neighbours;
            neighbours.load(elementsAfter(source, i / Chunks * Width), i % Chunks * 8);
            neighbours.template unpack<Element>(words);
          }
          *reinterpret_cast<uint4 *>(chunk) = {words[0], words[1], words[2], words[3]};
        }
      }
    }
  }

  static __device__ void score(float (&scores)[RowBlocks][KeyBlocks][4], const char *queries, const char *keys) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
#pragma unroll
    for (int i = 0; i < RowBlocks; ++i)
#pragma unroll
      for (int j = 0; j < KeyBlocks; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e)
          scores[i][j][e] = 0;
#pragma unroll
    for (int k = 0; k < KeyWidth / 16; ++k) {
      uint32_t left[Parts][RowBlocks][4];
#pragma unroll
      for (int part = 0; part < Parts; ++part)
#pragma unroll
        for (int i = 0; i < RowBlocks; ++i)
          loadMatrix4(left[part][i], queries + (part * Rows + (warp * RowBlocks + i) * 16 + lane % 16) * KeyStride +
                                         (k * 2 + lane / 16) * 16);
#pragma unroll
      for (int j = 0; j < KeyBlocks; j += 2) {
        uint32_t right[4];
        loadMatrix4(right, keys + (j * 8 + lane % 8 + lane / 16 * 8) * KeyStride + (k * 2 + lane / 8 % 2) * 16);
#pragma unroll
        for (int part = 0; part < Parts; ++part)
#pragma unroll
          for (int i = 0; i < RowBlocks; ++i) {
            multiplyAccumulate<Element>(scores[i][j], left[part][i], right[0], right[1]);
            multiplyAccumulate<Element>(scores[i][j + 1], left[part][i], right[2], right[3]);
          }
      }
    }
  }

  /// Scores become weights against the new maxima; what was summed is rescaled.
  static __device__ void weigh(Sums &sums, float (&scores)[RowBlocks][KeyBlocks][4], const View &view, int row0,
                               int first, const ScoreMap &map) {
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#pragma unroll
    for (int i = 0; i < RowBlocks; ++i) {
      bool whole = first + Keys <= view.end(row0 + i * 16) && first >= view.begin(row0 + i * 16 + 15);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        int row = row0 + i * 16 + g + half * 8;
        int begin = view.begin(row) - first, end = view.end(row) - first;
        float top = -Infinity;
#pragma unroll
        for (int j = 0; j < KeyBlocks; ++j)
#pragma unroll
          for (int e = half * 2; e < half * 2 + 2; ++e) {
            int position = j * 8 + t * 2 + e % 2;
            float x = map(scores[i][j][e]);
            if (!whole && (position < begin || position >= end))
              x = -Infinity;
            scores[i][j][e] = x;
            top = x > top ? x : top;
          }
#pragma unroll
        for (int distance = 1; distance < 4; distance *= 2) {
          float other = __shfl_xor_sync(0xffffffffu, top, distance);
          top = other > top ? other : top;
        }
        top = sums.Max[i][half] > top ? sums.Max[i][half] : top;
        float origin = top == -Infinity ? 0.0f : top, shrink = exponential2(sums.Max[i][half] - origin);
        sums.Max[i][half] = top;
        float total = 0;
#pragma unroll
        for (int j = 0; j < KeyBlocks; ++j)
#pragma unroll
          for (int e = half * 2; e < half * 2 + 2; ++e) {
            scores[i][j][e] = exponential2(scores[i][j][e] - origin);
            total += scores[i][j][e];
          }
        sums.Total[i][half] = sums.Total[i][half] * shrink + total;
#pragma unroll
        for (int j = 0; j < ValueBlocks; ++j) {
          sums.Values[i][j][half * 2] *= shrink;
          sums.Values[i][j][half * 2 + 1] *= shrink;
        }
      }
    }
  }

  static __device__ void addValues(Sums &sums, const float (&weights)[RowBlocks][KeyBlocks][4], const char *values) {
    int lane = threadIdx.x % 32;
#pragma unroll
    for (int k = 0; k < Keys / 16; ++k) {
      uint32_t left[Parts][RowBlocks][4];
#pragma unroll
      for (int i = 0; i < RowBlocks; ++i)
#pragma unroll
        for (int word = 0; word < 4; ++word) {
          const float (&w)[4] = weights[i][k * 2 + word / 2];
          uint32_t parts[Parts];
          splitPair<Element, Parts>(w[word % 2 * 2], w[word % 2 * 2 + 1], parts);
#pragma unroll
          for (int part = 0; part < Parts; ++part)
            left[part][i][word] = parts[part];
        }
#pragma unroll
      for (int j = 0; j < ValueBlocks; j += 2) {
        uint32_t right[4];
        loadMatrix4Transposed(right, values + (k * 16 + lane % 16) * ValueStride + (j + lane / 16) * 16);
#pragma unroll
        for (int part = 0; part < Parts; ++part)
#pragma unroll
          for (int i = 0; i < RowBlocks; ++i) {
            multiplyAccumulate<Element>(sums.Values[i][j], left[part][i], right[0], right[1]);
            multiplyAccumulate<Element>(sums.Values[i][j + 1], left[part][i], right[2], right[3]);
          }
      }
    }
  }

  static __device__ void store(const Sums &sums, const Params &p, const RowTile &tile, int kvHead, int row0) {
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#pragma unroll
    for (int i = 0; i < RowBlocks; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        int row = row0 + i * 16 + g + half * 8;
        float total = sums.Total[i][half], top = sums.Max[i][half];
        total += __shfl_xor_sync(0xffffffffu, total, 1);
        total += __shfl_xor_sync(0xffffffffu, total, 2);
        int head = kvHead * Group + int(row % Group);
        float factor = 0;
        if (total != 0 && row < tile.Rows) {
          factor = 1;
          if (p.Sinks) { // one more score, which may be the largest
            float sink = p.Sinks[head] * Log2E, origin = sink > top ? sink : top;
            factor = exponential2(top - origin);
            total = total * factor + exponential2(sink - origin);
          }
          factor /= total;
        }
        if (row >= tile.Rows)
          continue;
        Output *out = p.Out + (tile.Token + row / Group) * p.LdOut + int64_t(head) * ValueWidth + t * 2;
#pragma unroll
        for (int j = 0; j < ValueBlocks; ++j) {
          float pair[2] = {sums.Values[i][j][half * 2] * factor, sums.Values[i][j][half * 2 + 1] * factor};
          storeVector(out, j * 8, pair);
        }
      }
  }

  /// A tile of a sequence with many rows.
  static __device__ void attendMany(const Params &p, const RowTile &tile, int kvHead, char *smem) {
    char *queries = smem, *keyTiles = smem + QueryBytes, *valueTiles = keyTiles + 2 * KeyBytes;
    int warp = threadIdx.x / 32;
    View view{tile.End, Few::windowOf(p), Few::limitOf(p)};
    int lastRow = smaller(tile.Row0 + Rows, tile.Rows) - 1, row0 = tile.Row0 + warp * RowBlocks * 16;
    int begin = view.begin(tile.Row0), end = larger(0, view.end(lastRow)), step = begin / Keys;
    int steps = ceilDiv(end, Keys);
    const int32_t *table = p.BlockTables + tile.Sequence * p.Pages;
    const State *layer = elementsAfter(p.Pool, p.LayerOffset);
    const State *keyPool = elementsAfter(layer, kvHead * PageTokens * KeyWidth);
    const State *valuePool = elementsAfter(layer, PageTokens * (Shape::KvHeads * KeyWidth + kvHead * ValueWidth));
    constexpr int StepPages = Keys / PageTokens;
    auto readNumbers = [&](int at, int32_t (&numbers)[StepPages]) {
#pragma unroll
      for (int i = 0; i < StepPages; ++i)
        numbers[i] = at * StepPages + i < p.Pages ? table[at * StepPages + i] : 0;
    };
    auto loadKeys = [&](int at, const int32_t (&numbers)[StepPages]) {
      if (at < steps)
        loadPositions<KeyWidth, KeyStride>(keyTiles + at % 2 * KeyBytes, keyPool, p.PageElements, numbers, at * Keys,
                                           begin, end);
      commitAsync();
    };
    auto loadValues = [&](int at, const int32_t (&numbers)[StepPages]) {
      if (at < steps)
        loadPositions<ValueWidth, ValueStride>(valueTiles + at % 2 * ValueBytes, valuePool, p.PageElements, numbers,
                                               at * Keys, begin, end);
      commitAsync();
    };
    int32_t numbers[StepPages];
    readNumbers(step, numbers);
    loadKeys(step, numbers);
    loadValues(step, numbers);
    loadQueries(queries, p, tile, kvHead);
    Sums sums;
#pragma unroll
    for (int i = 0; i < RowBlocks; ++i)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        if (e < 2) {
          sums.Max[i][e] = -Infinity;
          sums.Total[i][e] = 0;
        }
#pragma unroll
        for (int j = 0; j < ValueBlocks; ++j)
          sums.Values[i][j][e] = 0;
      }
    ScoreMap map(p.Scale, p.SoftCap);
#pragma unroll 1
    for (; step < steps; ++step) {
      readNumbers(step + 1, numbers);
      waitAsync<1>(); // all but the values
      __syncthreads();
      loadKeys(step + 1, numbers);
      float scores[RowBlocks][KeyBlocks][4];
      score(scores, queries, keyTiles + step % 2 * KeyBytes);
      weigh(sums, scores, view, row0, step * Keys, map);
      waitAsync<1>(); // all but the next keys
      __syncthreads();
      loadValues(step + 1, numbers);
      addValues(sums, scores, valueTiles + step % 2 * ValueBytes);
    }
    waitAsync<0>();
    store(sums, p, tile, kvHead, row0);
  }

  /// Tokens of no sequence get zeros, each from one of the tiles.
  static __device__ void clearPadding(const Params &p, int64_t tile) {
    int64_t first = p.Sequences ? p.RowOffsets[p.Sequences] : 0;
    for (int64_t token = first + tile; token < p.Tokens; token += tiles(p))
      for (int i = threadIdx.x; i < Shape::Heads * ValueWidth; i += Threads)
        p.Out[token * p.LdOut + i] = fromValue<Output>(0.0f);
  }

  static __device__ void run(const Params &p, int64_t tile, char *smem, const NoBody &) {
    clearPadding(p, tile);
    int64_t many = manyTiles(p);
    if (tile < many) {
      RowTile rows = findRowTile(p.RowOffsets, p.Lengths, p.Sequences, tile / Shape::KvHeads, FewRows, Group, Rows);
      if (!rows.none())
        attendMany(p, rows, int(tile % Shape::KvHeads), smem);
      return;
    }
    if constexpr (FewRows > 0)
      attendFew(p, tile - many, smem);
  }

  /// Item `item` of the sequences with few rows.
  static __device__ void attendFew(const Params &p, int64_t item, char *smem) {
    constexpr int ItemsPerSequence = Shape::KvHeads * Few::HeadBlocks;
    int64_t sequence = item / ItemsPerSequence, token = p.RowOffsets[sequence];
    int tokens = p.RowOffsets[sequence + 1] - int(token), length = p.Lengths[sequence];
    if (tokens == 0 || tokens > FewRows)
      return;
    int part = int(item % ItemsPerSequence);
    Few::attend(p,
                {.Sequence = int(sequence),
                 .Token = int(token),
                 .KvHead = part / Few::HeadBlocks,
                 .Head0 = part % Few::HeadBlocks * Few::HeadsPerItem,
                 .Rows = tokens,
                 .End = length > 0 ? length - tokens + 1 : -tokens,
                 .Window = Few::windowOf(p),
                 .Limit = Few::limitOf(p)},
                smem);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PAGED_ATTENTION_PREFILL_CUH
