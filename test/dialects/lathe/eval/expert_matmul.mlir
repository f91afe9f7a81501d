// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// Row 0 meets experts 2 and 0 with the same values, row 1 expert 1 and one that does not exist.
// CHECK-LABEL: @shared_rows
// CHECK: tensor<2x2x2xf32> = {{\[\[\[}}14, 17], [2, 5]], {{\[\[}}30, 37], [0, 0]]]
func.func @shared_rows() -> tensor<2x2x2xf32> {
  %x = lathe.constant dense<[[[1.0, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf32>
  %w = lathe.constant dense<[[[0.0, 1.0], [1.0, 2.0]], [[2.0, 6.0], [3.0, 7.0]], [[4.0, 5.0], [5.0, 6.0]]]>
      : tensor<3x2x2xf32>
  %e = lathe.constant dense<[[2, 0], [1, 3]]> : tensor<2x2xi64>
  %y = lathe.expert_matmul %x, %w, %e : tensor<2x1x2xf32>, tensor<3x2x2xf32>, tensor<2x2xi64> -> tensor<2x2x2xf32>
  return %y : tensor<2x2x2xf32>
}

// Each choice has a row of its own.
// CHECK-LABEL: @rows_of_choices
// CHECK: tensor<1x2x1xf16> = {{\[\[\[}}6], [35]]]
func.func @rows_of_choices() -> tensor<1x2x1xf16> {
  %x = lathe.constant dense<[[[2.0], [5.0]]]> : tensor<1x2x1xf16>
  %w = lathe.constant dense<[[[7.0]], [[3.0]]]> : tensor<2x1x1xf16>
  %e = lathe.constant dense<[[1, 0]]> : tensor<1x2xi32>
  %y = lathe.expert_matmul %x, %w, %e : tensor<1x2x1xf16>, tensor<2x1x1xf16>, tensor<1x2xi32> -> tensor<1x2x1xf16>
  return %y : tensor<1x2x1xf16>
}

// Matrices in tiles, of 64 rows each: expert 1 has twos, expert 0 ones.
// CHECK-LABEL: @tiles
// CHECK: tensor<1x3x64xf32> = {{\[\[\[}}6, 6, {{.*}}], [3, 3, {{.*}}], [0, 0, {{.*}}0]]]
func.func @tiles() -> tensor<1x3x64xf32> {
  %x = lathe.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf16>
  %ones = lathe.constant dense<1.0> : tensor<64x2xf16>
  %twos = lathe.constant dense<2.0> : tensor<64x2xf16>
  %w = lathe.concat %ones, %twos axis 0 : (tensor<64x2xf16>, tensor<64x2xf16>) -> tensor<128x2xf16>
  %p = lathe.pack_tiles %w : tensor<128x2xf16> -> tensor<2x1x64x64xf16>
  %e = lathe.constant dense<[[1, 0, 2]]> : tensor<1x3xi64>
  %y = lathe.expert_matmul %x, %p, %e : tensor<1x1x2xf16>, tensor<2x1x64x64xf16>, tensor<1x3xi64> -> tensor<1x3x64xf32>
  return %y : tensor<1x3x64xf32>
}
