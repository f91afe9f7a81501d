// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @integers
// CHECK: tensor<1x1x5xi32> = {{\[\[}}[-1, -1, -1, -1, 4]]]
func.func @integers() -> (tensor<1x1x5xi32>) {
  %a0 = lathe.constant dense<[[[1, 2, 3, 4]]]> : tensor<1x1x4xi32>
  %a1 = lathe.constant dense<[[[1, -1]]]> : tensor<1x1x2xi32>
  %y = lathe.conv_nd %a0, %a1 strides [1] pads [1] dilations [1] groups 1 sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (1, 1, 5)>
      : (tensor<1x1x4xi32>, tensor<1x1x2xi32>) -> tensor<1x1x5xi32>
  return %y : tensor<1x1x5xi32>
}

// CHECK-LABEL: @three_dimensions
// CHECK: tensor<1x1x1x1x1xf32> = {{\[\[}}{{\[\[}}[28]]]]]
func.func @three_dimensions() -> (tensor<1x1x1x1x1xf32>) {
  %a0 = lathe.constant dense<[[[[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0], [6.0, 7.0]]]]]> : tensor<1x1x2x2x2xf32>
  %a1 = lathe.constant dense<[[[[[1.0, 1.0], [1.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]]]]> : tensor<1x1x2x2x2xf32>
  %y = lathe.conv_nd %a0, %a1 strides [1, 1, 1] pads [0, 0, 0] dilations [1, 1, 1] groups 1 sizes affine_map<()[s0, s1, s2, s3, s4, s5, s6, s7, s8, s9] -> (1, 1, 1, 1, 1)>
      : (tensor<1x1x2x2x2xf32>, tensor<1x1x2x2x2xf32>) -> tensor<1x1x1x1x1xf32>
  return %y : tensor<1x1x1x1x1xf32>
}
