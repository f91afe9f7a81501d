// PackedMatmulFewRows of packed_matmul.cuh for sm_90a: weights streamed through shared memory by bulk copies.
//
//   PackedMatmulFewRowsSm90<Element, Outputs, Rows, K, Left, Alone>   M <= Rows (1, 2, 4, 8); Params::K is K
//
// Grid at most Params::Blocks; block 288; shared bytes: SharedBytes, aligned to 128.
//
// A block takes units of 16 rows of W (of both weights for Dual), its neighbours the next ones. A stage of the ring is
// eight pieces of 16 rows x 64 k, 2048 bytes each, one for each of eight warps. A ninth warp keeps copies in flight
// across units, from before the kernels that come before have ended on, but never more than `InFlight` stages: more
// makes everything else that goes through the memory system wait (barriers, and the loads of A). All of A lies in
// shared memory, normalized where `Left` says so. The ring is as deep as leaves room for a second block, so that the
// next kernel can fill its own meanwhile. Warps are summed in order.
//
// `Alone` takes a little more than half of the shared memory, so that a multiprocessor has room for one block of the
// launch. Where kernels are small, or the one between two products is, a multiprocessor that becomes free early takes
// two blocks of a launch else, and the whole chip waits for it. If every other product of a chain is alone, the others
// find room for one block beside each of its blocks: all have one everywhere, and start early.
#ifndef LATHE_KERNELS_PACKED_MATMUL_FEW_SM90_CUH
#define LATHE_KERNELS_PACKED_MATMUL_FEW_SM90_CUH

#include "instructions_sm90.cuh"
#include "packed_matmul.cuh"

namespace lathe::kernels {

template <MmaElement Element, class Outputs, int Rows, int K, class Left = AsIs, bool Alone = false>
struct PackedMatmulFewRowsSm90 {
  static_assert(Rows == 1 || Rows == 2 || Rows == 4 || Rows == 8,
                "Rows must be 1, 2, 4 or 8; use PackedMatmulSm90 for more");
  using Params = PackedMatmulParams<Element, Outputs, Left>;
  using Form = OutputsOf<Outputs>;
  static constexpr bool WaitsItself = true;
  static constexpr int Sums = Form::Sums, Consumers = 8, Threads = (Consumers + 1) * 32;
  static constexpr int PieceBytes = 2048, StageBytes = Consumers * PieceBytes;
  static constexpr int TileDepth = PackedDepth<Element>, Depth = ceilDiv(K, TileDepth); ///< tiles along K
  static constexpr int StageDepth = Consumers / Sums, Steps = ceilDiv(Depth, StageDepth);
  using Shared = FewRowsSums<Rows, Consumers>;
  /// Whether all of A lies in shared memory; else each step brings its part to registers, from the L2 mostly.
  static constexpr bool Resident = Depth * Rows * 128 <= 120 << 10;
  static_assert(Resident || !Left::Normalizes,
                "the rows do not fit shared memory; normalize them in a kernel of their own");
  static constexpr int RowBytes = Resident ? Depth * Rows * 128 : 0, FixedBytes = RowBytes + 2 * Shared::Bytes + 256;
  /// Of a block beside another: what is alone takes `Aside` more than half, which the others leave.
  static constexpr int HalfBytes = 113 << 10, Aside = 128;
  /// Two blocks a multiprocessor where that leaves three stages, else one.
  static constexpr int MinBlocks = FixedBytes + 3 * StageBytes <= HalfBytes - Aside ? 2 : 1;
  static constexpr int Stages =
      smaller(((MinBlocks == 2 ? HalfBytes - Aside : 227 << 10) - FixedBytes) / StageBytes, 12);
  /// Copies on their way, no more than stages: the barrier of one that is waited for may not be two phases ahead.
  static constexpr int InFlight = smaller(4, Stages);
  static constexpr int UsedBytes = Stages * StageBytes + FixedBytes;
  static constexpr int SharedBytes = Alone ? larger(UsedBytes, HalfBytes + Aside) : UsedBytes;

  static __host__ __device__ int64_t tiles(const Params &p) {
    return p.M > 0 ? smaller<int64_t>(p.Blocks, p.colTiles(16)) : 0;
  }

  static __device__ void produce(const Params &p, int64_t first, int64_t stride, char *ring, uint64_t *full,
                                 uint64_t *empty) {
    int lane = threadIdx.x % 32, sum = lane / StageDepth, ahead = lane % StageDepth;
    RingPosition<Stages> next, oldest;
    int started = 0;
    int64_t units = p.colTiles(16);
#pragma unroll 1
    for (int64_t unit = first; unit < units; unit += stride) {
      typename Params::Part part;
      int64_t inside = unit;
      p.findPart(inside, 1, 16, part);
      const InMemory<Element> *w = part.W[0];
      if (Sums == 2 && sum == 1)
        w = part.W[Sums - 1];
      const char *source =
          reinterpret_cast<const char *>(w) + inside / 4 * (int64_t(Depth) * PackedTileBytes) + inside % 4 * PieceBytes;
#pragma unroll 1
      for (int step = 0; step < Steps; ++step) {
        waitBarrier(empty + next.Stage, next.Round ^ 1);
        if (started == InFlight) {
          waitBarrier(full + oldest.Stage, oldest.Round);
          oldest.advance();
        } else {
          ++started;
        }
        int pieces = smaller(StageDepth, Depth - step * StageDepth);
        if (lane == 0)
          arriveExpecting(full + next.Stage, pieces * Sums * PieceBytes);
        __syncwarp();
        if (lane < Consumers && ahead < pieces)
          copyBulkOnce(ring + next.Stage * StageBytes + lane * PieceBytes,
                       source + int64_t(step * StageDepth + ahead) * PackedTileBytes, PieceBytes, full + next.Stage);
        next.advance();
      }
    }
  }

