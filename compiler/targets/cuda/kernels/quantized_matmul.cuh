// c[m, n] = epilogue(sum_k a[m, k] * unpack(w)[n, k], m, n), W in GGUF blocks, summed in f32.
//
//   QuantizedMatmulFewRows<Format, Activation, Output, Rows>   M <= Rows (1, 2, 4, 8); weights stay f32
//   QuantizedMatmul<Format, Element, Output, Tile, Left>       f16 or bf16 activations on mma.sync; a weight is
//                                                              rounded from its f32 value to Element;
//                                                              normalized_rows.cuh says what Left is
//   QuantizedMatmulSimt<Format, Activation, Output>            any activation, many rows, f32 arithmetic
//   Format: Q4_0, Q8_0, Q4_K, Q5_K, Q6_K of formats.cuh; plain weights go through matmul.cuh. QuantizedMatmul also
//   takes tiles of blocks, TiledQ4_K and others of packed_blocks.cuh, for any M: where Hopper's kernels do not run.
//
// A [M, K] with LdA elements between rows; W N rows of K / Format::Block blocks, without gaps, 16-byte aligned base;
// C [M, N]. K is a multiple of Format::Block. The epilogue is that of matmul.cuh.
//
// Grid, block, dynamic shared bytes:
//   QuantizedMatmulFewRows  ceil(N / 2); 128; 32 * Rows
//   QuantizedMatmul         ceil(M / Tile::M) * ceil(N / Tile::N); Tile::Threads; (Stages * M + 2 * N) * K * 2 of the
//   tile, 4 * M more where rows are normalized
//   QuantizedMatmulSimt     ceil(M / 64) * ceil(N / 64); 256; 8704
// Order of summation depends on K, the format and the tile alone.
#ifndef LATHE_KERNELS_QUANTIZED_MATMUL_CUH
#define LATHE_KERNELS_QUANTIZED_MATMUL_CUH

#include "formats.cuh"
#include "matmul.cuh"
#include "normalized_rows.cuh"
#include "packed_row_blocks.cuh"

namespace lathe::kernels {

template <class Activation, class Output, class Left = AsIs> struct QuantizedMatmulParams {
  const typename Left::template SourceOf<Activation> *A;
  const uint8_t *W;
  Output *C;
  int64_t M, N, K;
  int64_t LdA, LdC;
  Left Norm = {};
};

template <class Format, FloatElement Activation, class Output, int Rows> struct QuantizedMatmulFewRows {
  static_assert(Rows == 1 || Rows == 2 || Rows == 4 || Rows == 8, "Rows must be 1, 2, 4 or 8; use QuantizedMatmul");
  static constexpr int Threads = 128, MinBlocks = Rows < 8 ? 4 : 3;
  static constexpr int Cols = 2; ///< rows of W that a block reads
  static constexpr int SharedBytes = Threads / 32 * Rows * Cols * 4;
  static constexpr int SumsOfThread = 1;
  using Params = QuantizedMatmulParams<Activation, Output>;

  static __host__ __device__ int64_t tiles(const Params &p) { return p.M > 0 ? ceilDiv<int64_t>(p.N, Cols) : 0; }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    constexpr int Granules = Format::Block / 32, Run = 32 / Format::Runs;
    int64_t col0 = tile * Cols, rowBytes = p.K / Format::Block * Format::BlockBytes;
    const uint8_t *w[Cols];
#pragma unroll
    for (int col = 0; col < Cols; ++col)
      w[col] = p.W + smaller<int64_t>(col0 + col, p.N - 1) * rowBytes;
    float sums[Rows][Cols] = {};
    // 1. Each thread its granules of K: decode 32 weights of each column, then multiply run by run.
#pragma unroll 1
    for (int64_t i = threadIdx.x; i < p.K / 32; i += Threads) {
      int64_t block = i / Granules;
      int granule = int(i % Granules);
      float weights[Cols][32];
#pragma unroll
      for (int col = 0; col < Cols; ++col)
        Format::unpackGranule(w[col] + block * Format::BlockBytes, granule, weights[col]);
#pragma unroll
      for (int row = 0; row < Rows; ++row) {
        const Activation *a = p.A + smaller<int64_t>(row, p.M - 1) * p.LdA + block * Format::Block;
        if (row > 0)
          a = pointerAfter(a, sums[row - 1][Cols - 1]);
#pragma unroll
        for (int run = 0; run < Format::Runs; ++run)
#pragma unroll
          for (int part = 0; part < Run; part += 8) {
            float x[8];
            loadVector(a, Format::granuleColumn(granule, run) + part, x);
#pragma unroll
            for (int col = 0; col < Cols; ++col)
#pragma unroll
              for (int e = 0; e < 8; ++e)
                sums[row][col] += x[e] * weights[col][run * Run + part + e];
          }
      }
    }
    // 2. Sum over the block, epilogue, store.
    storeFewRows<Rows, Cols, Threads>(sums, smem, p.C, p.LdC, p.M, p.N, col0, epilogue);
  }
};

