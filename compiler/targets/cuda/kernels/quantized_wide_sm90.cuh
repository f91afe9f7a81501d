// c[m, n] = epilogue(sum_k a[m, k] * unpack(w)[n, k], m, n) for up to 256 rows m at a time: weights in tiles of blocks,
// each taken apart once, in registers, for products of warpgroups. sm_90a.
//
//   QuantizedWideSm90<Outputs, Rows, Warpgroups, Formats...>
//     Outputs      joined.cuh
//     Rows         16, 32, 64, 128 or, of one product, 256, that are multiplied at a time
//     Warpgroups   that multiply: 2, or up to 64 rows 4
//     Formats      of packed_blocks.cuh and packed_table_blocks.cuh: one for all parts, or one for each
//
// A f16 [M, K] with LdA elements between rows; W in tiles, 16-byte aligned; C [M, N] with LdC elements between rows.
// Weights are rounded to f16, their scales and minima included (rounded_blocks.cuh), so that a sum needs no factors
// and all of K is one chain of products; quantized_rows_sm90.cuh keeps factors of tiles apart, and sums for them.
//
// Grid: tiles of Rows x 64 * Warpgroups / Sums columns, at most Params::Blocks, persistent. Block 128 + 128 *
// Warpgroups; shared bytes: SharedBytes, aligned to 1024. A warpgroup multiplies 64 columns, which are the rows of the
// instruction; of Dual the first half of the warpgroups has the first weights. Of the first warpgroup warp 0 fetches
// weights, warps 2 and 3 fetch A, 64 columns at a time, and warp 1 shows them to the tensor cores. Weights and A have
// rings of their own, for a tile of weights is two or four steps along K. While products of 32 columns run, the next
// ones are taken apart. Order of summation depends on K alone.
#ifndef LATHE_KERNELS_QUANTIZED_WIDE_SM90_CUH
#define LATHE_KERNELS_QUANTIZED_WIDE_SM90_CUH

#include "joined.cuh"
#include "mma_tile.cuh"
#include "rounded_blocks.cuh"
#include "warpgroup_sm90.cuh"

