// ConvolutionTiles of convolution_tiles.cuh for sm_90a: products of warpgroups on operands in shared memory.
//
//   ConvolutionSm90<Element, Output, Tile, Split>   C a multiple of 8
//
// Params, sums and epilogue are those of ConvolutionTiles. Grid at most Params::Blocks * Tile::MinBlocks, with Split >
// 1 a cluster of Split blocks a tile; block Tile::Threads; shared bytes: SharedBytes, aligned to 1024.
//
// A block takes every so many-th tile of Tile::M places x Tile::N filters; the ring of stages goes on across tiles. In
// it
//   - warp 0 fetches filters, whole packed tiles by bulk copies, the first ones before the kernels that come before
//     have ended;
//   - two or four warps gather windows by cp.async, 16 bytes at once, with the swizzle of the packed tiles;
//   - warp 1 waits for those and shows them to the tensor cores;
//   - the last warpgroups multiply 64 places each.
// With Split > 1 each block of the cluster sums a part of K, then adds up a part of the rows over the cluster, in the
// order of the blocks.
#ifndef LATHE_KERNELS_CONVOLUTION_SM90_CUH
#define LATHE_KERNELS_CONVOLUTION_SM90_CUH

#include "convolution_tiles.cuh"
#include "packed_matmul_sm90.cuh"

