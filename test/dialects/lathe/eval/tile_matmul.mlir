// RUN: lathe-eval %s | FileCheck %s
// The same as the product that it was: rows of any rank, columns that fill no tile.

// CHECK-LABEL: @rows
// CHECK: tensor<2x1x3xf32> = {{\[\[\[}}5, 11, 17]], {{\[\[}}11, 25, 39]]]
// CHECK: tensor<2x1x3xf32> = {{\[\[\[}}5, 11, 17]], {{\[\[}}11, 25, 39]]]
func.func @rows() -> (tensor<2x1x3xf32>, tensor<2x1x3xf32>) {
  %x = lathe.constant dense<[[[1.0, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf16>
  %w = lathe.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf16>
  %p = lathe.pack_tiles %w : tensor<3x2xf16> -> tensor<1x1x64x64xf16>
  %y = lathe.tile_matmul %x, %p : tensor<2x1x2xf16>, tensor<1x1x64x64xf16> -> tensor<2x1x3xf32>
  %z = lathe.matmul %x, %w transpose_rhs : tensor<2x1x2xf16>, tensor<3x2xf16> -> tensor<2x1x3xf32>
  return %y, %z : tensor<2x1x3xf32>, tensor<2x1x3xf32>
}
