// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @constant
// CHECK: tensor<6xf32> = [9, 1, 2, 3, 9, 9]
func.func @constant() -> (tensor<6xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %a1 = lathe.constant dense<9.0> : tensor<f32>
  %y = lathe.pad %a0, %a1 constant low affine_map<()[s0] -> (1)> sizes affine_map<()[s0] -> (s0 + 3)>
      : (tensor<3xf32>, tensor<f32>) -> tensor<6xf32>
  return %y : tensor<6xf32>
}

// CHECK-LABEL: @edge
// CHECK: tensor<6xf32> = [1, 1, 2, 3, 3, 3]
func.func @edge() -> (tensor<6xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %a1 = lathe.constant dense<9.0> : tensor<f32>
  %y = lathe.pad %a0, %a1 edge low affine_map<()[s0] -> (1)> sizes affine_map<()[s0] -> (6)>
      : (tensor<3xf32>, tensor<f32>) -> tensor<6xf32>
  return %y : tensor<6xf32>
}

// CHECK-LABEL: @reflect
// CHECK: tensor<7xf32> = [3, 2, 1, 2, 3, 2, 1]
func.func @reflect() -> (tensor<7xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %a1 = lathe.constant dense<9.0> : tensor<f32>
  %y = lathe.pad %a0, %a1 reflect low affine_map<()[s0] -> (2)> sizes affine_map<()[s0] -> (7)>
      : (tensor<3xf32>, tensor<f32>) -> tensor<7xf32>
  return %y : tensor<7xf32>
}

// CHECK-LABEL: @wrap
// CHECK: tensor<9xf32> = [2, 3, 1, 2, 3, 1, 2, 3, 1]
func.func @wrap() -> (tensor<9xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %a1 = lathe.constant dense<9.0> : tensor<f32>
  %y = lathe.pad %a0, %a1 wrap low affine_map<()[s0] -> (2)> sizes affine_map<()[s0] -> (9)>
      : (tensor<3xf32>, tensor<f32>) -> tensor<9xf32>
  return %y : tensor<9xf32>
}

// CHECK-LABEL: @elements_left_out
// CHECK: tensor<2xf32> = [2, 3]
func.func @elements_left_out() -> (tensor<2xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %a1 = lathe.constant dense<9.0> : tensor<f32>
  %y = lathe.pad %a0, %a1 constant low affine_map<()[s0] -> (-1)> sizes affine_map<()[s0] -> (2)>
      : (tensor<3xf32>, tensor<f32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}