namespace lathe::kernels {

/// M places x N filters, `Stages` times 64 of both along K in shared memory, `MinBlocks` blocks a multiprocessor.
template <int M_, int N_, int Stages_, int MinBlocks_ = 1> struct ConvolutionWarpgroupTile {
  static constexpr int M = M_, N = N_, Stages = Stages_, MinBlocks = MinBlocks_;
  static constexpr int Consumers = M / 64;
  // A product of 256 columns is compiled for the registers that a thread has when the kernel starts, so that it leaves
  // no room for more threads; its steps are long enough for two warps.
  static constexpr int Producers = N == 256 ? 1 : 2, Loaders = N == 256 ? 64 : 128;
  static constexpr int Threads = (Producers + Consumers) * 128;
  static_assert(M == 128 || M == 192, "a tile must have 128 or 192 places");
  static_assert(N == 64 || N == 128 || N == 256, "a tile must be whole packed tiles; use N 64, 128 or 256");
  static_assert(MinBlocks == 1 || (M == 128 && N == 64), "registers do not suffice for two blocks; use 1");
  static_assert(M == 128 || N <= 128, "registers do not suffice for 192 places x 256 filters; use fewer of either");
  // A multiprocessor has 65,536 registers: so many for a thread of each kind, or 64 to 168 when the kernel starts.
  static constexpr int FetchRegisters = N == 256 ? 88 : M == 192 || MinBlocks == 2 ? 48 : 56;
  static constexpr int MultiplyRegisters = N == 256 ? 208 : M == 192 ? 128 : MinBlocks == 2 ? 80 : 200;
};

using ConvolutionNarrowSm90 = ConvolutionWarpgroupTile<128, 64, 4, 2>; ///< 512 threads, 2 x 97 KiB
using ConvolutionSquareSm90 = ConvolutionWarpgroupTile<128, 128, 6>;   ///< 512 threads, 193 KiB
using ConvolutionHighSm90 = ConvolutionWarpgroupTile<192, 128, 5>;     ///< 640 threads, 202 KiB
using ConvolutionWideSm90 = ConvolutionWarpgroupTile<128, 256, 4>;     ///< 384 threads, 193 KiB

template <HalfElement Element, class Output, class Tile, int Split = 1> struct ConvolutionSm90 {
  static_assert(Split >= 1 && Split <= 8, "a cluster has 1 to 8 blocks");
  static constexpr bool WaitsItself = true;
  static constexpr int Cluster = Split;
  static constexpr int Threads = Tile::Threads, MinBlocks = Tile::MinBlocks, Stages = Tile::Stages, Cols = Tile::N;
  static constexpr int Panels = Cols / PackedTileSize;
  static constexpr int LeftBytes = Tile::M * 128, StageBytes = LeftBytes + Cols * 128;
  static constexpr int Loaders = Tile::Loaders, LoaderRows = Loaders / 8; ///< threads, rows that they gather at once
  static constexpr int Producers = Tile::Producers * 128;                 ///< threads before those that multiply
  static constexpr int PlaceBytes = Tile::M * int(sizeof(WindowPlace));
  static constexpr int SharedBytes = Stages * StageBytes + PlaceBytes + 256;
  static constexpr int SumStride = Cols + 8; ///< floats: neighbouring rows in different banks
  static_assert(Split == 1 || Tile::M * SumStride * 4 <= Stages * StageBytes,
                "a tile's sums must fit; use more stages");
  using Params = ConvolutionParams<Element, Output>;

  struct Barriers {
    uint64_t Full[Stages];   ///< the stage can be multiplied
    uint64_t Empty[Stages];  ///< the stage has been multiplied
    uint64_t Landed[Stages]; ///< windows have come
  };
  static_assert(sizeof(Barriers) <= 256, "barriers need more room; raise SharedBytes");

  static __host__ __device__ int64_t rowTiles(const Params &p) { return ceilDiv<int64_t>(p.rows(), Tile::M); }
  static __host__ __device__ int64_t colTiles(const Params &p) { return ceilDiv<int64_t>(p.O, Cols); }
  static __host__ __device__ int64_t tiles(const Params &p) {
    int64_t count = rowTiles(p) * colTiles(p);
    return Split > 1 ? count * Split : smaller<int64_t>(p.Blocks * MinBlocks, count);
  }

  /// A block's tiles and their steps, the same for all of its warps.
  struct Share {
    int64_t First, Stride, Count, RowTiles, ColTiles;
    int Depth, Begin, End, Rank; ///< steps
    char *Ring;
    WindowPlace *Places;
    Barriers &Ready;

    __device__ Share(const Params &p, int64_t tile, char *smem)
        : First(tile / Split), RowTiles(rowTiles(p)), ColTiles(colTiles(p)),
          Depth(int(ceilDiv<int64_t>(p.KH * p.KW * p.C, PackedTileSize))), Rank(int(tile % Split)), Ring(smem),
          Places(reinterpret_cast<WindowPlace *>(smem + Stages * StageBytes)),
          Ready(*reinterpret_cast<Barriers *>(smem + Stages * StageBytes + PlaceBytes)) {
      Count = RowTiles * ColTiles;
      Stride = Split > 1 ? Count : tiles(p); // one tile
      Begin = Depth * Rank / Split;
      End = Depth * (Rank + 1) / Split;
    }
  };

  /// Where a tile stands. Eight tiles of columns go together down the rows, so that blocks that run at once share
  /// windows and filters in the L2.
  struct Target {
    int64_t Row0, Col0;
    __device__ Target(const Share &share, int64_t tile) {
      auto number = uint32_t(tile), rows = uint32_t(share.RowTiles), cols = uint32_t(share.ColTiles);
      uint32_t first = cols <= 8 ? 0 : number / (rows * 8) * 8, width = smaller<uint32_t>(8, cols - first);
      uint32_t inside = number - first * rows, row = inside / width;
      Row0 = int64_t(row) * Tile::M;
      Col0 = int64_t(first + inside - row * width) * Cols;
    }
  };

  /// One thread: the filters of a step. Panels past the last one are not fetched and not stored.
  static __device__ void fetchFilters(const Params &p, const Share &share, int64_t col0, int step, int stage) {
    int64_t panel = col0 / PackedTileSize;
    int panels = int(smaller<int64_t>(Panels, ceilDiv<int64_t>(p.O, PackedTileSize) - panel));
    arriveExpecting(share.Ready.Full + stage, panels * PackedTileBytes);
    const char *source = reinterpret_cast<const char *>(p.Weights) + (panel * share.Depth + step) * PackedTileBytes;
#pragma unroll
    for (int i = 0; i < Panels; ++i)
      if (i < panels)
        copyBulk(share.Ring + stage * StageBytes + LeftBytes + i * PackedTileBytes,
                 source + int64_t(i) * share.Depth * PackedTileBytes, PackedTileBytes, share.Ready.Full + stage);
  }

  static __device__ void produceFilters(const Params &p, const Share &share) {
    RingPosition<Stages> next;
#pragma unroll 1
    for (int64_t tile = share.First; tile < share.Count; tile += share.Stride) {
      int64_t col0 = Target(share, tile).Col0;
#pragma unroll 1
      for (int step = share.Begin; step < share.End; ++step) {
        waitBarrier(share.Ready.Empty + next.Stage, next.Round ^ 1);
        fetchFilters(p, share, col0, step, next.Stage);
        next.advance();
      }
    }
  }

  static __device__ void showWindows(const Share &share) {
    RingPosition<Stages> next;
#pragma unroll 1
    for (int64_t tile = share.First; tile < share.Count; tile += share.Stride)
#pragma unroll 1
      for (int step = share.Begin; step < share.End; ++step) {
        waitBarrier(share.Ready.Landed + next.Stage, next.Round);
        fenceAsync();
        arrive(share.Ready.Full + next.Stage);
        next.advance();
      }
  }

  /// Eight neighbouring elements of the windows of every LoaderRows-th row of a tile, which go on 64 elements a step.
  struct WindowChunks {
    static constexpr int Count = Tile::M / LoaderRows;
    int Channels, Channel, Line, Col; ///< in units of 8; within the window
    int Sources[Count];               ///< what is there, without Channel: units of 8 from X on
    uint32_t Inside;                  ///< which of them the image has, a bit each

    __device__ WindowChunks(const Params &p, int chunk) : Channels(int(p.C) / 8) {
      int element = chunk / Channels;
      Channel = chunk % Channels;
      Line = element / int(p.KW);
      Col = element % int(p.KW);
    }
    /// Goes on; true if that leads to another place of the window.
    __device__ bool advance(const Params &p) {
      Channel += PackedTileSize / 8;
      bool moved = Channel >= Channels;
      while (Channel >= Channels) {
        Channel -= Channels;
        if (++Col == int(p.KW)) {
          Col = 0;
          ++Line;
        }
      }
      return moved;
    }
    __device__ void find(const Params &p, const WindowPlace *places) {
      int down = Line * int(p.DilationH), right = Col * int(p.DilationW);
      int offset = (down * int(p.W) + right) * Channels;
      bool exists = Line < int(p.KH);
      Inside = 0;
#pragma unroll
      for (int i = 0; i < Count; ++i) {
        WindowPlace place = places[i * LoaderRows];
        bool inside = exists && p.isInside(place, down, right);
        Sources[i] = inside ? place.Origin + offset : 0;
        Inside |= uint32_t(inside) << i;
      }
    }
    /// Starts copying, if 16 bytes can be copied at once. What a caller hands in may lie anyhow, but seldom does.
    __device__ void load(const Params &p, char *target, bool aligned) const {
      const Element *source = p.X + Channel * 8;
      if (aligned) {
#pragma unroll
        for (int i = 0; i < Count; ++i)
          copyAsync16(target + i * LoaderRows * 128, source + int64_t(Sources[i]) * 8, (Inside >> i & 1) * 16);
        return;
      }
#pragma unroll
      for (int i = 0; i < Count; ++i)
#pragma unroll 1
        for (int e = 0; e < 8; ++e)
          reinterpret_cast<Element *>(target + i * LoaderRows * 128)[e] =
              Inside >> i & 1 ? source[int64_t(Sources[i]) * 8 + e] : Element{0};
    }
  };

  static __device__ void produceWindows(const Params &p, const Share &share) {
    int thread = threadIdx.x % Loaders, row = thread / 8, offset = chunkOffset<8>(row, thread % 8);
    bool aligned = isAligned(p.X, 16);
    RingPosition<Stages> next;
    waitForPrevious();
#pragma unroll 1
    for (int64_t tile = share.First; tile < share.Count; tile += share.Stride) {
      Target target(share, tile);
      syncSome<2, Loaders>(); // the places of the tile before are not needed any more
#pragma unroll 1
      for (int i = thread; i < Tile::M; i += Loaders)
        share.Places[i] = p.findPlace(uint32_t(target.Row0) + i);
      syncSome<2, Loaders>();
      WindowChunks chunks(p, share.Begin * 8 + thread % 8);
      bool moved = true;
#pragma unroll 1
      for (int step = share.Begin; step < share.End; ++step) {
        if (moved)
          chunks.find(p, share.Places + row);
        waitBarrier(share.Ready.Empty + next.Stage, next.Round ^ 1);
        chunks.load(p, share.Ring + next.Stage * StageBytes + offset, aligned);
        if (aligned)
          arriveAfterCopies(share.Ready.Landed + next.Stage);
        else
          arrive(share.Ready.Landed + next.Stage);
        moved = chunks.advance(p);
        next.advance();
      }
    }
  }

  /// Adds up rows Rank, Rank + Split, ... of what the blocks of the cluster have summed, and stores them.
  template <class Part, class Epilogue>
  static __device__ void storeShare(const Params &p, const Share &share, const Part &part,
                                    const float (&sums)[Cols / 2], const Target &target, const Epilogue &epilogue) {
    constexpr int Multipliers = Tile::Consumers * 128, Fours = Cols / 4;
    int thread = threadIdx.x - Producers, lane = thread % 32;
    float *own = reinterpret_cast<float *>(share.Ring);
    float *mine = own + (thread / 32 * 16 + lane / 4) * SumStride + lane % 4 * 2;
    syncSome<1, Multipliers>(); // nobody multiplies any more
#pragma unroll
    for (int j = 0; j < Cols / 8; ++j)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        *reinterpret_cast<float2 *>(mine + half * 8 * SumStride + j * 8) = {sums[j * 4 + half * 2],
                                                                            sums[j * 4 + half * 2 + 1]};
    clusterBarrier(Split);
#pragma unroll 2
    for (int i = thread; i < ceilDiv(Tile::M, Split) * Fours; i += Multipliers) {
      int inside = i / Fours * Split + share.Rank, col = i % Fours * 4;
      if (Tile::M % Split != 0 && inside >= Tile::M)
        break;
      float parts[Split][4], values[4][1] = {};
#pragma unroll
      for (int peer = 0; peer < Split; ++peer)
        loadPeer4(own + inside * SumStride + col, peer, parts[peer]);
#pragma unroll
      for (int peer = 0; peer < Split; ++peer)
#pragma unroll
        for (int e = 0; e < 4; ++e)
          values[e][0] += parts[peer][e];
      if (target.Row0 + inside < p.rows() && target.Col0 + col < p.O)
        storePart<Output>(0, part, values, target.Row0 + inside, target.Col0 + col, epilogue);
    }
    fenceAsync();          // what comes into the ring next comes after this
    clusterBarrier(Split); // nobody leaves while its memory is read
  }

  template <class Epilogue>
  static __device__ void multiply(const Params &p, const Share &share, const Epilogue &epilogue) {
    int group = threadIdx.x / 128 - Tile::Producers, lane = threadIdx.x % 32;
    RingPosition<Stages> next;
    // What the epilogue reads may come from the kernel before.
    waitForPrevious();
#pragma unroll 1
    for (int64_t tile = share.First; tile < share.Count; tile += share.Stride) {
      float sums[Cols / 2];
#pragma unroll
      for (int i = 0; i < Cols / 2; ++i)
        sums[i] = 0;
      holdAccumulators(sums);
      // The stage before one is free once its products are done.
      int last = 0;
#pragma unroll 1
      for (int step = share.Begin; step < share.End; ++step) {
        const char *stage = share.Ring + next.Stage * StageBytes;
        uint64_t left = matrixDescriptor(stage + group * 8192), right = matrixDescriptor(stage + LeftBytes);
        waitBarrier(share.Ready.Full + next.Stage, next.Round);
        beginWarpgroup();
#pragma unroll
        for (int i = 0; i < PackedTileSize / 16; ++i)
          multiplyWarpgroup<Element, Cols>(sums, left + 2 * i, right + 2 * i);
        commitWarpgroup();
        waitWarpgroup<1>();
        if (step > share.Begin && lane == 0)
          arrive(share.Ready.Empty + last);
        last = next.Stage;
        next.advance();
      }
      waitWarpgroup<0>();
      holdAccumulators(sums);
      if (share.Begin < share.End && lane == 0)
        arrive(share.Ready.Empty + last);
      ProductPart<Element, 1> part = {.W = {p.Weights}, .C = p.Y, .N = p.O, .LdC = p.O};
      Target target(share, tile);
      if constexpr (Split > 1)
        storeShare(p, share, part, sums, target, epilogue);
      else
        // The first 64 rows are those of the second warpgroup there.
        storeWarpgroups<Output>(0, part, sums, target.Row0 - (Producers - 128) / 2, target.Col0, p.rows(), epilogue);
    }
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    Share share(p, tile, smem);
    startNext();
    if (threadIdx.x == 0) {
      for (int i = 0; i < Stages; ++i) {
        initBarrier(share.Ready.Full + i, 2);
        initBarrier(share.Ready.Empty + i, Tile::Consumers * 4);
        initBarrier(share.Ready.Landed + i, Loaders);
      }
      publishBarriers();
    }
    __syncthreads();
    if (threadIdx.x >= Producers) {
      raiseRegisters<Tile::MultiplyRegisters>();
      multiply(p, share, epilogue);
    } else {
      lowerRegisters<Tile::FetchRegisters>();
      if (threadIdx.x >= Producers - Loaders)
        produceWindows(p, share);
      else if (threadIdx.x == 0)
        produceFilters(p, share);
      else if (threadIdx.x == 32)
        showWindows(share);
      __syncwarp();
      if constexpr (Split > 1) { // as storeShare does
        clusterBarrier(Split);
        clusterBarrier(Split);
      }
    }
    endBarriers(share.Ready.Full, share.Ready.Empty, share.Ready.Landed);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_CONVOLUTION_SM90_CUH
