// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @second_dimension
// CHECK: tensor<2x3xi64> = {{\[\[}}0, 1, 2], [0, 1, 2]]
func.func @second_dimension() -> (tensor<2x3xi64>) {
  %y = lathe.iota axis 1 sizes affine_map<() -> (2, 3)>
      : () -> tensor<2x3xi64>
  return %y : tensor<2x3xi64>
}

// CHECK-LABEL: @as_long_as_another
// CHECK: tensor<3xf32> = [0, 1, 2]
func.func @as_long_as_another() -> (tensor<3xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %y = lathe.iota from %a0 axis 0 sizes affine_map<()[s0] -> (s0)>
      : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}
