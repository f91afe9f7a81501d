// Matmul of matmul.cuh for f32 operands that are rounded to tf32, 11 bits of fraction with the leading one: to the
// nearest, ties away from zero. Products of such numbers are exact in f32, in which they are summed, so a result loses
// what its operands do: 2^-12 of each at most, about 3e-4 of a sum of random terms.
//
//   MatmulTf32<Output, Tile, Layout>   any M, N, K; tiles whose K is 64, which are 32 elements of f32
//
// Grid, block, shared bytes as of Matmul. 16-byte copies are used where the base is aligned to 16 bytes and Ld to 4
// elements. Order of summation depends on K and the tile alone.
#ifndef LATHE_KERNELS_MATMUL_TF32_CUH
#define LATHE_KERNELS_MATMUL_TF32_CUH

#include "matmul.cuh"

namespace lathe::kernels {

using Tf32LargeTile = MatmulTile<128, 128, 64, 2, 4, 3>; ///< 256 threads, 96 KiB: many rows
using Tf32MediumTile = MatmulTile<64, 64, 64, 2, 2, 4>;  ///< 128 threads, 64 KiB: few tiles
using Tf32SmallTile = MatmulTile<16, 64, 64, 1, 4, 4>;   ///< 128 threads, 40 KiB: up to 32 rows

template <class Output, class Tile, Rhs Layout = Rhs::NK> struct MatmulTf32 {
  static constexpr int Threads = Tile::Threads, MinBlocks = Tile::MinBlocks;
  static constexpr int Depth = Tile::K / 2; ///< elements of K a step
  static constexpr int StageBytes = (Tile::M + Tile::N) * Depth * 4;
  static constexpr int SharedBytes = Tile::Stages * StageBytes;
  static constexpr int SumsOfThread = Tile::M * Tile::N / Threads; ///< of a tile, at most
  struct Params {
    const float *A;
    const float *W;
    Output *C;
    int64_t M, N, K;
    int64_t LdA, LdW, LdC;
    int64_t Batch;
    BatchStride StrideA, StrideW;
    int64_t StrideC;
  };

  static __host__ __device__ int64_t tiles(const Params &p) {
    return p.Batch * ceilDiv<int64_t>(p.M, Tile::M) * ceilDiv<int64_t>(p.N, Tile::N);
  }

  /// A matrix in global memory.
  struct View {
    const float *Data;
    int64_t Rows, Cols, Stride;
    bool Aligned;
    __device__ View(const float *data, int64_t rows, int64_t cols, int64_t stride)
        : Data(data), Rows(rows), Cols(cols), Stride(stride), Aligned(isAligned(data, 16) && stride % 4 == 0) {}
  };

  /// Starts copying rows row0.., columns col0.. of `view` into a tile of Height x (Chunks * 4); outside is zero.
  template <int Height, int Chunks>
  static __device__ void loadPart(char *tile, const View &view, int64_t row0, int64_t col0) {
#pragma unroll
    for (int i = threadIdx.x; i < Height * Chunks; i += Threads) {
      int64_t row = row0 + i / Chunks, col = col0 + i % Chunks * 4;
      char *target = tile + chunkOffset<Chunks>(i / Chunks, i % Chunks);
      int64_t left = row < view.Rows ? view.Cols - col : 0;
      int valid = left <= 0 ? 0 : left >= 4 ? 4 : int(left);
      const float *source = view.Data + (valid ? row * view.Stride + col : 0);
      if (view.Aligned) {
        copyAsync16(target, source, valid * 4);
      } else {
#pragma unroll
        for (int e = 0; e < 4; ++e)
          reinterpret_cast<float *>(target)[e] = e < valid ? source[e] : 0.0f;
      }
    }
  }

  static __device__ void loadStage(char *stage, const View &a, const View &w, int64_t row0, int64_t col0, int64_t k) {
    loadPart<Tile::M, Depth / 4>(stage, a, row0, k);
    char *right = stage + Tile::M * Depth * 4;
    if constexpr (Layout == Rhs::NK)
      loadPart<Tile::N, Depth / 4>(right, w, col0, k);
    else
      loadPart<Depth, Tile::N / 4>(right, w, k, col0);
  }

  /// Right operands of columns col .. col+15 for elements k*8 .. k*8+7: mma's two words of each eight columns.
  static __device__ void loadRight(uint32_t (&right)[4], const char *w, int col, int k) {
    int lane = threadIdx.x % 32;
    if constexpr (Layout == Rhs::NK) {
      loadMatrix4(right, w + chunkOffset<Depth / 4>(col + lane % 8 + lane / 16 * 8, k * 2 + lane / 8 % 2));
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        int row = k * 8 + lane % 4 + i % 2 * 4, own = col + i / 2 * 8 + lane / 4;
        right[i] = *reinterpret_cast<const uint32_t *>(w + chunkOffset<Tile::N / 4>(row, own / 4) + own % 4 * 4);
      }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i)
      right[i] = roundTf32(right[i]);
  }

