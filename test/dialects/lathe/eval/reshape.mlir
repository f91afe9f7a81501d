// RUN: lathe-eval %s --verify-diagnostics | FileCheck %s

// CHECK-LABEL: @split_in_two
// CHECK: tensor<2x2xi64> = {{\[\[}}1, 2], [3, 4]]
func.func @split_in_two() -> tensor<2x2xi64> {
  %x = lathe.constant dense<[1, 2, 3, 4]> : tensor<4xi64>
  %y = lathe.reshape %x shape [2, 2] : tensor<4xi64> -> tensor<2x2xi64>
  return %y : tensor<2x2xi64>
}

// CHECK-LABEL: @zero_keeps_and_minus_one_infers
// CHECK: tensor<2x3x1xf16> = {{\[\[\[}}1], [2], [3]], {{\[\[}}4], [5], [6]]]
func.func @zero_keeps_and_minus_one_infers() -> tensor<?x?x1xf16> {
  %0 = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf16>
  %x = lathe.reshape %0 shape [2, 3] : tensor<2x3xf16> -> tensor<?x?xf16>
  %y = lathe.reshape %x shape [0, -1, 1] : tensor<?x?xf16> -> tensor<?x?x1xf16>
  return %y : tensor<?x?x1xf16>
}

func.func @elements_left_over() -> tensor<?x2xf16> {
  %0 = lathe.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf16>
  %x = lathe.reshape %0 shape [3] : tensor<3xf16> -> tensor<?xf16>
  // expected-error @below {{'lathe.reshape' op input has 3 elements but shape [-1, 2] gives [1, 2]}}
  %y = lathe.reshape %x shape [-1, 2] : tensor<?xf16> -> tensor<?x2xf16>
  return %y : tensor<?x2xf16>
}