template <class Format, HalfElement Element, class Output, class Tile, class Left = AsIs> struct QuantizedMatmul {
  static constexpr int Threads = Tile::Threads, MinBlocks = Tile::MinBlocks;
  static constexpr int LeftBytes = Tile::M * Tile::K * 2, RightBytes = Tile::N * Tile::K * 2;
  static constexpr int ScaleBytes = Left::Normalizes ? Tile::M * 4 : 0;
  static constexpr int SharedBytes = Tile::Stages * LeftBytes + 2 * RightBytes + ScaleBytes;
  static constexpr int SumsOfThread = Tile::M * Tile::N / Threads;
  static_assert(!TiledFormat<Format> || Tile::K >= 32, "a lane unpacks 32 columns at a time; use a deeper tile");
  static_assert(Tile::Stages >= 3, "a stage is refilled while the one before it is read; use 3 stages or more");
  using Params = QuantizedMatmulParams<Element, Output, Left>;

  static __host__ __device__ int64_t tiles(const Params &p) {
    return ceilDiv<int64_t>(p.M, Tile::M) * ceilDiv<int64_t>(p.N, Tile::N);
  }

  static __device__ auto viewRows(const Params &p, int64_t row0, char *scales, char *sums) {
    if constexpr (Left::Normalizes)
      return NormalizedTileView<Element, Left>::template create<Tile::M, Threads>(
          p.Norm, p.A, p.M, p.K, p.LdA, row0, reinterpret_cast<float *>(scales), reinterpret_cast<float *>(sums));
    else
      return MatrixView<Element>(p.A, p.M, p.K, p.LdA);
  }

  /// Decodes columns col0.. of the product, elements k.. of K, into a tile [N][K]; outside is zero.
  static __device__ void decode(char *target, const Params &p, int64_t col0, int64_t k) {
    constexpr int Chunks = Tile::K / 8;
    if constexpr (TiledFormat<Format>)
      return decodeTiles<Chunks>(target, p, col0, k);
    else
      return decodeBlocks<Chunks>(target, p, col0, k);
  }

  /// Each warp 16 rows of W by 32 columns at a time, as its lanes hold them.
  template <int Chunks> static __device__ void decodeTiles(char *target, const Params &p, int64_t col0, int64_t k) {
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#pragma unroll 1
    for (int i = warp; i < Tile::N / 16 * (Tile::K / 32); i += Threads / 32) {
      int row0 = i / (Tile::K / 32) * 16, column = i % (Tile::K / 32) * 32;
      float w[2][8] = {};
      if (col0 + row0 < p.N && k + column < p.K)
        Format::unpackLane(w, tileAt<Format>(p.W, p.K, col0 + row0, k + column),
                           int((k + column) % Format::Columns) / 32, lane);
#pragma unroll
      for (int row = 0; row < 2; ++row)
#pragma unroll
        for (int pair = 0; pair < 4; ++pair)
          *reinterpret_cast<uint32_t *>(target + chunkOffset<Chunks>(row0 + g + row * 8, column / 8 + pair) + t * 4) =
              packPair<Element>(w[row][pair * 2], w[row][pair * 2 + 1]);
    }
  }

  template <int Chunks> static __device__ void decodeBlocks(char *target, const Params &p, int64_t col0, int64_t k) {
    int64_t rowBytes = p.K / Format::Block * Format::BlockBytes;
#pragma unroll
    for (int i = threadIdx.x; i < Tile::N * Chunks; i += Threads) {
      int row = i / Chunks, chunk = i % Chunks;
      uint4 packed = {0, 0, 0, 0};
      if (col0 + row < p.N && k + chunk * 8 < p.K) {
        float w[8];
        unpackRow8<Format>(p.W + (col0 + row) * rowBytes, k + chunk * 8, w);
        packed.x = packPair<Element>(w[0], w[1]);
        packed.y = packPair<Element>(w[2], w[3]);
        packed.z = packPair<Element>(w[4], w[5]);
        packed.w = packPair<Element>(w[6], w[7]);
      }
      *reinterpret_cast<uint4 *>(target + chunkOffset<Chunks>(row, chunk)) = packed;
    }
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    TilePosition position(tile, ceilDiv<int64_t>(p.M, Tile::M), ceilDiv<int64_t>(p.N, Tile::N));
    int64_t row0 = position.Row * Tile::M, col0 = position.Col * Tile::N;
    char *left = smem, *right = smem + Tile::Stages * LeftBytes;
    auto a = viewRows(p, row0, right + 2 * RightBytes, right);
    // 1. Fill the stages of A but one, decode the first tile of W.
    int64_t steps = ceilDiv<int64_t>(p.K, Tile::K);
    for (int stage = 0; stage < Tile::Stages - 1; ++stage) {
      if (stage < steps)
        loadTile<Tile::M, Tile::K / 8, Threads>(left + stage * LeftBytes, a, row0, int64_t(stage) * Tile::K);
      commitAsync();
    }
    decode(right, p, col0, 0);
    // 2. Multiply one tile while A's later tiles are copied and W's next one is decoded into the other buffer.
    Accumulators<Tile> sums;
    sums.clear();
    int current = 0, refill = Tile::Stages - 1;
#pragma unroll 1
    for (int64_t step = 0; step < steps; ++step) {
      waitAsync<Tile::Stages - 2>();
      __syncthreads();
      int64_t next = step + Tile::Stages - 1;
      if (next < steps)
        loadTile<Tile::M, Tile::K / 8, Threads>(left + refill * LeftBytes, a, row0, next * Tile::K);
      commitAsync();
      if (step + 1 < steps)
        decode(right + (step + 1) % 2 * RightBytes, p, col0, (step + 1) * Tile::K);
      sums.template add<Element, Rhs::NK>(left + current * LeftBytes, right + step % 2 * RightBytes);
      current = current + 1 == Tile::Stages ? 0 : current + 1;
      refill = refill + 1 == Tile::Stages ? 0 : refill + 1;
    }
    waitAsync<0>();
    // 3. Out through the epilogue.
    sums.store(p.C, p.LdC, row0, col0, p.M, p.N, 0, epilogue);
  }
};

