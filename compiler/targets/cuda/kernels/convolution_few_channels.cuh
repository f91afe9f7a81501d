// ConvolutionTiles of convolution_tiles.cuh for images of few channels, such as the first layer of a network has:
//
//   ConvolutionFewChannels<Element, Output, Window>   C <= Window::Channels, DilationW 1
//
// Params, sums and epilogue are those of ConvolutionTiles; KH, KW, the strides and DilationH are those of `Window`.
// Windows of so few channels are no whole chunks of 16 bytes, and gathering them element by element takes longer than
// everything else. So a block brings a patch of the image into shared memory, with StrideW pixels of 8 / StrideW
// channels a chunk, the first of which is where a window begins: neighbouring windows begin at neighbouring chunks, and
// ldmatrix reads what it needs of each where it lies. What a window has more there than in the image is multiplied by
// zeros. The filters of a warp stay in registers.
//
// Grid at most Params::Blocks * MinBlocks: a block takes every so many-th tile of Height rows x Window::Width places x
// 64 filters. Block: 128. Shared: SharedBytes. Limits as for ConvolutionTiles where C is no multiple of 8.
#ifndef LATHE_KERNELS_CONVOLUTION_FEW_CHANNELS_CUH
#define LATHE_KERNELS_CONVOLUTION_FEW_CHANNELS_CUH

#include "convolution_tiles.cuh"

namespace lathe::kernels {

/// A window, `Width` places in a row of a tile, and the blocks of a multiprocessor: two below sm_90, where filters take
/// more registers.
template <int KH_, int KW_, int StrideH_, int StrideW_, int DilationH_, int Width_, int MinBlocks_ = 3>
struct FewChannelsWindow {
  static constexpr int KH = KH_, KW = KW_, StrideH = StrideH_, StrideW = StrideW_, DilationH = DilationH_;
  static constexpr int Width = Width_, Height = 4, Channels = 8 / StrideW, MinBlocks = MinBlocks_;
  static_assert(StrideW == 1 || StrideW == 2 || StrideW == 4, "StrideW must be 1, 2 or 4; use ConvolutionTiles");
  static_assert(Width % 8 == 0, "a tile must have whole fragments of places; use a multiple of 8");
  static constexpr int Chunks = ceilDiv(ceilDiv(KW, StrideW), 2) * 2; ///< of a window's row, in pairs
  static constexpr int Steps = KH * Chunks / 2;
  static_assert(Steps <= 14, "filters must fit the registers of a warp; use ConvolutionTiles");
  static constexpr int Pitch = Width + Chunks - 1; ///< chunks in a row of the patch
  static constexpr int Rows = (Height - 1) * StrideH + (KH - 1) * DilationH + 1;
  static constexpr int FilterBytes = Steps * 2 * 64 * 16, PatchBytes = Rows * Pitch * 16;
};

template <HalfElement Element, class Output, class Window> struct ConvolutionFewChannels {
  static constexpr bool WaitsItself = true;
  static constexpr int Threads = 128, MinBlocks = Window::MinBlocks;
  static constexpr int SharedBytes = larger(Window::PatchBytes, Window::FilterBytes);
  static constexpr int Filters = 64, WarpFilters = 32; ///< two warps have the same filters
  using Params = ConvolutionParams<Element, Output>;
  using Fragments = uint32_t[Window::Steps][WarpFilters / 8][2];

  static __host__ __device__ int64_t tilesOfPanel(const Params &p) {
    return p.N * ceilDiv<int64_t>(p.OH, Window::Height) * ceilDiv<int64_t>(p.OW, Window::Width);
  }
  static __host__ __device__ int64_t count(const Params &p) { return tilesOfPanel(p) * ceilDiv<int64_t>(p.O, Filters); }
  static __host__ __device__ int64_t tiles(const Params &p) { return smaller<int64_t>(p.Blocks * MinBlocks, count(p)); }

  /// Where a tile stands.
  struct Target {
    int Image, Row, Col; ///< the first place
    __device__ Target(const Params &p, int64_t tile) {
      int cols = int(ceilDiv<int64_t>(p.OW, Window::Width)), rows = int(ceilDiv<int64_t>(p.OH, Window::Height));
      int inside = int(tile % tilesOfPanel(p));
      Image = inside / (cols * rows);
      Row = inside / cols % rows * Window::Height;
      Col = inside % cols * Window::Width;
    }
  };

  /// A panel of filters, [Steps * 2][64] chunks: by the block to shared memory, and from there what a warp multiplies.
  static __device__ void loadFilters(const Params &p, int64_t panel, char *shared, Fragments &fragments) {
    int depth = int(ceilDiv<int64_t>(p.KH * p.KW * p.C, PackedTileSize)), channels = int(p.C);
    const Element *filters = p.Weights + panel * depth * (PackedTileBytes / 2);
    __syncthreads(); // the patch is not needed any more
#pragma unroll 1
    for (int i = threadIdx.x; i < Window::Steps * 2 * Filters; i += Threads) {
      int chunk = i / Filters, filter = i % Filters, row = chunk / Window::Chunks;
      Packet<Element, 8> packet;
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        int col = chunk % Window::Chunks * Window::StrideW + e / Window::Channels, channel = e % Window::Channels;
        int k = (row * Window::KW + col) * channels + channel;
        const Element *tile = filters + k / PackedTileSize * (PackedTileBytes / 2);
        packet.Elements[e] = col < Window::KW && channel < channels
                                 ? tile[chunkOffset<8>(filter, k % PackedTileSize / 8) / 2 + k % 8]
                                 : Element{0};
      }
      reinterpret_cast<uint4 *>(shared)[i] = packet.Raw[0];
    }
    __syncthreads();
    int lane = threadIdx.x % 32, first = threadIdx.x / 32 % 2 * WarpFilters;
    const char *source = shared + (lane / 8 % 2 * Filters + first + lane / 16 * 8 + lane % 8) * 16;
#pragma unroll
    for (int step = 0; step < Window::Steps; ++step)
#pragma unroll
      for (int pair = 0; pair < WarpFilters / 16; ++pair) {
        uint32_t r[4];
        loadMatrix4(r, source + (step * 2 * Filters + pair * 16) * 16);
#pragma unroll
        for (int i = 0; i < 4; ++i)
          fragments[step][pair * 2 + i / 2][i % 2] = r[i];
      }
  }

