// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @first_elements_of_each_column
// CHECK: tensor<4x3xf32> = {{\[\[}}0, 10, 5], [3, 7, 2], [6, 4, 8], [9, 1, 11]]
func.func @first_elements_of_each_column() -> (tensor<4x3xf32>) {
  %a0 = lathe.constant dense<[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0], [9.0, 10.0, 11.0]]> : tensor<4x3xf32>
  %a1 = lathe.constant dense<[1, 4, 2]> : tensor<3xi64>
  %y = lathe.reverse_sequence %a0, %a1 time_axis 0 batch_axis 1
      : tensor<4x3xf32>, tensor<3xi64>
  return %y : tensor<4x3xf32>
}
