// c[m, n] = epilogue(sum_k a[m, k] * unpack(w)[n, k], m, n) for few rows m: weights in tiles of blocks, read at the
// rate of the memory. sm_90a.
//
//   QuantizedFewRowsSm90<Element, Outputs, Rows, K, Formats...>
//   QuantizedFewRowsOf<LeftSide, Element, Outputs, Rows, K, Formats...>   normalized_rows.cuh
//     Element   of A: Half; with one row also BFloat16 and float
//     Outputs   joined.cuh
//     Rows      1, 2, 4 or 8, that are multiplied at a time: more are taken in passes over the weights, of which the
//               later ones find in the L2 what fits there
//     K         columns of A, a multiple of 32
//     Formats   of packed_blocks.cuh, packed_table_blocks.cuh and packed_row_blocks.cuh: one for all parts, or one for
//               each
//
// A [M, K] with LdA elements between rows; W in tiles, 16-byte aligned; C [M, N] with LdC elements between rows.
// One row is taken as two halves of 8 bits, 256 * high + low, with a power of two for each 32 elements: an element of
// at least 1/16 of the largest of its 32 is exact in f16 and bf16, others err by at most 2^-15 of the largest. Weights
// that are floats of 8 bits meet it in f16, with the same power of two, where elements of f16 and bf16 that are at
// least 2^-29 of the largest are exact. Of a row that is normalized these are the elements times their gains, in f32;
// what the norm divides by is one number a row, by which the sums are multiplied in the end, so that nobody waits for
// it. More rows stay f16. Codes of weights are exact, sums of a tile's products exact or f32.
//
// Grid min(Blocks, tiles of 16 columns), persistent; block Threads: eight warps that multiply (16 for eight rows), one
// that copies tiles to a ring of shared memory ahead of them, and, before the kernels before this one have ended, as
// much as the ring holds; one that adds up what they have of a tile. Order of summation depends on K and the format
// alone.
#ifndef LATHE_KERNELS_QUANTIZED_FEW_SM90_CUH
#define LATHE_KERNELS_QUANTIZED_FEW_SM90_CUH

#include "instructions_sm90.cuh"
#include "joined.cuh"
#include "normalized_rows.cuh"
#include "packed_row_blocks.cuh"

