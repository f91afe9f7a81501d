// RUN: cuda-print %s --emit=source,launches | FileCheck %s
// RUN: cuda-print %s --emit=source,launches --ptx=sm_90a | FileCheck %s --check-prefix=HOPPER
// RUN: cuda-print %s --activations=f32 --emit=source | FileCheck %s --check-prefix=F32
// RUN: cuda-print %s --activations=tf32 --emit=source,launches | FileCheck %s --check-prefix=TF32
// RUN: cuda-print %s --activations=tf32 --emit=source --ptx=sm_90a | FileCheck %s --check-prefix=TF32-HOPPER

// What follows a product is done to its sums, in f32; the result is rounded once, where it is stored.
// CHECK:      struct Epilogue {
// CHECK-NEXT:   const float *P2;
// CHECK-NEXT:   const float *P3;
// CHECK-NEXT:   __device__ float operator()(float acc, int64_t row, int64_t col) const {
// CHECK-NEXT:     const Value<float> [[B:v[0-9]+]] = toValue(P2[col]);
// CHECK-NEXT:     const Value<float> [[R:v[0-9]+]] = toValue(P3[row * 10 + col]);
// CHECK-NEXT:     const float [[S:v[0-9]+]] = scalar_add(acc, [[B]]);
// CHECK-NEXT:     const float [[T:v[0-9]+]] = scalar_silu([[S]]);
// CHECK-NEXT:     const float [[U:v[0-9]+]] = scalar_add([[T]], [[R]]);
// CHECK-NEXT:     return [[U]];
// CHECK:      using Template = PackedMatmul<Half, Half, PackedMediumTile>;
// CHECK-NEXT: static_assert(Template::Threads == 128 && Template::SharedBytes == 49152);
// CHECK:      .A = p0, .M = d0, .K = 64, .LdA = 64, .Blocks = 132, .Parts = {{[{][{]}}.W = {p1}, .C = p4, .N = 10, .LdC = 10}}};
// HOPPER:      using Template = PackedMatmulSm90<Half, Half, PackedThinTile>;
// HOPPER-NEXT: static_assert(Template::Threads == 256 && Template::SharedBytes == 196864);
// HOPPER:      .A = p0, .M = d0, .K = 64, .LdA = 64, .Blocks = 132, .Parts = {{[{][{]}}.W = {p1}, .C = p4, .N = 10, .LdC = 10}}};

// Blocks are decoded on the way to the tensor cores: in tiles, or as they are where a format has none.
// CHECK:      using Template = QuantizedMatmul<TiledQ4_K, Half, float, MediumTile>;
// CHECK-NEXT: static_assert(Template::Threads == 128 && Template::SharedBytes == 24576);
// CHECK:      const uint8_t *p1, float *p2, int64_t d0)
// CHECK:      gridTiles<Template>(params, smem, StoreAsIs{});
// CHECK:      using Template = QuantizedMatmul<Q5_K, Half, float, MediumTile>;

// Few rows: one block for two rows of weights.
// CHECK:      using Template = QuantizedMatmulFewRows<Q5_K, Half, float, 8>;
// CHECK-NEXT: static_assert(Template::Threads == 128 && Template::SharedBytes == 256);

// CHECK:      forward
// CHECK:        lathe_tile_matmul_f16_f32_{{[0-9]+}}<<<s0 ceildiv 64, 128, 49152>>>
// HOPPER:       lathe_tile_matmul_f16_f32_{{[0-9]+}}<<<1, 256, 196864>>>
// CHECK:        lathe_tile_matmul_f16_q4_k_f32_{{[0-9]+}}<<<(s0 ceildiv 64) * 2, 128, 24576>>>
// CHECK:        lathe_quantized_matmul_f16_q5_k_f32_{{[0-9]+}}<<<(s0 ceildiv 64) * 2, 128, 24576>>>
// CHECK:      few
// CHECK:        lathe_quantized_matmul_f16_q5_k_f32_{{[0-9]+}}<<<64, 128, 256>>>

// In tf32 weights of f32 are packed as those of 16 bits are, in tiles of half as many elements along k.
// TF32:      using Template = PackedMatmul<Tf32, Half, PackedMediumTile>;
// TF32:      using Template = Together<QuantizedMatmulSimt<Q4_K, float, float>, QuantizedMatmulSimt<Q5_K, float, float>>;
// TF32:        lathe_tile_matmul_f32_f16_{{[0-9]+}}<<<s0 ceildiv 64, 128, 49152>>>

// TF32-HOPPER: using Template = PackedMatmulSm90<Tf32, Half, PackedThinTile>;
// TF32-HOPPER-NEXT: static_assert(Template::Threads == 256 && Template::SharedBytes == 196864);

// F32: using Template = MatmulSimt<float, float, Half, Rhs::NK>;
// F32: using Template = Together<QuantizedMatmulSimt<Q4_K, float, float>, QuantizedMatmulSimt<Q5_K, float, float>>;
func.func @forward(%x: tensor<?x64xf32> {lathe.name = "x", lathe.dims = ["n", 64]},
                   %r: tensor<?x10xf32> {lathe.name = "r", lathe.dims = ["n", 10]},
                   %y: tensor<?x256xf32> {lathe.name = "y", lathe.dims = ["n", 256]})
    -> (tensor<?x10xf16>, tensor<?x128xf32>, tensor<?x128xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 9, 64>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 2560 : tensor<10x64xf32>
  %b = lathe.weight "b" file 0 offset 2560 bytes 40 : tensor<10xf32>
  %q = lathe.weight "q" file 0 offset 2600 bytes 18432 : tensor<128x256x!lathe.gguf<q4_k>>
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf32>, tensor<10x64xf32> -> tensor<?x10xf32>
  %1 = lathe.add %0, %b : tensor<?x10xf32>, tensor<10xf32> -> tensor<?x10xf32>
  %2 = lathe.silu %1 : tensor<?x10xf32>
  %3 = lathe.add %2, %r : tensor<?x10xf32>, tensor<?x10xf32> -> tensor<?x10xf32>
  %4 = lathe.cast %3 : tensor<?x10xf32> -> tensor<?x10xf16>
  %5 = lathe.matmul %y, %q transpose_rhs : tensor<?x256xf32>, tensor<128x256x!lathe.gguf<q4_k>> -> tensor<?x128xf32>
  %k = lathe.weight "k" file 0 offset 21032 bytes 22528 : tensor<128x256x!lathe.gguf<q5_k>>
  %6 = lathe.matmul %y, %k transpose_rhs : tensor<?x256xf32>, tensor<128x256x!lathe.gguf<q5_k>> -> tensor<?x128xf32>
  return %4, %5, %6 : tensor<?x10xf16>, tensor<?x128xf32>, tensor<?x128xf32>
}

func.func @few(%y: tensor<?x256xf32> {lathe.name = "y", lathe.dims = ["n", 256]}) -> tensor<?x128xf32>
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 2, 7>]} {
  %k = lathe.weight "k" file 0 offset 21032 bytes 22528 : tensor<128x256x!lathe.gguf<q5_k>>
  %0 = lathe.matmul %y, %k transpose_rhs : tensor<?x256xf32>, tensor<128x256x!lathe.gguf<q5_k>> -> tensor<?x128xf32>
  return %0 : tensor<?x128xf32>
}
