// RUN: lathe-eval %s | FileCheck %s
// Worked by hand; blocked.py compares codes and scales with ml_dtypes.

// The largest is 448 or 127 times the scale; a row of zeros has the least scale there is, one with NaN none.
// CHECK-LABEL: @codes
// CHECK: tensor<4x3xf32> = {{\[\[}}448, -208, 0], [0, -0, 0], [{{-?}}nan, {{-?}}nan, {{-?}}nan], [448, 0.001953125, 0]]
// CHECK: tensor<4x1xf32> = {{\[\[}}0.03125], [7.8886{{.*}}e-31], [{{-?}}nan], [1]]
// CHECK: tensor<4x3xi8> = {{\[\[}}127, -60, 0], [0, 0, 0], [0, 0, 0], [127, 0, 0]]
// CHECK: tensor<4x1xf32> = {{\[\[}}0.1102{{.*}}], [7.8886{{.*}}e-31], [{{-?}}nan], [3.527{{.*}}]]
func.func @codes() -> (tensor<4x3xf32>, tensor<4x1xf32>, tensor<4x3xi8>, tensor<4x1xf32>) {
  %x = lathe.constant dense<[[14.0, -6.625, 0.0], [0.0, -0.0, 0.0], [1.0, 0x7FC00000, 2.0], [448.0, 0.0015, 0.0009]]> : tensor<4x3xf32>
  %c, %s = lathe.round_rows %x : tensor<4x3xf32> -> tensor<4x3xf8E4M3FN>, tensor<4x1xf32>
  %v = lathe.cast %c : tensor<4x3xf8E4M3FN> -> tensor<4x3xf32>
  %i, %t = lathe.round_rows %x : tensor<4x3xf32> -> tensor<4x3xi8>, tensor<4x1xf32>
  return %v, %s, %i, %t : tensor<4x3xf32>, tensor<4x1xf32>, tensor<4x3xi8>, tensor<4x1xf32>
}