namespace lathe::kernels {

template <class Outputs, int Rows, int Warpgroups, class... Formats> struct QuantizedWideSm90 {
  static_assert(Rows == 16 || Rows == 32 || Rows == 64 || Rows == 128 || Rows == 256,
                "Rows must be 16, 32, 64, 128 or 256");
  static_assert(Warpgroups == 2 || (Warpgroups == 4 && Rows <= 64), "Warpgroups must be 2, or up to 64 rows 4");
  using Types = OutputsOf<Outputs>;
  static constexpr int PartCount = Types::Parts, Sums = Types::Sums;
  static_assert(PartCount == 1 || Rows <= 128, "several products of 256 rows spill registers; use 128");
  static_assert(sizeof...(Formats) == 1 || sizeof...(Formats) == PartCount, "one format, or one for each part");
  template <int I> using FormatOf = typename TypeAt<sizeof...(Formats) == 1 ? 0 : I, Formats...>::Type;

  static constexpr bool WaitsItself = true;
  static constexpr int Consumers = 128 * Warpgroups, Threads = Consumers + 128, MinBlocks = 1;
  static constexpr int Cols = 64 * Warpgroups / Sums; ///< of C in a tile
  static constexpr int TileRows = 4 * Warpgroups;     ///< rows of tiles of all weights of a tile

  static __host__ __device__ constexpr int weightBytes() {
    int bytes = 0;
    ((bytes = larger(bytes, TileRows * Formats::Bytes)), ...);
    return (bytes + 127) / 128 * 128;
  }
  // Sums on their way out: `OutRows` rows of A at a time.
  static constexpr int OutRows = smaller(Rows, 32), Pitch = 64 * Warpgroups + 4, OutBytes = OutRows * Pitch * 4;
  static constexpr int RowBytes = Rows * 128, WeightBytes = weightBytes();
  static constexpr int Room = (227 << 10) - OutBytes - 512;
  static constexpr int WeightStages = larger(smaller((Room - 4 * RowBytes) / WeightBytes, 6), 2);
  static constexpr int RowStages = smaller((Room - WeightStages * WeightBytes) / RowBytes, 8);
  static_assert(RowStages >= 3, "the ring of A must have three stages");
  static constexpr int WeightsAt = RowStages * RowBytes, OutAt = WeightsAt + WeightStages * WeightBytes;
  static constexpr int BarriersAt = OutAt + OutBytes, SharedBytes = BarriersAt + 512;
  static constexpr int Loaders = 64, LoaderRows = Loaders / 8; ///< threads that fetch A, rows that they fetch at once

  // A block has 168 registers a thread when it starts, with four warpgroups 96: no more than that is given away.
  static constexpr int FetchRegisters = Warpgroups == 4 ? 64 : 56, MultiplyRegisters = Warpgroups == 4 ? 104 : 224;
  static_assert(Consumers * MultiplyRegisters + 128 * FetchRegisters <= Threads * (Warpgroups == 4 ? 96 : 168),
                "warps would wait for registers that nobody gives up");

  struct Part {
    const uint8_t *W[Sums];
    void *C;
    int64_t N, LdC;
  };
  struct Params {
    const Half *A;
    int64_t M, K, LdA;
    int64_t Blocks;
    Part Parts[PartCount];
  };
  struct Barriers {
    uint64_t Full[RowStages];   ///< rows of A can be multiplied
    uint64_t Empty[RowStages];  ///< they have been
    uint64_t Landed[RowStages]; ///< they have come
    uint64_t Ready[WeightStages];
    uint64_t Taken[WeightStages];
  };
  static_assert(sizeof(Barriers) <= 512, "barriers need more room; raise SharedBytes");

  static __host__ __device__ int64_t tiles(const Params &p) {
    int64_t strips = 0;
    for (int i = 0; i < PartCount; ++i)
      strips += ceilDiv<int64_t>(p.Parts[i].N, Cols);
    return smaller(p.Blocks, strips * ceilDiv<int64_t>(p.M, Rows));
  }

  /// Calls `work.template part<I>(strip of the part, first row)` for each tile of a block.
  struct Turn {
    int64_t First, Stride;
    int RowTiles;
    __device__ Turn(const Params &p, int64_t tile)
        : First(tile), Stride(tiles(p)), RowTiles(int(ceilDiv<int64_t>(p.M, Rows))) {}

    template <class Work> __device__ void run(const Params &p, Work &work) const {
#pragma unroll 1
      for (int64_t tile = First; visit(p, tile, work); tile += Stride)
        ;
    }
    template <int I = 0, class Work> __device__ bool visit(const Params &p, int64_t tile, Work &work) const {
      int64_t own = ceilDiv<int64_t>(p.Parts[I].N, Cols) * RowTiles;
      if (tile < own) {
        work.template part<I>(tile / RowTiles, tile % RowTiles * Rows);
        return true;
      }
      if constexpr (I + 1 < PartCount)
        return visit<I + 1>(p, tile - own, work);
      return false;
    }
  };

  template <int I> static __device__ int unitsOf(const Params &p) {
    return int(ceilDiv<int64_t>(p.K, FormatOf<I>::Columns));
  }
  /// Steps of 64 columns.
  template <int I> static __device__ int stepsOf(const Params &p) {
    return unitsOf<I>(p) * (FormatOf<I>::Columns / 64);
  }

  /// A warp, a lane for each row of tiles. Tiles past the last row are not fetched, and what they sum up is not stored.
  struct WeightProducer {
    const Params &P;
    char *Smem;
    Barriers &B;
    RingPosition<WeightStages> Next;

    template <int I> __device__ void part(int64_t strip, int64_t) {
      using Format = FormatOf<I>;
      constexpr int Each = TileRows / Sums;
      const Part &part = P.Parts[I];
      int lane = threadIdx.x % 32, row = lane % Each, s = lane / Each, units = unitsOf<I>(P);
      int rows = int(smaller<int64_t>(Each, ceilDiv<int64_t>(part.N, 16) - strip * Each));
      const uint8_t *source =
          (s == 0 ? part.W[0] : part.W[Sums - 1]) + (strip * Each + row) * int64_t(units) * Format::Bytes;
#pragma unroll 1
      for (int unit = 0; unit < units; ++unit, source += Format::Bytes) {
        waitBarrier(B.Taken + Next.Stage, Next.Round ^ 1);
        if (lane == 0)
          arriveExpecting(B.Ready + Next.Stage, uint32_t(rows * Sums * Format::Bytes));
        __syncwarp();
        if (s < Sums && row < rows)
          copyBulk(Smem + WeightsAt + Next.Stage * WeightBytes + lane * Format::Bytes, source, Format::Bytes,
                   B.Ready + Next.Stage);
        Next.advance();
      }
    }
  };

  struct RowShower {
    const Params &P;
    Barriers &B;
    RingPosition<RowStages> Next;
    template <int I> __device__ void part(int64_t, int64_t) {
#pragma unroll 1
      for (int step = stepsOf<I>(P); step > 0; --step) {
        waitBarrier(B.Landed + Next.Stage, Next.Round);
        fenceAsync();
        __syncwarp();
        if (threadIdx.x % 32 == 0)
          arrive(B.Full + Next.Stage);
        Next.advance();
      }
    }
  };

  struct RowProducer {
    const Params &P;
    char *Smem;
    Barriers &B;
    RingPosition<RowStages> Next;

    template <int I> __device__ void part(int64_t, int64_t row0) {
      MatrixView<Half> a(P.A, P.M, P.K, P.LdA);
      int thread = threadIdx.x % Loaders, chunk = thread % 8, row = thread / 8;
      int steps = stepsOf<I>(P), whole = a.Aligned ? int(P.K / 64) : 0; // steps without a test in them
      // Rows past the end are not fetched: what comes of them is not stored, so their memory may hold anything.
      int count = int(smaller<int64_t>(P.M - row0 - row + LoaderRows - 1, Rows)) / LoaderRows;
      auto pitch = uint32_t(LoaderRows * P.LdA * int64_t(sizeof(Half)));
      const char *source = reinterpret_cast<const char *>(P.A + (row0 + row) * P.LdA) + chunk * 16;
#pragma unroll 1
      for (int step = 0; step < steps; ++step) {
        char *stage = Smem + Next.Stage * RowBytes + chunkOffset<8>(row, chunk);
        waitBarrier(B.Empty + Next.Stage, Next.Round ^ 1);
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
            loadChunk(stage + i * 128, a, row0 + row + i, int64_t(step) * 64 + chunk * 8);
        }
        if (a.Aligned)
          arriveAfterCopies(B.Landed + Next.Stage);
        else
          arrive(B.Landed + Next.Stage);
        Next.advance();
      }
    }
  };