namespace lathe::kernels {

/// `HasCodes`, `HasPairs`: whether some format takes it in halves of 8 bits, in pairs of f16.
template <FloatElement Element, int K, bool HasCodes, bool HasPairs> struct QuantizedRow {
  static constexpr int Groups = (K + 127) / 128; ///< of 128 columns
  static constexpr int PairBytes = HasPairs ? Groups * 256 : 0, CodeBytes = HasCodes ? Groups * 256 : 0;
  static constexpr int ScalesAt = PairBytes + CodeBytes, HalfSumsAt = ScalesAt + Groups * 32;
  static constexpr int Bytes = HalfSumsAt + Groups * 32;

  static __device__ RowHalves view(const char *memory) {
    return {reinterpret_cast<const uint2 *>(memory + PairBytes), reinterpret_cast<const float2 *>(memory + ScalesAt),
            reinterpret_cast<const float *>(memory + HalfSumsAt), reinterpret_cast<const uint4 *>(memory)};
  }

  /// Rounds the columns that a warp of `Warps` multiplies: every Warps-th unit of `Columns` columns, from the warp's
  /// on.
  template <int Warps, int Columns> struct Share {
    static constexpr int UnitGroups = Columns / 32, Units = (K + Columns - 1) / Columns;
    static constexpr int Passes = ((Units + Warps - 1) / Warps * UnitGroups + 7) / 8;
    int Warp, Lane;

    /// Four lanes take a group of 32 in a pass.
    __device__ int group(int pass) const {
      int index = pass * 8 + Lane / 4;
      return (Warp + index / UnitGroups * Warps) * UnitGroups + index % UnitGroups;
    }

    /// Neighbours 8 i + 2 t of each group in x[pass][i]. All loads come first, so that the row costs the memory's
    /// latency once.
    template <class T> __device__ void load(const T *row, Packet<T, 2> (&x)[Passes][4]) const {
      bool aligned = isAligned(row, 2 * sizeof(T));
#pragma unroll
      for (int pass = 0; pass < Passes; ++pass) {
        int first = group(pass) * 32;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const T *source = row + first + i * 8 + Lane % 4 * 2;
          x[pass][i].Raw[0] = {};
          if (first >= K)
            continue;
          if (aligned) {
            x[pass][i].Raw[0] = *reinterpret_cast<const typename Packet<T, 2>::Word *>(source);
          } else {
            x[pass][i].Elements[0] = source[0];
            x[pass][i].Elements[1] = source[1];
          }
        }
      }
    }

    /// Rounds them, after the kernels that come before.
    __device__ void round(const Element *a, char *memory) const {
      Packet<Element, 2> x[Passes][4];
      waitForPrevious();
      load(a, x);
#pragma unroll
      for (int pass = 0; pass < Passes; ++pass) {
        float values[8];
#pragma unroll
        for (int i = 0; i < 8; ++i)
          values[i] = toValue(x[pass][i / 2].Elements[i % 2]);
        roundGroup(values, memory, group(pass), Lane % 4);
      }
    }

    /// Rounds them times their gains, and gives the sum of their squares.
    template <class Source, class Gain>
    __device__ float round(const RmsNormalized<Source, Gain> &norm, const Source *a, char *memory) const {
      Packet<Source, 2> x[Passes][4];
      Packet<Gain, 2> gains[Passes][4];
      load(norm.Weight, gains);
      waitForPrevious();
      load(a, x);
      float sum = 0;
#pragma unroll
      for (int pass = 0; pass < Passes; ++pass) {
        float values[8];
#pragma unroll
        for (int i = 0; i < 8; ++i) {
          float value = toValue(x[pass][i / 2].Elements[i % 2]);
          sum += value * value;
          values[i] = value * toValue(gains[pass][i / 2].Elements[i % 2]);
        }
        roundGroup(values, memory, group(pass), Lane % 4);
      }
      return sumLanes(sum);
    }
  };

  static __device__ void roundGroup(const float (&x)[8], char *memory, int group, int t) {
    // 1. The largest magnitude of the group as bits: a NaN is larger than all.
    uint32_t largest = 0;
#pragma unroll
    for (int i = 0; i < 8; ++i)
      largest = larger(largest, __builtin_bit_cast(uint32_t, x[i]) & 0x7fffffffu);
    largest = larger(largest, __shfl_xor_sync(0xffffffffu, largest, 1));
    largest = larger(largest, __shfl_xor_sync(0xffffffffu, largest, 2));
    // 2. The power of two that makes the largest at most 32639 = 256 * 127 + 127.
    uint32_t exponent = larger(__builtin_bit_cast(uint32_t, __builtin_bit_cast(float, largest) * 1.004f) >> 23, 15u);
    float inverse = __builtin_bit_cast(float, (268u - exponent) << 23);
    float scale = __builtin_bit_cast(float, largest < 0x7f800000u ? (exponent - 14) << 23 : 0x7fffffffu);
    // 3. Codes, in the order of a tile's columns. Adding 1.5 * 2^23 rounds to an integer, which the low bits then are.
    constexpr uint32_t Zero = 0x4b400000u;
    uint32_t high[2], low[2];
    int32_t sum[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      uint32_t code[4], next[4], total = 0u - 4 * Zero;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        code[i] = __builtin_bit_cast(uint32_t, x[half * 4 + i] * inverse + 12582912.0f);
        next[i] = code[i] + 128;
        total += code[i];
      }
      low[half] = lowHalves(selectBytes(code[0], code[2], 0x40), selectBytes(code[1], code[3], 0x40));
      high[half] = lowHalves(selectBytes(next[0], next[2], 0x51), selectBytes(next[1], next[3], 0x51));
      sum[half] = static_cast<int32_t>(total);
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      sum[i] += __shfl_xor_sync(0xffffffffu, sum[i], 1);
      sum[i] += __shfl_xor_sync(0xffffffffu, sum[i], 2);
    }
    if (group >= Groups * 4)
      return;
    if constexpr (HasPairs) {
      uint32_t pairs[4];
#pragma unroll
      for (int i = 0; i < 4; ++i)
        pairs[i] = packHalf(x[i * 2] * inverse, x[i * 2 + 1] * inverse);
      reinterpret_cast<uint4 *>(memory)[group * 4 + t] = {pairs[0], pairs[1], pairs[2], pairs[3]};
    }
    if constexpr (HasCodes) {
      uint2 *codes = reinterpret_cast<uint2 *>(memory + PairBytes) + group / 4 * 32 + group % 4 * 8 + t;
      codes[0] = {high[0], high[1]};
      codes[4] = {low[0], low[1]};
    }
    if (t == 0)
      reinterpret_cast<float2 *>(memory + ScalesAt)[group] = {scale, scale * static_cast<float>(sum[0] + sum[1])};
    if (t < 2)
      reinterpret_cast<float *>(memory + HalfSumsAt)[group * 2 + t] =
          scale * static_cast<float>(t == 0 ? sum[0] : sum[1]);
  }
};

