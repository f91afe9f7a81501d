// Products with weights in blocks of `!lathe.blocked`, one launch of every template and of every kind of code.
#include "blocked_formats.cuh"
#include "dequantize.cuh"
#include "gather.cuh"
#include "quantized_matmul.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

using Blocked1 = QuantizedMatmulFewRows<Blocked<E4M3Code, 4096, float>, Half, float, 1>;
// registers <= 128
KERNEL(Blocked1) lathe_few_rows_e4m3_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Blocked1::Params params{(const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 28672, 4096, 4096, 28672};
  gridTiles<Blocked1>(params, smem, StoreAsIs{});
}

using Blocked2 = QuantizedMatmulFewRows<Blocked<E5M2Code, 128, float>, Half, float, 1>;
// registers <= 128
KERNEL(Blocked2) lathe_few_rows_e5m2_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Blocked2::Params params{(const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 28672, 4096, 4096, 28672};
  gridTiles<Blocked2>(params, smem, StoreAsIs{});
}

using Blocked3 = QuantizedMatmulFewRows<Blocked<Nf4Code, 64, float>, Half, float, 1>;
// registers <= 128
KERNEL(Blocked3) lathe_few_rows_nf4_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Blocked3::Params params{(const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 28672, 4096, 4096, 28672};
  gridTiles<Blocked3>(params, smem, StoreAsIs{});
}

using Blocked4 = QuantizedMatmulFewRows<Blocked<UnsignedCode<4>, 128, Half, int8_t>, Half, float, 1>;
// registers <= 128
KERNEL(Blocked4) lathe_few_rows_ui4_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Blocked4::Params params{(const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 28672, 4096, 4096, 28672};
  gridTiles<Blocked4>(params, smem, StoreAsIs{});
}

using Blocked5 = QuantizedMatmulFewRows<Blocked<UnsignedCode<3>, 32, Half, int8_t>, Half, float, 1>;
// registers <= 128
KERNEL(Blocked5) lathe_few_rows_ui3_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Blocked5::Params params{(const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 28672, 4096, 4096, 28672};
  gridTiles<Blocked5>(params, smem, StoreAsIs{});
}

using Blocked6 = QuantizedMatmulFewRows<Blocked<SignedCode<8>, 4096, float>, Half, float, 1>;
// registers <= 128
KERNEL(Blocked6) lathe_few_rows_i8_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Blocked6::Params params{(const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 28672, 4096, 4096, 28672};
  gridTiles<Blocked6>(params, smem, StoreAsIs{});
}

using Blocked7 = QuantizedMatmulFewRows<Blocked<E2M1Code, 16, float>, Half, float, 1>;
// registers <= 128
KERNEL(Blocked7) lathe_few_rows_e2m1_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Blocked7::Params params{(const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 28672, 4096, 4096, 28672};
  gridTiles<Blocked7>(params, smem, StoreAsIs{});
}

using Blocked8 = QuantizedMatmulFewRows<Blocked<Nf4Code, 64, float>, Half, float, 8>;
// registers <= 168
KERNEL(Blocked8) lathe_few_rows_nf4_8(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Blocked8::Params params{(const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 28672, 4096, 4096, 28672};
  gridTiles<Blocked8>(params, smem, StoreAsIs{});
}

using Blocked9 = QuantizedMatmul<Blocked<Nf4Code, 64, float>, BFloat16, float, MediumTile>;
// registers <= 168
KERNEL(Blocked9) lathe_medium_nf4(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Blocked9::Params params{(const BFloat16 *)p0, (const uint8_t *)p1, (float *)p2, d0, 28672, 4096, 4096, 28672};
  gridTiles<Blocked9>(params, smem, StoreAsIs{});
}

using Blocked10 = QuantizedMatmul<Blocked<UnsignedCode<4>, 32, Half, int8_t>, Half, Half, SmallTile>;
// registers <= 128
KERNEL(Blocked10) lathe_small_ui4(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Blocked10::Params params{(const Half *)p0, (const uint8_t *)p1, (Half *)p2, d0, 28672, 4096, 4096, 28672};
  gridTiles<Blocked10>(params, smem, StoreAsIs{});
}

using Blocked11 = QuantizedMatmul<Blocked<E4M3Code, 4096, float>, Half, float, LargeTile>;
// registers <= 128
KERNEL(Blocked11) lathe_large_e4m3(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Blocked11::Params params{(const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 28672, 4096, 4096, 28672};
  gridTiles<Blocked11>(params, smem, StoreAsIs{});
}

using Blocked12 = QuantizedMatmulSimt<Blocked<E4M3Code, 4096, float>, float, float>;
// registers <= 168
KERNEL(Blocked12) lathe_simt_e4m3(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Blocked12::Params params{(const float *)p0, (const uint8_t *)p1, (float *)p2, d0, 28672, 4096, 4096, 28672};
  gridTiles<Blocked12>(params, smem, StoreAsIs{});
}

using BlockedValues = Dequantize<Blocked<Nf4Code, 64, float>, Half>;
// registers <= 64
KERNEL(BlockedValues) lathe_values_nf4(void *p0, void *p1) {
  SHARED;
  BlockedValues::Params params{.W = (const uint8_t *)p0, .Out = (Half *)p1, .N = 28672, .K = 4096};
  gridTiles<BlockedValues>(params, smem, NoBody{});
}

using BlockedRows = Gather<Blocked<E2M1Code, 16, float>, int32_t, float>;
// registers <= 64
KERNEL(BlockedRows) lathe_gather_e2m1(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  SHARED;
  BlockedRows::Params params{(const uint8_t *)p0, (const int32_t *)p1, (float *)p2, d0, 4096, 128256, 4096, 4096,
                             {(uint64_t *)p3, 1}};
  gridTiles<BlockedRows>(params, smem, StoreAsIs{});
}
