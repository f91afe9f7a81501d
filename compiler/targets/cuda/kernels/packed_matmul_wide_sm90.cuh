// PackedMatmul of packed_matmul.cuh for sm_90a and many rows: tiles of 128 rows of A x Width columns.
//
//   PackedMatmulWideSm90<Element, Outputs, Width = 256, Sharing = true>   any M, N, K
//
// Width: 256, or 192 for one sum an element. Grid at most Params::Blocks, which is even, in clusters of 2; block 384;
// shared bytes: SharedBytes, aligned to 1024.
//
// A block takes every Blocks-th tile; the ring of stages goes on across tiles. Where there are so few tiles that half
// of the blocks would do, the two of a cluster share one along K, and store half of its columns each when they have
// added what the other has summed; unless Sharing is false: a sum is then one block's, whatever M is. In a block
//   - warp 0 fetches weights, whole packed tiles by bulk copies, the first ones before the kernels that come before
//   have
//     ended;
//   - warps 2 and 3 fetch rows of A by cp.async, with the same swizzle, so that A may lie anyhow;
//   - warp 1 waits for those and shows them to the tensor cores. Whoever has fetched them would have to wait with its
//     next copies; and the fence that this takes costs those who multiply more than all else in a step;
//   - two warpgroups multiply 64 rows each.
// For Dual the first half of a tile's columns is of the first weights, the second half of the same columns of the
// second ones.
//
// Measured on an H200, bf16, TFLOP/s: 2048x28672x4096 769, with SwiGLU 802, 2048x4096x14336 with a residual 717,
// 2048x6144x4096 683, 2048x4096x4096 with a residual 604; 8192x28672x4096 with SwiGLU 688, where 90 of 100 cycles of
// the tensor cores are used and the clock falls to 1.4 GHz. 512x4096x14336 takes 81 us, 149 if blocks shared no tile.
// f16, tiles of 256 / 192 columns: 4096x2304x768 402 / 501, 4096x768x768 with a residual 289 / 361, 4096x768x3072
// 463 / 554, 4096x3072x768 530 / 513.
// f8, with scales of rows and columns, beside bf16 in the same process: 2048x4096x4096 1297 / 756, 2048x6144x4096
// 1324 / 756, 2048x28672x4096 1246 / 712, 2048x4096x14336 1332 / 685; with rows in tiles too, by bulk copies, up to 9 %
// slower, and where a cluster's blocks fetch the weights for each other 842.
// Not faster: warpgroups that take turns at tiles of 192 or 128 columns; A by a tensor map; two blocks of a cluster
// that fetch weights for each other, which was a fifth slower; blocks that begin at places of their own along K, so
// that they read other rows at a time, a fifth slower too; stages that are free once the first quarter of the next one
// is started; for 256x28672x4096 one turn of tiles of 256 x 224, 102 us where this took 96.
#ifndef LATHE_KERNELS_PACKED_MATMUL_WIDE_SM90_CUH
#define LATHE_KERNELS_PACKED_MATMUL_WIDE_SM90_CUH

#include "packed_matmul_sm90.cuh"

