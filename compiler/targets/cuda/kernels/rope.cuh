// Rotary position embedding: pair i of every head of token t is turned by the angle
//   theta = position[t] * PositionScale * frequency(i),  frequency(i) = Base^(-2i / Dims) / factor[i],
//   out = Magnitude * (a cos theta - b sin theta, b cos theta + a sin theta) for the pair (a, b).
//
//   Rope<Input, Output, Pairing>
//   Pairing::Adjacent  (x[2i], x[2i + 1]);  Pairing::Half  (x[i], x[i + Dims / 2])
//
// X [Tokens, Heads, Width] with LdX elements between tokens, Out likewise with LdOut, may be X. Elements Dims ..
// Width-1 are copied. Positions has PositionStride elements between tokens; Factors may be null, else [Dims / 2].
// frequency is computed in f64 and rounded to f32 once, theta is an f32 product, cosine and sine are those of that f32
// angle to within two units in the last place at any position.
// Grid: Tokens. Block: 256. Shared: SharedBytes. Limits: Dims even, at most MaxDims.
#ifndef LATHE_KERNELS_ROPE_CUH
#define LATHE_KERNELS_ROPE_CUH

#include "tiles.cuh"

namespace lathe::kernels {

enum class Pairing { Adjacent, Half };

/// Cosine and sine of angle i of a token, times Magnitude. `p` has the members of Rope::Params that say how to turn.
/// The reduction to half turns is in f64: in f32 the remainder of a large angle has no digits.
template <class Rotation>
__device__ inline void findAngle(const Rotation &p, int64_t token, int i, float &cosine, float &sine) {
  double exponent = -2.0 * i / double(p.Dims) * log2(double(p.Base));
  double factor = p.Factors ? double(p.Factors[i]) : 1.0;
  float theta = float(p.Positions[token * p.PositionStride]) * p.PositionScale * float(exp2(exponent) / factor);
  double halfTurns = double(theta) * 0.31830988618379067154;
  sincospif(float(halfTurns - 2.0 * rint(halfTurns * 0.5)), &sine, &cosine);
  cosine *= p.Magnitude;
  sine *= p.Magnitude;
}

/// cosines and sines [Dims / 2] of a token's angles, by all threads of a block.
template <int Threads, class Rotation>
__device__ inline void fillAngles(const Rotation &p, int64_t token, float *cosines, float *sines) {
  for (int i = threadIdx.x; i < int(p.Dims / 2); i += Threads)
    findAngle(p, token, i, cosines[i], sines[i]);
}

template <FloatElement Input, FloatElement Output, Pairing Pairs> struct Rope {
  static constexpr int Threads = 256, MinBlocks = 4, MaxDims = 1024, SharedBytes = MaxDims * 4;
  struct Params {
    const Input *X;
    Output *Out;
    const int32_t *Positions;
    const float *Factors;
    int64_t Tokens, Heads, Width, Dims;
    int64_t LdX, LdOut, PositionStride;
    float Base, PositionScale, Magnitude;
  };

  static __host__ __device__ int64_t tiles(const Params &p) { return p.Tokens; }

  static __device__ void run(const Params &p, int64_t token, char *smem, const NoBody &) {
    float *cosines = reinterpret_cast<float *>(smem);
    int pairs = int(p.Dims / 2);
    float *sines = cosines + pairs;
    // 1. One angle a pair.
    fillAngles<Threads>(p, token, cosines, sines);
    __syncthreads();
    // 2. All heads.
    for (int64_t id = threadIdx.x; id < p.Heads * pairs; id += Threads) {
      int64_t head = uint32_t(id) / uint32_t(pairs);
      int i = int(uint32_t(id) % uint32_t(pairs));
      int first = Pairs == Pairing::Adjacent ? 2 * i : i, second = Pairs == Pairing::Adjacent ? first + 1 : i + pairs;
      const Input *x = p.X + token * p.LdX + head * p.Width;
      Output *out = p.Out + token * p.LdOut + head * p.Width;
      float a = toValue(x[first]), b = toValue(x[second]);
      out[first] = fromValue<Output>(a * cosines[i] - b * sines[i]);
      out[second] = fromValue<Output>(b * cosines[i] + a * sines[i]);
    }
    int64_t rest = p.Width - p.Dims;
    for (int64_t id = threadIdx.x; id < p.Heads * rest; id += Threads) {
      int64_t at = id / rest * p.Width + p.Dims + id % rest;
      p.Out[token * p.LdOut + at] = fromValue<Output>(toValue(p.X[token * p.LdX + at]));
    }
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_ROPE_CUH
