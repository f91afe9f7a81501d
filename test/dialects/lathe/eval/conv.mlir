// RUN: lathe-eval %s | FileCheck %s
// Worked by hand: sums of the 3x3 image 1..9 under windows of ones. compare.test compares random cases with ONNX.

// CHECK-LABEL: @padded
// CHECK: tensor<1x1x3x3xf32> = {{\[\[\[\[}}12, 21, 16], [27, 45, 33], [24, 39, 28]]]]
func.func @padded() -> tensor<1x1x3x3xf32> {
  %x = lathe.constant dense<[[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]> : tensor<1x1x3x3xf32>
  %f = lathe.constant dense<1.0> : tensor<1x1x3x3xf32>
  %y = lathe.conv %x, %f strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
      tensor<1x1x3x3xf32>, tensor<1x1x3x3xf32> -> tensor<1x1x3x3xf32>
  return %y : tensor<1x1x3x3xf32>
}

// Padding at the bottom and the right alone: the window's corner walks over 1, 3, 7, 9.
// CHECK-LABEL: @strided_with_uneven_pads
// CHECK: tensor<1x1x2x2xf32> = {{\[\[\[\[}}12, 9], [15, 9]]]]
func.func @strided_with_uneven_pads() -> tensor<1x1x2x2xf32> {
  %x = lathe.constant dense<[[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]> : tensor<1x1x3x3xf32>
  %f = lathe.constant dense<1.0> : tensor<1x1x2x2xf32>
  %y = lathe.conv %x, %f strides [2, 2] pads [0, 0, 1, 1] dilations [1, 1] groups 1 :
      tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32> -> tensor<1x1x2x2xf32>
  return %y : tensor<1x1x2x2xf32>
}

// CHECK-LABEL: @dilated
// CHECK: tensor<1x1x1x1xf32> = {{\[\[\[\[}}9001]]]]
func.func @dilated() -> tensor<1x1x1x1xf32> {
  %x = lathe.constant dense<[[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]> : tensor<1x1x3x3xf32>
  %f = lathe.constant dense<[[[[1.0, 0.0], [0.0, 1000.0]]]]> : tensor<1x1x2x2xf32>
  %y = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [2, 2] groups 1 :
      tensor<1x1x3x3xf32>, tensor<1x1x2x2xf32> -> tensor<1x1x1x1xf32>
  return %y : tensor<1x1x1x1xf32>
}

// Channels 0, 1 feed result 0 and channels 2, 3 result 1.
// CHECK-LABEL: @two_groups_of_f16_into_f32
// CHECK: tensor<1x2x1x1xf32> = {{\[\[\[\[}}21]], {{\[\[}}43]]]]
func.func @two_groups_of_f16_into_f32() -> tensor<1x2x1x1xf32> {
  %x = lathe.constant dense<[[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]]> : tensor<1x4x1x1xf16>
  %f = lathe.constant dense<[[[[1.0]], [[10.0]]], [[[1.0]], [[10.0]]]]> : tensor<2x2x1x1xf16>
  %y = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 2 :
      tensor<1x4x1x1xf16>, tensor<2x2x1x1xf16> -> tensor<1x2x1x1xf32>
  return %y : tensor<1x2x1x1xf32>
}
