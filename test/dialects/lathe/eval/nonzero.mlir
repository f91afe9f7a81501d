// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @places_then_zeros
// CHECK: tensor<2x6xi64> = {{\[\[}}0, 1, 2, 0, 0, 0], [1, 0, 1, 0, 0, 0]]
// CHECK-NEXT: tensor<1xi64> = [3]
func.func @places_then_zeros() -> (tensor<2x6xi64>, tensor<1xi64>) {
  %a0 = lathe.constant dense<[[0.0, 3.0], [4.0, 0.0], [0.0, -1.0]]> : tensor<3x2xf32>
  %y:2 = lathe.nonzero %a0
      : (tensor<3x2xf32>) -> (tensor<2x6xi64>, tensor<1xi64>)
  return %y#0, %y#1 : tensor<2x6xi64>, tensor<1xi64>
}