namespace lathe::kernels {

template <MmaElement Element, class Outputs, int Width = 256, bool Sharing = true> struct PackedMatmulWideSm90 {
  using Params = PackedMatmulParams<Element, Outputs>;
  using Form = OutputsOf<Outputs>;
  static constexpr bool WaitsItself = true;
  static constexpr int Sums = Form::Sums, Threads = 384, MinBlocks = 1;
  static constexpr int Rows = 128;          ///< of a tile
  static constexpr int Cols = Width / Sums; ///< of C in a tile
  static_assert(Cols % PackedTileSize == 0, "a tile must have whole panels of each weights; use a wider one");
  static constexpr int Panels = Cols / PackedTileSize; ///< packed tiles of each weights in a stage
  static constexpr int TileDepth = PackedDepth<Element>;
  static constexpr int LeftBytes = Rows * 128, StageBytes = LeftBytes + Width * 128;
  static constexpr int Stages = 200 * 1024 / StageBytes; ///< of the ring, 64 along K each
  static constexpr int SharedBytes = Stages * StageBytes + 256;
  static constexpr int Loaders = 64, LoaderRows = Loaders / 8; ///< threads that fetch A, rows that they fetch at once
  static constexpr int Cluster = 2, LeastSharedDepth = 16;     ///< steps from which on a tile is worth sharing
  static constexpr int RowGroup = 16;                          ///< tiles of rows that run through the columns together
  /// Steps whose products are under way while the next one's are started. Where they read registers, the other
  /// warpgroup's fill the gap.
  static constexpr int Pending = IsSame<Element, Tf32> ? 0 : 1;
  // A multiprocessor has 65,536 registers, a thread 168 when the kernel starts.
  static constexpr int FetchRegisters = 88, MultiplyRegisters = 208;

  struct Barriers {
    uint64_t Full[Stages];   ///< the stage can be multiplied
    uint64_t Empty[Stages];  ///< the stage has been multiplied
    uint64_t Landed[Stages]; ///< rows of A have come
  };
  static_assert(sizeof(Barriers) <= 256, "barriers need more room; raise SharedBytes");

  static __host__ __device__ int64_t rowTiles(const Params &p) { return ceilDiv<int64_t>(p.M, Rows); }
  static __host__ __device__ int64_t depth(const Params &p) { return ceilDiv<int64_t>(p.K, TileDepth); }
  static __host__ __device__ bool shares(const Params &p) {
    return Sharing && rowTiles(p) * p.colTiles(Cols) * Cluster <= p.Blocks && depth(p) >= LeastSharedDepth;
  }
  static __host__ __device__ int64_t tiles(const Params &p) {
    int64_t count = rowTiles(p) * p.colTiles(Cols);
    return shares(p) ? count * Cluster : smaller<int64_t>(p.Blocks, ceilDiv<int64_t>(count, Cluster) * Cluster);
  }

  /// A block's tiles and their steps, the same for all of its warps.
  struct Share {
    int64_t First, Stride, Count, RowTiles, Depth;
    int64_t Begin = 0, End; ///< steps
    int Rank;
    bool Shared;

    __device__ Share(const Params &p, int64_t tile)
        : First(tile), Stride(tiles(p)), RowTiles(rowTiles(p)), Depth(depth(p)), End(Depth), Rank(int(tile % Cluster)),
          Shared(shares(p)) {
      Count = RowTiles * p.colTiles(Cols);
      if (Shared) {
        First = tile / Cluster;
        Stride = Count; // one tile
        (Rank ? Begin : End) = Depth / 2;
      }
    }
  };

  /// Where a tile stands.
  struct Target {
    typename Params::Part Part;
    int Index;
    int64_t Row0, Col0;

    __device__ Target(const Params &p, const Share &share, int64_t tile) {
      Index = p.findPart(tile, share.RowTiles, Cols, Part);
      // Rows first, a group of them at a time: what runs at once shares few rows and few columns.
      auto number = uint32_t(tile), rows = uint32_t(share.RowTiles), cols = uint32_t(ceilDiv<int64_t>(Part.N, Cols));
      uint32_t first = number / (RowGroup * cols) * RowGroup, height = smaller<uint32_t>(RowGroup, rows - first);
      uint32_t inside = number - first * cols;
      Row0 = int64_t(first + inside % height) * Rows;
      Col0 = int64_t(inside / height) * Cols;
    }
  };

  /// One thread: the weights of a step. Panels past the last one are not fetched and not stored.
  static __device__ void fetchWeights(const Share &share, const Target &target, int64_t step, char *stage,
                                      uint64_t *full) {
    int64_t panel = target.Col0 / PackedTileSize, all = ceilDiv<int64_t>(target.Part.N, PackedTileSize);
    int panels = int(smaller<int64_t>(Panels, all - panel));
    arriveExpecting(full, panels * Sums * PackedTileBytes);
#pragma unroll
    for (int s = 0; s < Sums; ++s)
#pragma unroll
      for (int i = 0; i < Panels; ++i) {
        if (i < panels)
          copyBulk(stage + LeftBytes + (s * Panels + i) * PackedTileBytes,
                   reinterpret_cast<const char *>(target.Part.W[s]) +
                       ((panel + i) * share.Depth + step) * PackedTileBytes,
                   PackedTileBytes, full);
      }
  }

  static __device__ void produceWeights(const Params &p, const Share &share, char *ring, Barriers &barriers) {
    if (share.First >= share.Count)
      return;
    int64_t early = smaller(share.Begin + Stages, share.End);
    Target target(p, share, share.First);
    for (int64_t step = share.Begin; step < early; ++step)
      fetchWeights(share, target, step, ring + (step - share.Begin) * StageBytes, barriers.Full + (step - share.Begin));
    RingPosition<Stages> next;
#pragma unroll 1
    for (int64_t tile = share.First; tile < share.Count; tile += share.Stride) {
      target = Target(p, share, tile);
#pragma unroll 1
      for (int64_t step = share.Begin; step < share.End; ++step) {
        if (tile != share.First || step >= early) {
          waitBarrier(barriers.Empty + next.Stage, next.Round ^ 1);
          fetchWeights(share, target, step, ring + next.Stage * StageBytes, barriers.Full + next.Stage);
        }
        next.advance();
      }
    }
  }

  static __device__ void showRows(const Share &share, Barriers &barriers) {
    RingPosition<Stages> next;
#pragma unroll 1
    for (int64_t tile = share.First; tile < share.Count; tile += share.Stride)
#pragma unroll 1
      for (int64_t step = share.Begin; step < share.End; ++step) {
        waitBarrier(barriers.Landed + next.Stage, next.Round);
        fenceAsync();
        arrive(barriers.Full + next.Stage);
        next.advance();
      }
  }

  static __device__ void produceRows(const Params &p, const Share &share, char *ring, Barriers &barriers) {
    MatrixView<Element> a(p.A, p.M, p.K, p.LdA);
    int thread = threadIdx.x % Loaders, chunk = thread % 8, row = thread / 8;
    int64_t whole = a.Aligned ? p.K / TileDepth : 0; // steps without a test in them
    RingPosition<Stages> next;
    waitForPrevious();
#pragma unroll 1
    for (int64_t tile = share.First; tile < share.Count; tile += share.Stride) {
      int64_t row0 = Target(p, share, tile).Row0;
      // Rows past the end are not fetched: what comes of them is not stored, so their memory may hold anything.
      int count = int(smaller<int64_t>(p.M - row0 - row + LoaderRows - 1, Rows)) / LoaderRows;
      auto pitch = uint32_t(LoaderRows * p.LdA * int64_t(sizeof(*p.A)));
      const char *source =
          reinterpret_cast<const char *>(p.A + (row0 + row) * p.LdA + share.Begin * TileDepth) + chunk * 16;
#pragma unroll 1
      for (int64_t step = share.Begin; step < share.End; ++step) {
        char *stage = ring + next.Stage * StageBytes + chunkOffset<8>(row, chunk);
        waitBarrier(barriers.Empty + next.Stage, next.Round ^ 1);
        if (step < whole) {
          if (count == Rows / LoaderRows) {
#pragma unroll
            for (int i = 0; i < Rows / LoaderRows; ++i)
              copyAsync16(stage + i * LoaderRows * 128, source + i * pitch, 16);
          } else {
#pragma unroll 1
            for (int i = 0; i < count; ++i)
              copyAsync16(stage + i * LoaderRows * 128, source + i * pitch, 16);
          }
          source += 128;
        } else {
#pragma unroll 1
          for (int i = 0; i < Rows; i += LoaderRows)
            loadChunk(stage + i * 128, a, row0 + row + i, step * TileDepth + chunk * ChunkSize<Element>);
        }
        if (a.Aligned)
          arriveAfterCopies(barriers.Landed + next.Stage);
        else
          arrive(barriers.Landed + next.Stage);
        next.advance();
      }
    }
  }

  /// The columns of this block of the tile that the cluster shares: its own sums and the other's.
  static __device__ void joinHalves(const Share &share, const float (&sums)[Width / 2], float (&half)[Width / 4],
                                    char *ring) {
    constexpr int Threads = 256, Each = Cols / 4; // a thread's sums of half the columns of one weights
    float *room = reinterpret_cast<float *>(ring) + threadIdx.x - 128;
    syncSome<1, Threads>(); // nobody multiplies any more
#pragma unroll
    for (int s = 0; s < Sums; ++s)
#pragma unroll
      for (int i = 0; i < Each; ++i) {
        float low = sums[s * 2 * Each + i], high = sums[s * 2 * Each + Each + i];
        half[s * Each + i] = share.Rank ? high : low;
        room[(s * Each + i) * Threads] = share.Rank ? low : high;
      }
    clusterBarrier(Cluster);
#pragma unroll
    for (int i = 0; i < Width / 4; ++i)
      half[i] += loadPeer(room + i * Threads, 1 - share.Rank);
    fenceAsync();            // what comes into the ring next comes after this
    clusterBarrier(Cluster); // nobody leaves while its memory is read
  }

  /// Starts the products of a step. Rows of f32 are rounded in registers, which the products read until they are done.
  static __device__ void startStep(float (&sums)[Width / 2], const char *left, const char *right) {
    uint64_t weights = matrixDescriptor(right);
    if constexpr (IsSame<Element, Tf32>) {
      uint32_t rows[4][4];
      int place = chunkOffset<8>(threadIdx.x % 128 / 32 * 16 + threadIdx.x % 16, threadIdx.x % 32 / 16);
      forgetValue(place); // the offsets of all four would take registers
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        loadMatrix4(rows[i], left + (place ^ i * 32));
        roundOperands<Element>(rows[i]);
      }
      beginWarpgroup();
#pragma unroll
      for (int i = 0; i < 4; ++i)
        multiplyWarpgroup<Element, Width>(sums, rows[i], weights + 2 * i);
    } else {
      uint64_t rows = matrixDescriptor(left);
      beginWarpgroup();
#pragma unroll
      for (int i = 0; i < 4; ++i)
        multiplyWarpgroup<Element, Width>(sums, rows + 2 * i, weights + 2 * i);
    }
    commitWarpgroup();
  }

