// c[b, m, n] = epilogue(sum_k a[b, m, k] * w[b, n, k], b * M + m, n), summed in f32.
//
//   Matmul<Element, Output, Tile, Layout>               f16, bf16 or tf32 operands on mma.sync; any M, N, K
//   MatmulFewRows<Weight, Activation, Output, Rows>     M <= Rows (1, 2, 4, 8), bound by reading W; one batch
//   MatmulSimt<Activation, Weight, Output, Layout>      any float element types, any shape, f32 arithmetic
//
// A [Batch, M, K], W [Batch, N, K] (Rhs::NK) or [Batch, K, N] (Rhs::KN), C [Batch, M, N]; Ld* are elements between
// rows, Stride* between batches (0 shares W; see BatchStride for what repeats along a part of the batch). The epilogue
// is
//   __device__ float operator()(float acc, int64_t row, int64_t col) const
// and its value is rounded to Output. `row` runs over all batches.
//
// Grid, block, dynamic shared bytes:
//   Matmul         Batch * ceil(M / Tile::M) * ceil(N / Tile::N); Tile::Threads; Stages * (M + N) * K * 2 of the tile
//   MatmulFewRows  ceil(N / 4); 128; 64 * Rows
//   MatmulSimt     Batch * ceil(M / 64) * ceil(N / 64); 256; 8704
// 16-byte copies are used where the base and Ld are aligned to 16 bytes (checked in the kernel); anything else is
// loaded element by element. Order of summation depends on K and the tile alone.
//
// Element Tf32 is f32 in memory, rounded to tf32, 11 bits of fraction with the leading one: to the nearest, ties away
// from zero. Products of such numbers are exact in f32, so a result loses what its operands do: 2^-12 of each at most,
// about 3e-4 of a sum of random terms. Its tiles are those whose K is 64, which are 32 elements.
#ifndef LATHE_KERNELS_MATMUL_CUH
#define LATHE_KERNELS_MATMUL_CUH

#include "mma_tile.cuh"

namespace lathe::kernels {

/// Where the matrix of a batch begins. A batch [.., R, I] may have one matrix for all of R: then it begins where that
/// of batch [.., 0, I] does.
struct BatchStride {
  int64_t Stride, Repeats = 1, Inner = 1; ///< elements between matrices, R, I

