// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @rows_become_columns
// CHECK: tensor<3x2xf32> = {{\[\[}}1, 4], [2, 5], [3, 6]]
func.func @rows_become_columns() -> tensor<3x2xf32> {
  %x = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %y = lathe.transpose %x permutation [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// A permutation that is not its own inverse: result[c, a, b] = input[a, b, c].
// CHECK-LABEL: @last_comes_first
// CHECK: tensor<3x1x2xi8> = {{\[\[\[}}1, 4]], {{\[\[}}2, 5]], {{\[\[}}3, 6]]]
func.func @last_comes_first() -> tensor<3x1x2xi8> {
  %x = lathe.constant dense<[[[1, 2, 3], [4, 5, 6]]]> : tensor<1x2x3xi8>
  %y = lathe.transpose %x permutation [2, 0, 1] : tensor<1x2x3xi8> -> tensor<3x1x2xi8>
  return %y : tensor<3x1x2xi8>
}
