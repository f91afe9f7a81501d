// RUN: lathe-eval %s | FileCheck %s
// The same pictures and filters with channels first and last must give the same numbers.

// CHECK-LABEL: @strides_pads_dilations
// CHECK: tensor<1x2x3x2xf32> = [[[[RESULT:.*]]]]
// CHECK-NEXT: tensor<1x2x3x2xf32> = [[[[RESULT]]]]
func.func @strides_pads_dilations() -> (tensor<1x2x3x2xf32>, tensor<1x2x3x2xf32>) {
  %x = lathe.constant dense<[[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]],
                              [[0.5, -1.0, 2.0], [1.0, 0.0, -3.0], [2.0, 4.0, 1.0]]]]> : tensor<1x2x3x3xf32>
  %f = lathe.constant dense<[[[[1.0, 2.0], [3.0, -1.0]], [[0.0, 1.0], [2.0, 1.0]]],
                             [[[2.0, 0.0], [1.0, 1.0]], [[-1.0, 1.0], [0.5, 3.0]]]]> : tensor<2x2x2x2xf32>
  %first = lathe.conv %x, %f strides [2, 1] pads [1, 1, 1, 1] dilations [1, 2] groups 1 :
      tensor<1x2x3x3xf32>, tensor<2x2x2x2xf32> -> tensor<1x2x2x3xf32>
  %wanted = lathe.transpose %first permutation [0, 2, 3, 1] : tensor<1x2x2x3xf32> -> tensor<1x2x3x2xf32>
  %last = lathe.transpose %x permutation [0, 2, 3, 1] : tensor<1x2x3x3xf32> -> tensor<1x3x3x2xf32>
  %turned = lathe.transpose %f permutation [0, 2, 3, 1] : tensor<2x2x2x2xf32> -> tensor<2x2x2x2xf32>
  %rows = lathe.reshape %turned shape [1, 2, 8] : tensor<2x2x2x2xf32> -> tensor<1x2x8xf32>
  %p = lathe.pack_columns %rows transposed : tensor<1x2x8xf32> -> tensor<1x1x8x16xf32>
  %found = lathe.panel_conv %last, %p window [2, 2] strides [2, 1] pads [1, 1, 1, 1] dilations [1, 2] groups 1 :
      tensor<1x3x3x2xf32>, tensor<1x1x8x16xf32> -> tensor<1x2x3x2xf32>
  return %wanted, %found : tensor<1x2x3x2xf32>, tensor<1x2x3x2xf32>
}

// Two groups of one channel in and one out.
// CHECK-LABEL: @groups
// CHECK: tensor<1x1x1x2xf32> = {{\[\[\[\[}}6, 35]]]]
func.func @groups() -> tensor<1x1x1x2xf32> {
  %x = lathe.constant dense<[[[[2.0, 5.0]]]]> : tensor<1x1x1x2xf32>
  %w = lathe.constant dense<[[[3.0]], [[7.0]]]> : tensor<2x1x1xf32>
  %p = lathe.pack_columns %w : tensor<2x1x1xf32> -> tensor<2x1x1x16xf32>
  %y = lathe.panel_conv %x, %p window [1, 1] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 2 :
      tensor<1x1x1x2xf32>, tensor<2x1x1x16xf32> -> tensor<1x1x1x2xf32>
  return %y : tensor<1x1x1x2xf32>
}
