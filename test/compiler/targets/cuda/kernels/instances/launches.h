// What the launches of this folder have in common: how the printer opens a kernel, and bodies of more than one.
//
// nvrtc-compile compiles the files beside this one, those of *_sm90.cu for sm_90a alone and the others for sm_80 too,
// and holds every kernel to the register budget in the comment before it; no kernel may spill or use local memory
// without a reason there. The static_asserts hold the shared bytes to those that the kernels' README.md promises.
#pragma once

using namespace lathe::kernels;

#define KERNEL(KIND) extern "C" __global__ void __launch_bounds__(KIND::Threads, KIND::MinBlocks)
#define SHARED extern __shared__ __align__(128) char smem[]
#define ALIGNED_SHARED extern __shared__ __align__(1024) char smem[]

struct BiasResidual {
  const float *Bias;
  const float *Residual;
  int64_t N;
  __device__ float operator()(float acc, int64_t row, int64_t col) const {
    return acc + Bias[col] + Residual[row * N + col];
  }
};

struct GateTimesUp {
  __device__ float operator()(float gate, float up, int64_t, int64_t) const { return gate / (1 + expf(-gate)) * up; }
};

struct BiasResidualRelu {
  const float *Bias;
  const Half *Residual;
  int64_t N;
  __device__ float operator()(float acc, int64_t row, int64_t col) const {
    return fmaxf(acc + Bias[col] + toValue(Residual[row * N + col]), 0);
  }
};
