// RUN: lathe-eval %s --verify-diagnostics | FileCheck %s

// CHECK-LABEL: @sizes_of_another
// CHECK: tensor<2x1x3xi64> = {{\[\[\[}}1, 2, 3]], {{\[\[}}4, 5, 6]]]
func.func @sizes_of_another() -> tensor<2x1x?xi64> {
  %x = lathe.constant dense<[1, 2, 3, 4, 5, 6]> : tensor<6xi64>
  %t = lathe.constant dense<0> : tensor<2x5xi64>
  %y = lathe.reshape_to %x from %t sizes affine_map<()[s0, s1, s2] -> (s1, 1, s0 floordiv s1)>
      : (tensor<6xi64>, tensor<2x5xi64>) -> tensor<2x1x?xi64>
  return %y : tensor<2x1x?xi64>
}

func.func @elements_left_over() -> tensor<2x?xf16> {
  %0 = lathe.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf16>
  // expected-error @below {{has an index outside of its tensor}}
  %y = lathe.reshape_to %0 sizes affine_map<()[s0] -> (2, s0)> : (tensor<3xf16>) -> tensor<2x?xf16>
  return %y : tensor<2x?xf16>
}
