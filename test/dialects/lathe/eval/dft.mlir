// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @of_a_real_signal
// CHECK: tensor<1x3x2xf32> = {{\[\[\[}}10, 0], [-2, {{2|1.99999.*|2.00000.*}}], [-2, {{-?[0-9.]+e-(1[0-9])}}]]]
func.func @of_a_real_signal() -> (tensor<1x3x2xf32>) {
  %a0 = lathe.constant dense<[[[1.0], [2.0], [3.0], [4.0]]]> : tensor<1x4x1xf32>
  %y = lathe.dft %a0 length affine_map<()[s0, s1, s2] -> (s1)> inverse false sizes affine_map<()[s0, s1, s2] -> (1, 3, 2)>
      : (tensor<1x4x1xf32>) -> tensor<1x3x2xf32>
  return %y : tensor<1x3x2xf32>
}
