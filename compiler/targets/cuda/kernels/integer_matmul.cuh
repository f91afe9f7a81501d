// c[b, m, n] = epilogue(sum_k (a[b, m, k] - x) * (w[b, n, k] - y), b * M + m, n) on codes of 8 bits, summed in i32,
// which wraps around. x and y are zeros: one for all, one for each row, or one for each row of each matrix.
//
//   IntegerMatmul<Left, Right, Output, Tile, Operands>    int8_t or uint8_t on either side, on mma.sync; any M, N, K
//   IntegerMatmulFewRows<Left, Right, Output, Operands>   the same of M <= 8
//
// A [.., M, K], W [.., N, K], C [Batch, M, N], all dense. `Operands` says where they and their zeros are:
//   __device__ const Left *left(int64_t batch) const;
//   __device__ const Right *right(int64_t batch) const;
//   __device__ int32_t leftZero(int64_t batch, int64_t row) const;
//   __device__ int32_t rightZero(int64_t batch, int64_t col) const;
//   static constexpr bool OneLeftZero, OneRightZero;   // one for all: where it is 0 nothing is done about it
// The epilogue is
//   __device__ auto operator()(int32_t acc, int64_t row, int64_t col) const
// and its value is converted to Output. `row` runs over all batches.
//
// Differences of a code and its zero have 9 bits, so codes are multiplied as they are:
//   sum (a - x)(w - y) = sum a w - y sum a - x sum w + K x y
// The sums of rows are products with ones, those of a block of rows by one of the warps that multiply it. An unsigned w
// is multiplied as w - 128, which is signed.
//
// Grid: Batch * ceil(M / Tile::M) * ceil(N / Tile::N). Block: Tile::Threads. Shared: Stages * (M + N) * K * 2 of the
// tile, which is one of mma_tile.cuh; a step is 2 * K codes deep. 16-byte copies are used where bases and K are
// multiples of 16.
#ifndef LATHE_KERNELS_INTEGER_MATMUL_CUH
#define LATHE_KERNELS_INTEGER_MATMUL_CUH

#include "mma_tile.cuh"

