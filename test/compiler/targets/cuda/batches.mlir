// Products of up to 64 rows on Hopper, of the sizes of an 8B model. The weights are the left side, and an item has as
// many rows of them as keep all multiprocessors busy. Where there are few columns, clusters of blocks share K.
// RUN: cuda-print %s --emit=source,launches --ptx=sm_90a | FileCheck %s

// CHECK:      using Template = PackedMatmulBatchSm90<Half, Joined<{{.*}}>, BatchTile<64, {{[0-9]+}}, {{[0-9]+}}, [[SPLIT:[2-9]]], {{[0-9]+}}>>;
// CHECK-NEXT: static_assert(Template::Threads == [[THREADS:[0-9]+]] && Template::SharedBytes == [[SHARED:[0-9]+]]);
// CHECK:      __cluster_dims__([[SPLIT]], 1, 1)
// CHECK:      .M = d0, .K = 4096, .LdA = 4096, .Blocks = [[BLOCKS:[0-9]+]], .Parts =

// A thread gets both sums of an element. There are enough columns without clusters.
// CHECK:      using Template = PackedMatmulBatchSm90<Half, Dual<Half>, BatchTile<64, {{[0-9]+}}, {{[0-9]+}}, 1, {{[0-9]+}}>>;
// CHECK-NOT:  __cluster_dims__

// What an epilogue reads of one element is fetched before the sums are there. Short stages are of two tiles along K.
// CHECK:        struct Fetched {
// CHECK-NEXT:     Value<float> [[R:v[0-9]+]];
// CHECK-NEXT:   };
// CHECK-NEXT:   __device__ Fetched fetch(int64_t row, int64_t col) const { return {toValue(P2[row * 4096 + col])}; }
// CHECK-NEXT:   __device__ float operator()(float acc, const Fetched &fetched) const {
// CHECK-NEXT:     const Value<float> [[R]] = fetched.[[R]];
// CHECK-NEXT:     const float [[S:v[0-9]+]] = scalar_add([[R]], acc);
// CHECK-NEXT:     return [[S]];
// CHECK:      using Template = PackedMatmulBatchSm90<Half, float, BatchTile<64, {{[0-9]+}}, {{[0-9]+}}, {{[2-9]}}, {{[0-9]+}}, 2>>;

// CHECK:      forward n 9..64
// CHECK-NEXT:   lathe_tile_matmul_f16_f32_{{[0-9]+}}<<<[[BLOCKS]], [[THREADS]], [[SHARED]]>>>
// CHECK-NEXT:   lathe_tile_matmul_f16_{{[0-9]+}}<<<{{1[0-9][0-9]}}, 
func.func @forward(%x: tensor<?x4096xf16> {lathe.name = "x", lathe.dims = ["n", 4096]})
    -> (tensor<?x4096xf16>, tensor<?x1024xf32>, tensor<?x14336xf16>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 64>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 33554432 : tensor<4096x4096xf16>
  %u = lathe.weight "u" file 0 offset 33554432 bytes 8388608 : tensor<1024x4096xf16>
  %g = lathe.weight "g" file 0 offset 41943040 bytes 117440512 : tensor<14336x4096xf16>
  %p = lathe.weight "p" file 0 offset 159383552 bytes 117440512 : tensor<14336x4096xf16>
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x4096xf16>, tensor<4096x4096xf16> -> tensor<?x4096xf16>
  %1 = lathe.matmul %x, %u transpose_rhs : tensor<?x4096xf16>, tensor<1024x4096xf16> -> tensor<?x1024xf16>
  %2 = lathe.cast %1 : tensor<?x1024xf16> -> tensor<?x1024xf32>
  %3 = lathe.add %0, %0 : tensor<?x4096xf16>, tensor<?x4096xf16> -> tensor<?x4096xf16>
  %4 = lathe.matmul %3, %g transpose_rhs : tensor<?x4096xf16>, tensor<14336x4096xf16> -> tensor<?x14336xf16>
  %5 = lathe.matmul %3, %p transpose_rhs : tensor<?x4096xf16>, tensor<14336x4096xf16> -> tensor<?x14336xf16>
  %6 = lathe.silu %4 : tensor<?x14336xf16>
  %7 = lathe.mul %6, %5 : tensor<?x14336xf16>, tensor<?x14336xf16> -> tensor<?x14336xf16>
  return %3, %2, %7 : tensor<?x4096xf16>, tensor<?x1024xf32>, tensor<?x14336xf16>
}

func.func @residual(%x: tensor<?x14336xf16> {lathe.name = "x", lathe.dims = ["n", 14336]}, %r: tensor<?x4096xf32> {lathe.name = "r", lathe.dims = ["n", 4096]})
    -> tensor<?x4096xf32> attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 9, 64>]} {
  %w = lathe.weight "d" file 0 offset 276824064 bytes 117440512 : tensor<4096x14336xf16>
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x14336xf16>, tensor<4096x14336xf16> -> tensor<?x4096xf32>
  %1 = lathe.add %r, %0 : tensor<?x4096xf32>, tensor<?x4096xf32> -> tensor<?x4096xf32>
  return %1 : tensor<?x4096xf32>
}
