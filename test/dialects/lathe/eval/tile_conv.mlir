// RUN: lathe-eval %s | FileCheck %s
// The same pictures and filters with channels first and last must give the same numbers.

// CHECK-LABEL: @strides_pads_dilations
// CHECK: tensor<1x2x3x2xf32> = [[[[RESULT:.*]]]]
// CHECK-NEXT: tensor<1x2x3x2xf32> = [[[[RESULT]]]]
func.func @strides_pads_dilations() -> (tensor<1x2x3x2xf32>, tensor<1x2x3x2xf32>) {
  %x = lathe.constant dense<[[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]],
                              [[0.5, -1.0, 2.0], [1.0, 0.0, -3.0], [2.0, 4.0, 1.0]]]]> : tensor<1x2x3x3xf16>
  %f = lathe.constant dense<[[[[1.0, 2.0], [3.0, -1.0]], [[0.0, 1.0], [2.0, 1.0]]],
                             [[[2.0, 0.0], [1.0, 1.0]], [[-1.0, 1.0], [0.5, 3.0]]]]> : tensor<2x2x2x2xf16>
  %first = lathe.conv %x, %f strides [2, 1] pads [1, 1, 1, 1] dilations [1, 2] groups 1 :
      tensor<1x2x3x3xf16>, tensor<2x2x2x2xf16> -> tensor<1x2x2x3xf32>
  %wanted = lathe.transpose %first permutation [0, 2, 3, 1] : tensor<1x2x2x3xf32> -> tensor<1x2x3x2xf32>
  %last = lathe.transpose %x permutation [0, 2, 3, 1] : tensor<1x2x3x3xf16> -> tensor<1x3x3x2xf16>
  %turned = lathe.transpose %f permutation [0, 2, 3, 1] : tensor<2x2x2x2xf16> -> tensor<2x2x2x2xf16>
  %rows = lathe.reshape %turned shape [2, 8] : tensor<2x2x2x2xf16> -> tensor<2x8xf16>
  %p = lathe.pack_tiles %rows : tensor<2x8xf16> -> tensor<1x1x64x64xf16>
  %found = lathe.tile_conv %last, %p window [2, 2] strides [2, 1] pads [1, 1, 1, 1] dilations [1, 2] :
      tensor<1x3x3x2xf16>, tensor<1x1x64x64xf16> -> tensor<1x2x3x2xf32>
  return %wanted, %found : tensor<1x2x3x2xf32>, tensor<1x2x3x2xf32>
}

// More elements in a window than a tile has columns, in bf16.
// CHECK-LABEL: @two_tiles
// CHECK: tensor<1x1x1x1xf32> = {{\[\[\[\[}}140]]]]
func.func @two_tiles() -> tensor<1x1x1x1xf32> {
  %x = lathe.constant dense<2.0> : tensor<1x1x1x70xbf16>
  %w = lathe.constant dense<1.0> : tensor<1x70xbf16>
  %p = lathe.pack_tiles %w : tensor<1x70xbf16> -> tensor<1x2x64x64xbf16>
  %y = lathe.tile_conv %x, %p window [1, 1] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x1x1x70xbf16>, tensor<1x2x64x64xbf16> -> tensor<1x1x1x1xf32>
  return %y : tensor<1x1x1x1xf32>
}