  template <class Epilogue>
  static __device__ void multiply(const Params &p, const Share &share, char *ring, Barriers &barriers,
                                  const Epilogue &epilogue) {
    int group = threadIdx.x / 128 - 1, lane = threadIdx.x % 32;
    RingPosition<Stages> next;
    // What the epilogue reads may come from the kernel before.
    waitForPrevious();
#pragma unroll 1
    for (int tile = int(share.First), count = int(share.Count), stride = int(share.Stride); tile < count;
         tile += stride) {
      float sums[Width / 2];
#pragma unroll
      for (int i = 0; i < Width / 2; ++i)
        sums[i] = 0;
      holdAccumulators(sums);
      // The stage before one is free once its products are done.
      int last = 0, steps = int(share.End - share.Begin);
#pragma unroll 1
      for (int step = 0; step < steps; ++step) {
        const char *stage = ring + next.Stage * StageBytes;
        waitBarrier(barriers.Full + next.Stage, next.Round);
        startStep(sums, stage + group * 8192, stage + LeftBytes);
        waitWarpgroup<Pending>();
        if (Pending == 0)
          last = next.Stage;
        if (step >= Pending && lane == 0)
          arrive(barriers.Empty + last);
        last = next.Stage;
        next.advance();
      }
      waitWarpgroup<0>();
      holdAccumulators(sums);
      if (Pending == 1 && lane == 0)
        arrive(barriers.Empty + last);
      Target target(p, share, tile);
      if (share.Shared) {
        float half[Width / 4];
        joinHalves(share, sums, half, ring);
        storeWarpgroups<Outputs>(target.Index, target.Part, half, target.Row0, target.Col0 + share.Rank * (Cols / 2),
                                 p.M, epilogue);
      } else {
        storeWarpgroups<Outputs>(target.Index, target.Part, sums, target.Row0, target.Col0, p.M, epilogue);
      }
    }
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    Barriers &barriers = *reinterpret_cast<Barriers *>(smem + Stages * StageBytes);
    startNext();
    if (threadIdx.x == 0) {
      for (int i = 0; i < Stages; ++i) {
        initBarrier(barriers.Full + i, 2);
        initBarrier(barriers.Empty + i, 8);
        initBarrier(barriers.Landed + i, Loaders);
      }
      publishBarriers();
    }
    __syncthreads();
    Share share(p, tile);
    if (int warp = threadIdx.x / 32; warp >= 4) {
      raiseRegisters<MultiplyRegisters>();
      multiply(p, share, smem, barriers, epilogue);
    } else {
      lowerRegisters<FetchRegisters>();
      if (warp >= 2)
        produceRows(p, share, smem, barriers);
      else if (threadIdx.x == 0)
        produceWeights(p, share, smem, barriers);
      else if (threadIdx.x == 32)
        showRows(share, barriers);
      __syncwarp();
      if (share.Shared) { // as joinHalves does
        clusterBarrier(Cluster);
        clusterBarrier(Cluster);
      }
    }
    endBarriers(barriers.Full, barriers.Empty, barriers.Landed);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PACKED_MATMUL_WIDE_SM90_CUH
