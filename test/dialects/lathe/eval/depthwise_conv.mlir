// RUN: lathe-eval %s | FileCheck %s
// Worked by hand: a window of 1 x 2 over three places with a pad of one on the left; channel 0 adds its elements, channel
// 1 subtracts the first from twice the second.

// CHECK-LABEL: @f32
// CHECK: tensor<1x1x3x2xf32> = {{\[\[\[\[}}1, 20], [3, 30], [5, 40]]]]
func.func @f32() -> tensor<1x1x3x2xf32> {
  %x = lathe.constant dense<[[[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]]]> : tensor<1x1x3x2xf32>
  %f = lathe.constant dense<[[[1.0, -1.0], [1.0, 2.0]]]> : tensor<1x2x2xf32>
  %y = lathe.depthwise_conv %x, %f strides [1, 1] pads [0, 1, 0, 0] dilations [1, 1] :
      tensor<1x1x3x2xf32>, tensor<1x2x2xf32> -> tensor<1x1x3x2xf32>
  return %y : tensor<1x1x3x2xf32>
}
