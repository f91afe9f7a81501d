// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @row_replaced
// CHECK: tensor<2x3xf32> = {{\[\[}}1, 2, 3], [7, 8, 9]]
func.func @row_replaced() -> (tensor<2x3xf32>) {
  %a0 = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %a1 = lathe.constant dense<[[1]]> : tensor<1x1xi64>
  %a2 = lathe.constant dense<[[7.0, 8.0, 9.0]]> : tensor<1x3xf32>
  %y = lathe.scatter_nd %a0, %a1, %a2 none
      : tensor<2x3xf32>, tensor<1x1xi64>, tensor<1x3xf32>
  return %y : tensor<2x3xf32>
}

// CHECK-LABEL: @products
// CHECK: tensor<2x3xf32> = {{\[\[}}1, 20, 3], [4, 5, 6]]
func.func @products() -> (tensor<2x3xf32>) {
  %a0 = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %a1 = lathe.constant dense<[[0, 1], [0, 1]]> : tensor<2x2xi64>
  %a2 = lathe.constant dense<[2.0, 5.0]> : tensor<2xf32>
  %y = lathe.scatter_nd %a0, %a1, %a2 mul
      : tensor<2x3xf32>, tensor<2x2xi64>, tensor<2xf32>
  return %y : tensor<2x3xf32>
}
