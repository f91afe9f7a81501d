// What the kernels of attention on warpgroups have in common: which positions a tile of rows sees, how positions come
// from pages into shared memory, and how scores become weights.
//
// Positions go by steps of `Keys`, which start at multiples of it, so that the bits of a row depend on what it sees
// alone. In shared memory 64 elements of all positions of a step are a panel: rows of 128 bytes, swizzled as
// chunkOffset<8> does. What is left of the last panel is never written; products of it are never stored.
#ifndef LATHE_KERNELS_ATTENTION_STEPS_SM90_CUH
#define LATHE_KERNELS_ATTENTION_STEPS_SM90_CUH

#include "paged_attention_prefill.cuh"
#include "warpgroup_attention_sm90.cuh"

namespace lathe::kernels {

/// A tile of `Rows` rows of one sequence and key head, `Group` rows a token, and the steps that its rows see.
template <class Shape, int Rows, int Keys> struct StepTile {
  RowTile At;
  int KvHead, Begin, End, Step, Steps; ///< positions, and steps Step .. Steps-1
  int Window, Limit;

  template <class Params>
  __device__ StepTile(const Params &p, int number)
      : At(findRowTile(p.RowOffsets, p.Lengths, p.Sequences, number / Shape::KvHeads, 0, Shape::Group, Rows)),
        KvHead(number % Shape::KvHeads), Window(int(smaller<int64_t>(p.Window, 0x7fffffff))),
        Limit(int(smaller<int64_t>(p.Pages * PageTokens, 0x7fffffff))) {
    // What is read from one lane is known to be the same in all: products in loops over it may overlap.
    At.Rows = __shfl_sync(0xffffffffu, At.Rows, 0);
    At.Row0 = __shfl_sync(0xffffffffu, At.Row0, 0);
    At.End = __shfl_sync(0xffffffffu, At.End, 0);
    Begin = begin(0);
    End = larger(0, end(count() - 1));
    Step = Begin / Keys;
    Steps = ceilDiv(End, Keys);
  }
  __device__ bool none() const { return At.Rows == 0; }
  __device__ int count() const { return smaller(Rows, At.Rows - At.Row0); }
  /// What row `row` of the tile sees.
  __device__ int end(int row) const { return smaller(At.End + (At.Row0 + row) / Shape::Group, Limit); }
  __device__ int begin(int row) const {
    int end = At.End + (At.Row0 + row) / Shape::Group;
    return Window > 0 && end > Window ? end - Window : 0;
  }
  __device__ bool whole(int first) const { return first >= Begin && first + Keys <= End; }
  /// Of a row that the sequence has.
  __device__ int64_t token(int row) const { return At.Token + (At.Row0 + row) / Shape::Group; }
  __device__ int head(int row) const { return KvHead * Shape::Group + (At.Row0 + row) % Shape::Group; }
};

/// A warp: starts copying panels firstPanel, firstPanel + Every, ... of a step's positions, rows of Width elements.
/// Lane i knows the number of the step's i-th page; `pool` is the first row of page 0. Positions that no row of the
/// tile sees become zeros. Pages of another type are unpacked into Element.
template <HalfElement Element, int Width, int Keys, bool Whole, int Every = 1, class State, class Tile>
__device__ inline void copyPanels(char *stage, const State *pool, int64_t pageElements, int32_t numbers, int first,
                                  const Tile &tile, int firstPanel = 0) {
  constexpr int Panels = ceilDiv(Width, 64);
  int lane = threadIdx.x % 32, row0 = lane / 8, chunk = lane % 8; // of a page and 64 elements
  const State *source = elementsAfter(pool, row0 * Width + firstPanel * 64 + (IsSame<State, Element> ? chunk * 8 : 0));
  char *target = stage + row0 * 128 + firstPanel * (Keys * 128);
#pragma unroll 2 // the addresses of more would take registers
  for (int page = 0; page < Keys / PageTokens; ++page) {
    const State *from = elementsAfter(source, __shfl_sync(0xffffffffu, numbers, page) * pageElements);
    int position = first + page * PageTokens + row0;
#pragma unroll
    for (int row = 0; row < PageTokens; row += 4) {
      bool valid = Whole || (position + row >= tile.Begin && position + row < tile.End);
#pragma unroll
      for (int panel = 0; panel < Panels; panel += Every) {
        if ((Panels % Every != 0 && panel + firstPanel >= Panels) ||
            (Width % 64 != 0 && (panel + firstPanel) * 64 + chunk * 8 >= Width))
          continue;
        char *to = target + panel * (Keys * 128) + (page * PageTokens + row) * 128 + (chunk ^ row0 ^ row % 8) * 16;
        if constexpr (IsSame<State, Element>) {
          copyAsync16(to, valid ? from + row * Width + panel * 64 : pool, valid ? 16 : 0);
        } else {
          uint32_t words[4] = {};
          if (valid) {
            Neighbours<State, 8> neighbours;
            neighbours.load(elementsAfter(from, row * Width + panel * 64), chunk * 8);
            neighbours.template unpack<Element>(words);
          }
          *reinterpret_cast<uint4 *>(to) = {words[0], words[1], words[2], words[3]};
        }
      }
    }
  }
}

/// Starts copying 64 rows of queries of a tile from row `row0` on, 8192 bytes a panel, with `Threads` threads, of which
/// this is number `thread`; rows beyond the sequence's are zeros.
template <int KeyWidth, int Threads, class Params, class Tile>
__device__ inline void copyQueries(char *queries, const Params &p, const Tile &tile, int row0, int thread) {
  int chunk = thread % 8;
#pragma unroll
  for (int i = 0; i < 64; i += Threads / 8) {
    int local = thread / 8 + i;
    bool valid = tile.At.Row0 + row0 + local < tile.At.Rows;
    auto *source = p.Q + (valid ? tile.token(row0 + local) * p.LdQ + int64_t(tile.head(row0 + local)) * KeyWidth : 0);
#pragma unroll
    for (int panel = 0; panel < ceilDiv(KeyWidth, 64); ++panel)
      if (KeyWidth % 64 == 0 || panel * 64 + chunk * 8 < KeyWidth)
        copyAsync16(queries + panel * 8192 + chunkOffset<8>(local, chunk), source + panel * 64 + chunk * 8,
                    valid ? 16 : 0);
  }
  commitAsync();
}

/// What scores become before the softmax: times Factor they are exponents of 2.
struct ScoreScale {
  float Factor, Cap, Inner; ///< Cap 0: none
  __device__ ScoreScale(float scale, float cap)
      : Factor(cap != 0 ? Log2E : scale * Log2E), Cap(cap), Inner(cap != 0 ? 2 * Log2E * scale / cap : 0.0f) {}
  /// cap * tanh(scale * x / cap), its error absolute.
  __device__ float limit(float x) const { return Cap - 2 * Cap * reciprocal(1 + exponential2(x * Inner)); }
};

/// The softmax of a thread's two rows so far.
struct RowSums {
  float Max[2] = {-Infinity, -Infinity}; ///< of scores before Factor
  float Total[2] = {0, 0};               ///< this lane's share
};

/// Scores of 64 rows and positions first .. first+Keys-1, wgmma's accumulators, become weights against the new maxima;
/// what was summed must shrink. `row0` is the first of the warp's rows.
template <int Keys, class Tile>
__device__ inline void weighScores(float (&scores)[Keys / 2], RowSums &sums, float (&shrink)[2], const Tile &tile,
                                   int row0, int first, const ScoreScale &scale) {
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

/// Weights as left operands of addWeighted.
template <HalfElement Element, int Keys>
__device__ inline void packWeights(uint32_t (&weights)[Keys / 16][4], const float (&scores)[Keys / 2]) {
#pragma unroll
  for (int k = 0; k < Keys / 16; ++k)
#pragma unroll
    for (int word = 0; word < 4; ++word)
      weights[k][word] = packPair<Element>(scores[k * 8 + word * 2], scores[k * 8 + word * 2 + 1]);
}

/// What the sums of a row are multiplied with once all is summed; 0 where the row saw nothing. `top` is the exponent of
/// the largest weight, `total` of all lanes.
template <class Params> __device__ inline float finishRow(const Params &p, float top, float total, int head) {
  if (total == 0)
    return 0;
  float factor = 1;
  if (p.Sinks) { // one more score, which may be the largest
    float sink = p.Sinks[head] * Log2E, origin = sink > top ? sink : top;
    factor = exponential2(top - origin);
    total = total * factor + exponential2(sink - origin);
  }
  return factor / total;
}

/// A warp stores columns 0 .. Width-1 of row g in lane 4g+t: the sums d[4j+2*half] and the one after it, of columns
/// 8j+2t and one further. Of two blocks of eight columns an even lane takes its neighbour's pair in the first, an odd
/// one in the second: four columns a lane, whole sectors of memory a store.
template <int Width, int Half, FloatElement Output, int Count>
__device__ inline void storeRow(Output *out, const float (&d)[Count], float factor, bool valid) {
  int lane = threadIdx.x % 32;
  bool odd = lane % 2 != 0;
#pragma unroll
  for (int j = 0; j < Width / 8; j += 2) {
    float four[4];
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      float first = d[j * 4 + Half * 2 + e] * factor, second = d[j * 4 + 4 + Half * 2 + e] * factor;
      float other = __shfl_xor_sync(0xffffffffu, odd ? first : second, 1);
      four[e] = odd ? other : first;
      four[e + 2] = odd ? second : other;
    }
    if (valid)
      storeVector(out, j * 8 + (odd ? 8 : 0) + lane % 4 / 2 * 4, four);
  }
}

} // namespace lathe::kernels

#endif // LATHE_KERNELS_ATTENTION_STEPS_SM90_CUH
