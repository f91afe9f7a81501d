// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @mean_of_pairs
// CHECK: tensor<1x1x4xf32> = {{\[\[}}[1.5, 3.5, 5.5, 7.5]]]
func.func @mean_of_pairs() -> (tensor<1x1x4xf32>) {
  %a0 = lathe.constant dense<[[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]]> : tensor<1x1x8xf32>
  %y = lathe.pool %a0 average window [2] strides [2] pads [0] pad_end [0] dilations [1] include_pad false p 1 sizes affine_map<()[s0, s1, s2] -> (1, 1, 4)>
      : (tensor<1x1x8xf32>) -> tensor<1x1x4xf32>
  return %y : tensor<1x1x4xf32>
}

// CHECK-LABEL: @mean_with_padding
// CHECK: tensor<1x1x2xf32> = {{\[\[}}[1, 5]]]
func.func @mean_with_padding() -> (tensor<1x1x2xf32>) {
  %a0 = lathe.constant dense<[[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]]> : tensor<1x1x8xf32>
  %y = lathe.pool %a0 average window [3] strides [4] pads [1] pad_end [1] dilations [1] include_pad true p 1 sizes affine_map<()[s0, s1, s2] -> (1, 1, 2)>
      : (tensor<1x1x8xf32>) -> tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}

// CHECK-LABEL: @largest_with_holes
// CHECK: tensor<1x1x2xf32> = {{\[\[}}[5, 8]]]
func.func @largest_with_holes() -> (tensor<1x1x2xf32>) {
  %a0 = lathe.constant dense<[[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]]> : tensor<1x1x8xf32>
  %y = lathe.pool %a0 max window [3] strides [3] pads [0] pad_end [0] dilations [2] include_pad false p 1 sizes affine_map<()[s0, s1, s2] -> (1, 1, 2)>
      : (tensor<1x1x8xf32>) -> tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}

// CHECK-LABEL: @two_norm
// CHECK: tensor<1x1x1xf32> = {{\[\[}}[5]]]
func.func @two_norm() -> (tensor<1x1x1xf32>) {
  %a0 = lathe.constant dense<[[[3.0, 4.0]]]> : tensor<1x1x2xf32>
  %y = lathe.pool %a0 lp window [2] strides [1] pads [0] pad_end [0] dilations [1] include_pad false p 2 sizes affine_map<()[s0, s1, s2] -> (1, 1, 1)>
      : (tensor<1x1x2xf32>) -> tensor<1x1x1xf32>
  return %y : tensor<1x1x1xf32>
}
