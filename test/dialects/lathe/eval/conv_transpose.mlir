// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @windows_that_overlap
// CHECK: tensor<1x1x5xf32> = {{\[\[}}[1, 10, 102, 20, 200]]]
func.func @windows_that_overlap() -> (tensor<1x1x5xf32>) {
  %a0 = lathe.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>
  %a1 = lathe.constant dense<[[[1.0, 10.0, 100.0]]]> : tensor<1x1x3xf32>
  %y = lathe.conv_transpose %a0, %a1 strides [2] pads [0] dilations [1] groups 1 sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (1, 1, 5)>
      : (tensor<1x1x2xf32>, tensor<1x1x3xf32>) -> tensor<1x1x5xf32>
  return %y : tensor<1x1x5xf32>
}