  static __device__ void add(Accumulators<Tile> &sums, const char *a, const char *w) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int row0 = warp / Tile::WarpsN * Tile::WarpM, col0 = warp % Tile::WarpsN * Tile::WarpN;
#pragma unroll
    for (int k = 0; k < Depth / 8; ++k) {
      uint32_t left[Accumulators<Tile>::RowBlocks][4];
#pragma unroll
      for (int i = 0; i < Accumulators<Tile>::RowBlocks; ++i) {
        loadMatrix4(left[i], a + chunkOffset<Depth / 4>(row0 + i * 16 + lane % 16, k * 2 + lane / 16));
#pragma unroll
        for (int word = 0; word < 4; ++word)
          left[i][word] = roundTf32(left[i][word]);
      }
#pragma unroll
      for (int j = 0; j < Accumulators<Tile>::ColBlocks; j += 2) {
        uint32_t right[4];
        loadRight(right, w, col0 + j * 8, k);
#pragma unroll
        for (int i = 0; i < Accumulators<Tile>::RowBlocks; ++i) {
          multiplyTf32(sums.Sum[i][j], left[i], right[0], right[1]);
          multiplyTf32(sums.Sum[i][j + 1], left[i], right[2], right[3]);
        }
      }
    }
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    int64_t rowTiles = ceilDiv<int64_t>(p.M, Tile::M), colTiles = ceilDiv<int64_t>(p.N, Tile::N);
    int64_t batch = tile / (rowTiles * colTiles);
    TilePosition position(tile % (rowTiles * colTiles), rowTiles, colTiles);
    int64_t row0 = position.Row * Tile::M, col0 = position.Col * Tile::N;
    constexpr bool Transposed = Layout == Rhs::NK;
    View a(p.A + p.StrideA(batch), p.M, p.K, p.LdA);
    View w(p.W + p.StrideW(batch), Transposed ? p.N : p.K, Transposed ? p.K : p.N, p.LdW);
    // 1. Fill all stages but one.
    int64_t steps = ceilDiv<int64_t>(p.K, Depth);
    for (int stage = 0; stage < Tile::Stages - 1; ++stage) {
      if (stage < steps)
        loadStage(smem + stage * StageBytes, a, w, row0, col0, int64_t(stage) * Depth);
      commitAsync();
    }
    // 2. One step along K, while the copies of later steps run.
    Accumulators<Tile> sums;
    sums.clear();
    int current = 0, refill = Tile::Stages - 1;
#pragma unroll 1 // with K known the whole product would be unrolled
    for (int64_t step = 0; step < steps; ++step) {
      waitAsync<Tile::Stages - 2>();
      __syncthreads();
      int64_t next = step + Tile::Stages - 1;
      if (next < steps)
        loadStage(smem + refill * StageBytes, a, w, row0, col0, next * Depth);
      commitAsync();
      const char *stage = smem + current * StageBytes;
      add(sums, stage, stage + Tile::M * Depth * 4);
      current = current + 1 == Tile::Stages ? 0 : current + 1;
      refill = refill + 1 == Tile::Stages ? 0 : refill + 1;
    }
    waitAsync<0>();
    // 3. Out through the epilogue.
    sums.store(p.C + batch * p.StrideC, p.LdC, row0, col0, p.M, p.N, batch * p.M, epilogue);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_MATMUL_TF32_CUH
