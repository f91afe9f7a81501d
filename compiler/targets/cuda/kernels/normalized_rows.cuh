// The left side of products of few rows, which they may normalize on its way in: a kernel less, and a wait less, where
// a norm's result is read by one launch alone. The parameter `Left` of such a template is
//
//   AsIs                          a = x
//   RmsNormalized<Source, Gain>   a[m, k] = x[m, k] / sqrt(sum_j x[m, j]^2 / K + Epsilon) * gain[k], rounded to
//   Element,
//                                 but one row that meets blocks as quantized_few_sm90.cuh says
//
// Every block normalizes all rows for itself. Sums are f32; their order depends on K and the threads alone, so that a
// row has the same bits in every block and however many rows there are.
#ifndef LATHE_KERNELS_NORMALIZED_ROWS_CUH
#define LATHE_KERNELS_NORMALIZED_ROWS_CUH

#include "tiles.cuh"

namespace lathe::kernels {

struct AsIs {
  static constexpr bool Normalizes = false;
  template <class Element> using SourceOf = Element;
};

template <FloatElement Source, FloatElement Gain> struct RmsNormalized {
  static constexpr bool Normalizes = true;
  template <class> using SourceOf = Source;
  const Gain *Weight; ///< [K]
  float Epsilon;
};

/// Columns col .. col+7 of a row of `cols`, zero past its end.
template <class T> __device__ inline void loadEight(const T *row, int64_t col, int64_t cols, float (&x)[8]) {
  if (col + 8 <= cols) {
    loadVector(row, col, x);
    return;
  }
#pragma unroll
  for (int e = 0; e < 8; ++e)
    x[e] = col + e < cols ? toValue(row[col + e]) : 0.0f;
}

__device__ inline float sumOfSquares(const float (&x)[8]) {
  float sum = 0;
#pragma unroll
  for (int e = 0; e < 8; ++e)
    sum += x[e] * x[e];
  return sum;
}

/// Eight elements as 16 bytes.
template <HalfElement Element> __device__ inline uint4 roundEight(const float (&x)[8]) {
  Packet<Element, 8> packet;
#pragma unroll
  for (int e = 0; e < 8; ++e)
    packet.Elements[e] = fromValue<Element>(x[e]);
  return packet.Raw[0];
}

/// What elements of a row of `cols` are multiplied by, from the sums of its warps.
template <int Warps> __device__ inline float scaleOfRow(const float *sums, int cols, float epsilon) {
  float sum = sums[0];
#pragma unroll
  for (int warp = 1; warp < Warps; ++warp)
    sum += sums[warp];
  return rsqrtf(sum / float(cols) + epsilon);
}

/// Normalizes up to `Rows` rows of K elements with `Threads` threads, whole warps from the block's first on.
template <class Left, int Rows, int K, int Threads> struct RowNormalizer {
  static constexpr int Passes = ceilDiv(K, Threads * 8), Warps = Threads / 32, SumBytes = Rows * Warps * 4;
  /// Whether elements wait in registers for their row's sum, and gains for the kernels that come before; else rows are
  /// read twice.
  static constexpr bool Waits = Rows * Passes <= 8;
  float Gains[Waits ? Passes : 1][8] = {};

  static __device__ int column(int pass) { return (pass * Threads + int(threadIdx.x)) * 8; }

  /// Brings the gains, which are weights: before waitForPrevious().
  __device__ explicit RowNormalizer(const Left &left) {
    if constexpr (Waits)
#pragma unroll
      for (int pass = 0; pass < Passes; ++pass)
        loadEight(left.Weight, column(pass), K, Gains[pass]);
  }

  /// Calls `place(row, col, x)` for each eight neighbours of all `Rows` rows, those from `rows` on zeros. `sums` are
  /// SumBytes of shared memory, and `meet()` is a barrier of the threads.
  template <class Source, class Meet, class Place>
  __device__ void run(const Left &left, const Source *x, int64_t rows, int64_t stride, float *sums, const Meet &meet,
                      const Place &place) const {
    float kept[Waits ? Rows : 1][Passes][8];
    auto load = [&](int row, int pass, float (&eight)[8]) {
      loadEight(x + (row < rows ? row * stride : 0), column(pass), row < rows ? K : 0, eight);
    };
    auto addUp = [&](int row, const float (&part)[Passes][8]) {
      float sum = 0;
#pragma unroll
      for (int pass = 0; pass < Passes; ++pass)
        sum += sumOfSquares(part[pass]);
      sum = sumLanes(sum);
      if (threadIdx.x % 32 == 0)
        sums[row * Warps + threadIdx.x / 32] = sum;
    };
    auto scale = [&](int row, int pass, float (&eight)[8], const float (&gains)[8]) {
      float factor = scaleOfRow<Warps>(sums + row * Warps, K, left.Epsilon);
#pragma unroll
      for (int e = 0; e < 8; ++e)
        eight[e] = eight[e] * factor * gains[e];
      place(row, column(pass), eight);
    };
    if constexpr (Waits) {
      // 1. All loads, then the squares.
#pragma unroll
      for (int row = 0; row < Rows; ++row)
#pragma unroll
        for (int pass = 0; pass < Passes; ++pass)
          load(row, pass, kept[row][pass]);
#pragma unroll
      for (int row = 0; row < Rows; ++row)
        addUp(row, kept[row]);
      meet();
      // 2. Scale.
#pragma unroll
      for (int row = 0; row < Rows; ++row)
#pragma unroll
        for (int pass = 0; pass < Passes; ++pass)
          scale(row, pass, kept[row][pass], Gains[pass]);
    } else {
#pragma unroll 2
      for (int row = 0; row < Rows; ++row) {
#pragma unroll
        for (int pass = 0; pass < Passes; ++pass)
          load(row, pass, kept[0][pass]);
        addUp(row, kept[0]);
      }
      meet();
#pragma unroll 1
      for (int pass = 0; pass < Passes; ++pass) {
        float gains[8];
        loadEight(left.Weight, column(pass), K, gains);
#pragma unroll 4
        for (int row = 0; row < Rows; ++row) {
          load(row, pass, kept[0][0]);
          scale(row, pass, kept[0][0], gains);
        }
      }
    }
  }
};

/// Sums up the squares of rows firstRow .. firstRow + MaxRows - 1, by all `Threads` threads of a block, as scaleOfRow
/// takes them: MaxRows * Threads / 8 bytes of shared memory.
template <int MaxRows, int Threads, class Source>
__device__ inline void sumSquares(const Source *data, int64_t firstRow, int64_t rows, int64_t cols, int64_t stride,
                                  float *sums) {
  constexpr int Warps = Threads / 32;
#pragma unroll 1
  for (int row = 0; row < MaxRows; ++row) {
    float sum = 0;
#pragma unroll 2
    for (int64_t col = threadIdx.x * 8; firstRow + row < rows && col < cols; col += Threads * 8) {
      float x[8];
      loadEight(data + (firstRow + row) * stride, col, cols, x);
      sum += sumOfSquares(x);
    }
    sum = sumLanes(sum);
    if (threadIdx.x % 32 == 0)
      sums[row * Warps + threadIdx.x / 32] = sum;
  }
  __syncthreads();
}

/// Normalized rows that are computed again wherever they are read: for blocks that have no room for them.
template <HalfElement Element, class Left> struct NormalizedView {
  using Source = typename Left::template SourceOf<Element>;
  const Left &Norm;
  const Source *Data;
  int64_t Rows, Cols, Stride;
  float Scale; ///< of row threadIdx.x % 32 / 4, the only one that this thread may ask for

  /// By all `Threads` threads of a block. `sums` are MaxRows * Threads / 8 bytes of shared memory, free afterwards.
  template <int MaxRows, int Threads>
  static __device__ NormalizedView create(const Left &norm, const Source *data, int64_t rows, int64_t cols,
                                          int64_t stride, float *sums) {
    constexpr int Warps = Threads / 32;
    sumSquares<MaxRows, Threads>(data, 0, rows, cols, stride, sums);
    int own = smaller(int(threadIdx.x) % 32 / 4, MaxRows - 1);
    float scale = scaleOfRow<Warps>(sums + own * Warps, int(cols), norm.Epsilon);
    __syncthreads();
    return {norm, data, rows, cols, stride, scale};
  }
};

/// loadRowChunk of packed_matmul.cuh.
template <HalfElement Element, class Left>
__device__ inline uint4 loadRowChunk(const NormalizedView<Element, Left> &a, int64_t row, int64_t col) {
  bool exists = row < a.Rows;
  float x[8], gains[8];
  loadEight(a.Data + (exists ? row * a.Stride : 0), col, exists ? a.Cols : 0, x);
  loadEight(a.Norm.Weight, col, a.Cols, gains);
#pragma unroll
  for (int e = 0; e < 8; ++e)
    x[e] = x[e] * a.Scale * gains[e];
  return roundEight<Element>(x);
}

/// The rows of a tile of up to `MaxRows`, normalized chunk by chunk. `Scales` are in shared memory, as are the MaxRows
/// * Threads / 8 bytes of `sums`, which are free afterwards.
template <HalfElement Element, class Left> struct NormalizedTileView {
  using Source = typename Left::template SourceOf<Element>;
  const Left &Norm;
  const Source *Data;
  int64_t Rows, Cols, Stride, FirstRow;
  const float *Scales;

  template <int MaxRows, int Threads>
  static __device__ NormalizedTileView create(const Left &norm, const Source *data, int64_t rows, int64_t cols,
                                              int64_t stride, int64_t firstRow, float *scales, float *sums) {
    constexpr int Warps = Threads / 32;
    sumSquares<MaxRows, Threads>(data, firstRow, rows, cols, stride, sums);
    if (threadIdx.x < MaxRows)
      scales[threadIdx.x] = scaleOfRow<Warps>(sums + threadIdx.x * Warps, int(cols), norm.Epsilon);
    __syncthreads();
    return {norm, data, rows, cols, stride, firstRow, scales};
  }
};

/// loadChunk of mma_tile.cuh.
template <HalfElement Element, class Left>
__device__ inline void loadChunk(char *target, const NormalizedTileView<Element, Left> &a, int64_t row, int64_t col) {
  bool exists = row < a.Rows;
  float x[8], gains[8];
  loadEight(a.Data + (exists ? row * a.Stride : 0), col, exists ? a.Cols : 0, x);
  loadEight(a.Norm.Weight, col, a.Cols, gains);
#pragma unroll
  for (int e = 0; e < 8; ++e)
    x[e] = x[e] * a.Scales[row - a.FirstRow] * gains[e];
  *reinterpret_cast<uint4 *>(target) = roundEight<Element>(x);
}

} // namespace lathe::kernels

#endif // LATHE_KERNELS_NORMALIZED_ROWS_CUH
