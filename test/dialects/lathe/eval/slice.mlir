// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @part_of_each_row
// CHECK: tensor<2x2xf32> = {{\[\[}}2, 4], [6, 8]]
func.func @part_of_each_row() -> tensor<2x2xf32> {
  %x = lathe.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %y = lathe.slice %x starts affine_map<()[s0, s1] -> (0, 1)> steps [1, 2] sizes affine_map<()[s0, s1] -> (2, 2)>
      : (tensor<2x4xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// CHECK-LABEL: @backwards
// CHECK: tensor<3xi8> = [-3, 2, 1]
func.func @backwards() -> tensor<3xi8> {
  %x = lathe.constant dense<[1, 2, -3]> : tensor<3xi8>
  %y = lathe.slice %x starts affine_map<()[s0] -> (s0 - 1)> steps [-1] sizes affine_map<()[s0] -> (s0)>
      : (tensor<3xi8>) -> tensor<3xi8>
  return %y : tensor<3xi8>
}

// CHECK-LABEL: @as_long_as_another
// CHECK: tensor<2xi1> = [1, 0]
func.func @as_long_as_another() -> tensor<2xi1> {
  %x = lathe.constant dense<[true, false, true]> : tensor<3xi1>
  %l = lathe.constant dense<[7, 7]> : tensor<2xi64>
  %y = lathe.slice %x from %l starts affine_map<()[s0, s1] -> (0)> steps [1] sizes affine_map<()[s0, s1] -> (s1)>
      : (tensor<3xi1>, tensor<2xi64>) -> tensor<2xi1>
  return %y : tensor<2xi1>
}
