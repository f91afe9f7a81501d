// RUN: cuda-print %s --emit=source,launches | FileCheck %s
// RUN: cuda-print %s --emit=source,launches --ptx=sm_90a | FileCheck %s --check-prefix=HOPPER

// Experts in tiles are multiplied on warpgroups on Hopper, as many rows of one at a time as there may be; on others by
// the templates that read them where they lie.
// CHECK: using Template = ExpertMatmulTiles<PackedPlain<Half>, Half, int64_t, float, MediumTile, 1>;
// CHECK-NEXT: static_assert(Template::Threads == 128 && Template::SharedBytes == 33024);
// CHECK: .N = 128, .K = 40, .Experts = 4, .SharedRows = 2}
// CHECK: using Template = ExpertMatmul<PackedPlain<Half>, Half, int64_t, float>;
// CHECK: forward
// CHECK: lathe_expert_matmul_{{.*}}<<<((s0 * 2) ceildiv 64 + 5) * 2, 128, 33024>>>

// HOPPER: using Template = ExpertMatmulSm90<Half, int64_t, float, 64>;
// HOPPER-NEXT: static_assert(Template::Threads == 384 && Template::SharedBytes == 221456);
// HOPPER: .N = 128, .K = 40, .Experts = 4, .SharedRows = 2, .Blocks = 132}
// HOPPER: using Template = ExpertMatmulSm90<Half, int64_t, float, 16>;
// HOPPER-NEXT: static_assert(Template::Threads == 384 && Template::SharedBytes == 214360);
// A token alone shares no expert with another.
// HOPPER: using Template = ExpertMatmul<PackedPlain<Half>, Half, int64_t, float>;
// HOPPER: forward
// HOPPER: lathe_expert_matmul_{{.*}}<<<132, 384, 221456>>>
// HOPPER: few
// HOPPER: one
// HOPPER: lathe_expert_matmul_{{.*}}<<<16, 128, 0>>>
func.func @forward(%x: tensor<?x1x40xf32> {lathe.name = "x", lathe.dims = ["n", 1, 40]},
                   %e: tensor<?x2xi64> {lathe.name = "e", lathe.dims = ["n", 2]}) -> tensor<?x2x128xf32>
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 9, 60>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 40960 : tensor<4x128x40xf16>
  %f = lathe.cast %w : tensor<4x128x40xf16> -> tensor<4x128x40xf32>
  %y = lathe.expert_matmul %x, %f, %e : tensor<?x1x40xf32>, tensor<4x128x40xf32>, tensor<?x2xi64> -> tensor<?x2x128xf32>
  return %y : tensor<?x2x128xf32>
}

func.func @few(%x: tensor<?x1x40xf32> {lathe.name = "x", lathe.dims = ["n", 1, 40]},
               %e: tensor<?x2xi64> {lathe.name = "e", lathe.dims = ["n", 2]}) -> tensor<?x2x128xf32>
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 4>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 40960 : tensor<4x128x40xf16>
  %f = lathe.cast %w : tensor<4x128x40xf16> -> tensor<4x128x40xf32>
  %y = lathe.expert_matmul %x, %f, %e : tensor<?x1x40xf32>, tensor<4x128x40xf32>, tensor<?x2xi64> -> tensor<?x2x128xf32>
  return %y : tensor<?x2x128xf32>
}

func.func @one(%x: tensor<1x1x40xf32> {lathe.name = "x", lathe.dims = [1, 1, 40]},
               %e: tensor<1x2xi64> {lathe.name = "e", lathe.dims = [1, 2]}) -> tensor<1x2x128xf32>
    attributes {lathe.entry = "tensor", lathe.symbols = []} {
  %w = lathe.weight "w" file 0 offset 0 bytes 40960 : tensor<4x128x40xf16>
  %f = lathe.cast %w : tensor<4x128x40xf16> -> tensor<4x128x40xf32>
  %y = lathe.expert_matmul %x, %f, %e : tensor<1x1x40xf32>, tensor<4x128x40xf32>, tensor<1x2xi64> -> tensor<1x2x128xf32>
  return %y : tensor<1x2x128xf32>
}
