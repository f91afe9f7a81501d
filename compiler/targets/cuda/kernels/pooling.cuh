// y[p, i, j] = epilogue(max or mean of x[p, i * StrideH - PadTop + r * DilationH, j * StrideW - PadLeft + s *
// DilationW]
//                       over 0 <= r < KH, 0 <= s < KW, p, i * OW + j)
//
//   Pooling<Input, Output, Operation>
//   Pool::Max      over the elements inside x; -inf when there are none; a NaN wins
//   Pool::Average  the sum over the elements inside x, in f32, divided by their number, or with CountPads by the number
//                  of places inside x and its pads (those of ceil mode beyond the pads never count)
//
//   ChannelMaxPooling<Input, Output, Vector>   Pool::Max of images with channels last; Vector channels a thread, which
//                                              divides C; epilogue(max, (n * OH + i) * OW + j, c)
//
// X [Planes, H, W], Y [Planes, OH, OW], dense. A global pool is KH = H, KW = W, OH = OW = 1. ChannelMaxPooling: X
// [N, H, W, C], Y [N, OH, OW, C], grid ceil(N * OH * OW * C / Vector / 256).
// Grid: ceil(Planes * OH * OW / 256). Block: 256. Shared: 0. Limits: H * W under 2^31.
#ifndef LATHE_KERNELS_POOLING_CUH
#define LATHE_KERNELS_POOLING_CUH

#include "tiles.cuh"

namespace lathe::kernels {

enum class Pool { Max, Average };

template <FloatElement Input, class Output, Pool Operation> struct Pooling {
  static constexpr int Threads = 256, MinBlocks = 4, SharedBytes = 0;
  struct Params {
    const Input *X;
    Output *Y;
    int64_t Planes, H, W, KH, KW, OH, OW;
    int64_t StrideH, StrideW, PadTop, PadLeft, PadBottom, PadRight, DilationH, DilationW;
    bool CountPads;
  };

  static __host__ __device__ int64_t tiles(const Params &p) {
    return ceilDiv<int64_t>(p.Planes * p.OH * p.OW, Threads);
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *, const Epilogue &epilogue) {
    int64_t id = tile * Threads + threadIdx.x, plane = p.OH * p.OW;
    if (id >= p.Planes * plane)
      return;
    int64_t row = id / plane, col = id % plane;
    int top = int(col / p.OW * p.StrideH - p.PadTop), left = int(col % p.OW * p.StrideW - p.PadLeft);
    int height = int(p.H), width = int(p.W);
    const Input *x = p.X + row * p.H * p.W;
    float result = Operation == Pool::Max ? -Infinity : 0.0f;
    int inside = 0, padded = 0;
    for (int r = 0; r < int(p.KH); ++r) {
      int i = top + r * int(p.DilationH);
      for (int s = 0; s < int(p.KW); ++s) {
        int j = left + s * int(p.DilationW);
        padded += i < height + int(p.PadBottom) && j < width + int(p.PadRight);
        if (i < 0 || i >= height || j < 0 || j >= width)
          continue;
        float value = toValue(x[i * width + j]);
        ++inside;
        if constexpr (Operation == Pool::Max)
          result = result != result || result > value ? result : value;
        else
          result += value;
      }
    }
    if constexpr (Operation == Pool::Average)
      result /= float(p.CountPads ? padded : inside);
    p.Y[id] = fromValue<Output>(epilogue(result, row, col));
  }
};

template <FloatElement Input, class Output, int Vector> struct ChannelMaxPooling {
  static constexpr int Threads = 256, MinBlocks = 4, SharedBytes = 0;
  struct Params {
    const Input *X;
    Output *Y;
    int64_t N, H, W, C, KH, KW, OH, OW;
    int64_t StrideH, StrideW, PadTop, PadLeft, DilationH, DilationW;
  };

  static __host__ __device__ int64_t tiles(const Params &p) {
    return ceilDiv<int64_t>(p.N * p.OH * p.OW * (p.C / Vector), Threads);
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *, const Epilogue &epilogue) {
    int64_t id = tile * Threads + threadIdx.x, vectors = p.C / Vector, row = id / vectors, col = id % vectors * Vector;
    if (row >= p.N * p.OH * p.OW)
      return;
    int64_t image = row / (p.OH * p.OW);
    int place = int(row % (p.OH * p.OW)), height = int(p.H), width = int(p.W);
    int top = place / int(p.OW) * int(p.StrideH) - int(p.PadTop);
    int left = place % int(p.OW) * int(p.StrideW) - int(p.PadLeft);
    const Input *x = p.X + image * p.H * p.W * p.C + col;
    float result[Vector];
#pragma unroll
    for (int e = 0; e < Vector; ++e)
      result[e] = -Infinity;
    for (int r = 0; r < int(p.KH); ++r)
      for (int s = 0; s < int(p.KW); ++s) {
        int i = top + r * int(p.DilationH), j = left + s * int(p.DilationW);
        if (i < 0 || i >= height || j < 0 || j >= width)
          continue;
        Value<Input> values[Vector];
        loadVector(x, (int64_t(i) * width + j) * p.C, values);
#pragma unroll
        for (int e = 0; e < Vector; ++e)
          result[e] = result[e] != result[e] || result[e] > values[e] ? result[e] : values[e];
      }
    Value<Output> stored[Vector];
#pragma unroll
    for (int e = 0; e < Vector; ++e)
      stored[e] = epilogue(result[e], row, col + e);
    storeVector(p.Y, row * p.C + col, stored);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_POOLING_CUH
