// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @rows_by_columns
// CHECK: tensor<2x2xf32> = {{\[\[}}58, 64], [139, 154]]
func.func @rows_by_columns() -> tensor<2x2xf32> {
  %x = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %y = lathe.constant dense<[[7.0, 8.0], [9.0, 10.0], [11.0, 12.0]]> : tensor<3x2xf32>
  %z = lathe.matmul %x, %y : tensor<2x3xf32>, tensor<3x2xf32> -> tensor<2x2xf32>
  return %z : tensor<2x2xf32>
}

// CHECK-LABEL: @rows_by_rows
// CHECK: tensor<2x2xf32> = {{\[\[}}58, 64], [139, 154]]
func.func @rows_by_rows() -> tensor<2x2xf32> {
  %x = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %w = lathe.constant dense<[[7.0, 9.0, 11.0], [8.0, 10.0, 12.0]]> : tensor<2x3xf32>
  %z = lathe.matmul %x, %w transpose_rhs : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<2x2xf32>
  return %z : tensor<2x2xf32>
}

// The sum is wide: 2048 + 1 + 1 rounded after each step in f16 would stay 2048.
// CHECK-LABEL: @f16_rounds_once
// CHECK: tensor<1x1xf16> = {{\[\[}}2050]]
func.func @f16_rounds_once() -> tensor<1x1xf16> {
  %x = lathe.constant dense<[[2048.0, 1.0, 1.0]]> : tensor<1x3xf16>
  %w = lathe.constant dense<[[1.0, 1.0, 1.0]]> : tensor<1x3xf16>
  %z = lathe.matmul %x, %w transpose_rhs : tensor<1x3xf16>, tensor<1x3xf16> -> tensor<1x1xf16>
  return %z : tensor<1x1xf16>
}

// CHECK-LABEL: @bf16_to_f32
// CHECK: tensor<1x1xf32> = {{\[\[}}257.5]]
func.func @bf16_to_f32() -> tensor<1x1xf32> {
  %x = lathe.constant dense<[[256.0, 1.5]]> : tensor<1x2xbf16>
  %w = lathe.constant dense<[[1.0, 1.0]]> : tensor<1x2xbf16>
  %z = lathe.matmul %x, %w transpose_rhs : tensor<1x2xbf16>, tensor<1x2xbf16> -> tensor<1x1xf32>
  return %z : tensor<1x1xf32>
}

// Two matrices on the left, one on the right that serves both.
// CHECK-LABEL: @batch
// CHECK: tensor<2x1x2xf32> = {{\[\[\[}}1, 2]], {{\[\[}}30, 40]]]
func.func @batch() -> tensor<2x1x2xf32> {
  %x = lathe.constant dense<[[[1.0, 0.0]], [[0.0, 10.0]]]> : tensor<2x1x2xf32>
  %y = lathe.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %z = lathe.matmul %x, %y : tensor<2x1x2xf32>, tensor<2x2xf32> -> tensor<2x1x2xf32>
  return %z : tensor<2x1x2xf32>
}

// [2, 1] and [3] broadcast to [2, 3].
// CHECK-LABEL: @batch_broadcasts_both_ways
// CHECK: tensor<2x3x1x1xf32> = {{\[\[\[\[}}1]], {{\[\[}}2]], {{\[\[}}3]]], {{\[\[\[}}10]], {{\[\[}}20]], {{\[\[}}30]]]]
func.func @batch_broadcasts_both_ways() -> tensor<2x3x1x1xf32> {
  %x = lathe.constant dense<[[[[1.0]]], [[[10.0]]]]> : tensor<2x1x1x1xf32>
  %y = lathe.constant dense<[[[1.0]], [[2.0]], [[3.0]]]> : tensor<3x1x1xf32>
  %z = lathe.matmul %x, %y transpose_rhs : tensor<2x1x1x1xf32>, tensor<3x1x1xf32> -> tensor<2x3x1x1xf32>
  return %z : tensor<2x3x1x1xf32>
}
