// Rotary position embedding: pair i of every head of token t is turned by the angle
//   theta = position[t] * PositionScale * frequency(i),  frequency(i) = Base^(-2i / Dims) / factor[i],
//   out = Magnitude * (a cos theta - b sin theta, b cos theta + a sin theta) for the pair (a, b).
//
//   Rope<Input, Output, Pairing, Early>
//   Pairing::Adjacent  (x[2i], x[2i + 1]);  Pairing::Half  (x[i], x[i + Dims / 2])
//
// X [Tokens, Heads, Width] with LdX elements between tokens, Out likewise with LdOut, may be X. Elements Dims ..
// Width-1 are copied. Positions has PositionStride elements between tokens; Factors may be null, else [Dims / 2].
// With Early, which may be left out, both are weights or inputs of the call: angles are found before the kernels before
// this one have ended. frequency is computed in f64 and rounded to f32 once, theta is an f32 product, cosine and sine
// are those of that f32 angle to within two units in the last place at any position.
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

/// Turns all pairs of `heads` heads by all `Threads` threads: `place(head, i, a, b)` stores pair i. Several at a time,
/// so that a thread waits for memory once: the compiler moves no load of the next pair before a store.
template <Pairing Pairs, int Threads, class Input, class Place>
__device__ inline void turnPairs(const Input *x, int64_t width, int64_t heads, int pairs, const float *cosines,
                                 const float *sines, const Place &place) {
  constexpr int Batch = 8;
  int count = int(heads) * pairs;
#pragma unroll 1
  for (int first = threadIdx.x; first < count; first += Threads * Batch) {
    float a[Batch], b[Batch];
#pragma unroll
    for (int n = 0; n < Batch; ++n) {
      uint32_t id = uint32_t(smaller(first + n * Threads, count - 1)), i = id % uint32_t(pairs);
      const Input *pair = x + id / uint32_t(pairs) * width + (Pairs == Pairing::Adjacent ? 2 * i : i);
      a[n] = toValue(pair[0]);
      b[n] = toValue(pair[Pairs == Pairing::Adjacent ? 1 : pairs]);
    }
#pragma unroll
    for (int n = 0; n < Batch; ++n) {
      uint32_t id = uint32_t(first + n * Threads), i = id % uint32_t(pairs);
      if (int(id) < count)
        place(int64_t(id / uint32_t(pairs)), int(i), a[n] * cosines[i] - b[n] * sines[i],
              b[n] * cosines[i] + a[n] * sines[i]);
    }
  }
}

template <FloatElement Input, FloatElement Output, Pairing Pairs, bool Early = false> struct Rope {
  static constexpr bool WaitsItself = Early;
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
    if constexpr (Early)
      startNext();
    fillAngles<Threads>(p, token, cosines, sines);
    if constexpr (Early)
      waitForPrevious();
    __syncthreads();
    // 2. All heads.
    turnPairs<Pairs, Threads>(p.X + token * p.LdX, p.Width, p.Heads, pairs, cosines, sines,
                              [&](int64_t head, int i, float a, float b) {
                                Output *out = p.Out + token * p.LdOut + head * p.Width;
                                out[Pairs == Pairing::Adjacent ? 2 * i : i] = fromValue<Output>(a);
                                out[Pairs == Pairing::Adjacent ? 2 * i + 1 : i + pairs] = fromValue<Output>(b);
                              });
    int64_t rest = p.Width - p.Dims;
    for (int64_t id = threadIdx.x; id < p.Heads * rest; id += Threads) {
      int64_t at = id / rest * p.Width + p.Dims + id % rest;
      p.Out[token * p.LdOut + at] = fromValue<Output>(toValue(p.X[token * p.LdX + at]));
    }
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_ROPE_CUH
