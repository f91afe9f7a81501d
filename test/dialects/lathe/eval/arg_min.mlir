// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @first_of_equal
// CHECK: tensor<2xi64> = [0, 1]
func.func @first_of_equal() -> tensor<2xi64> {
  %x = lathe.constant dense<[[1.0, 3.0, 3.0], [2.0, -1.0, -1.0]]> : tensor<2x3xf32>
  %y = lathe.arg_min %x axis 1 : tensor<2x3xf32> -> tensor<2xi64>
  return %y : tensor<2xi64>
}

// CHECK-LABEL: @last_of_equal
// CHECK: tensor<2xi64> = [0, 2]
func.func @last_of_equal() -> tensor<2xi64> {
  %x = lathe.constant dense<[[1.0, 3.0, 3.0], [2.0, -1.0, -1.0]]> : tensor<2x3xf32>
  %y = lathe.arg_min %x axis 1 select_last : tensor<2x3xf32> -> tensor<2xi64>
  return %y : tensor<2xi64>
}

// CHECK-LABEL: @nan
// CHECK: tensor<1xi64> = [1]
func.func @nan() -> tensor<1xi64> {
  %x = lathe.constant dense<[1.0, 0x7FC00000, 2.0]> : tensor<3xf32>
  %y = lathe.arg_min %x axis 0 keep : tensor<3xf32> -> tensor<1xi64>
  return %y : tensor<1xi64>
}
