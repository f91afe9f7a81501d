// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @between_corners
// CHECK: tensor<1x1x1x3xf32> = {{\[\[}}{{\[\[}}2.5, 1, 3]]]]
func.func @between_corners() -> (tensor<1x1x1x3xf32>) {
  %a0 = lathe.constant dense<[[[[1.0, 2.0], [3.0, 4.0]]]]> : tensor<1x1x2x2xf32>
  %a1 = lathe.constant dense<[[[[0.0, 0.0], [-1.0, -1.0], [1.0, 0.0]]]]> : tensor<1x1x3x2xf32>
  %y = lathe.grid_sample %a0, %a1 linear zeros align_corners true
      : (tensor<1x1x2x2xf32>, tensor<1x1x3x2xf32>) -> tensor<1x1x1x3xf32>
  return %y : tensor<1x1x1x3xf32>
}

// CHECK-LABEL: @half_outside
// CHECK: tensor<1x1x1x3xf32> = {{\[\[}}{{\[\[}}2.5, 0.25, 1.5]]]]
func.func @half_outside() -> (tensor<1x1x1x3xf32>) {
  %a0 = lathe.constant dense<[[[[1.0, 2.0], [3.0, 4.0]]]]> : tensor<1x1x2x2xf32>
  %a1 = lathe.constant dense<[[[[0.0, 0.0], [-1.0, -1.0], [1.0, 0.0]]]]> : tensor<1x1x3x2xf32>
  %y = lathe.grid_sample %a0, %a1 linear zeros align_corners false
      : (tensor<1x1x2x2xf32>, tensor<1x1x3x2xf32>) -> tensor<1x1x1x3xf32>
  return %y : tensor<1x1x1x3xf32>
}

// CHECK-LABEL: @border
// CHECK: tensor<1x1x1x3xf32> = {{\[\[}}{{\[\[}}1, 1, 2]]]]
func.func @border() -> (tensor<1x1x1x3xf32>) {
  %a0 = lathe.constant dense<[[[[1.0, 2.0], [3.0, 4.0]]]]> : tensor<1x1x2x2xf32>
  %a1 = lathe.constant dense<[[[[0.0, 0.0], [-1.0, -1.0], [1.0, 0.0]]]]> : tensor<1x1x3x2xf32>
  %y = lathe.grid_sample %a0, %a1 nearest border align_corners false
      : (tensor<1x1x2x2xf32>, tensor<1x1x3x2xf32>) -> tensor<1x1x1x3xf32>
  return %y : tensor<1x1x1x3xf32>
}
