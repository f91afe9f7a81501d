// Convolution of images with channels last as a product on tensor cores, summed in f32:
//
//   y[n, i, j, o] = epilogue(sum_{r, s, c} x[n, i * StrideH - PadTop + r * DilationH, j * StrideW - PadLeft + s *
//                            DilationW, c] * w[o, r, s, c], (n * OH + i) * OW + j, o), zero outside x
//
//   ConvolutionTiles<Element, Output, Tile, Split>   Tile::K is 64; Split > 1: sm_90 and up
//
// X [N, H, W, C] and Y [N, OH, OW, O] dense. W is the matrix [O, KH * KW * C] packed as packed_matmul.cuh says. The
// rows of the product's left side are gathered on their way into shared memory: 16 bytes at once where C is a multiple
// of 8, else one element after the other. With Split > 1 a cluster shares a tile: each block sums a part of K, then
// adds up a part of the rows over the cluster, in the order of the blocks.
//
// Grid: ceil(N * OH * OW / Tile::M) * ceil(O / Tile::N) * Split, clusters of Split. Block: Tile::Threads. Shared:
// SharedBytes. Order of summation depends on the shapes, Tile and Split alone. Limits: X has fewer than 2^31 elements,
// or 2^34 where C is a multiple of 8; N * OH * OW is smaller than 2^31, images and dilated windows than 2^13 each way,
// K than 2^23.
#ifndef LATHE_KERNELS_CONVOLUTION_TILES_CUH
#define LATHE_KERNELS_CONVOLUTION_TILES_CUH

#include "packed_matmul.cuh"

namespace lathe::kernels {

using ConvolutionLargeTile = PackedLargeTile;                  ///< 256 threads, 96 KiB
using ConvolutionTallTile = MatmulTile<128, 64, 64, 4, 2, 3>;  ///< 256 threads, 72 KiB: few filters
using ConvolutionMediumTile = MatmulTile<64, 64, 64, 2, 2, 4>; ///< 128 threads, 64 KiB: few places

/// A place of the result: where its window begins.
struct WindowPlace {
  int Origin; ///< the window's first element, in units of X, which may lie outside of the image
  int Corner; ///< where that is in the image: the row in the high half, the column in the low one
};

template <HalfElement Element, class Output> struct ConvolutionParams {
  const Element *X, *Weights;
  Output *Y;
  int64_t N, C, H, W, O, KH, KW, OH, OW;
  int64_t StrideH, StrideW, PadTop, PadLeft, DilationH, DilationW;
  int64_t Blocks = 0; ///< of sm_90a's templates: the multiprocessors
  __host__ __device__ int64_t rows() const { return N * OH * OW; }
  /// Elements at a multiple of which everything begins.
  __host__ __device__ int unit() const { return C % 8 == 0 ? 8 : 1; }

  /// The place that is row `row` of the product. Behind the last image no window reaches into one.
  __device__ WindowPlace findPlace(uint32_t row) const {
    constexpr int Outside = -(1 << 14); // a row of the image that no window reaches from
    int height = int(H), width = int(W), channels = int(C) / unit(), plane = int(OH * OW);
    int image = int(row / unsigned(plane)), inside = int(row % unsigned(plane));
    int top = inside / int(OW) * int(StrideH) - int(PadTop), left = inside % int(OW) * int(StrideW) - int(PadLeft);
    return {((image * height + top) * width + left) * channels, (image < N ? top : Outside) << 16 | (left & 0xffff)};
  }
  /// Whether the image has the element so many rows down and columns right of where the window begins.
  __device__ bool isInside(const WindowPlace &place, int down, int right) const {
    int top = place.Corner >> 16, left = int16_t(place.Corner);
    return unsigned(top + down) < unsigned(H) && unsigned(left + right) < unsigned(W);
  }
};

/// Rows of a tile, [Rows] places in shared memory. A thread fetches one chunk of every Step-th row.
template <HalfElement Element, int Rows, int Threads> struct WindowRows {
  static constexpr int Step = Threads / 8, Count = Rows / Step, Bytes = Rows * int(sizeof(WindowPlace));
  static_assert(Rows % Step == 0 && Rows <= Threads, "a tile must have whole turns of the block's threads; use others");
  const WindowPlace *Places;

  template <class Params> __device__ WindowRows(const Params &p, int64_t row0, char *shared) {
    auto *places = reinterpret_cast<WindowPlace *>(shared);
    Places = places;
    if (threadIdx.x < Rows)
      places[threadIdx.x] = p.findPlace(uint32_t(row0) + threadIdx.x);
    __syncthreads();
  }

  /// Starts copying elements k .. k+7 of the windows to this thread's chunks of a tile of 64 along K.
  template <class Params> __device__ void load(char *tile, const Params &p, int k) const {
    int chunk = threadIdx.x % 8, channels = int(p.C), depth = int(p.KH * p.KW * p.C);
    k += chunk * 8;
    if (p.unit() == 1)
      return loadElements(tile, p, k);
    int element = k / channels;
    int down = element / int(p.KW) * int(p.DilationH), right = element % int(p.KW) * int(p.DilationW);
    int offset = ((down * int(p.W) + right) * channels + k % channels) / p.unit();
#pragma unroll
    for (int i = 0; i < Count; ++i) {
      int row = threadIdx.x / 8 + i * Step;
      char *target = tile + chunkOffset<8>(row, chunk);
      WindowPlace place = Places[row];
      bool inside = k < depth && p.isInside(place, down, right);
      const Element *source = p.X + int64_t(inside ? place.Origin + offset : 0) * 8;
      if (isAligned(p.X, 16)) {
        copyAsync16(target, source, inside ? 16 : 0);
        continue;
      }
#pragma unroll 1 // what a caller hands in may lie anyhow, but seldom does
      for (int e = 0; e < 8; ++e)
        reinterpret_cast<Element *>(target)[e] = inside ? source[e] : Element{0};
    }
  }

private:
  /// The same, an element after the other: each of all rows, since to find it in the window takes more than to fetch
  /// it.
  template <class Params> __device__ void loadElements(char *tile, const Params &p, int k) const {
    int channels = int(p.C), depth = int(p.KH * p.KW * p.C);
    uint32_t words[Count][4];
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      int own = k + e;
      forgetValue(own); // worked out for all elements at once it would take registers
      int element = own / channels;
      int down = element / int(p.KW) * int(p.DilationH), right = element % int(p.KW) * int(p.DilationW);
      int offset = (down * int(p.W) + right) * channels + own % channels;
#pragma unroll
      for (int i = 0; i < Count; ++i) {
        WindowPlace place = Places[threadIdx.x / 8 + i * Step];
        uint32_t bits = own < depth && p.isInside(place, down, right) ? p.X[int64_t(place.Origin) + offset].Bits : 0;
        words[i][e / 2] = e % 2 ? words[i][e / 2] | bits << 16 : bits;
      }
    }
#pragma unroll
    for (int i = 0; i < Count; ++i)
      *reinterpret_cast<uint4 *>(tile + chunkOffset<8>(threadIdx.x / 8 + i * Step, threadIdx.x % 8)) = {
          words[i][0], words[i][1], words[i][2], words[i][3]};
  }
};

