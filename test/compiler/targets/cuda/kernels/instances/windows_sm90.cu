// Convolutions, one launch of every template that needs sm_90a, as the printer writes it.
#include "convolution_few_channels.cuh"
#include "convolution_sm90.cuh"
#include "convolution_tiles.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

template <class Tile, int Split = 1> using ConvolutionOf = ConvolutionSm90<Half, Half, Tile, Split>;
template <class Kernel> __device__ void convolve(void *const (&p)[5], int64_t n) {
  ALIGNED_SHARED;
  typename Kernel::Params params{
      (const Half *)p[0], (const Half *)p[1], (Half *)p[2], n, 256, 28, 28, 256, 3, 3, 14, 14, 2, 2, 1, 1, 1, 1, 132};
  gridTiles<Kernel>(params, smem, BiasResidualRelu{(const float *)p[3], (const Half *)p[4], 256});
}
#define CONVOLUTION(Kernel)                                                                                            \
  KERNEL(Kernel)                                                                                                       \
  __cluster_dims__(Kernel::Cluster, 1, 1)

using FewChannels = ConvolutionFewChannels<Half, Half, FewChannelsWindow<7, 7, 2, 2, 1, 56>>;
// registers <= 168
KERNEL(FewChannels)
lathe_tile_conv_few_channels(void *p0, void *p1, void *p2, int64_t d0) {
  ALIGNED_SHARED;
  FewChannels::Params params{
      (const Half *)p0, (const Half *)p1, (Half *)p2, d0, 3, 224, 224, 64, 7, 7, 112, 112, 2, 2, 3, 3, 1, 1, 132};
  gridTiles<FewChannels>(params, smem, StoreAsIs{});
}

using ConvolutionNarrow = ConvolutionOf<ConvolutionNarrowSm90>;
static_assert(ConvolutionNarrow::SharedBytes <= 113 << 10);
// registers <= 64
CONVOLUTION(ConvolutionNarrow) lathe_tile_conv_narrow(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  convolve<ConvolutionNarrow>({p0, p1, p2, p3, p4}, d0);
}

using ConvolutionSquare = ConvolutionOf<ConvolutionSquareSm90, 2>;
// registers <= 128
CONVOLUTION(ConvolutionSquare) lathe_tile_conv_square(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  convolve<ConvolutionSquare>({p0, p1, p2, p3, p4}, d0);
}

using ConvolutionHigh = ConvolutionOf<ConvolutionHighSm90, 2>;
// registers <= 96
CONVOLUTION(ConvolutionHigh) lathe_tile_conv_high(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  convolve<ConvolutionHigh>({p0, p1, p2, p3, p4}, d0);
}

using ConvolutionWide = ConvolutionOf<ConvolutionWideSm90, 2>;
static_assert(ConvolutionWide::SharedBytes <= 227 << 10);
// registers <= 168
CONVOLUTION(ConvolutionWide) lathe_tile_conv_wide(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  convolve<ConvolutionWide>({p0, p1, p2, p3, p4}, d0);
}

using ConvolutionCluster = ConvolutionTiles<Half, Half, ConvolutionMediumTile, 8>;
// registers <= 128
KERNEL(ConvolutionCluster)
__cluster_dims__(ConvolutionCluster::Cluster, 1, 1) lathe_tile_conv_cluster(void *p0, void *p1, void *p2) {
  ALIGNED_SHARED;
  ConvolutionCluster::Params params{static_cast<const Half *>(p0),
                                    static_cast<const Half *>(p1),
                                    static_cast<Half *>(p2),
                                    1,
                                    512,
                                    7,
                                    7,
                                    512,
                                    3,
                                    3,
                                    7,
                                    7,
                                    1,
                                    1,
                                    1,
                                    1,
                                    1,
                                    1};
  gridTiles<ConvolutionCluster>(params, smem, StoreAsIs{});
}
