// c[m, n] = epilogue(sum_k a[m, k] * unpack(w)[n, k], m, n) for a tile or less of rows m: weights in tiles of blocks on
// products of warpgroups, which take them from registers. sm_90a.
//
//   QuantizedRowsSm90<Outputs, Rows, Cluster, Formats...>
//     Outputs   joined.cuh
//     Rows      16, 32, 64 or 128, that are multiplied at a time
//     Cluster   1, 2 or 4 blocks that share the columns of A
//     Formats   of packed_blocks.cuh and packed_table_blocks.cuh: one for all parts, or one for each; with 128 rows
//               those whose tiles have 128 columns
//
// A f16 [M, K] with LdA elements between rows; W in tiles, 16-byte aligned; C [M, N] with LdC elements between rows.
// Codes times scales of Q4_K are exact, minima are multiplied with sums of A; a weight of the others is rounded to f16,
// of Q6_K without the factor of its tile. Sums are f32.
//
// Grid: tiles of Rows x 128 columns, of 128 rows and one sum 256, at most Params::Blocks and persistent with Cluster 1,
// else Cluster for each. Block 384: one warpgroup fetches, as in packed_matmul_sm90.cuh, and two multiply, 64 columns
// each, or 64 of each 128, which are the rows of the instruction; of Dual both weights. Shared bytes: SharedBytes,
// aligned to 1024. Order of summation depends on K, the formats and Cluster alone.
#ifndef LATHE_KERNELS_QUANTIZED_ROWS_SM90_CUH
#define LATHE_KERNELS_QUANTIZED_ROWS_SM90_CUH

#include "joined.cuh"
#include "mma_tile.cuh"
#include "packed_row_blocks.cuh"
#include "warpgroup_sm90.cuh"