  __host__ __device__ constexpr BatchStride(int64_t stride = 0, int64_t repeats = 1, int64_t inner = 1)
      : Stride(stride), Repeats(repeats), Inner(inner) {}
  __host__ __device__ int64_t operator()(int64_t batch) const {
    return (batch / (Repeats * Inner) * Inner + batch % Inner) * Stride;
  }
};

using Tf32LargeTile = MatmulTile<128, 128, 64, 2, 4, 3>; ///< 256 threads, 96 KiB: many rows
using Tf32MediumTile = MatmulTile<64, 64, 64, 2, 2, 4>;  ///< 128 threads, 64 KiB: few tiles
using Tf32SmallTile = SmallTile;                         ///< 128 threads, 40 KiB: up to 32 rows

template <MmaElement Element, class Output, class Tile, Rhs Layout = Rhs::NK> struct Matmul {
  static constexpr int Threads = Tile::Threads, MinBlocks = Tile::MinBlocks;
  static constexpr int Chunk = ChunkSize<Element>, Depth = Tile::K / 8 * Chunk; ///< elements of K a step
  static constexpr int StageBytes = (Tile::M + Tile::N) * Tile::K * 2;
  static constexpr int SharedBytes = Tile::Stages * StageBytes;
  static constexpr int SumsOfThread = Tile::M * Tile::N / Threads; ///< of a tile, at most
  struct Params {
    const InMemory<Element> *A;
    const InMemory<Element> *W;
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

  using View = MatrixView<Element>;
  static __device__ void loadStage(char *stage, const View &a, const View &w, int64_t row0, int64_t col0, int64_t k) {
    loadTile<Tile::M, Tile::K / 8, Threads, Chunk>(stage, a, row0, k);
    char *right = stage + Tile::M * Tile::K * 2;
    if constexpr (Layout == Rhs::NK)
      loadTile<Tile::N, Tile::K / 8, Threads, Chunk>(right, w, col0, k);
    else
      loadTile<Depth, Tile::N / Chunk, Threads, Chunk>(right, w, k, col0);
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
    // 2. One step along K, while the copies of later steps run. The barrier says both that this step has arrived
    // and that everyone has left the stage that is refilled.
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
      sums.template add<Element, Layout>(stage, stage + Tile::M * Tile::K * 2);
      current = current + 1 == Tile::Stages ? 0 : current + 1;
      refill = refill + 1 == Tile::Stages ? 0 : refill + 1;
    }
    waitAsync<0>();
    // 3. Out through the epilogue.
    sums.store(p.C + batch * p.StrideC, p.LdC, row0, col0, p.M, p.N, batch * p.M, epilogue);
  }
};

/// The last step of a product whose block splits K over its threads: sums[row][col] over all threads of the block,
/// then epilogue and store of c[row, col0 + col].
template <int Rows, int Cols, int Threads, class Output, class Epilogue>
__device__ inline void storeFewRows(const float (&sums)[Rows][Cols], char *smem, Output *c, int64_t stride,
                                    int64_t rows, int64_t cols, int64_t col0, const Epilogue &epilogue) {
  float *shared = reinterpret_cast<float *>(smem);
#pragma unroll
  for (int row = 0; row < Rows; ++row)
#pragma unroll
    for (int col = 0; col < Cols; ++col) {
      float sum = sumLanes(sums[row][col]);
      if (threadIdx.x % 32 == 0)
        shared[(threadIdx.x / 32 * Rows + row) * Cols + col] = sum;
    }
  __syncthreads();
  int row = threadIdx.x / Cols, col = threadIdx.x % Cols;
  if (row >= Rows || row >= rows || col0 + col >= cols)
    return;
  float sum = 0;
  for (int warp = 0; warp < Threads / 32; ++warp)
    sum += shared[(warp * Rows + row) * Cols + col];
  c[row * stride + col0 + col] = fromValue<Output>(epilogue(sum, row, col0 + col));
}

template <FloatElement Weight, FloatElement Activation, class Output, int Rows> struct MatmulFewRows {
  static_assert(Rows == 1 || Rows == 2 || Rows == 4 || Rows == 8, "Rows must be 1, 2, 4 or 8; use Matmul for more");
  static constexpr int Threads = 128, MinBlocks = Rows < 8 ? 4 : 3;
  static constexpr int Cols = 4; ///< rows of W that a block reads
  static constexpr int SharedBytes = Threads / 32 * Rows * Cols * 4;
  static constexpr int SumsOfThread = 1;
  static constexpr int Vector = 16 / sizeof(Weight);
  struct Params {
    const Activation *A;
    const Weight *W;
    Output *C;
    int64_t M, N, K;
    int64_t LdA, LdW, LdC;
  };

  static __host__ __device__ int64_t tiles(const Params &p) { return p.M > 0 ? ceilDiv<int64_t>(p.N, Cols) : 0; }

  /// Adds the products of elements k .. k+N-1.
  template <int N>
  static __device__ void add(float (&sums)[Rows][Cols], const Activation *const (&a)[Rows],
                             const Weight *const (&w)[Cols], int64_t k) {
    float weights[Cols][N];
#pragma unroll
    for (int col = 0; col < Cols; ++col)
      loadVector(w[col], k, weights[col]);
#pragma unroll
    for (int row = 0; row < Rows; ++row) {
      float x[N];
      loadVector(row < 2 ? a[row] : pointerAfter(a[row], sums[row - 2][Cols - 1]), k, x);
#pragma unroll
      for (int col = 0; col < Cols; ++col)
#pragma unroll
        for (int i = 0; i < N; ++i)
          sums[row][col] += x[i] * weights[col][i];
    }
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    int64_t col0 = tile * Cols;
    // Rows and columns past the end repeat the last one and are not stored.
    const Activation *a[Rows];
    const Weight *w[Cols];
#pragma unroll
    for (int row = 0; row < Rows; ++row)
      a[row] = p.A + smaller<int64_t>(row, p.M - 1) * p.LdA;
#pragma unroll
    for (int col = 0; col < Cols; ++col)
      w[col] = p.W + smaller<int64_t>(col0 + col, p.N - 1) * p.LdW;
    // 1. Each thread its share of K.
    float sums[Rows][Cols] = {};
    if (isAligned(p.W, 16) && p.LdW % Vector == 0) {
      int64_t whole = p.K - p.K % Vector;
#pragma unroll Rows> 2 ? 1 : 2
      for (int64_t k = int64_t(threadIdx.x) * Vector; k < whole; k += Threads * Vector)
        add<Vector>(sums, a, w, k);
      if (whole + threadIdx.x < p.K)
        add<1>(sums, a, w, whole + threadIdx.x);
    } else {
      for (int64_t k = threadIdx.x; k < p.K; k += Threads)
        add<1>(sums, a, w, k);
    }
    // 2. Sum over the block, epilogue, store.
    storeFewRows<Rows, Cols, Threads>(sums, smem, p.C, p.LdC, p.M, p.N, col0, epilogue);
  }
};

/// The f32 product of two tiles that a block brings to shared memory, 64 x 64 results by 256 threads. A source has
/// either left8 and right8, which fetch eight neighbours along K (k a multiple of 8), or left and right for single
/// elements and RightAlongK, which says what lies together in memory. Rows and columns count from the tile's corner;
/// outside the matrices a source gives 0.
struct SimtTile {
  static constexpr int Size = 64, Depth = 16, Threads = 256, MinBlocks = 2, Pitch = Size + 4;
  static constexpr int SharedBytes = 2 * Depth * Pitch * 4;
  using Panel = float (*)[Pitch];

