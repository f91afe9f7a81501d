// Operations that are written once, as a loop of dialects/lathe/reference/loops, for the reference, the CPU and CUDA.
//
//   LoopKernel<Struct, Call>
//   Struct  a loop of Loops.def: loops::Slice, loops::TopK, ...
//   Call    describes the tensors: `template <class Run> auto with(Run run) const` returns
//           run(inputs, outputs, attributes) with the arrays of loops/Tensor.h; null data where a tensor is read for
//           its dimensions alone
//
// A thread runs one tile of the loop: one element where the loop goes element by element, a line where it goes along
// lines (sorting, cumulative sums, recurrent networks), everything where it cannot be divided (scatter, unique). Right
// for all, fast where elements are many and independent. Arithmetic is the loop's own: floats in f64. An index that
// points outside of its tensor is reported and gives an element of all bits 0.
// Grid: any; ceil(elements of the first result / 256) has a thread for every tile. Block: 256. Shared: 0.
#ifndef LATHE_KERNELS_LOOPS_CUH
#define LATHE_KERNELS_LOOPS_CUH

#include "faults.cuh"
#include "tiles.cuh"

#define LATHE_LOOP_DEVICE
#define LATHE_LOOP_INLINE __device__ inline

namespace lathe::loops {

/// The functions of runtime/MathFunctions.def, which are built in here.
struct Math {
#define LATHE_MATH_UNARY(name)                                                                                         \
  __device__ float name##f(float x) const { return ::name##f(x); }                                                     \
  __device__ double name(double x) const { return ::name(x); }
#define LATHE_MATH_BINARY(name)                                                                                        \
  __device__ float name##f(float x, float y) const { return ::name##f(x, y); }                                         \
  __device__ double name(double x, double y) const { return ::name(x, y); }
#include "runtime/MathFunctions.def"
};

/// Threads are many: each takes the least there is.
constexpr bool OneElementTiles = true;

} // namespace lathe::loops

#include "dialects/lathe/reference/loops/Loops.h"

namespace lathe::kernels {

template <class Struct, class Call> struct LoopKernel {
  static constexpr int Threads = 256, MinBlocks = 1, SharedBytes = 0;
  using Tensor = loops::Tensor;
  struct Params {
    Call Tensors;
    FaultReport Faults;
  };

  static __device__ int64_t tiles(const Params &params) {
    return params.Tensors.with([](const Tensor *inputs, const Tensor *outputs, const int64_t *attributes) {
      return ceilDiv<int64_t>(Struct::tiles(inputs, outputs, attributes), Threads);
    });
  }

  static __device__ void run(const Params &params, int64_t tile, char *, NoBody) {
    params.Tensors.with([&](const Tensor *inputs, const Tensor *outputs, const int64_t *attributes) {
      int64_t own = tile * Threads + threadIdx.x;
      const loops::Math math{};
      if (own < Struct::tiles(inputs, outputs, attributes))
        if (int32_t fault = Struct::run({&math, inputs, outputs, attributes, own, own + 1}))
          params.Faults(fault);
    });
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_LOOPS_CUH
