// Products with the weights of experts that need sm_90a, as the printer writes them.
#include "expert_matmul_sm90.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

template <class Kernel, class Element>
__device__ void multiplyExperts(char *smem, void *x, void *w, void *experts, void *c, int64_t rows) {
  typename Kernel::Params params{.X = static_cast<const Element *>(x),
                                 .W = static_cast<const Element *>(w),
                                 .Chosen = static_cast<const int64_t *>(experts),
                                 .C = static_cast<float *>(c),
                                 .Rows = rows,
                                 .N = 768,
                                 .K = 2048,
                                 .Experts = 128,
                                 .SharedRows = 8,
                                 .Blocks = 132};
  gridTiles<Kernel>(params, smem, StoreAsIs{});
}

using Experts16 = ExpertMatmulSm90<BFloat16, int64_t, float, 16>;
static_assert(Experts16::SharedBytes == 214360);
// registers <= 80
KERNEL(Experts16) lathe_expert_matmul_sm90_16(void *x, void *w, void *experts, void *c, int64_t rows) {
  ALIGNED_SHARED;
  multiplyExperts<Experts16, BFloat16>(smem, x, w, experts, c, rows);
}

using Experts64 = ExpertMatmulSm90<Half, int64_t, float, 64>;
static_assert(Experts64::SharedBytes == 221456);
// registers <= 104
KERNEL(Experts64) lathe_expert_matmul_sm90_64(void *x, void *w, void *experts, void *c, int64_t rows) {
  ALIGNED_SHARED;
  multiplyExperts<Experts64, Half>(smem, x, w, experts, c, rows);
}

using Experts256 = ExpertMatmulSm90<BFloat16, int64_t, float, 256>;
// registers <= 168
KERNEL(Experts256) lathe_expert_matmul_sm90_256(void *x, void *w, void *experts, void *c, int64_t rows) {
  ALIGNED_SHARED;
  multiplyExperts<Experts256, BFloat16>(smem, x, w, experts, c, rows);
}