  template <class Body> struct Consumer {
    const Params &P;
    char *Smem;
    Barriers &B;
    const Body &Epilogues;
    RingPosition<RowStages> NextRows;
    RingPosition<WeightStages> NextWeights;

    template <int I> __device__ void part(int64_t strip, int64_t row0) {
      using Weights = RoundedWeights<FormatOf<I>>;
      // Products that read registers do not go on across a loop's end: the compiler would let none overlap. So a turn
      // has 256 columns.
      constexpr int Together = 256 / FormatOf<I>::Columns;
      int warp = threadIdx.x / 32 - 4, lane = threadIdx.x % 32, units = unitsOf<I>(P);
      const char *own = Smem + WeightsAt + warp * FormatOf<I>::Bytes;
      float sums[Rows / 2];
#pragma unroll
      for (int i = 0; i < Rows / 2; ++i)
        sums[i] = 0;
      holdAccumulators(sums);
      uint32_t a[2][4][4];
      waitBarrier(B.Ready + NextWeights.Stage, NextWeights.Round);
      Weights weights(own + NextWeights.Stage * WeightBytes, lane);
      weights.fetch(0, lane);
      weights.unpack(a[0], 0, lane);
      for (; units >= Together; units -= Together)
        take<I, Together>(sums, a, weights, own, units, lane);
      if constexpr (Together > 1)
        if (units > 0)
          take<I, 1>(sums, a, weights, own, units, lane);
      holdAccumulators(sums);
      store<I>(sums, strip, row0, warp, lane);
    }

    /// Adds the products of `Count` tiles of the `left` ones; of the first one a[0] has the first 64 columns.
    template <int I, int Count, class Weights>
    __device__ void take(float (&sums)[Rows / 2], uint32_t (&a)[2][4][4], Weights &weights, const char *own, int left,
                         int lane) {
      constexpr int Steps = FormatOf<I>::Columns / 64;
      int last = 0;
#pragma unroll
      for (int i = 0; i < Count * Steps; ++i) {
        int step = i % Steps;
        // 1. Products of 64 columns.
        if (step + 1 < Steps)
          weights.fetch(step + 1, lane);
        waitBarrier(B.Full + NextRows.Stage, NextRows.Round);
        uint64_t right = matrixDescriptor(Smem + NextRows.Stage * RowBytes);
        beginWarpgroup();
#pragma unroll
        for (int j = 0; j < 4; ++j)
          multiplyWarpgroup<Half, Rows>(sums, a[i % 2][j], right + j * 2);
        commitWarpgroup();
        waitWarpgroup<1>(); // who reads the other registers has ended
        if (lane == 0 && i > 0)
          arrive(B.Empty + last);
        last = NextRows.Stage;
        NextRows.advance();
        // 2. Meanwhile the weights of the next ones.
        auto &next = a[(i + 1) % 2];
        if (step + 1 < Steps) {
          weights.unpack(next, step + 1, lane);
          continue;
        }
        // All of this tile has been multiplied or is being, so it has been read.
        if (lane == 0)
          arrive(B.Taken + NextWeights.Stage);
        NextWeights.advance();
        if (i + 1 < Count * Steps || left > Count) {
          waitBarrier(B.Ready + NextWeights.Stage, NextWeights.Round);
          weights = Weights(own + NextWeights.Stage * WeightBytes, lane);
          weights.fetch(0, lane);
          weights.unpack(next, 0, lane);
        }
      }
      waitWarpgroup<0>();
      if (lane == 0)
        arrive(B.Empty + last);
    }

    /// Through shared memory, so that a lane has neighbours of a row of C, and both sums of an element.
    template <int I>
    __device__ void store(const float (&sums)[Rows / 2], int64_t strip, int64_t row0, int warp, int lane) const {
      using Output = typename Types::template Output<I>;
      constexpr float Factor = 1 / RoundedWeights<FormatOf<I>>::Scale;
      const Part &part = P.Parts[I];
      const auto &epilogue = epilogueOf<I>(Epilogues);
      float *out = reinterpret_cast<float *>(Smem + OutAt);
      float *target = out + lane % 4 * 2 * Pitch + warp * 16 + lane / 4;
      bool aligned = part.LdC % 4 == 0 && isAligned(static_cast<Output *>(part.C), 4 * sizeof(Output));
#pragma unroll
      for (int first = 0; first < Rows; first += OutRows) {
        if (row0 + first >= P.M)
          break;
        syncSome<1, Consumers>(); // who reads what was there has ended
#pragma unroll
        for (int i = 0; i < OutRows / 2; ++i)
          target[(i / 4 * 8 + i % 2) * Pitch + i % 4 / 2 * 8] = Factor * sums[first / 2 + i];
        syncSome<1, Consumers>();
#pragma unroll 2
        for (int i = threadIdx.x - 128; i < OutRows * Cols / 4; i += Consumers) {
          int own = i / (Cols / 4), inside = i % (Cols / 4) * 4;
          int64_t row = row0 + first + own, col = strip * Cols + inside;
          if (row >= P.M || col >= part.N)
            continue;
          float fours[4][Sums], values[4];
#pragma unroll
          for (int s = 0; s < Sums; ++s) {
            float some[4];
            loadVector(out + own * Pitch + s * Cols + inside, 0, some);
#pragma unroll
            for (int e = 0; e < 4; ++e)
              fours[e][s] = some[e];
          }
          Output *place = static_cast<Output *>(part.C) + row * part.LdC + col;
          if (aligned && col + 4 <= part.N) {
            finishNeighbours(epilogue, fours, row, col, values);
            storeAligned(place, values);
            continue;
          }
#pragma unroll
          for (int e = 0; e < 4; ++e)
            if (col + e < part.N) {
              if constexpr (Sums == 2)
                place[e] = fromValue<Output>(epilogue(fours[e][0], fours[e][1], row, col + e));
              else
                place[e] = fromValue<Output>(epilogue(fours[e][0], row, col + e));
            }
        }
      }
    }
  };

