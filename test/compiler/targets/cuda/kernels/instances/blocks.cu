// Products with weights in blocks, one launch of every template, as the printer writes it.
#include "dequantize.cuh"
#include "quantized_matmul.cuh"
#include "together.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

using QuantizedMatmulFewRows1 = QuantizedMatmulFewRows<Q4_K, Half, float, 1>;
static_assert(QuantizedMatmulFewRows1::SharedBytes == 32);
// registers <= 128
KERNEL(QuantizedMatmulFewRows1) lathe_quantized_matmul_few_rows_q4_k_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmulFewRows1::Params params{
      (const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 4096, 4096, 4096, 4096};
  gridTiles<QuantizedMatmulFewRows1>(params, smem, StoreAsIs{});
}

using QuantizedMatmulFewRows8 = QuantizedMatmulFewRows<Q6_K, Half, float, 8>;
static_assert(QuantizedMatmulFewRows8::SharedBytes == 256);
// registers <= 168
KERNEL(QuantizedMatmulFewRows8) lathe_quantized_matmul_few_rows_q6_k_8(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmulFewRows8::Params params{
      (const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 4096, 4096, 4096, 4096};
  gridTiles<QuantizedMatmulFewRows8>(params, smem, StoreAsIs{});
}

using QuantizedMatmul1 = QuantizedMatmul<Q4_K, Half, float, LargeTile>;
static_assert(QuantizedMatmul1::SharedBytes == 49152);
// registers <= 128
KERNEL(QuantizedMatmul1) lathe_quantized_matmul_q4_k_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmul1::Params params{.A = (const Half *)p0,
                                  .W = (const uint8_t *)p1,
                                  .C = (float *)p2,
                                  .M = d0,
                                  .N = 4096,
                                  .K = 4096,
                                  .LdA = 4096,
                                  .LdC = 4096};
  gridTiles<QuantizedMatmul1>(params, smem, StoreAsIs{});
}

using QuantizedMatmul2 = QuantizedMatmul<Q6_K, BFloat16, BFloat16, MediumTile>;
static_assert(QuantizedMatmul2::SharedBytes == 24576);
// registers <= 168
KERNEL(QuantizedMatmul2) lathe_quantized_matmul_q6_k_2(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmul2::Params params{
      (const BFloat16 *)p0, (const uint8_t *)p1, (BFloat16 *)p2, d0, 4096, 4096, 4096, 4096};
  gridTiles<QuantizedMatmul2>(params, smem, StoreAsIs{});
}

using QuantizedMatmul3 = QuantizedMatmul<Q8_0, Half, float, SmallTile>;
static_assert(QuantizedMatmul3::SharedBytes == 24576);
// registers <= 128
KERNEL(QuantizedMatmul3) lathe_quantized_matmul_q8_0_3(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmul3::Params params{(const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 4096, 4096, 4096, 4096};
  gridTiles<QuantizedMatmul3>(params, smem, StoreAsIs{});
}

using QuantizedMatmul4 = QuantizedMatmul<TiledQ6_K, Half, Half, SmallTile>;
// registers <= 128
KERNEL(QuantizedMatmul4) lathe_quantized_matmul_tiled_q6_k_4(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmul4::Params params{(const Half *)p0, (const uint8_t *)p1, (Half *)p2, d0, 4096, 4096, 4096, 4096};
  gridTiles<QuantizedMatmul4>(params, smem, StoreAsIs{});
}

using QuantizedMatmulSimt1 = QuantizedMatmulSimt<Q5_K, float, float>;
static_assert(QuantizedMatmulSimt1::SharedBytes == 8704);
// registers <= 168
KERNEL(QuantizedMatmulSimt1) lathe_quantized_matmul_simt_q5_k_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmulSimt1::Params params{(const float *)p0, (const uint8_t *)p1, (float *)p2, d0, 4096, 4096, 4096, 4096};
  gridTiles<QuantizedMatmulSimt1>(params, smem, StoreAsIs{});
}

using Dequantize1 = Dequantize<TiledQ4_K, Half>;
// registers <= 64
KERNEL(Dequantize1) lathe_dequantize_q4_k(void *p0, void *p1) {
  SHARED;
  Dequantize1::Params params{.W = (const uint8_t *)p0, .Out = (Half *)p1, .N = 14336, .K = 4096};
  gridTiles<Dequantize1>(params, smem, NoBody{});
}

using Dequantize2 = Dequantize<Q5_K, BFloat16>;
// registers <= 64
KERNEL(Dequantize2) lathe_dequantize_blocks_q5_k(void *p0, void *p1) {
  SHARED;
  Dequantize2::Params params{.W = (const uint8_t *)p0, .Out = (BFloat16 *)p1, .N = 14336, .K = 4096};
  gridTiles<Dequantize2>(params, smem, NoBody{});
}

using Together1 = Together<QuantizedMatmulFewRows<Q4_K, Half, float, 1>, QuantizedMatmulFewRows<Q6_K, Half, Half, 1>>;
static_assert(Together1::SharedBytes == 32);
// registers <= 128
KERNEL(Together1) lathe_together_q4_k_1(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  SHARED;
  Together1::Params params{.Head = {.A = (const Half *)p0,
                                    .W = (const uint8_t *)p1,
                                    .C = (float *)p3,
                                    .M = d0,
                                    .N = 4096,
                                    .K = 4096,
                                    .LdA = 4096,
                                    .LdC = 4096},
                           .Tail = {.Head = {.A = (const Half *)p0,
                                             .W = (const uint8_t *)p2,
                                             .C = (Half *)p4,
                                             .M = d0,
                                             .N = 1024,
                                             .K = 4096,
                                             .LdA = 4096,
                                             .LdC = 1024}}};
  gridTiles<Together1>(params, smem, together(StoreAsIs{}, StoreAsIs{}));
}
