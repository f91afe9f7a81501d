// Products of many rows on Hopper: wide tiles, in clusters of two that share a tile where there are few of them.
// RUN: cuda-print %s --emit=source,launches --ptx=sm_90a | FileCheck %s

// Too few columns for wide tiles.
// CHECK:      using Template = PackedMatmulSm90<Half, Half, PackedThinTile>;

// 32 x 12 tiles of 128 x 256 in three rounds; 32 x 16 of 192 in four would fetch more.
// CHECK:      using Template = PackedMatmulWideSm90<Half, Half, 256>;
// CHECK-NEXT: static_assert(Template::Threads == 384 && Template::SharedBytes == 196864);
// CHECK:      __cluster_dims__(2, 1, 1)
// CHECK:      .M = d0, .K = 768, .LdA = 768, .Blocks = 132, .Parts =

// 32 x 3 tiles of 256 columns would leave 36 multiprocessors without one, 32 x 4 of 192 leave 4.
// CHECK:      using Template = PackedMatmulWideSm90<Half, Half, 192>;
// CHECK-NEXT: static_assert(Template::Threads == 384 && Template::SharedBytes == 205056);

// CHECK:      forward
// CHECK:        lathe_tile_matmul_f16_{{[0-9]+}}<<<132, 384, 196864>>>
// CHECK:        lathe_tile_matmul_f16_{{[0-9]+}}<<<132, 384, 205056>>>
func.func @forward(%x: tensor<?x768xf16> {lathe.name = "x", lathe.dims = ["n", 768]},
                   %y: tensor<?x3072xf16> {lathe.name = "y", lathe.dims = ["m", 3072]})
    -> (tensor<?x768xf16>, tensor<?x64xf16>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 4096>, #lathe.symbol<"m", 1, 512>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 4718592 : tensor<3072x768xf16>
  %u = lathe.weight "u" file 0 offset 4718592 bytes 393216 : tensor<64x3072xf16>
  %v = lathe.weight "v" file 0 offset 5111808 bytes 4718592 : tensor<768x3072xf16>
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  %1 = lathe.matmul %y, %u transpose_rhs : tensor<?x3072xf16>, tensor<64x3072xf16> -> tensor<?x64xf16>
  %2 = lathe.silu %0 : tensor<?x3072xf16>
  %3 = lathe.matmul %2, %v transpose_rhs : tensor<?x3072xf16>, tensor<768x3072xf16> -> tensor<?x768xf16>
  return %3, %1 : tensor<?x768xf16>, tensor<?x64xf16>
}
