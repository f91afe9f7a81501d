// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @columns
// CHECK: tensor<2x2x2xf32> = {{\[\[}}[3, 1], [3, 2]], {{\[\[}}6, 4], [6, 5]]]
func.func @columns() -> (tensor<2x2x2xf32>) {
  %a0 = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %a1 = lathe.constant dense<[[2, 0], [-1, 1]]> : tensor<2x2xi64>
  %y = lathe.gather_along %a0, %a1 axis 1
      : (tensor<2x3xf32>, tensor<2x2xi64>) -> tensor<2x2x2xf32>
  return %y : tensor<2x2x2xf32>
}

// CHECK-LABEL: @scalar_index
// CHECK: tensor<3xf32> = [4, 5, 6]
func.func @scalar_index() -> (tensor<3xf32>) {
  %a0 = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %a1 = lathe.constant dense<1> : tensor<i64>
  %y = lathe.gather_along %a0, %a1 axis 0
      : (tensor<2x3xf32>, tensor<i64>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}