  template <class Body> static __device__ void run(const Params &p, int64_t tile, char *smem, const Body &body) {
    Barriers &barriers = *reinterpret_cast<Barriers *>(smem + BarriersAt);
    startNext();
    if (threadIdx.x == 0) {
      for (int i = 0; i < RowStages; ++i) {
        initBarrier(barriers.Full + i, 1);
        initBarrier(barriers.Empty + i, Consumers / 32);
        initBarrier(barriers.Landed + i, Loaders);
      }
      for (int i = 0; i < WeightStages; ++i) {
        initBarrier(barriers.Ready + i, 1);
        initBarrier(barriers.Taken + i, Consumers / 32);
      }
      publishBarriers();
    }
    __syncthreads();
    Turn turn(p, tile);
    if (threadIdx.x < 128) {
      lowerRegisters<FetchRegisters>();
      int warp = threadIdx.x / 32;
      if (warp == 0) {
        WeightProducer producer{p, smem, barriers, {}}; // weights alone, so this warp does not wait
        turn.run(p, producer);
      } else if (warp == 1) {
        RowShower shower{p, barriers, {}};
        turn.run(p, shower);
      } else {
        waitForPrevious();
        RowProducer producer{p, smem, barriers, {}};
        turn.run(p, producer);
      }
    } else {
      raiseRegisters<MultiplyRegisters>();
      waitForPrevious(); // what the epilogue reads may come from the kernel before
      Consumer<Body> consumer{p, smem, barriers, body, {}, {}};
      turn.run(p, consumer);
    }
    endBarriers(barriers.Full, barriers.Empty, barriers.Landed, barriers.Ready, barriers.Taken);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_QUANTIZED_WIDE_SM90_CUH
