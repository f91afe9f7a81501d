// RUN: lathe-eval %s | FileCheck %s
// Worked by hand. compare.test compares random cases with ONNX.

// CHECK-LABEL: @halves_the_image
// CHECK: tensor<1x1x2x2xf32> = {{\[\[\[\[}}6, 8], [14, 16]]]]
func.func @halves_the_image() -> tensor<1x1x2x2xf32> {
  %x = lathe.constant dense<[[[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0],
                               [13.0, 14.0, 15.0, 16.0]]]]> : tensor<1x1x4x4xf32>
  %y = lathe.max_pool %x window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x1x4x4xf32> -> tensor<1x1x2x2xf32>
  return %y : tensor<1x1x2x2xf32>
}

// Padding is no element: all values are negative and none becomes 0.
// CHECK-LABEL: @pads_hold_nothing
// CHECK: tensor<1x1x2x2xf16> = {{\[\[\[\[}}-1, -1], [-1, -1]]]]
func.func @pads_hold_nothing() -> tensor<1x1x2x2xf16> {
  %x = lathe.constant dense<-1.0> : tensor<1x1x1x1xf16>
  %y = lathe.max_pool %x window [2, 2] strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] :
      tensor<1x1x1x1xf16> -> tensor<1x1x2x2xf16>
  return %y : tensor<1x1x2x2xf16>
}

// The windows hold columns {0, 2} and {1, 3} of the rows {0, 2}.
// CHECK-LABEL: @dilated
// CHECK: tensor<1x1x1x2xf32> = {{\[\[\[\[}}7, nan]]]]
func.func @dilated() -> tensor<1x1x1x2xf32> {
  %x = lathe.constant dense<[[[[1.0, 2.0, 7.0, 4.0], [50.0, 60.0, 70.0, 80.0], [3.0, 9.0, 5.0, 0x7FC00000]]]]>
      : tensor<1x1x3x4xf32>
  %y = lathe.max_pool %x window [2, 2] strides [1, 1] pads [0, 0, 0, 0] dilations [2, 2] :
      tensor<1x1x3x4xf32> -> tensor<1x1x1x2xf32>
  return %y : tensor<1x1x1x2xf32>
}