  /// The part of the image that the windows of a tile reach, zero outside of it.
  static __device__ void loadPatch(const Params &p, const Target &target, char *shared) {
    constexpr int Cols = Window::Pitch * Window::StrideW, Count = Window::Rows * Cols, Batch = 4;
    using Pixel = Packet<Element, Window::Channels>;
    int height = int(p.H), width = int(p.W), channels = int(p.C);
    int top = target.Row * Window::StrideH - int(p.PadTop), left = target.Col * Window::StrideW - int(p.PadLeft);
    const Element *image = p.X + int64_t(target.Image) * height * width * channels;
#pragma unroll 1
    for (int first = threadIdx.x; first < Count; first += Batch * Threads) {
      Pixel pixels[Batch];
#pragma unroll
      for (int b = 0; b < Batch; ++b) {
        int i = first + b * Threads, row = top + i / Cols, col = left + i % Cols;
        bool inside = i < Count && unsigned(row) < unsigned(height) && unsigned(col) < unsigned(width);
        const Element *source = image + int64_t(inside ? row * width + col : 0) * channels;
#pragma unroll
        for (int c = 0; c < Window::Channels; ++c)
          pixels[b].Elements[c] = inside && c < channels ? source[c] : Element{0};
      }
#pragma unroll
      for (int b = 0; b < Batch; ++b)
        if (int i = first + b * Threads; i < Count)
          reinterpret_cast<typename Pixel::Word *>(shared)[i] = pixels[b].Raw[0];
    }
  }

  /// Stores the sums of 16 places: four neighbours a lane, after an exchange with the lane beside it.
  template <class Epilogue>
  static __device__ void store(const Params &p, const Target &target, const float (&sums)[WarpFilters / 8][4],
                               int place, int64_t col0, const Epilogue &epilogue) {
    ProductPart<Element, 1> part = {.W = {p.Weights}, .C = p.Y, .N = p.O, .LdC = p.O};
    int lane = threadIdx.x % 32;
    bool odd = lane % 2 != 0;
    col0 += lane % 4 / 2 * 4 + (odd ? 8 : 0);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      int at = place + lane / 4 + half * 8, row = target.Row + at / Window::Width,
          col = target.Col + at % Window::Width;
      bool exists = row < int(p.OH) && col < int(p.OW);
      int64_t place = (target.Image * p.OH + row) * p.OW + col;
#pragma unroll
      for (int j = 0; j < WarpFilters / 8; j += 2) {
        float fours[4][1];
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          float first = sums[j][half * 2 + e], second = sums[j + 1][half * 2 + e];
          float other = __shfl_xor_sync(0xffffffffu, odd ? first : second, 1);
          fours[e][0] = odd ? other : first;
          fours[e + 2][0] = odd ? second : other;
        }
        if (exists && col0 + j * 8 < p.O)
          storePart<Output>(0, part, fours, place, col0 + j * 8, epilogue);
      }
    }
  }

  template <class Epilogue>
  static __device__ void multiply(const Params &p, const Target &target, const char *patch, const Fragments &filters,
                                  int64_t col0, const Epilogue &epilogue) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
#pragma unroll 1
    for (int place = warp / 2 * 16; place < Window::Height * Window::Width; place += 32) {
      int at = place + lane % 16, row = at / Window::Width, col = at % Window::Width;
      const char *windows = patch + (row * Window::StrideH * Window::Pitch + col + lane / 16) * 16;
      float sums[WarpFilters / 8][4] = {};
#pragma unroll
      for (int step = 0; step < Window::Steps; ++step) {
        int row = step * 2 / Window::Chunks, chunk = step * 2 % Window::Chunks;
        uint32_t a[4];
        loadMatrix4(a, windows + (row * Window::DilationH * Window::Pitch + chunk) * 16);
#pragma unroll
        for (int j = 0; j < WarpFilters / 8; ++j)
          multiplyAccumulate<Element>(sums[j], a, filters[step][j][0], filters[step][j][1]);
      }
      store(p, target, sums, place, col0 + warp % 2 * WarpFilters, epilogue);
    }
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    Fragments filters;
    int64_t loaded = -1, stride = tiles(p), all = count(p);
    startNext();
#pragma unroll 1
    for (; tile < all; tile += stride) {
      // 1. Filters, which need not wait for what comes before.
      int64_t panel = tile / tilesOfPanel(p);
      if (panel != loaded)
        loadFilters(p, panel, smem, filters);
      if (loaded < 0)
        waitForPrevious();
      loaded = panel;
      // 2. The patch.
      Target target(p, tile);
      __syncthreads();
      loadPatch(p, target, smem);
      __syncthreads();
      // 3. Products, and out through the epilogue.
      multiply(p, target, smem, filters, panel * Filters, epilogue);
    }
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_CONVOLUTION_FEW_CHANNELS_CUH
