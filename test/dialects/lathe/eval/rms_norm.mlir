// RUN: lathe-eval %s | FileCheck %s
// Worked by hand: with epsilon = 1 the rows (1, 7) and (4, 8) have mean squares 25 and 40, so scales 1 / sqrt(26) =
// 0.19611613 and 1 / sqrt(41) = 0.15617376.

// CHECK-LABEL: @f32
// CHECK: tensor<2x2xf32> = {{\[\[}}0.1961161{{[0-9]*}}, -2.74562{{[0-9]*}}], [0.624695{{[0-9]*}}, -2.498780{{[0-9]*}}]]
func.func @f32() -> tensor<2x2xf32> {
  %x = lathe.constant dense<[[1.0, 7.0], [4.0, 8.0]]> : tensor<2x2xf32>
  %w = lathe.constant dense<[1.0, -2.0]> : tensor<2xf32>
  %y = lathe.rms_norm %x, %w epsilon 1.0 : tensor<2x2xf32>, tensor<2xf32>
  return %y : tensor<2x2xf32>
}

// The squares do not fit into f16: 300^2 * 2 is beyond 65504. The row divided by its root mean square is 1, 1.
// CHECK-LABEL: @f16_sums_wide
// CHECK: tensor<2xf16> = [1, 3]
func.func @f16_sums_wide() -> tensor<2xf16> {
  %x = lathe.constant dense<[300.0, 300.0]> : tensor<2xf16>
  %w = lathe.constant dense<[1.0, 3.0]> : tensor<2xf32>
  %y = lathe.rms_norm %x, %w epsilon 1.0e-05 : tensor<2xf16>, tensor<2xf32>
  return %y : tensor<2xf16>
}
