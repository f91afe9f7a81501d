// RUN: lathe-eval %s | FileCheck %s

// What is outside of the image does not count: the largest of negative numbers is one of them. NaN stays.
// CHECK-LABEL: @pads_and_nan
// CHECK: tensor<1x1x2x2xf32> = {{\[\[\[\[}}-1, nan], [-2, 6]]]]
func.func @pads_and_nan() -> tensor<1x1x2x2xf32> {
  %x = lathe.constant dense<[[[[-1.0, 0x7FC00000], [-3.0, 5.0], [-2.0, 6.0]]]]> : tensor<1x1x3x2xf32>
  %y = lathe.channel_max_pool %x window [1, 2] strides [1, 2] pads [0, 1, 0, 0] dilations [1, 1] :
      tensor<1x1x3x2xf32> -> tensor<1x1x2x2xf32>
  return %y : tensor<1x1x2x2xf32>
}