  template <class Source> static __device__ void load(Panel left, Panel right, const Source &source, int64_t k0) {
    if constexpr (requires { &Source::left8; }) {
      // 128 vectors of each operand: one vector a thread.
      int row = threadIdx.x % Size, k = threadIdx.x / Size % 2 * 8;
      Panel target = threadIdx.x < 2 * Size ? left : right;
      float x[8];
      if (threadIdx.x < 2 * Size)
        source.left8(row, k0 + k, x);
      else
        source.right8(row, k0 + k, x);
#pragma unroll
      for (int i = 0; i < 8; ++i)
        target[k + i][row] = x[i];
    } else {
#pragma unroll
      for (int i = threadIdx.x; i < Size * Depth; i += Threads) {
        left[i % Depth][i / Depth] = source.left(i / Depth, k0 + i % Depth);
        if constexpr (Source::RightAlongK)
          right[i % Depth][i / Depth] = source.right(i / Depth, k0 + i % Depth);
        else
          right[i / Size][i % Size] = source.right(i % Size, k0 + i / Size);
      }
    }
  }

  template <class Source> static __device__ void run(float (&sums)[4][4], const Source &source, int64_t k, char *smem) {
    Panel left = reinterpret_cast<Panel>(smem), right = left + Depth;
    int row0 = threadIdx.x / 16 * 4, col0 = threadIdx.x % 16 * 4;
#pragma unroll 1
    for (int64_t k0 = 0; k0 < k; k0 += Depth) {
      __syncthreads();
      load(left, right, source, k0);
      __syncthreads();
#pragma unroll
      for (int step = 0; step < Depth; ++step) {
        float a[4], b[4];
        loadVector(left[step], row0, a);
        loadVector(right[step], col0, b);
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
          for (int j = 0; j < 4; ++j)
            sums[i][j] += a[i] * b[j];
      }
    }
  }

  template <class Output, class Epilogue>
  static __device__ void store(const float (&sums)[4][4], Output *c, int64_t stride, int64_t row0, int64_t col0,
                               int64_t rows, int64_t cols, int64_t epilogueRow, const Epilogue &epilogue) {
    row0 += threadIdx.x / 16 * 4;
    col0 += threadIdx.x % 16 * 4;
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j)
        if (row0 + i < rows && col0 + j < cols)
          c[(row0 + i) * stride + col0 + j] = fromValue<Output>(epilogue(sums[i][j], epilogueRow + row0 + i, col0 + j));
  }
};

template <FloatElement Activation, FloatElement Weight, class Output, Rhs Layout = Rhs::NK> struct MatmulSimt {
  static constexpr int Threads = SimtTile::Threads, MinBlocks = SimtTile::MinBlocks;
  static constexpr int SharedBytes = SimtTile::SharedBytes;
  static constexpr int SumsOfThread = 16;
  struct Params {
    const Activation *A;
    const Weight *W;
    Output *C;
    int64_t M, N, K;
    int64_t LdA, LdW, LdC;
    int64_t Batch;
    BatchStride StrideA, StrideW;
    int64_t StrideC;
  };

  static __host__ __device__ int64_t tiles(const Params &p) {
    return p.Batch * ceilDiv<int64_t>(p.M, SimtTile::Size) * ceilDiv<int64_t>(p.N, SimtTile::Size);
  }

  struct Source {
    static constexpr bool RightAlongK = Layout == Rhs::NK;
    const Activation *A;
    const Weight *W;
    int64_t Rows, Cols, K, LdA, LdW; ///< rows and columns from the tile's corner to the matrix's end
    __device__ float left(int row, int64_t k) const { return row < Rows && k < K ? toValue(A[row * LdA + k]) : 0.0f; }
    __device__ float right(int col, int64_t k) const {
      return col < Cols && k < K ? toValue(W[Layout == Rhs::NK ? col * LdW + k : k * LdW + col]) : 0.0f;
    }
  };

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    int64_t rowTiles = ceilDiv<int64_t>(p.M, SimtTile::Size), colTiles = ceilDiv<int64_t>(p.N, SimtTile::Size);
    int64_t batch = tile / (rowTiles * colTiles);
    TilePosition position(tile % (rowTiles * colTiles), rowTiles, colTiles);
    int64_t row0 = position.Row * SimtTile::Size, col0 = position.Col * SimtTile::Size;
    Source source{p.A + p.StrideA(batch) + row0 * p.LdA,
                  p.W + p.StrideW(batch) + (Layout == Rhs::NK ? col0 * p.LdW : col0),
                  p.M - row0,
                  p.N - col0,
                  p.K,
                  p.LdA,
                  p.LdW};
    float sums[4][4] = {};
    SimtTile::run(sums, source, p.K, smem);
    SimtTile::store(sums, p.C + batch * p.StrideC, p.LdC, row0, col0, p.M, p.N, batch * p.M, epilogue);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_MATMUL_CUH
