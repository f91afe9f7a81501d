// y[n, o, i, j] = epilogue(sum_{c, r, s} x[n, g * C/Groups + c, i * StrideH - PadTop + r * DilationH,
//                                           j * StrideW - PadLeft + s * DilationW] * w[o, c, r, s], n * O + o, i * OW +
//                                           j)
// with g = o / (O / Groups), and zero outside x. Summed in f32 over c, then r, then s.
//
//   Convolution<Input, Weight, Output>
//
// X [N, C, H, W], Weights [O, C / Groups, KH, KW], Y [N, O, OH, OW], all dense. One dimension is H = KH = OH = 1.
// One thread a result: right for any shape; made for small models.
// Grid: ceil(N * O * OH * OW / 256). Block: 256. Shared: 0. Limits: H * W and C * KH * KW under 2^31.
#ifndef LATHE_KERNELS_CONVOLUTION_CUH
#define LATHE_KERNELS_CONVOLUTION_CUH

#include "tiles.cuh"

namespace lathe::kernels {

template <FloatElement Input, FloatElement Weight, class Output> struct Convolution {
  static constexpr int Threads = 256, MinBlocks = 4, SharedBytes = 0;
  struct Params {
    const Input *X;
    const Weight *Weights;
    Output *Y;
    int64_t N, C, H, W, O, KH, KW, OH, OW, Groups;
    int64_t StrideH, StrideW, PadTop, PadLeft, DilationH, DilationW;
  };

  static __host__ __device__ int64_t tiles(const Params &p) {
    return ceilDiv<int64_t>(p.N * p.O * p.OH * p.OW, Threads);
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *, const Epilogue &epilogue) {
    int64_t id = tile * Threads + threadIdx.x, plane = p.OH * p.OW;
    if (id >= p.N * p.O * plane)
      return;
    int64_t row = id / plane, col = id % plane, image = row / p.O, o = row % p.O;
    int channels = int(p.C / p.Groups), kh = int(p.KH), kw = int(p.KW), height = int(p.H), width = int(p.W);
    int top = int(col / p.OW * p.StrideH - p.PadTop), left = int(col % p.OW * p.StrideW - p.PadLeft);
    int downStep = int(p.DilationH), rightStep = int(p.DilationW);
    const Input *x = p.X + (image * p.C + o / (p.O / p.Groups) * channels) * p.H * p.W;
    const Weight *w = p.Weights + o * channels * kh * kw;
    float sum = 0;
    for (int c = 0; c < channels; ++c, x += p.H * p.W)
      for (int r = 0; r < kh; ++r) {
        int i = top + r * downStep;
        for (int s = 0; s < kw; ++s, ++w) {
          int j = left + s * rightStep;
          if (i >= 0 && i < height && j >= 0 && j < width)
            sum += toValue(x[i * width + j]) * toValue(*w);
        }
      }
    p.Y[id] = fromValue<Output>(epilogue(sum, row, col));
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_CONVOLUTION_CUH
