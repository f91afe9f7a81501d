// Convolutions and pooling, one launch of every template, as the printer writes it.
#include "convolution.cuh"
#include "convolution_few_channels.cuh"
#include "convolution_tiles.cuh"
#include "pooling.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

using Convolution1 = Convolution<float, float, float>;
// registers <= 64
KERNEL(Convolution1) lathe_convolution_f32_1(void *p0, void *p1, void *p2, int64_t d0) {
  Convolution1::Params params{.X = (const float *)p0,
                              .Weights = (const float *)p1,
                              .Y = (float *)p2,
                              .N = d0,
                              .C = 1,
                              .H = 8,
                              .W = 8,
                              .O = 16,
                              .KH = 3,
                              .KW = 3,
                              .OH = 8,
                              .OW = 8,
                              .Groups = 1,
                              .StrideH = 1,
                              .StrideW = 1,
                              .PadTop = 1,
                              .PadLeft = 1,
                              .DilationH = 1,
                              .DilationW = 1};
  gridTiles<Convolution1>(params, nullptr, StoreAsIs{});
}

using ConvolutionTiles1 = ConvolutionTiles<Half, Half, ConvolutionLargeTile>;
static_assert(ConvolutionTiles1::SharedBytes == 3 * 256 * 128 + 128 * 8);
// registers <= 128
KERNEL(ConvolutionTiles1)
lathe_tile_conv_f16_1(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  SHARED;
  ConvolutionTiles1::Params params{
      (const Half *)p0, (const Half *)p1, (Half *)p2, d0, 128, 56, 56, 128, 3, 3, 28, 28, 2, 2, 1, 1, 1, 1};
  gridTiles<ConvolutionTiles1>(params, smem, BiasResidualRelu{(const float *)p3, (const Half *)p4, 128});
}

// Windows of five channels, element by element.
using ConvolutionTiles2 = ConvolutionTiles<BFloat16, float, ConvolutionTallTile>;
static_assert(ConvolutionTiles2::SharedBytes == 3 * 192 * 128 + 128 * 8);
// registers <= 128
KERNEL(ConvolutionTiles2) lathe_tile_conv_bf16_2(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  ConvolutionTiles2::Params params{
      (const BFloat16 *)p0, (const BFloat16 *)p1, (float *)p2, d0, 5, 224, 224, 64, 7, 7, 112, 112, 2, 2, 3, 3, 1, 1};
  gridTiles<ConvolutionTiles2>(params, smem, StoreAsIs{});
}

using ConvolutionTiles3 = ConvolutionTiles<Half, Half, ConvolutionMediumTile>;
static_assert(ConvolutionTiles3::SharedBytes == 4 * 128 * 128 + 64 * 8);
// registers <= 128
KERNEL(ConvolutionTiles3)
lathe_tile_conv_f16_3(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  SHARED;
  ConvolutionTiles3::Params params{
      (const Half *)p0, (const Half *)p1, (Half *)p2, d0, 256, 14, 14, 256, 3, 3, 14, 14, 1, 1, 1, 1, 1, 1};
  gridTiles<ConvolutionTiles3>(params, smem, BiasResidualRelu{(const float *)p3, (const Half *)p4, 256});
}

struct BiasRelu {
  const float *Bias;
  __device__ float operator()(float acc, int64_t, int64_t col) const { return fmaxf(acc + Bias[col], 0); }
};

// The first layer, from a patch of the image.
using FewChannels1 = ConvolutionFewChannels<Half, Half, FewChannelsWindow<7, 7, 2, 2, 1, 56, 2>>;
static_assert(FewChannels1::SharedBytes == 28 * 64 * 16);
// registers <= 255, stack <= 96: sums of 56 columns; on sm_80 some addresses find no register, on sm_90a all do
KERNEL(FewChannels1) lathe_tile_conv_f16_4(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  SHARED;
  FewChannels1::Params params{
      (const Half *)p0, (const Half *)p1, (Half *)p2, d0, 3, 224, 224, 64, 7, 7, 112, 112, 2, 2, 3, 3, 1, 1, 132};
  gridTiles<FewChannels1>(params, smem, BiasRelu{(const float *)p3});
}

using ChannelPooling1 = ChannelMaxPooling<Half, Half, 8>;
// registers <= 64
KERNEL(ChannelPooling1) lathe_channel_max_pool_f16_1(void *p0, void *p1, int64_t d0) {
  ChannelPooling1::Params params{(const Half *)p0, (Half *)p1, d0, 112, 112, 64, 3, 3, 56, 56, 2, 2, 1, 1, 1, 1};
  gridTiles<ChannelPooling1>(params, nullptr, StoreAsIs{});
}

using Pooling1 = Pooling<float, float, Pool::Max>;
// registers <= 48
KERNEL(Pooling1) lathe_max_pool_f32_1(void *p0, void *p1, int64_t d0) {
  Pooling1::Params params{.X = (const float *)p0,
                          .Y = (float *)p1,
                          .Planes = d0 * 16,
                          .H = 8,
                          .W = 8,
                          .KH = 2,
                          .KW = 2,
                          .OH = 4,
                          .OW = 4,
                          .StrideH = 2,
                          .StrideW = 2,
                          .PadTop = 0,
                          .PadLeft = 0,
                          .PadBottom = 0,
                          .PadRight = 0,
                          .DilationH = 1,
                          .DilationW = 1,
                          .CountPads = false};
  gridTiles<Pooling1>(params, nullptr, StoreAsIs{});
}

using Pooling2 = Pooling<Half, Half, Pool::Average>;
// registers <= 48
KERNEL(Pooling2) lathe_average_pool_f16_2(void *p0, void *p1, int64_t d0) {
  Pooling2::Params params{(const Half *)p0, (Half *)p1, d0 * 16, 7, 7, 3, 3, 4, 4, 2, 2, 1, 1, 1, 1, 1, 1, true};
  gridTiles<Pooling2>(params, nullptr, StoreAsIs{});
}