template <class Format, FloatElement Activation, class Output> struct QuantizedMatmulSimt {
  static constexpr int Threads = SimtTile::Threads, MinBlocks = 1;
  static constexpr int SharedBytes = SimtTile::SharedBytes;
  static constexpr int SumsOfThread = 16;
  using Params = QuantizedMatmulParams<Activation, Output>;

  static __host__ __device__ int64_t tiles(const Params &p) {
    return ceilDiv<int64_t>(p.M, SimtTile::Size) * ceilDiv<int64_t>(p.N, SimtTile::Size);
  }

  struct Source {
    const Activation *A;
    const uint8_t *W;
    int64_t Rows, Cols, K, LdA, RowBytes; ///< rows and columns from the tile's corner to the matrix's end
    __device__ void left8(int row, int64_t k, float (&x)[8]) const {
      if (row < Rows && k < K)
        loadVector(A + row * LdA, k, x);
      else
        clear(x);
    }
    __device__ void right8(int col, int64_t k, float (&w)[8]) const {
      if (col < Cols && k < K)
        unpackRow8<Format>(W + col * RowBytes, k, w);
      else
        clear(w);
    }
    static __device__ void clear(float (&x)[8]) {
#pragma unroll
      for (int i = 0; i < 8; ++i)
        x[i] = 0;
    }
  };

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    TilePosition position(tile, ceilDiv<int64_t>(p.M, SimtTile::Size), ceilDiv<int64_t>(p.N, SimtTile::Size));
    int64_t row0 = position.Row * SimtTile::Size, col0 = position.Col * SimtTile::Size;
    int64_t rowBytes = p.K / Format::Block * Format::BlockBytes;
    Source source{p.A + row0 * p.LdA, p.W + col0 * rowBytes, p.M - row0, p.N - col0, p.K, p.LdA, rowBytes};
    float sums[4][4] = {};
    SimtTile::run(sums, source, p.K, smem);
    SimtTile::store(sums, p.C, p.LdC, row0, col0, p.M, p.N, 0, epilogue);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_QUANTIZED_MATMUL_CUH