  /// Brings all of A into shared memory, after the kernels that come before.
  static __device__ void bringRows(const Params &p, char *rows, float *sums) {
    constexpr int Threads = Consumers * 32;
    if constexpr (Left::Normalizes) {
      RowNormalizer<Left, Rows, K, Threads> normalizer(p.Norm);
      waitForPrevious();
      normalizer.run(
          p.Norm, p.A, p.M, p.LdA, sums, [] { syncSome<1, Threads>(); },
          [&](int row, int col, const float (&x)[8]) {
            if (col < Depth * 64)
              *reinterpret_cast<uint4 *>(rows + col / 64 * (Rows * 128) + chunkOffset<8>(row, col / 8 % 8)) =
                  roundEight<Element>(x);
          });
    } else {
      waitForPrevious();
      if constexpr (!Resident)
        return;
      MatrixView<Element> a(p.A, p.M, p.K, p.LdA);
      for (int i = threadIdx.x; i < Depth * Rows * 8; i += Threads) {
        int chunk = i % 8, row = i / 8 % Rows, k = i / (8 * Rows);
        loadChunk(rows + k * (Rows * 128) + chunkOffset<8>(row, chunk), a, row,
                  k * TileDepth + chunk * ChunkSize<Element>);
      }
      commitAsync();
      waitAsync<0>();
    }
    syncSome<1, Threads>();
  }

  /// The part of A that tile k along K takes.
  static __device__ void loadRows(uint4 (&x)[2], const Params &p, const char *rows, int k) {
    int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      if (g >= Rows || k >= Depth)
        x[i] = uint4{};
      else if constexpr (Resident)
        x[i] = *reinterpret_cast<const uint4 *>(rows + k * (Rows * 128) + chunkOffset<8>(g, 2 * t + i));
      else
        x[i] = loadRowChunk(MatrixView<Element>(p.A, p.M, p.K, p.LdA), g,
                            k * TileDepth + (2 * t + i) * ChunkSize<Element>);
    }
  }

  template <class Epilogue>
  static __device__ void consume(const Params &p, int64_t first, int64_t stride, const char *ring, const char *rows,
                                 float *shared, uint64_t *full, uint64_t *empty, const Epilogue &epilogue) {
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    RingPosition<Stages> next;
    int64_t units = p.colTiles(16);
    int buffer = 0;
#pragma unroll 1
    for (int64_t unit = first; unit < units; unit += stride) {
      // 1. Each warp its share of K. What a step takes of A is fetched a step ahead.
      float sums[2][4] = {};
      int k = warp % StageDepth;
      FewRowsFragments<Element> fragments;
      uint4 ahead[2];
      loadRows(ahead, p, rows, k);
#pragma unroll 2
      for (int step = 0; step < Steps; ++step, k += StageDepth) {
        fragments.X[0] = ahead[0];
        fragments.X[1] = ahead[1];
        loadRows(ahead, p, rows, k + StageDepth);
        waitBarrier(full + next.Stage, next.Round);
        if (k < Depth) {
          fragments.loadWeights(ring + next.Stage * StageBytes + warp * PieceBytes);
          fragments.multiply(sums);
        }
        __syncwarp();
        if (lane == 0)
          arriveAfter(empty + next.Stage, sums[0][0]);
        next.advance();
      }
      // 2. Sum over the warps, epilogue, store. Who writes a buffer again has met everyone at the other one's barrier.
      float *sum = shared + buffer * (Shared::Bytes / 4);
      buffer ^= 1;
      Shared::write(sum, warp, sums);
      syncSome<1, Consumers * 32>();
      typename Params::Part part;
      int64_t inside = unit;
      int index = p.findPart(inside, 1, 16, part);
      Shared::template finish<Outputs, Sums>(sum, index, part, p.M, inside * 16, epilogue);
    }
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    char *rows = smem + Stages * StageBytes;
    float *shared = reinterpret_cast<float *>(rows + RowBytes);
    uint64_t *full = reinterpret_cast<uint64_t *>(rows + RowBytes + 2 * Shared::Bytes), *empty = full + Stages;
    startNext();
    if (threadIdx.x == 0) {
      for (int i = 0; i < Stages; ++i) {
        initBarrier(full + i, 1);
        initBarrier(empty + i, Consumers);
      }
      publishBarriers();
    }
    __syncthreads();
    int64_t stride = tiles(p);
    if (threadIdx.x >= Consumers * 32) {
      // Weights alone, so this warp does not wait.
      produce(p, tile, stride, smem, full, empty);
    } else {
      bringRows(p, rows, shared);
      consume(p, tile, stride, smem, rows, shared, full, empty, epilogue);
    }
    __syncthreads();
    if (threadIdx.x == 0)
      for (int i = 0; i < 2 * Stages; ++i)
        endBarrier(full + i);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PACKED_MATMUL_FEW_SM90_CUH