namespace lathe::kernels {

template <class Outputs, int Rows, int Cluster_, class... Formats> struct QuantizedRowsSm90 {
  static_assert(Rows == 16 || Rows == 32 || Rows == 64 || Rows == 128, "Rows must be 16, 32, 64 or 128");
  static_assert(Cluster_ == 1 || Cluster_ == 2 || Cluster_ == 4, "Cluster must be 1, 2 or 4");
  using Types = OutputsOf<Outputs>;
  static constexpr int PartCount = Types::Parts, Sums = Types::Sums, Cluster = Cluster_;
  static_assert(sizeof...(Formats) == 1 || sizeof...(Formats) == PartCount, "one format, or one for each part");
  template <int I> using FormatOf = typename TypeAt<sizeof...(Formats) == 1 ? 0 : I, Formats...>::Type;

  static constexpr bool WaitsItself = true;
  static constexpr int Threads = 384, Consumers = 256, MinBlocks = 1;
  // Of C in a tile of a block. With many rows reading A for each of few columns would take longer than the products.
  static constexpr int Cols = Rows == 128 && Sums == 1 ? 256 : 128, TileRows = Cols / 16;
  static constexpr int Parts = Cols / 128, Shares = Sums * Parts; ///< 64 columns of a warpgroup, of all sums

  // A stage: `Depth` columns of A, in pieces of 64 columns that are swizzled as the instruction wants them, and of W.
  static __host__ __device__ constexpr int maximum(int a, int b) { return a < b ? b : a; }
  static __host__ __device__ constexpr int depth() {
    int columns = 0;
    ((columns = maximum(columns, Formats::Columns)), ...);
    return columns;
  }
  static constexpr int Depth = depth();
  template <class Format> static constexpr int Share = Depth / Format::Columns; ///< tiles along K in a stage
  static __host__ __device__ constexpr int rightBytes() {
    int bytes = 0;
    ((bytes = maximum(bytes, Sums * TileRows * Share<Formats> * Formats::Bytes)), ...);
    return bytes;
  }
  // Behind the pieces of A one of the sums that minima are multiplied with.
  static constexpr bool HasMinima = (false || ... || Formats::HasMinima);
  static constexpr int PieceBytes = Rows * 128, SumsAt = Depth / 64 * PieceBytes;
  static constexpr int LeftBytes = SumsAt + (HasMinima ? PieceBytes : 0);
  static constexpr int StageBytes = (LeftBytes + rightBytes() + 1023) / 1024 * 1024;
  static constexpr int Stages = smaller(((227 << 10) - 256) / StageBytes, 8);
  static constexpr int SharedBytes = Stages * StageBytes + 256;
  static constexpr int Lag = Stages >= 4 ? 2 : 1; ///< stages whose rows of A are under way
  static_assert(Stages >= 2, "a ring must have two stages");
  // What the blocks of a cluster have summed up takes the ring's place.
  static constexpr int Pitch = Cols + 4;
  static_assert(Sums * Rows * Pitch * 4 <= Stages * StageBytes, "sums do not fit the ring's place");

  // A multiprocessor has 65,536 registers, a thread 168 when the kernel starts.
  static constexpr int FetchRegisters = Rows == 128 ? 56 : 136, MultiplyRegisters = Rows == 128 ? 224 : 184;

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

  static __host__ __device__ int64_t count(const Params &p) {
    int64_t strips = 0;
    for (int i = 0; i < PartCount; ++i)
      strips += ceilDiv<int64_t>(p.Parts[i].N, Cols);
    return strips * ceilDiv<int64_t>(p.M, Rows);
  }
  static __host__ __device__ int64_t tiles(const Params &p) {
    return Cluster > 1 ? count(p) * Cluster : smaller(p.Blocks, count(p));
  }

  /// What a block does: every `Stride`-th tile from `First` on, stages [Begin, End) of each.
  struct Turn {
    int64_t First, Stride, Count, Begin, End;
    int Rank;
    __device__ Turn(const Params &p, int64_t tile)
        : First(tile / Cluster), Stride(Cluster > 1 ? count(p) : tiles(p)), Count(count(p)), Rank(int(tile % Cluster)) {
      int64_t all = ceilDiv<int64_t>(p.K, Depth), own = ceilDiv<int64_t>(all, Cluster);
      Begin = smaller<int64_t>(Rank * own, all);
      End = smaller<int64_t>(Begin + own, all);
    }
  };

  /// Calls `work.template part<I>(strip of the part, first row)` for the part that tile number `tile` falls in.
  template <int I = 0, class Work> static __device__ void withPart(const Params &p, int64_t tile, Work &work) {
    int64_t rowTiles = ceilDiv<int64_t>(p.M, Rows), own = ceilDiv<int64_t>(p.Parts[I].N, Cols) * rowTiles;
    if constexpr (I + 1 < PartCount)
      if (tile >= own)
        return withPart<I + 1>(p, tile - own, work);
    work.template part<I>(tile / rowTiles, tile % rowTiles * Rows);
  }

  /// Some threads of the warpgroup that fetches, one for each row of tiles: the weights of a stage. Tiles past the last
  /// row are not fetched, and what they sum up is not stored.
  template <int I>
  static __device__ void fetchWeights(const Params &p, int64_t strip, int64_t step, char *stage, uint64_t *full) {
    using Format = FormatOf<I>;
    const Part &part = p.Parts[I];
    int64_t units = ceilDiv<int64_t>(p.K, Format::Columns), first = step * Share<Format>;
    int rows = int(smaller<int64_t>(TileRows, ceilDiv<int64_t>(part.N, 16) - strip * TileRows));
    uint32_t bytes = uint32_t(smaller<int64_t>(Share<Format>, units - first)) * Format::Bytes;
    int row = threadIdx.x % TileRows, s = threadIdx.x / TileRows;
    if (threadIdx.x == 0)
      arriveExpecting(full, bytes * rows * Sums);
    if (s < Sums && row < rows)
      copyBulk(stage + LeftBytes + (s * TileRows + row) * (Share<Format> * Format::Bytes),
               (s == 0 ? part.W[0] : part.W[Sums - 1]) + ((strip * TileRows + row) * units + first) * Format::Bytes,
               bytes, full);
  }

  /// The warpgroup that fetches.
  struct Producer {
    const Params &P;
    const Turn &Own;
    char *Ring;
    uint64_t *Full, *Empty;
    MatrixView<Half> A;
    RingPosition<Stages> Next, Arrived;
    int Started = 0;
    int64_t Early = 0; ///< stages whose weights are on their way

    /// Weights of the first stages of the first tile, before the kernels before this one have ended.
    struct Start {
      Producer &Of;
      template <int I> __device__ void part(int64_t strip, int64_t) {
        Of.Early = smaller<int64_t>(Stages, Of.Own.End - Of.Own.Begin);
        if (threadIdx.x < 32)
          for (int i = 0; i < Of.Early; ++i)
            fetchWeights<I>(Of.P, strip, Of.Own.Begin + i, Of.Ring + i * StageBytes, Of.Full + i);
      }
    };

    template <int I> __device__ void part(int64_t strip, int64_t row0) {
      int chunk = threadIdx.x % 8, row = threadIdx.x / 8;
#pragma unroll 1
      for (int64_t step = Own.Begin; step < Own.End; ++step) {
        char *stage = Ring + Next.Stage * StageBytes;
        waitBarrier(Empty + Next.Stage, Next.Round ^ 1);
        if (Early > 0)
          --Early;
        else if (threadIdx.x < 32)
          fetchWeights<I>(P, strip, step, stage, Full + Next.Stage);
#pragma unroll 1
        for (int piece = 0; piece < Depth / 64; ++piece)
#pragma unroll
          for (int i = 0; i < Rows; i += 16)
            loadChunk(stage + piece * PieceBytes + chunkOffset<8>(row + i, chunk), A, row0 + row + i,
                      step * Depth + piece * 64 + chunk * 8);
        commitAsync();
        Next.advance();
        if (Started < Lag) {
          ++Started;
          continue;
        }
        waitAsync<Lag>();
        tell();
      }
    }
    /// Says that rows of A have come, what this thread has fetched of them.
    __device__ void tell() {
      if constexpr (HasMinima)
        sum(Ring + Arrived.Stage * StageBytes);
      fenceAsync();
      arrive(Full + Arrived.Stage);
      Arrived.advance();
    }

    /// The sums of 32 neighbours of a row, in f16 and what f16 lost, as Pairs::unpackMinima orders them. 1/64 of them,
    /// so that f16 holds what sums of f16 may be.
    __device__ void sum(char *stage) const {
      int chunk = threadIdx.x % 8, row = threadIdx.x / 8;
#pragma unroll 1
      for (int piece = 0; piece < Depth / 64; ++piece)
#pragma unroll 2 // more would take registers
        for (int i = 0; i < Rows; i += 16) {
          float x[8], all = 0;
          loadVector(reinterpret_cast<const Half *>(stage + piece * PieceBytes + chunkOffset<8>(row + i, chunk)), 0, x);
#pragma unroll
          for (int e = 0; e < 8; ++e)
            all += x[e];
          all += __shfl_xor_sync(0xffffffffu, all, 1);
          all += __shfl_xor_sync(0xffffffffu, all, 2);
          all *= 0.015625f;
          int group = piece * 2 + chunk / 4, place = group % 4 * 2 + group / 4;
          if (chunk % 4 > 1)
            continue;
          Half first{static_cast<uint16_t>(packHalf(all, 0))};
          char *target = stage + SumsAt + place * 2;
          if (chunk % 4 == 0)
            *reinterpret_cast<Half *>(target + chunkOffset<8>(row + i, 0)) = first;
          else
            *reinterpret_cast<Half *>(target + chunkOffset<8>(row + i, 1)) =
                Half{static_cast<uint16_t>(packHalf(all - toValue(first), 0))};
        }
    }

    __device__ void run() {
      Start start{*this};
      if (Own.First < Own.Count)
        withPart(P, Own.First, start);
      waitForPrevious();
      A = MatrixView<Half>(P.A, P.M, P.K, P.LdA);
      for (int64_t tile = Own.First; tile < Own.Count; tile += Own.Stride)
        withPart(P, tile, *this);
      waitAsync<0>();
      for (; Started > 0; --Started)
        tell();
    }
  };

  /// A warpgroup that multiplies.
  template <class Body> struct Consumer {
    const Params &P;
    const Turn &Own;
    char *Ring;
    uint64_t *Full, *Empty;
    const Body &Epilogues;
    RingPosition<Stages> Next;

    template <int I> __device__ void part(int64_t strip, int64_t row0) {
      using Format = FormatOf<I>;
      int warp = threadIdx.x / 32 - 4, lane = threadIdx.x % 32;
      float sums[Shares][Rows / 2];
#pragma unroll
      for (int s = 0; s < Shares; ++s)
        clear(sums[s]);
      int64_t units = ceilDiv<int64_t>(P.K, Format::Columns);
#pragma unroll 1
      for (int64_t step = Own.Begin; step < Own.End; ++step) {
        const char *stage = Ring + Next.Stage * StageBytes;
        waitBarrier(Full + Next.Stage, Next.Round);
        int own = int(smaller<int64_t>(Share<Format>, units - step * Share<Format>));
        // Tiles of the other shares lie eight rows of tiles further on each.
        const char *tile = stage + LeftBytes + warp * (Share<Format> * Format::Bytes);
        constexpr int NextShare = 8 * Share<Format> * Format::Bytes;
#pragma unroll
        for (int i = 0; i < Share<Format>; ++i)
          if (Share<Format> == 1 || i < own) {
            const char *rows = stage + i * (Format::Columns / 64) * PieceBytes;
            if constexpr (Format::HasTileFactors)
#pragma unroll
              for (int s = 0; s < Shares; ++s)
                add<Format>(sums[s], tile + i * Format::Bytes + s * NextShare, rows, lane);
            else
              addAll<Format, NextShare>(sums, tile + i * Format::Bytes, rows, lane);
          }
        if (lane == 0)
          arrive(Empty + Next.Stage);
        Next.advance();
      }
      if constexpr (!Format::HasTileFactors) {
        constexpr float2 Factors = Format::Pairs::factors();
#pragma unroll
        for (int s = 0; s < Shares; ++s)
#pragma unroll
          for (int i = 0; i < Rows / 2; ++i)
            sums[s][i] *= i % 4 < 2 ? Factors.x : Factors.y;
      }
      if constexpr (Cluster == 1)
        store<I>(sums, strip, row0, warp, lane);
      else
        keep(sums, warp, lane);
    }

    /// Adds a tile's products. While the instruction takes one group of 32 columns the next is unpacked.
    template <class Format>
    static __device__ void add(float (&sums)[Rows / 2], const char *tile, const char *rows, int lane) {
      constexpr int Groups = Format::Columns / 32;
      uint32_t a[2][2][4];
      float products[Rows / 2];
      typename Format::Pairs weights(tile, lane);
      if constexpr (Format::HasMinima) {
        static_assert(Format::Columns == 256, "a stage has the sums of eight groups");
        weights.unpackMinima(a[0][0], lane);
        clear(products);
        beginWarpgroup();
        multiplyWarpgroup<Half, Rows>(products, a[0][0], matrixDescriptor(rows + SumsAt));
        commitWarpgroup();
        weights.unpack(a[1], 0, lane);
        waitWarpgroup<0>();
        addTimes(sums, products, weights.minimaFactors());
      } else {
        weights.unpack(a[1], 0, lane);
      }
      clear(products);
#pragma unroll
      for (int group = 0; group < Groups; ++group) {
        uint64_t right = matrixDescriptor(rows + group / 2 * PieceBytes) + group % 2 * 4;
        beginWarpgroup();
        multiplyWarpgroup<Half, Rows>(products, a[1 - group % 2][0], right);
        multiplyWarpgroup<Half, Rows>(products, a[1 - group % 2][1], right + 2);
        commitWarpgroup();
        if (group + 1 < Groups) {
          waitWarpgroup<1>(); // who read these registers has ended
          weights.unpack(a[group % 2], group + 1, lane);
        }
      }
      waitWarpgroup<0>();
      addTimes(sums, products, weights.factors());
    }
    /// The same for tiles of all shares whose sums need no factors: instructions go on from tile to tile.
    template <class Format, int NextShare>
    static __device__ void addAll(float (&sums)[Shares][Rows / 2], const char *tile, const char *rows, int lane) {
      constexpr int Groups = Format::Columns / 32, Count = Shares * Groups;
      uint32_t a[2][2][4];
      typename Format::Pairs weights(tile, lane);
      weights.unpack(a[0], 0, lane);
#pragma unroll
      for (int i = 0; i < Count; ++i) {
        uint64_t right = matrixDescriptor(rows + i % Groups / 2 * PieceBytes) + i % 2 * 4;
        beginWarpgroup();
        multiplyWarpgroup<Half, Rows>(sums[i / Groups], a[i % 2][0], right);
        multiplyWarpgroup<Half, Rows>(sums[i / Groups], a[i % 2][1], right + 2);
        commitWarpgroup();
        if (i + 1 == Count)
          break;
        if (int next = i + 1; next % Groups == 0)
          weights = typename Format::Pairs(tile + next / Groups * NextShare, lane);
        waitWarpgroup<1>(); // who read these registers has ended
        weights.unpack(a[(i + 1) % 2], (i + 1) % Groups, lane);
      }
      waitWarpgroup<0>();
#pragma unroll
      for (int s = 0; s < Shares; ++s)
        holdAccumulators(sums[s]);
    }
    static __device__ void clear(float (&products)[Rows / 2]) {
#pragma unroll
      for (int i = 0; i < Rows / 2; ++i)
        products[i] = 0;
      holdAccumulators(products);
    }
    static __device__ void addTimes(float (&sums)[Rows / 2], float (&products)[Rows / 2], float2 factors) {
      holdAccumulators(products);
#pragma unroll
      for (int i = 0; i < Rows / 2; ++i)
        sums[i] += (i % 4 < 2 ? factors.x : factors.y) * products[i];
    }

    template <int I>
    __device__ void store(const float (&sums)[Shares][Rows / 2], int64_t strip, int64_t row0, int warp,
                          int lane) const {
#pragma unroll
      for (int part = 0; part < Parts; ++part)
#pragma unroll
        for (int i = 0; i < Rows / 2; ++i) {
          float values[Sums];
#pragma unroll
          for (int s = 0; s < Sums; ++s)
            values[s] = sums[s * Parts + part][i];
          storeOne<I>(P, values, row0 + i / 4 * 8 + lane % 4 * 2 + i % 2,
                      strip * Cols + part * 128 + warp * 16 + lane / 4 + i % 4 / 2 * 8, Epilogues);
        }
    }

    /// What this block has summed up, [Sums][Rows][Pitch], where the ring was.
    __device__ void keep(const float (&sums)[Shares][Rows / 2], int warp, int lane) const {
      syncSome<1, Consumers>();
      float *kept = reinterpret_cast<float *>(Ring);
#pragma unroll
      for (int s = 0; s < Shares; ++s)
#pragma unroll
        for (int i = 0; i < Rows / 2; ++i)
          kept[(s / Parts * Rows + i / 4 * 8 + lane % 4 * 2 + i % 2) * Pitch + s % Parts * 128 + warp * 16 + lane / 4 +
               i % 4 / 2 * 8] = sums[s][i];
    }
  };

  template <int I, class Body>
  static __device__ void storeOne(const Params &p, const float (&values)[Sums], int64_t row, int64_t col,
                                  const Body &body) {
    using Output = typename Types::template Output<I>;
    const Part &part = p.Parts[I];
    if (row >= p.M || col >= part.N)
      return;
    const auto &epilogue = epilogueOf<I>(body);
    float value;
    if constexpr (Sums == 2)
      value = epilogue(values[0], values[1], row, col);
    else
      value = epilogue(values[0], row, col);
    static_cast<Output *>(part.C)[row * part.LdC + col] = fromValue<Output>(value);
  }

  /// A cluster's blocks add up what they have in order, block `Rank` every Cluster-th row.
  template <class Body> struct Join {
    const Params &P;
    const Turn &Own;
    const float *Kept;
    const Body &Epilogues;

    template <int I> __device__ void part(int64_t strip, int64_t row0) {
#pragma unroll 4
      for (int i = threadIdx.x - 128; i < Rows / Cluster * Cols; i += Consumers) {
        int row = i / Cols * Cluster + Own.Rank, col = i % Cols;
        float values[Sums];
#pragma unroll
        for (int s = 0; s < Sums; ++s) {
          float parts[Cluster];
#pragma unroll
          for (int peer = 0; peer < Cluster; ++peer)
            parts[peer] = loadPeer(Kept + (s * Rows + row) * Pitch + col, peer);
          values[s] = parts[0];
#pragma unroll
          for (int peer = 1; peer < Cluster; ++peer)
            values[s] += parts[peer];
        }
        storeOne<I>(P, values, row0 + row, strip * Cols + col, Epilogues);
      }
    }
  };

  template <class Body> static __device__ void run(const Params &p, int64_t tile, char *smem, const Body &body) {
    uint64_t *full = reinterpret_cast<uint64_t *>(smem + Stages * StageBytes), *empty = full + Stages;
    startNext();
    if (threadIdx.x == 0) {
      for (int i = 0; i < Stages; ++i) {
        initBarrier(full + i, 129);
        initBarrier(empty + i, Consumers / 32);
      }
      publishBarriers();
    }
    __syncthreads();
    Turn own(p, tile);
    if (threadIdx.x < 128) {
      lowerRegisters<FetchRegisters>();
      Producer producer{p, own, smem, full, empty, MatrixView<Half>(nullptr, 0, 0, 0), {}, {}};
      producer.run();
      if constexpr (Cluster > 1) {
        clusterBarrier(Cluster);
        clusterBarrier(Cluster);
      }
    } else {
      raiseRegisters<MultiplyRegisters>();
      waitForPrevious(); // what the epilogue reads may come from the kernel before
      Consumer<Body> consumer{p, own, smem, full, empty, body, {}};
      for (int64_t at = own.First; at < own.Count; at += own.Stride)
        withPart(p, at, consumer);
      if constexpr (Cluster > 1) {
        clusterBarrier(Cluster);
        Join<Body> join{p, own, reinterpret_cast<const float *>(smem), body};
        withPart(p, own.First, join);
        clusterBarrier(Cluster); // nobody leaves while its memory is read
      }
    }
    __syncthreads();
    if (threadIdx.x == 0)
      for (int i = 0; i < 2 * Stages; ++i)
        endBarrier(full + i);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_QUANTIZED_ROWS_SM90_CUH
