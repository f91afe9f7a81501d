// Reductions of rows, one launch of every template that needs sm_90a, as the printer writes it.
#include "row_reduction_sm90.cuh"
#include "top_k.cuh"

#include "test/compiler/targets/cuda/kernels/instances/arg_max.h"
#include "test/compiler/targets/cuda/kernels/instances/launches.h"

using LongArgMax = RowReductionCluster<ArgMaxReduction, 8>;
// registers <= 64
KERNEL(LongArgMax) __cluster_dims__(8, 1, 1) lathe_arg_max_cluster(void *p0, void *p1, int64_t d0) {
  extern __shared__ __align__(128) char smem[];
  gridTiles<LongArgMax>({.Rows = d0, .Cols = 128256}, smem, ArgMax<int64_t>{(const float *)p0, (int64_t *)p1, 128256});
}

using Likeliest = TopK<float, 64, 8>;
// registers <= 64
KERNEL(Likeliest) __cluster_dims__(8, 1, 1) lathe_top_k_cluster(void *p0, void *p1, void *p2, int64_t d0) {
  extern __shared__ __align__(128) char smem[];
  gridTiles<Likeliest>(
      {.X = (const float *)p0, .Values = (float *)p1, .Indices = (int64_t *)p2, .Rows = d0, .Cols = 128256}, smem,
      NoBody{});
}
