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

// Of f32 weights the tiles hold what tf32 does, and two of them 33 columns.
// CHECK-LABEL: @rows_of_f32
// CHECK: tensor<1x1xf32> = {{\[\[}}33]]
func.func @rows_of_f32() -> tensor<1x1xf32> {
  %x = lathe.constant dense<1.0> : tensor<1x33xf32>
  %w = lathe.constant dense<1.0001> : tensor<1x33xf32>
  %p = lathe.pack_tiles %w : tensor<1x33xf32> -> tensor<1x2x64x32xf32>
  %y = lathe.tile_matmul %x, %p : tensor<1x33xf32>, tensor<1x2x64x32xf32> -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}
