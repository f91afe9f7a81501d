// result[i] = f(i) for every element, and the same over rows and columns.
//
//   Elementwise<Vector>      index 0 .. Count-1
//   ElementwiseRows<Vector>  row 0 .. Rows-1, col 0 .. Cols-1; a broadcast along either needs no division
//
// The body does its own loads and stores, so a launch has any number of operands and results of any type:
//   template <int N> __device__ void operator()(int64_t index) const;             // elements index .. index+N-1
//   template <int N> __device__ void operator()(int64_t row, int64_t col) const;  // elements (row, col .. col+N-1)
// N is Vector (a power of two) for whole vectors and 1 for the rest; `index` and `col` are then multiples of N.
// loadVector, loadSplat and storeVector of types.cuh use 16-byte words wherever addresses allow.
//
// Grid: ceil(Count / (256 * Vector)), or ceil(Rows * ceil(Cols / Vector) / 256). Block: 256. Shared: 0.
// Vector: 16 / (bytes of the smallest element type) fills 16-byte words; 4 or 8 in practice.
// Limits: none; an operand may be the result's own buffer when both use the same index.
#ifndef LATHE_KERNELS_ELEMENTWISE_CUH
#define LATHE_KERNELS_ELEMENTWISE_CUH

#include "tiles.cuh"

namespace lathe::kernels {

template <int Vector> struct Elementwise {
  static_assert((Vector & (Vector - 1)) == 0, "Vector must be a power of two");
  static constexpr int Threads = 256, MinBlocks = 4;
  static constexpr int SharedBytes = 0;
  struct Params {
    int64_t Count;
  };

  static __host__ __device__ int64_t tiles(const Params &params) {
    return ceilDiv<int64_t>(params.Count, Threads * Vector);
  }

  template <class Body> static __device__ void run(const Params &params, int64_t tile, char *, const Body &body) {
    int64_t index = (tile * Threads + threadIdx.x) * Vector;
    if (index + Vector <= params.Count) {
      body.template operator()<Vector>(index);
      return;
    }
    for (; index < params.Count; ++index)
      body.template operator()<1>(index);
  }
};

template <int Vector> struct ElementwiseRows {
  static_assert((Vector & (Vector - 1)) == 0, "Vector must be a power of two");
  static constexpr int Threads = 256, MinBlocks = 4;
  static constexpr int SharedBytes = 0;
  struct Params {
    int64_t Rows, Cols;
  };

  static __host__ __device__ int64_t tiles(const Params &params) {
    return ceilDiv<int64_t>(params.Rows * ceilDiv<int64_t>(params.Cols, Vector), Threads);
  }

  template <class Body> static __device__ void run(const Params &params, int64_t tile, char *, const Body &body) {
    int64_t vectors = ceilDiv<int64_t>(params.Cols, Vector);
    int64_t id = tile * Threads + threadIdx.x;
    int64_t row, col;
    // One division a vector, of 32 bits unless the tensor has more vectors than that.
    if (params.Rows * vectors < (int64_t(1) << 31)) {
      row = uint32_t(id) / uint32_t(vectors);
      col = uint32_t(id) % uint32_t(vectors) * Vector;
    } else {
      row = id / vectors;
      col = id % vectors * Vector;
    }
    if (row >= params.Rows)
      return;
    if (col + Vector <= params.Cols) {
      body.template operator()<Vector>(row, col);
      return;
    }
    for (; col < params.Cols; ++col)
      body.template operator()<1>(row, col);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_ELEMENTWISE_CUH