template <HalfElement Element, class Output, class Tile, int Split = 1> struct ConvolutionTiles {
  static_assert(Tile::K == 64 && Tile::N % 64 == 0, "a tile must be whole packed tiles; use K 64 and N 64 or 128");
  static_assert(Tile::M % Split == 0, "the blocks of a cluster must have as many rows each; use a power of two");
  static constexpr bool WaitsItself = true;
  static constexpr int Cluster = Split;
  static constexpr int Threads = Tile::Threads, MinBlocks = Tile::MinBlocks;
  static constexpr int LeftBytes = Tile::M * 128, RightBytes = Tile::N * 128, StageBytes = LeftBytes + RightBytes;
  using Rows = WindowRows<Element, Tile::M, Threads>;
  static constexpr int SharedBytes = Tile::Stages * StageBytes + Rows::Bytes;
  static constexpr int SumStride = Tile::N + 8; ///< floats: neighbouring rows in different banks
  static_assert(Split == 1 || Tile::M * SumStride * 4 <= SharedBytes, "a tile's sums must fit; use more stages");
  using Params = ConvolutionParams<Element, Output>;

  static __host__ __device__ int64_t tiles(const Params &p) {
    return ceilDiv<int64_t>(p.rows(), Tile::M) * ceilDiv<int64_t>(p.O, Tile::N) * Split;
  }

  /// This thread's share of the weights: 16 bytes of every Threads-th place of a tile's panels.
  struct Panels {
    const char *Share; ///< of the first panel's first step
    int Stride;        ///< bytes between panels
    int Count;         ///< panels that exist

    __device__ Panels(const Params &p, int64_t col0, int depth)
        : Share(reinterpret_cast<const char *>(p.Weights) + col0 / 64 * depth * PackedTileBytes + threadIdx.x * 16),
          Stride(depth * PackedTileBytes), Count(int(ceilDiv<int64_t>(p.O - col0, PackedTileSize))) {}

    __device__ void load(char *stage, int step) const {
      char *target = stage + LeftBytes + threadIdx.x * 16;
#pragma unroll
      for (int i = 0; i < RightBytes; i += Threads * 16) {
        bool exists = i / PackedTileBytes < Count;
        const char *source = Share + int64_t(step) * PackedTileBytes + i % PackedTileBytes;
        copyAsync16(target + i, exists ? source + i / PackedTileBytes * Stride : Share, exists ? 16 : 0);
      }
    }
  };

  /// Adds up rows rank, rank + Split, ... of what the blocks of the cluster have summed, and stores them.
  template <class Epilogue>
  static __device__ void storeShare(const Params &p, const Accumulators<Tile> &sums, char *smem, int rank, int64_t row0,
                                    int64_t col0, const Epilogue &epilogue) {
    float *own = reinterpret_cast<float *>(smem);
    __syncthreads(); // the last step's tiles have been read
    sums.store(own, SumStride, 0, 0, Tile::M, Tile::N, 0, StoreAsIs{});
    clusterBarrier(Split);
    constexpr int Pairs = Tile::N / 2;
#pragma unroll 2
    for (int i = threadIdx.x; i < Tile::M / Split * Pairs; i += Threads) {
      int inside = i / Pairs * Split + rank, pair = i % Pairs * 2;
      float parts[Split][2], values[2] = {};
#pragma unroll
      for (int peer = 0; peer < Split; ++peer)
#pragma unroll
        for (int e = 0; e < 2; ++e)
          parts[peer][e] = loadPeer(own + inside * SumStride + pair + e, peer);
#pragma unroll
      for (int peer = 0; peer < Split; ++peer)
#pragma unroll
        for (int e = 0; e < 2; ++e)
          values[e] += parts[peer][e];
      int64_t row = row0 + inside, col = col0 + pair;
      if (row >= p.rows() || col >= p.O)
        continue;
      if (col + 1 < p.O) {
        const float pair[2][1] = {{values[0]}, {values[1]}};
        finishNeighbours(epilogue, pair, row, col, values);
        storeVector(p.Y, row * p.O + col, values);
      } else {
        p.Y[row * p.O + col] = fromValue<Output>(epilogue(values[0], row, col));
      }
    }
    clusterBarrier(Split); // nobody leaves, or goes on to the next tile, while its memory is read
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    int rank = int(tile % Split);
    TilePosition position(tile / Split, ceilDiv<int64_t>(p.rows(), Tile::M), ceilDiv<int64_t>(p.O, Tile::N));
    int64_t row0 = position.Row * Tile::M, col0 = position.Col * Tile::N;
    int depth = int(ceilDiv<int64_t>(p.KH * p.KW * p.C, PackedTileSize));
    int begin = depth * rank / Split, end = depth * (rank + 1) / Split;
    // 1. Fill all stages but one; weights need not wait for what comes before.
    startNext();
    Panels panels(p, col0, depth);
#pragma unroll 1
    for (int stage = 0; stage < Tile::Stages - 1; ++stage)
      if (begin + stage < end)
        panels.load(smem + stage * StageBytes, begin + stage);
    Rows rows(p, row0, smem + Tile::Stages * StageBytes);
    waitForPrevious();
#pragma unroll 1
    for (int stage = 0; stage < Tile::Stages - 1; ++stage) {
      if (begin + stage < end)
        rows.load(smem + stage * StageBytes, p, (begin + stage) * 64);
      commitAsync();
    }
    // 2. As PackedMatmul does.
    Accumulators<Tile> sums;
    sums.clear();
    int current = 0, refill = Tile::Stages - 1;
#pragma unroll 1
    for (int step = begin; step < end; ++step) {
      waitAsync<Tile::Stages - 2>();
      __syncthreads();
      if (int next = step + Tile::Stages - 1; next < end) {
        panels.load(smem + refill * StageBytes, next);
        rows.load(smem + refill * StageBytes, p, next * 64);
      }
      commitAsync();
      const char *stage = smem + current * StageBytes;
      sums.template add<Element, Rhs::NK>(stage, stage + LeftBytes);
      current = current + 1 == Tile::Stages ? 0 : current + 1;
      refill = refill + 1 == Tile::Stages ? 0 : refill + 1;
    }
    waitAsync<0>();
    // 3. Out through the epilogue.
    if constexpr (Split == 1)
      sums.store(p.Y, p.O, row0, col0, p.rows(), p.O, 0, epilogue);
    else
      storeShare(p, sums, smem, rank, row0, col0, epilogue);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_CONVOLUTION_TILES_CUH
