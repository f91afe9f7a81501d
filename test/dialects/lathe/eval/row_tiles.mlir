// RUN: lathe-eval %s | FileCheck %s
// Tiles of blocks one row high hold the values of the blocks; rows and columns behind the last ones are zeros.

// CHECK-LABEL: @zeros
// CHECK: tensor<1x2xf32> = {{\[\[}}96, 64]]
// CHECK: tensor<16x128xf32> = {{\[\[}}3, {{.*}}, 3, 0, {{.*}}0], [2, {{.*}}, 2, 0, {{.*}}0], [0, 0, {{.*}}0]]
!uint4 = !lathe.blocked<ui4, block = [1, 32], scale = f16, zero = i8, outer_scale = none>
func.func @zeros() -> (tensor<1x2xf32>, tensor<16x128xf32>) {
  %c = lathe.constant dense<9> : tensor<2x32xui8>
  %s = lathe.constant dense<[[0.5], [-2.0]]> : tensor<2x1xf16>
  %z = lathe.constant dense<[[3], [10]]> : tensor<2x1xi8>
  %b = lathe.join_blocks %c, %s, %z : (tensor<2x32xui8>, tensor<2x1xf16>, tensor<2x1xi8>) -> tensor<2x32x!uint4>
  %t = lathe.pack_blocks %b : tensor<2x32x!uint4> -> tensor<16x128x!lathe.gguf_tiles<uint4_g32>>
  %x = lathe.constant dense<1.0> : tensor<1x32xf16>
  %y = lathe.tile_matmul %x, %t : tensor<1x32xf16>, tensor<16x128x!lathe.gguf_tiles<uint4_g32>> -> tensor<1x2xf32>
  %v = lathe.cast %t : tensor<16x128x!lathe.gguf_tiles<uint4_g32>> -> tensor<16x128xf32>
  return %y, %v : tensor<1x2xf32>, tensor<16x128xf32>
}

// Blocks that are whole rows.
// CHECK-LABEL: @floats
// CHECK: tensor<16x128xf32> = {{\[\[}}448, {{.*}}, 448, 0, {{.*}}0], [-224, {{.*}}, -224, 0, {{.*}}0], [0, 0, {{.*}}0]]
!e4m3 = !lathe.blocked<f8E4M3FN, block = [1, 32], scale = f32, zero = none, outer_scale = none>
func.func @floats() -> tensor<16x128xf32> {
  %w = lathe.constant dense<[[448.0], [-224.0]]> : tensor<2x1xf32>
  %ones = lathe.constant dense<1.0> : tensor<2x32xf32>
  %e = lathe.mul %w, %ones : tensor<2x1xf32>, tensor<2x32xf32> -> tensor<2x32xf32>
  %b = lathe.quantize %e : tensor<2x32xf32> -> tensor<2x32x!e4m3>
  %t = lathe.pack_blocks %b : tensor<2x32x!e4m3> -> tensor<16x128x!lathe.gguf_tiles<e4m3>>
  %v = lathe.cast %t : tensor<16x128x!lathe.gguf_tiles<e4m3>> -> tensor<16x128xf32>
  return %v : tensor<16x128xf32>
}