template <int Rows, int K> struct QuantizedRows {
  static constexpr int Units = (K + 255) / 256; ///< of 256 columns
  static constexpr int Pitch = Units * 512 + 16, RowBytes = Rows * Pitch;
  static constexpr int SumBytes = Units * 256, FactorBytes = Units * 32;
  static constexpr int Bytes = RowBytes + SumBytes + FactorBytes;

  static __device__ RowFragments view(const char *memory, int lane) {
    // Columns past the last row repeat it: what they sum up nobody reads.
    return {memory + smaller(lane % 8, Rows - 1) * Pitch + lane / 8 * 16,
            reinterpret_cast<const uint2 *>(memory + RowBytes),
            reinterpret_cast<const float *>(memory + RowBytes + SumBytes)};
  }

  /// Brings rows 0 .. rows-1 and sums them; others are zeros. `warp` of `Warps` takes 256 columns of a row at a time,
  /// and loads of eight before it looks at one.
  template <int Warps>
  static __device__ void load(const Half *a, int64_t stride, int64_t rows, char *memory, int warp, int lane) {
    using Eight = Packet<Half, 8>;
    constexpr int Batch = Warps > 8 ? 4 : 8;
    bool aligned = isAligned(a, 16) && stride % 8 == 0;
#pragma unroll 1
    for (int first = warp; first < Rows * Units; first += Warps * Batch) {
      Eight x[Batch];
#pragma unroll
      for (int i = 0; i < Batch; ++i) {
        int row = (first + i * Warps) % Rows, column = (first + i * Warps) / Rows * 256 + lane * 8;
        const Half *source = a + row * stride + column;
        x[i].Raw[0] = {};
        if (row >= rows || column >= K)
          continue;
        if (aligned) {
          x[i].Raw[0] = *reinterpret_cast<const uint4 *>(source);
        } else {
#pragma unroll
          for (int e = 0; e < 8; ++e)
            x[i].Elements[e] = source[e];
        }
      }
#pragma unroll
      for (int i = 0; i < Batch; ++i)
        if (first + i * Warps < Rows * Units)
          keep(x[i], memory, (first + i * Warps) % Rows, (first + i * Warps) / Rows, lane);
    }
  }

  /// load() of rows that are normalized on the way: read twice, as they do not all fit the registers. `sums` are Rows *
  /// Units * 4 bytes of shared memory, `meet()` is a barrier of the warps.
  template <int Warps, class Source, class Gain, class Meet>
  static __device__ void normalize(const RmsNormalized<Source, Gain> &norm, const Source *a, int64_t stride,
                                   int64_t rows, char *memory, float *sums, int warp, int lane, const Meet &meet) {
    auto loadPart = [&](int part, float (&x)[8]) {
      int row = part % Rows, column = part / Rows * 256 + lane * 8;
      loadEight(a + (row < rows ? row * stride : 0), column, row < rows ? K : 0, x);
    };
#pragma unroll 4
    for (int part = warp; part < Rows * Units; part += Warps) {
      float x[8];
      loadPart(part, x);
      float sum = sumLanes(sumOfSquares(x));
      if (lane == 0)
        sums[part % Rows * Units + part / Rows] = sum;
    }
    meet();
#pragma unroll 2
    for (int part = warp; part < Rows * Units; part += Warps) {
      float x[8], gains[8];
      loadPart(part, x);
      loadEight(norm.Weight, part / Rows * 256 + lane * 8, K, gains);
      float scale = scaleOfRow<Units>(sums + part % Rows * Units, K, norm.Epsilon);
      Packet<Half, 8> y;
#pragma unroll
      for (int e = 0; e < 8; ++e)
        y.Elements[e] = fromValue<Half>(x[e] * scale * gains[e]);
      keep(y, memory, part % Rows, part / Rows, lane);
    }
  }

  static __device__ void keep(const Packet<Half, 8> &x, char *memory, int row, int unit, int lane) {
    *reinterpret_cast<uint4 *>(memory + row * Pitch + unit * 512 + lane * 16) = x.Raw[0];
    float sum = 0;
#pragma unroll
    for (int e = 0; e < 8; ++e)
      sum += toValue(x.Elements[e]);
    sum += __shfl_xor_sync(0xffffffffu, sum, 1);
    sum += __shfl_xor_sync(0xffffffffu, sum, 2);
    uint32_t largest = __builtin_bit_cast(uint32_t, sum) & 0x7fffffffu;
#pragma unroll
    for (int distance = 4; distance < 32; distance *= 2)
      largest = larger(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
    // Sums times a power of two that makes the largest 1 to 2, in f16 and what f16 lost.
    uint32_t exponent = smaller(larger(largest >> 23, 20u), 253u);
    float first = sum * __builtin_bit_cast(float, (254u - exponent) << 23);
    float second = __shfl_xor_sync(0xffffffffu, first, 16);
    if (lane % 4 == 0 && lane < 16) {
      uint32_t pair = packHalf(first, second);
      auto *sums = reinterpret_cast<uint2 *>(memory + RowBytes) + unit * 32 + row * 4 + lane / 4;
      *sums = {pair, packHalf(first - lowHalf(pair), second - highHalf(pair))};
    }
    if (lane == 0)
      reinterpret_cast<float *>(memory + RowBytes + SumBytes)[unit * 8 + row] =
          __builtin_bit_cast(float, exponent << 23);
  }
};

template <class LeftSide, FloatElement Element, class Outputs, int Rows, int K, class... Formats>
struct QuantizedFewRowsOf {
  static_assert(Rows == 1 || Rows == 2 || Rows == 4 || Rows == 8, "Rows must be 1, 2, 4 or 8");
  static_assert(Rows == 1 || IsSame<Element, Half>, "more than one row must be f16");
  static_assert(K % 32 == 0, "K must be a multiple of 32");
  using Types = OutputsOf<Outputs>;
  static constexpr int PartCount = Types::Parts, Sums = Types::Sums;
  static_assert(sizeof...(Formats) == 1 || sizeof...(Formats) == PartCount, "one format, or one for each part");
  template <int I> using FormatOf = typename TypeAt<sizeof...(Formats) == 1 ? 0 : I, Formats...>::Type;

  static constexpr bool WaitsItself = true;
  static constexpr int Workers = Rows == 8 ? 16 : 8, Threads = (Workers + 2) * 32;

  // Shared memory: the ring, the rows of A, what the warps have summed up, barriers.
  using Row = QuantizedRow<Element, K, (!TakesOnePairs<Formats> || ...), (TakesOnePairs<Formats> || ...)>;
  using RowsOfA = QuantizedRows<Rows, K>;
  template <class Format> static constexpr int Units = (K + Format::Columns - 1) / Format::Columns;
  static __host__ __device__ constexpr int maximum(int a, int b) { return a < b ? b : a; }
  /// Tiles of a warp in a stage: small ones go two to a warp.
  template <class Format> static constexpr int Share = Format::Bytes < 2048 ? 2 : 1;
  /// A stage has tiles of the largest format for all workers.
  static __host__ __device__ constexpr int stageBytes() {
    int bytes = 0;
    ((bytes = maximum(bytes, Workers * Share<Formats> * Formats::Bytes)), ...);
    return bytes;
  }
  static constexpr int StageBytes = stageBytes();
  static constexpr int LeftBytes = (Rows == 1 ? Row::Bytes : RowsOfA::Bytes + 15) / 16 * 16;
  static constexpr int Slots = Rows == 1 ? 4 : 2, PartialFloats = Sums * Workers * 16 * Rows;
  /// One row's sums of squares meet its products in their slot, which they then scale.
  static constexpr bool ScalesSums = LeftSide::Normalizes && Rows == 1;
  static constexpr int SlotBytes = 4 * (PartialFloats + (ScalesSums ? Workers : 0));
  static constexpr int SquareBytes = LeftSide::Normalizes && Rows > 1 ? (Rows *RowsOfA::Units + 1) / 2 * 8 : 0;
  /// Columns that go to one warp together. Where all formats agree on them, a warp reads of one row what it has rounded
  /// itself.
  static constexpr int UnitColumns = FormatOf<0>::Columns;
  static constexpr bool RoundsItsOwn = ((Formats::Columns == UnitColumns) && ...);
  static constexpr int Rest = LeftBytes + Slots * SlotBytes + SquareBytes + 256;
  /// One block a multiprocessor, with a ring in all of its memory. Two with half of it start earlier, but of a grid
  /// that follows one with larger blocks two land on one multiprocessor: the products of an 8B Q4_K_M step took 1.63
  /// ms, so 1.43. One row that is normalized leaves room for a block of the attention that follows: 1.65 ms for the
  /// whole step instead of 1.71.
  static constexpr int MinBlocks = 1, SharedOfBlock = (ScalesSums ? 200 : 227) << 10;
  /// More stages of a row that is normalized make nothing faster. One that is not leaves room for them in the block of
  /// the next product, which then fills them meanwhile, if four are left: 1.51 ms for the launches of that step instead
  /// of 1.54.
  static constexpr int NormalizedStages = 6,
                       Fitting = smaller((SharedOfBlock - Rest) / StageBytes, ScalesSums ? NormalizedStages : 8);
  static constexpr int Beside = ((226 << 10) - 2 * Rest) / StageBytes - NormalizedStages;
  static constexpr int Stages = Rows == 1 && !LeftSide::Normalizes && Beside >= 4 ? smaller(Beside, Fitting) : Fitting;
  static_assert(Stages >= 2, "the rows of A leave no room for a ring; use fewer rows or QuantizedMatmul");
  static constexpr int SharedBytes = Stages * StageBytes + Rest;
  /// Stages that are on their way together while one row of A is awaited, which would stand behind them all: 1.59 ms
  /// for that step instead of 1.66.
  static constexpr int AheadOfRow = 2;
  /// Tiles of a stage, and stages of a row of tiles.
  template <class Format> static constexpr int Step = Workers * Share<Format>;
  template <class Format> static constexpr int Steps = (Units<Format> + Step<Format> - 1) / Step<Format>;

  struct Part {
    const uint8_t *W[Sums];
    void *C;
    int64_t N, LdC;
  };
  struct Params {
    const typename LeftSide::template SourceOf<Element> *A;
    int64_t M, LdA;
    int64_t Blocks;
    Part Parts[PartCount];
    LeftSide Norm = {};
  };

  static __host__ __device__ int64_t tilesOfParts(const Params &p) {
    int64_t tiles = 0;
    for (int i = 0; i < PartCount; ++i)
      tiles += ceilDiv<int64_t>(p.Parts[i].N, 16);
    return tiles;
  }
  static __host__ __device__ int64_t tiles(const Params &p) { return p.M > 0 ? smaller(p.Blocks, tilesOfParts(p)) : 0; }

  struct Shared {
    char *Ring, *Left;
    float *Partial; ///< [Slots]: [Sums][Workers][16][Rows], and of what is scaled the squares of [Workers]
    float *Squares; ///< of more than one row, sums of what is normalized
    uint64_t *Full, *Empty, *Summed, *Free, *RowThere;
    __device__ explicit Shared(char *smem)
        : Ring(smem), Left(smem + Stages * StageBytes), Partial(reinterpret_cast<float *>(Left + LeftBytes)),
          Squares(Partial + Slots * SlotBytes / 4), Full(reinterpret_cast<uint64_t *>(Squares + SquareBytes / 4)),
          Empty(Full + Stages), Summed(Empty + Stages), Free(Summed + Slots), RowThere(Free + Slots) {}
    static constexpr int Barriers = 2 * Stages + 2 * Slots + 1;
  };
  static_assert(Shared::Barriers * 8 <= 256);

  /// Calls `work.template part<I>(tile of the part)` for the part that tile number `tile` of all falls in.
  template <int I = 0, class Work> static __device__ void withPart(const Params &p, int64_t tile, Work &work) {
    int64_t tiles = ceilDiv<int64_t>(p.Parts[I].N, 16);
    if constexpr (I + 1 < PartCount)
      if (tile >= tiles)
        return withPart<I + 1>(p, tile - tiles, work);
    work.template part<I>(tile);
  }

  static __device__ int64_t passes(const Params &p) { return ceilDiv<int64_t>(p.M, Rows); }

  /// One thread that copies tiles.
  struct Producer {
    const Params &P;
    Shared S;
    RingPosition<Stages> At, Oldest; ///< of the stages on their way, while the row is awaited
    int Started = 0;
    bool HasRow = false;

    /// Waits until another stage may be on its way.
    __device__ void makeWay() {
      HasRow = HasRow || testBarrier(S.RowThere, 0);
      if (HasRow || ++Started <= AheadOfRow)
        return;
      waitBarrier(S.Full + Oldest.Stage, Oldest.Round);
      Oldest.advance();
    }

    template <int I> __device__ void part(int64_t tile) {
      using Format = FormatOf<I>;
#pragma unroll 1
      for (int sum = 0; sum < Sums; ++sum) {
        const uint8_t *source =
            (sum == 0 ? P.Parts[I].W[0] : P.Parts[I].W[Sums - 1]) + tile * (int64_t(Units<Format>) * Format::Bytes);
#pragma unroll 1
        for (int unit = 0; unit < Units<Format>; unit += Step<Format>, At.advance()) {
          uint32_t bytes = smaller(Step<Format>, Units<Format> - unit) * Format::Bytes;
          waitBarrier(S.Empty + At.Stage, At.Round ^ 1);
          if constexpr (Rows == 1)
            makeWay();
          arriveExpecting(S.Full + At.Stage, bytes);
          copyBulkOnce(S.Ring + At.Stage * StageBytes, source + unit * Format::Bytes, bytes, S.Full + At.Stage);
        }
      }
    }
  };

  /// A warp that multiplies.
  struct Worker {
    const Params &P;
    Shared S;
    int Warp, Lane;
    RingPosition<Stages> At;
    RingPosition<Slots> Slot;
    float Square = 0; ///< of one row, this warp's share of the sum

    template <int I> __device__ void part(int64_t) {
      using Format = FormatOf<I>;
      waitBarrier(S.Free + Slot.Stage, Slot.Round ^ 1);
      float *partial = S.Partial + Slot.Stage * (SlotBytes / 4) + Warp * 16 * Rows;
#pragma unroll 1
      for (int sum = 0; sum < Sums; ++sum, partial += Workers * 16 * Rows) {
        float sums[2][4] = {};
        int step = 0;
        // Two stages at a time, so that one's arithmetic fills the other's waits.
#pragma unroll 1
        for (; step + 1 < Steps<Format>; step += 2)
          take<Format, 2>(sums, step);
        if (step < Steps<Format>)
          take<Format, 1>(sums, step);
        store<Format>(sums, partial);
      }
      if constexpr (ScalesSums)
        if (Lane == 0)
          S.Partial[Slot.Stage * (SlotBytes / 4) + PartialFloats + Warp] = Square;
      __syncwarp();
      if (Lane == 0)
        arrive(S.Summed + Slot.Stage);
      Slot.advance();
    }

    /// Adds this warp's tiles of `Count` stages from `step` on.
    template <class Format, int Count> __device__ void take(float (&sums)[2][4], int step) {
      int stages[Count];
#pragma unroll
      for (int i = 0; i < Count; ++i) {
        stages[i] = At.Stage;
        waitBarrier(S.Full + At.Stage, At.Round);
        At.advance();
      }
#pragma unroll
      for (int i = 0; i < Count; ++i)
#pragma unroll
        for (int j = 0; j < Share<Format>; ++j) {
          int own = j * Workers + Warp, unit = (step + i) * Step<Format> + own;
          if (Units<Format> % Step<Format> == 0 || unit < Units<Format>)
            add<Format>(sums, S.Ring + stages[i] * StageBytes + own * Format::Bytes, unit * Format::Columns);
        }
      __syncwarp();
      if (Lane == 0)
#pragma unroll
        for (int i = 0; i < Count; ++i)
          arriveAfter(S.Empty + stages[i], sums[0][0] + sums[0][2] + sums[1][0]);
    }

    template <class Format> __device__ void add(float (&sums)[2][4], const char *tile, int column) const {
      if constexpr (Rows == 1)
        Format::addOneRow(sums[0], tile, Row::view(S.Left), column, Lane);
      else
        Format::addRows(sums, tile, RowsOfA::view(S.Left, Lane), column, Lane);
    }

    template <class Format> __device__ void store(const float (&sums)[2][4], float *partial) const {
      int g = Lane / 4, t = Lane % 4;
      if constexpr (Rows == 1) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          float sum = Format::finish(sums[0][half], sums[0][2 + half], t);
          sum += __shfl_xor_sync(0xffffffffu, sum, 1);
          sum += __shfl_xor_sync(0xffffffffu, sum, 2);
          if (t == 0)
            partial[g + half * 8] = sum;
        }
      } else {
#pragma unroll
        for (int i = 0; i < 4; ++i)
          if (int row = t * 2 + i % 2; row < Rows)
            partial[(g + i / 2 * 8) * Rows + row] = Format::finishRows(sums[0][i], sums[1][i]);
      }
    }
  };

  /// The warp that adds up a tile and stores it.
  template <class Body> struct Finisher {
    const Params &P;
    Shared S;
    const Body &Epilogues;
    int Lane;
    int64_t Row0; ///< of this pass
    RingPosition<Slots> Slot;

    template <int I> __device__ void part(int64_t tile) {
      using Output = typename Types::template Output<I>;
      waitBarrier(S.Summed + Slot.Stage, Slot.Round);
      float results[Sums][(16 * Rows + 31) / 32];
      const float *partial = S.Partial + Slot.Stage * (SlotBytes / 4);
#pragma unroll
      for (int sum = 0; sum < Sums; ++sum)
#pragma unroll
        for (int i = 0; i < (16 * Rows + 31) / 32; ++i) {
          int element = i * 32 + Lane, col = element % 16, row = element / 16;
          float result = 0;
          if (row < Rows)
#pragma unroll
            for (int warp = 0; warp < Workers; ++warp)
              result += partial[((sum * Workers + warp) * 16 + col) * Rows + row];
          results[sum][i] = result;
        }
      if constexpr (ScalesSums) {
        float scale = scaleOfRow<Workers>(partial + PartialFloats, K, P.Norm.Epsilon);
#pragma unroll
        for (int sum = 0; sum < Sums; ++sum)
          results[sum][0] *= scale;
      }
      __syncwarp();
      if (Lane == 0)
        arrive(S.Free + Slot.Stage);
      Slot.advance();
      const auto &epilogue = epilogueOf<I>(Epilogues);
      Output *c = static_cast<Output *>(P.Parts[I].C);
#pragma unroll
      for (int i = 0; i < (16 * Rows + 31) / 32; ++i) {
        int64_t row = Row0 + (i * 32 + Lane) / 16, col = tile * 16 + Lane % 16;
        if ((i * 32 + Lane) / 16 >= Rows || row >= P.M || col >= P.Parts[I].N)
          continue;
        float value;
        if constexpr (Sums == 2)
          value = epilogue(results[0][i], results[1][i], row, col);
        else
          value = epilogue(results[0][i], row, col);
        c[row * P.Parts[I].LdC + col] = fromValue<Output>(value);
      }
    }
  };

  /// Brings rows from `row` on of A, by the workers, after the kernels that come before.
  static __device__ void bringRows(const Params &p, int64_t row, const Shared &shared, Worker &worker) {
    constexpr int Together = Workers * 32;
    const auto *a = p.A + row * p.LdA;
    if constexpr (Rows == 1) {
      typename Row::template Share<Workers, UnitColumns> share{worker.Warp, worker.Lane};
      if constexpr (LeftSide::Normalizes)
        worker.Square = share.round(p.Norm, a, shared.Left);
      else
        share.round(a, shared.Left);
      if constexpr (RoundsItsOwn)
        return __syncwarp();
    } else {
      waitForPrevious();
      if constexpr (LeftSide::Normalizes)
        RowsOfA::template normalize<Workers>(p.Norm, a, p.LdA, p.M - row, shared.Left, shared.Squares, worker.Warp,
                                             worker.Lane, [] { syncSome<1, Together>(); });
      else
        RowsOfA::template load<Workers>(a, p.LdA, p.M - row, shared.Left, worker.Warp, worker.Lane);
    }
    syncSome<1, Together>();
  }

  template <class Body> static __device__ void run(const Params &p, int64_t strip, char *smem, const Body &body) {
    Shared shared(smem);
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    startNext();
    if (threadIdx.x == 0) {
      for (int i = 0; i < Stages; ++i) {
        initBarrier(shared.Full + i, 1);
        initBarrier(shared.Empty + i, Workers);
      }
      for (int i = 0; i < Slots; ++i) {
        initBarrier(shared.Summed + i, Workers);
        initBarrier(shared.Free + i, 1);
      }
      initBarrier(shared.RowThere, Workers);
      publishBarriers();
    }
    __syncthreads();
    int64_t all = tilesOfParts(p), strips = tiles(p);
    if (warp == Workers) {
      // 1. Copy ahead, whatever the kernels before this one still do: nobody writes weights.
      if (lane == 0) {
        Producer producer{p, shared, {}, {}};
        for (int64_t pass = 0; pass < passes(p); ++pass)
          for (int64_t tile = strip; tile < all; tile += strips)
            withPart(p, tile, producer);
      }
    } else if (warp < Workers) {
      // 2. The rows of A, then the tiles as they come.
      Worker worker{p, shared, warp, lane, {}, {}, 0};
      for (int64_t pass = 0; pass < passes(p); ++pass) {
        if (pass > 0)
          syncSome<1, Workers * 32>(); // others may still read the rows before
        bringRows(p, pass * Rows, shared, worker);
        if (Rows == 1 && pass == 0 && lane == 0)
          arrive(shared.RowThere);
        for (int64_t tile = strip; tile < all; tile += strips)
          withPart(p, tile, worker);
      }
    } else {
      // 3. Out through the epilogue.
      waitForPrevious();
      Finisher<Body> finisher{p, shared, body, lane, 0, {}};
      for (; finisher.Row0 < p.M; finisher.Row0 += Rows)
        for (int64_t tile = strip; tile < all; tile += strips)
          withPart(p, tile, finisher);
    }
    __syncthreads();
    if (threadIdx.x < Shared::Barriers) // one after the other they would take 0.3 us
      endBarrier(shared.Full + threadIdx.x);
  }
};

template <FloatElement Element, class Outputs, int Rows, int K, class... Formats>
using QuantizedFewRowsSm90 = QuantizedFewRowsOf<AsIs, Element, Outputs, Rows, K, Formats...>;

} // namespace lathe::kernels

#endif // LATHE_KERNELS_QUANTIZED_FEW_SM90_CUH
