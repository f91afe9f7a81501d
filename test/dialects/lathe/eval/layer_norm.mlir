// RUN: lathe-eval %s | FileCheck %s
// Worked by hand: the row (1, 3) has mean 2 and variance 1, so with epsilon = 3 it becomes (-1/2, 1/2).

// CHECK-LABEL: @without_scale
// CHECK: tensor<2x2xf32> = {{\[\[}}-0.5, 0.5], [0, 0]]
func.func @without_scale() -> tensor<2x2xf32> {
  %x = lathe.constant dense<[[1.0, 3.0], [5.0, 5.0]]> : tensor<2x2xf32>
  %y = lathe.layer_norm %x axis 1 epsilon 3.0 : tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// CHECK-LABEL: @scale_and_bias
// CHECK: tensor<1x2xf32> = {{\[\[}}9, 22]]
func.func @scale_and_bias() -> tensor<1x2xf32> {
  %x = lathe.constant dense<[[1.0, 3.0]]> : tensor<1x2xf32>
  %w = lathe.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %b = lathe.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %y = lathe.layer_norm %x scale %w : tensor<2xf32> bias %b : tensor<2xf32> axis 1 epsilon 3.0 : tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// One row of four elements: mean 3, variance 5.
// CHECK-LABEL: @over_two_dimensions
// CHECK: tensor<1x2x2xf32> = {{\[\[\[}}0, -0.333333{{[0-9]*}}], [0.333333{{[0-9]*}}, 3]]]
func.func @over_two_dimensions() -> tensor<1x2x2xf32> {
  %x = lathe.constant dense<[[[0.0, 2.0], [4.0, 6.0]]]> : tensor<1x2x2xf32>
  %b = lathe.constant dense<[[1.0, 0.0], [0.0, 2.0]]> : tensor<2x2xf32>
  %y = lathe.layer_norm %x bias %b : tensor<2x2xf32> axis 1 epsilon 4.0 : tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}

// The sum does not fit into f16.
// CHECK-LABEL: @f16_sums_wide
// CHECK: tensor<2xf16> = [-1, 1]
func.func @f16_sums_wide() -> tensor<2xf16> {
  %x = lathe.constant dense<[40000.0, 60000.0]> : tensor<2xf16>
  %y = lathe.layer_norm %x axis 0 epsilon 0.0 : tensor<2xf16>
  return %y : tensor<2xf16>
}
