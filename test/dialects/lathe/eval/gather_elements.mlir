// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @one_of_each_column
// CHECK: tensor<1x3xf32> = {{\[\[}}4, 2, 6]]
func.func @one_of_each_column() -> (tensor<1x3xf32>) {
  %a0 = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %a1 = lathe.constant dense<[[1, 0, -1]]> : tensor<1x3xi64>
  %y = lathe.gather_elements %a0, %a1 axis 0
      : (tensor<2x3xf32>, tensor<1x3xi64>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}
