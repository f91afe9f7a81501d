// Products with the weights of experts, one launch of every template, as the printer writes it.
#include "expert_matmul.cuh"
#include "expert_matmul_tiles.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

using Expert1 = ExpertMatmul<Q4_K, Half, int32_t, float>;
// registers <= 128
KERNEL(Expert1) lathe_expert_matmul_q4_k_1(void *x, void *w, void *experts, void *c, int64_t rows) {
  Expert1::Params params{.X = (const Half *)x,
                         .W = (const uint8_t *)w,
                         .Chosen = (const int32_t *)experts,
                         .C = (float *)c,
                         .Rows = rows,
                         .N = 768,
                         .K = 2048,
                         .Experts = 128,
                         .SharedRows = 8};
  gridTiles<Expert1>(params, nullptr, StoreAsIs{});
}

using Expert2 = ExpertMatmul<MXFP4, float, int64_t, float>;
// registers <= 128
KERNEL(Expert2) lathe_expert_matmul_mxfp4_2(void *x, void *w, void *experts, void *c, int64_t rows) {
  Expert2::Params params{
      (const float *)x, (const uint8_t *)w, (const int64_t *)experts, (float *)c, rows, 2880, 2880, 32, 1};
  gridTiles<Expert2>(params, nullptr, StoreAsIs{});
}

using Expert3 = ExpertMatmulTiles<Q4_K, BFloat16, int64_t, float, SmallTile, 1>;
static_assert(Expert3::SharedBytes == (4 * 16 + 2 * 64) * 64 * 2 + 4 * 16);
// registers <= 128
KERNEL(Expert3) lathe_expert_matmul_q4_k_3(void *x, void *w, void *experts, void *c, int64_t rows) {
  SHARED;
  Expert3::Params params{
      (const BFloat16 *)x, (const uint8_t *)w, (const int64_t *)experts, (float *)c, rows, 768, 2048, 128, 8};
  gridTiles<Expert3>(params, smem, StoreAsIs{});
}

using Expert4 = ExpertMatmulTiles<Plain<Half>, Half, int64_t, Half, MediumTile, 4>;
static_assert(Expert4::SharedBytes == 32768 + 4 * 64);
// registers <= 128
KERNEL(Expert4) lathe_expert_matmul_f16_4(void *x, void *w, void *experts, void *c, int64_t rows) {
  SHARED;
  Expert4::Params params{
      (const Half *)x, (const Half *)w, (const int64_t *)experts, (Half *)c, rows, 2048, 768, 128, 1};
  gridTiles<Expert4>(params, smem, StoreAsIs{});
}

using Expert5 = ExpertMatmulTiles<PackedPlain<Half>, Half, int64_t, Half, MediumTile, 4>;
static_assert(Expert5::SharedBytes == 32768 + 4 * 64);
// registers <= 128
KERNEL(Expert5) lathe_expert_matmul_packed_5(void *x, void *w, void *experts, void *c, int64_t rows) {
  SHARED;
  Expert5::Params params{
      (const Half *)x, (const Half *)w, (const int64_t *)experts, (Half *)c, rows, 2048, 768, 128, 1};
  gridTiles<Expert5>(params, smem, StoreAsIs{});
}

using Expert6 = ExpertMatmul<PackedPlain<BFloat16>, BFloat16, int64_t, float>;
// registers <= 128
KERNEL(Expert6) lathe_expert_matmul_packed_6(void *x, void *w, void *experts, void *c, int64_t rows) {
  Expert6::Params params{
      (const BFloat16 *)x, (const BFloat16 *)w, (const int64_t *)experts, (float *)c, rows, 768, 2048, 128, 8};
  gridTiles<Expert6>(params, nullptr, StoreAsIs{});
}