namespace lathe::kernels {

/// A matrix of codes in global memory.
template <class Code> struct CodeView {
  const Code *Data;
  int64_t Rows, Cols;
  bool Aligned; ///< 16-byte copies are legal at every multiple of 16 columns

  __device__ CodeView(const Code *data, int64_t rows, int64_t cols)
      : Data(data), Rows(rows), Cols(cols), Aligned(isAligned(data, 16) && cols % 16 == 0) {}
};

/// As of a MatrixView: 16 codes of row `row` from `col` on; outside is zero.
template <class Code>
__device__ inline void loadChunk(char *target, const CodeView<Code> &view, int64_t row, int64_t col) {
  int64_t left = row < view.Rows ? view.Cols - col : 0;
  int valid = left <= 0 ? 0 : left >= 16 ? 16 : int(left);
  const Code *source = view.Data + (valid ? row * view.Cols + col : 0);
  if (view.Aligned) {
    copyAsync16(target, source, valid);
    return;
  }
  uint32_t words[4] = {};
#pragma unroll
  for (int i = 0; i < 16; ++i)
    if (i < valid)
      words[i / 4] |= uint32_t(uint8_t(source[i])) << i % 4 * 8;
  *reinterpret_cast<uint4 *>(target) = {words[0], words[1], words[2], words[3]};
}

/// What a warp sums up: products, and its share of the sums of rows of either side. Warps that multiply the same rows
/// each sum up every WarpsN-th block of 16, of columns every WarpsM-th of 8: which is a choice of operands, not a
/// branch, behind which nothing would be loaded ahead.
template <class Tile, class Left, class Right> struct IntegerSums {
  static constexpr int RowBlocks = Tile::WarpM / 16, ColBlocks = Tile::WarpN / 8;
  static constexpr uint32_t Ones = 0x01010101, Flip = IsSame<Right, uint8_t> ? 0x80808080 : 0;
  static constexpr int32_t Shift = Flip ? 128 : 0; ///< what is taken off w as it is multiplied
  int32_t Products[RowBlocks][ColBlocks][4] = {};
  int32_t LeftRows[ceilDiv(RowBlocks, Tile::WarpsN)][2] = {}, RightRows[ceilDiv(ColBlocks, Tile::WarpsM)][2] = {};

  static __device__ int rowWarp() { return threadIdx.x / 32 / Tile::WarpsN; }
  static __device__ int colWarp() { return threadIdx.x / 32 % Tile::WarpsN; }

  static __device__ void multiply(int32_t (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    if constexpr (IsSame<Left, uint8_t>)
      multiplyBytes(c, a, b0, b1);
    else
      multiplySignedBytes(c, a, b0, b1);
  }

  static __device__ void addLeft(int32_t (&sums)[2], const uint32_t (&left)[4]) {
    int32_t c[4] = {sums[0], 0, sums[1], 0}; // all columns are the same
    multiply(c, left, Ones, Ones);
    sums[0] = c[0], sums[1] = c[2];
  }
  static __device__ void addRight(int32_t (&sums)[2], uint32_t b0, uint32_t b1) {
    const uint32_t ones[4] = {Ones, Ones, Ones, Ones};
    int32_t c[4] = {sums[0], sums[1], 0, 0}; // all rows are the same
    multiplySignedBytes(c, ones, b0, b1);
    sums[0] = c[0], sums[1] = c[1];
  }

  /// The sum of products of differences from that of codes, those of rows, and the zeros x and y. `padded` is K with
  /// what fills the last step. Sums of rows may be 0 where `needsRows` says so.
  static __device__ int32_t takeZerosOff(uint32_t sum, uint32_t rowSum, uint32_t colSum, int32_t x, int32_t y,
                                         uint32_t k, uint32_t padded) {
    sum -= uint32_t(y - Shift) * rowSum;
    return int32_t(sum + (x ? uint32_t(x) * (k * uint32_t(y) - colSum - uint32_t(Shift) * padded) : 0));
  }

  /// Adds the products of tile `a` [M][2 K] and tile `w` [N][2 K], and with `WithRows` the sums of their rows.
  template <bool WithRows> __device__ void add(const char *a, const char *w) {
    constexpr int Chunks = Tile::K / 8;
    int lane = threadIdx.x % 32, row0 = rowWarp() * Tile::WarpM, col0 = colWarp() * Tile::WarpN;
#pragma unroll
    for (int k = 0; k < Chunks; k += 2) {
      uint32_t left[RowBlocks][4], right[ColBlocks][2];
#pragma unroll
      for (int i = 0; i < RowBlocks; ++i)
        loadMatrix4(left[i], a + chunkOffset<Chunks>(row0 + i * 16 + lane % 16, k + lane / 16));
#pragma unroll
      for (int j = 0; j < ColBlocks; j += 2) {
        uint32_t words[4];
        loadMatrix4(words, w + chunkOffset<Chunks>(col0 + j * 8 + lane % 8 + lane / 16 * 8, k + lane / 8 % 2));
#pragma unroll
        for (int e = 0; e < 4; ++e)
          right[j + e / 2][e % 2] = words[e] ^ Flip;
#pragma unroll
        for (int i = 0; i < RowBlocks; ++i) {
          multiply(Products[i][j], left[i], right[j][0], right[j][1]);
          multiply(Products[i][j + 1], left[i], right[j + 1][0], right[j + 1][1]);
        }
      }
      if constexpr (WithRows) {
#pragma unroll
        for (int i = 0; i < RowBlocks; i += Tile::WarpsN) {
          uint32_t own[4] = {left[i][0], left[i][1], left[i][2], left[i][3]};
#pragma unroll
          for (int other = 1; other < Tile::WarpsN && i + other < RowBlocks; ++other)
#pragma unroll
            for (int e = 0; e < 4; ++e)
              own[e] = colWarp() == other ? left[i + other][e] : own[e];
          addLeft(LeftRows[i / Tile::WarpsN], own);
        }
#pragma unroll
        for (int j = 0; j < ColBlocks; j += Tile::WarpsM) {
          uint32_t own[2] = {right[j][0], right[j][1]};
#pragma unroll
          for (int other = 1; other < Tile::WarpsM && j + other < ColBlocks; ++other)
#pragma unroll
            for (int e = 0; e < 2; ++e)
              own[e] = rowWarp() == other ? right[j + other][e] : own[e];
          addRight(RightRows[j / Tile::WarpsM], own[0], own[1]);
        }
      }
    }
  }

  /// Leaves the sums of rows of the tile in `rows` [M] and `cols` [N].
  __device__ void share(int32_t *rows, int32_t *cols) const {
    int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < RowBlocks; ++i)
      if (colWarp() == i % Tile::WarpsN && lane % 4 == 0)
#pragma unroll
        for (int half = 0; half < 2; ++half)
          rows[rowWarp() * Tile::WarpM + i * 16 + half * 8 + lane / 4] = LeftRows[i / Tile::WarpsN][half];
#pragma unroll
    for (int j = 0; j < ColBlocks; ++j)
      if (rowWarp() == j % Tile::WarpsM && lane < 4)
#pragma unroll
        for (int next = 0; next < 2; ++next)
          cols[colWarp() * Tile::WarpN + j * 8 + lane * 2 + next] = RightRows[j / Tile::WarpsM][next];
  }
};

/// Whether the sums of rows of either side count for something.
template <class Operands> __device__ inline bool needsRows(const Operands &from, int64_t batch, int32_t shift) {
  return !Operands::OneLeftZero || !Operands::OneRightZero || from.leftZero(batch, 0) != 0 ||
         from.rightZero(batch, 0) != shift;
}

template <class Left, class Right, class Output, class Tile, class Operands> struct IntegerMatmul {
  static constexpr int Threads = Tile::Threads, MinBlocks = Tile::MinBlocks;
  static constexpr int Chunks = Tile::K / 8, Depth = Tile::K * 2; ///< codes of K a step
  static constexpr int StageBytes = (Tile::M + Tile::N) * Depth;
  static constexpr int SharedBytes = Tile::Stages * StageBytes;
  struct Params {
    Operands From;
    Output *C;
    int64_t M, N, K, Batch;
  };

  static __host__ __device__ int64_t tiles(const Params &p) {
    return p.Batch * ceilDiv<int64_t>(p.M, Tile::M) * ceilDiv<int64_t>(p.N, Tile::N);
  }

  static __device__ void loadStage(char *stage, const CodeView<Left> &a, const CodeView<Right> &w, int64_t row0,
                                   int64_t col0, int64_t k) {
    loadTile<Tile::M, Chunks, Threads, 16>(stage, a, row0, k);
    loadTile<Tile::N, Chunks, Threads, 16>(stage + Tile::M * Depth, w, col0, k);
  }

  using Sums = IntegerSums<Tile, Left, Right>;

  /// Where a tile begins.
  struct Corner {
    int64_t Batch, Row, Col;
    __device__ Corner(const Params &p, int64_t tile) {
      int64_t rowTiles = ceilDiv<int64_t>(p.M, Tile::M), colTiles = ceilDiv<int64_t>(p.N, Tile::N);
      TilePosition position(tile % (rowTiles * colTiles), rowTiles, colTiles);
      Batch = tile / (rowTiles * colTiles);
      Row = position.Row * Tile::M;
      Col = position.Col * Tile::N;
    }
  };

  /// Takes the zeros off, and out through the epilogue.
  template <class Epilogue>
  static __device__ void store(const Params &p, const Sums &sums, const Corner &corner, char *smem,
                               const Epilogue &epilogue) {
    int32_t *rowSums = reinterpret_cast<int32_t *>(smem), *colSums = rowSums + Tile::M;
    __syncthreads(); // the last step is read
    sums.share(rowSums, colSums);
    __syncthreads();
    int lane = threadIdx.x % 32, row0 = Sums::rowWarp() * Tile::WarpM + lane / 4;
    int col0 = Sums::colWarp() * Tile::WarpN + lane % 4 * 2;
    uint32_t padded = uint32_t(ceilDiv<int64_t>(p.K, Depth) * Depth); // with what fills the last step
#pragma unroll
    for (int i = 0; i < Sums::RowBlocks; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        int ownRow = row0 + i * 16 + half * 8;
        int64_t row = corner.Row + ownRow;
        if (row >= p.M)
          continue;
        int32_t x = p.From.leftZero(corner.Batch, row), rowSum = rowSums[ownRow];
#pragma unroll
        for (int j = 0; j < Sums::ColBlocks; ++j)
#pragma unroll
          for (int next = 0; next < 2; ++next) {
            int ownCol = col0 + j * 8 + next;
            int64_t col = corner.Col + ownCol;
            if (col >= p.N)
              continue;
            int32_t sum = Sums::takeZerosOff(uint32_t(sums.Products[i][j][half * 2 + next]), uint32_t(rowSum),
                                             uint32_t(colSums[ownCol]), x, p.From.rightZero(corner.Batch, col),
                                             uint32_t(p.K), padded);
            p.C[(corner.Batch * p.M + row) * p.N + col] =
                fromValue<Output>(epilogue(sum, corner.Batch * p.M + row, col));
          }
      }
  }

  template <bool WithRows> static __device__ void sumUp(const Params &p, const Corner &corner, char *smem, Sums &sums) {
    CodeView<Left> a(p.From.left(corner.Batch), p.M, p.K);
    CodeView<Right> w(p.From.right(corner.Batch), p.N, p.K);
    // 1. Fill all stages but one.
    int64_t steps = ceilDiv<int64_t>(p.K, Depth);
    for (int stage = 0; stage < Tile::Stages - 1; ++stage) {
      if (stage < steps)
        loadStage(smem + stage * StageBytes, a, w, corner.Row, corner.Col, int64_t(stage) * Depth);
      commitAsync();
    }
    // 2. One step along K, while the copies of later steps run.
    int current = 0, refill = Tile::Stages - 1;
#pragma unroll 1
    for (int64_t step = 0; step < steps; ++step) {
      waitAsync<Tile::Stages - 2>();
      __syncthreads();
      int64_t next = step + Tile::Stages - 1;
      if (next < steps)
        loadStage(smem + refill * StageBytes, a, w, corner.Row, corner.Col, next * Depth);
      commitAsync();
      sums.template add<WithRows>(smem + current * StageBytes, smem + current * StageBytes + Tile::M * Depth);
      current = current + 1 == Tile::Stages ? 0 : current + 1;
      refill = refill + 1 == Tile::Stages ? 0 : refill + 1;
    }
    waitAsync<0>();
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    Corner corner(p, tile);
    Sums sums;
    if (needsRows(p.From, corner.Batch, Sums::Shift))
      sumUp<true>(p, corner, smem, sums);
    else
      sumUp<false>(p, corner, smem, sums);
    // 3. Zeros, and out.
    store(p, sums, corner, smem, epilogue);
  }
};

/// Up to 8 rows, bound by reading W: a warp multiplies 8 columns over its part of K, with no shared memory on the way.
/// A lane has 16 neighbours along K of one column, and of one row: which of K they are a sum does not notice, as both
/// sides are dealt alike.
template <class Left, class Right, class Output, class Operands> struct IntegerMatmulFewRows {
  static constexpr int Threads = 128, MinBlocks = 8, Warps = Threads / 32;
  static constexpr int Rows = 8, Cols = 8, Depth = 64; ///< codes along K that a warp takes at once
  static constexpr int Parts = 5;                      ///< of a lane: sums of two products, of a row of A, of two of W
  static constexpr int SharedBytes = Warps * 32 * Parts * 4;
  using Params = typename IntegerMatmul<Left, Right, Output, SmallTile, Operands>::Params;
  using Tile = IntegerSums<SmallTile, Left, Right>;

  static __host__ __device__ int64_t tiles(const Params &p) {
    return p.M > 0 ? p.Batch * ceilDiv<int64_t>(p.N, Cols) : 0;
  }

  /// 16 codes from `source` on, of which `valid` are there.
  template <class Code>
  static __device__ void load(uint32_t (&words)[4], const Code *source, int64_t valid, bool aligned) {
    words[0] = words[1] = words[2] = words[3] = 0;
    if (valid >= 16 && aligned) {
      uint4 all = *reinterpret_cast<const uint4 *>(source);
      words[0] = all.x, words[1] = all.y, words[2] = all.z, words[3] = all.w;
      return;
    }
#pragma unroll
    for (int i = 0; i < 16; ++i)
      if (i < valid)
        words[i / 4] |= uint32_t(uint8_t(source[i])) << i % 4 * 8;
  }

  /// Sums of a lane: row lane / 4 and two columns, lane % 4 * 2 and the next.
  struct LaneSums {
    int32_t Products[4] = {}, LeftRows[2] = {}, RightRows[2] = {};
  };

  /// The steps along K of this warp.
  template <bool WithRows> static __device__ void sumUp(const Params &p, int64_t batch, int64_t col0, LaneSums &sums) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    // Rows and columns past the end repeat the last one and are not stored.
    const Left *a = p.From.left(batch) + smaller<int64_t>(lane / 4, p.M - 1) * p.K;
    const Right *w = p.From.right(batch) + smaller<int64_t>(col0 + lane / 4, p.N - 1) * p.K;
    bool alignedA = isAligned(a, 16), alignedW = isAligned(w, 16);
#pragma unroll 4
    for (int64_t k = int64_t(warp) * Depth; k < p.K; k += Warps * Depth) {
      int64_t own = k + lane % 4 * 16;
      uint32_t left[4], right[4];
      load(right, w + own, p.K - own, alignedW);
      load(left, a + own, p.K - own, alignedA);
#pragma unroll
      for (int e = 0; e < 4; e += 2) {
        const uint32_t rows[4] = {left[e], 0, left[e + 1], 0};
        uint32_t b0 = right[e] ^ Tile::Flip, b1 = right[e + 1] ^ Tile::Flip;
        Tile::multiply(sums.Products, rows, b0, b1);
        if constexpr (WithRows) {
          Tile::addLeft(sums.LeftRows, rows);
          Tile::addRight(sums.RightRows, b0, b1);
        }
      }
    }
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    int64_t colTiles = ceilDiv<int64_t>(p.N, Cols), batch = tile / colTiles, col0 = tile % colTiles * Cols;
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    LaneSums sums;
    if (needsRows(p.From, batch, Tile::Shift))
      sumUp<true>(p, batch, col0, sums);
    else
      sumUp<false>(p, batch, col0, sums);
    // Over the warps.
    int32_t *shared = reinterpret_cast<int32_t *>(smem);
    const int32_t own[Parts] = {sums.Products[0], sums.Products[1], sums.LeftRows[0], sums.RightRows[0],
                                sums.RightRows[1]};
#pragma unroll
    for (int part = 0; part < Parts; ++part)
      shared[(warp * Parts + part) * 32 + lane] = own[part];
    __syncthreads();
    int64_t row = lane / 4;
    if (warp > 0 || row >= p.M)
      return;
    uint32_t all[Parts] = {};
#pragma unroll
    for (int from = 0; from < Warps; ++from)
#pragma unroll
      for (int part = 0; part < Parts; ++part)
        all[part] += uint32_t(shared[(from * Parts + part) * 32 + lane]);
    uint32_t padded = uint32_t(ceilDiv<int64_t>(p.K, Depth) * Depth);
#pragma unroll
    for (int next = 0; next < 2; ++next)
      if (int64_t col = col0 + lane % 4 * 2 + next; col < p.N) {
        int32_t sum = Tile::takeZerosOff(all[next], all[2], all[3 + next], p.From.leftZero(batch, row),
                                         p.From.rightZero(batch, col), uint32_t(p.K), padded);
        p.C[(batch * p.M + row) * p.N + col] = fromValue<Output>(epilogue(sum, batch * p.M + row, col));
      }
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_INTEGER_MATMUL_CUH
