// c[t, j, n] = epilogue(sum_k x[t, j, k] * w[experts[t, j], n, k], t * J + j, n): each row meets the matrix it chose.
//
//   ExpertMatmul<Format, Activation, Index, Output>
//   Format  a block format of formats.cuh, Plain<Element> for plain weights, or PackedPlain<Element> for f16 or bf16 in
//           packed tiles (packed_matmul.cuh), the N rows of each expert, whole tiles, below those of the one before
//
// X [Rows / J, J or 1, K] (SharedRows = J or 1 rows of the result read one row of X), W [Experts, N, K] without gaps,
// 16-byte aligned base, Chosen [Rows], C [Rows, N]. An expert outside of 0 .. Experts-1 gives zeros. K is a multiple of
// Format::Block; plain weights take any K.
// A warp computes four columns of one row, lanes along k by granules of 32, plain weights by eights. Summed in f32 in
// an order that K fixes. Made for few rows, each of which reads the matrix of its expert once; for many there is
// expert_matmul_tiles.cuh. Grid: Rows * ceil(N / 16). Block: 128. Shared: 0.
#ifndef LATHE_KERNELS_EXPERT_MATMUL_CUH
#define LATHE_KERNELS_EXPERT_MATMUL_CUH

#include "formats.cuh"

namespace lathe::kernels {

template <HalfElement Element> struct PackedPlain {};

template <class Format> inline constexpr bool IsPacked = false;
template <class Element> inline constexpr bool IsPacked<PackedPlain<Element>> = true;
template <class Format> inline constexpr bool IsPlain = IsPacked<Format>;
template <class Element> inline constexpr bool IsPlain<Plain<Element>> = true;
template <class Format> struct PlainElement {
  using Type = uint8_t;
};
template <class Element> struct PlainElement<Plain<Element>> {
  using Type = Element;
};
template <class Element> struct PlainElement<PackedPlain<Element>> {
  using Type = Element;
};

/// A row of plain weights.
template <class Format> struct PlainRow {
  using Element = typename PlainElement<Format>::Type;
  const Element *Data = nullptr; ///< packed: in the first of its tiles
  int Swizzle = 0;

  PlainRow() = default;
  __device__ PlainRow(const Element *w, int64_t row, int64_t columns) {
    constexpr int64_t Size = 64; // of a packed tile, along both sides
    if constexpr (IsPacked<Format>) {
      Data = w + (row / Size * ceilDiv(columns, Size) * Size + row % Size) * Size;
      Swizzle = int(row % 8);
    } else {
      Data = w + row * columns;
    }
  }
  /// Elements k .. k+7, of packed ones for a multiple of 8.
  __device__ const Element *from(int64_t k) const {
    if constexpr (IsPacked<Format>)
      return Data + k / 64 * 4096 + (int(k % 64 / 8) ^ Swizzle) * 8;
    else
      return Data + k;
  }
  __device__ Element at(int64_t k) const { return from(k / 8 * 8)[k % 8]; }
};

template <class Format, FloatElement Activation, class Index, class Output> struct ExpertMatmul {
  static constexpr int Threads = 128, MinBlocks = 4, SharedBytes = 0;
  static constexpr int Columns = 4, TileColumns = Threads / 32 * Columns;
  using Element = typename PlainElement<Format>::Type;
  struct Params {
    const Activation *X;
    const Element *W;
    const Index *Chosen;
    Output *C;
    int64_t Rows, N, K, Experts, SharedRows;
  };

  static __host__ __device__ int64_t tiles(const Params &p) { return p.Rows * ceilDiv<int64_t>(p.N, TileColumns); }

  /// A PlainRow, or the first of a row's blocks.
  static __device__ auto rowOf(const Params &p, int64_t expert, int64_t n) {
    int64_t row = expert * p.N + n;
    if constexpr (IsPlain<Format>)
      return PlainRow<Format>(p.W, row, p.K);
    else
      return p.W + row * (p.K / Format::Block * Format::BlockBytes);
  }
  /// Elements k .. k+7 of a row of weights, those past K zero.
  static __device__ void load8(const Params &p, int64_t expert, int64_t n, int64_t k, float (&w)[8]) {
    auto row = rowOf(p, expert, n);
    if constexpr (!IsPlain<Format>)
      unpackRow8<Format>(row, k, w);
    else if (k + 8 <= p.K)
      loadVector(row.from(k), 0, w);
    else
      for (int i = 0; i < 8; ++i)
        w[i] = k + i < p.K ? toValue(row.at(k + i)) : 0.0f;
  }

  static __device__ void addPlain(float (&sums)[Columns], const Activation *x, const PlainRow<Format> (&w)[Columns],
                                  int64_t count) {
    int lane = threadIdx.x % 32;
    int64_t whole = count / 8 * 8;
#pragma unroll 1
    for (int64_t k = lane * 8; k < whole; k += 256) {
      float a[8];
      loadVector(x, k, a);
#pragma unroll
      for (int i = 0; i < Columns; ++i) {
        float b[8];
        loadVector(w[i].from(k), 0, b);
#pragma unroll
        for (int e = 0; e < 8; ++e)
          sums[i] += a[e] * b[e];
      }
    }
    if (whole + lane < count)
#pragma unroll
      for (int i = 0; i < Columns; ++i)
        sums[i] += toValue(x[whole + lane]) * toValue(w[i].at(whole + lane));
  }

  static __device__ void addBlocks(float (&sums)[Columns], const Activation *x, const Element *const (&w)[Columns],
                                   int64_t count) {
    constexpr int Granules = Format::Block / 32, Run = 32 / Format::Runs;
#pragma unroll 1
    for (int64_t id = threadIdx.x % 32; id < count / 32; id += 32) {
      int64_t block = id / Granules;
      int granule = int(id % Granules);
      float a[Format::Runs][Run];
#pragma unroll
      for (int run = 0; run < Format::Runs; ++run)
#pragma unroll
        for (int part = 0; part < Run; part += 8) {
          float eight[8];
          loadVector(x + block * Format::Block, Format::granuleColumn(granule, run) + part, eight);
#pragma unroll
          for (int e = 0; e < 8; ++e)
            a[run][part + e] = eight[e];
        }
#pragma unroll
      for (int i = 0; i < Columns; ++i) {
        float b[32];
        Format::unpackGranule(w[i] + block * Format::BlockBytes, granule, b);
#pragma unroll
        for (int e = 0; e < 32; ++e)
          sums[i] += a[e / Run][e % Run] * b[e];
      }
    }
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *, const Epilogue &epilogue) {
    int64_t strips = ceilDiv<int64_t>(p.N, TileColumns), row = tile / strips;
    int64_t first = tile % strips * TileColumns + threadIdx.x / 32 * Columns;
    int lane = threadIdx.x % 32;
    int64_t expert = int64_t(p.Chosen[row]);
    float sums[Columns] = {};
    if (expert >= 0 && expert < p.Experts && first < p.N) {
      const Activation *x = p.X + row / p.SharedRows * p.K;
      decltype(rowOf(p, expert, first)) w[Columns];
#pragma unroll
      for (int i = 0; i < Columns; ++i)
        w[i] = rowOf(p, expert, smaller<int64_t>(first + i, p.N - 1));
      if constexpr (IsPlain<Format>)
        addPlain(sums, x, w, p.K);
      else
        addBlocks(sums, x, w, p.K);
    }
#pragma unroll
    for (int i = 0; i < Columns; ++i) {
      float sum = sumLanes(sums[i]);
      if (lane == 0 && first + i < p.N)
        p.C[row * p.N + first + i] = fromValue<Output>(epilogue(sum, row, first + i));
    }
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_EXPERT_MATMUL_CUH
