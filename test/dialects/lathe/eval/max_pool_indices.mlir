// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @place_in_the_whole_input
// CHECK: tensor<1x2x1x1xi64> = {{\[\[}}{{\[\[}}1]], {{\[\[}}6]]]]
func.func @place_in_the_whole_input() -> (tensor<1x2x1x1xi64>) {
  %a0 = lathe.constant dense<[[[[1.0, 9.0], [3.0, 2.0]], [[4.0, 4.0], [8.0, 0.0]]]]> : tensor<1x2x2x2xf32>
  %y = lathe.max_pool_indices %a0 window [2, 2] strides [1, 1] pads [0, 0] dilations [1, 1] column_major false sizes affine_map<()[s0, s1, s2, s3] -> (1, 2, 1, 1)>
      : (tensor<1x2x2x2xf32>) -> tensor<1x2x1x1xi64>
  return %y : tensor<1x2x1x1xi64>
}

// CHECK-LABEL: @column_major
// CHECK: tensor<1x2x1x1xi64> = {{\[\[}}{{\[\[}}2]], {{\[\[}}5]]]]
func.func @column_major() -> (tensor<1x2x1x1xi64>) {
  %a0 = lathe.constant dense<[[[[1.0, 9.0], [3.0, 2.0]], [[4.0, 4.0], [8.0, 0.0]]]]> : tensor<1x2x2x2xf32>
  %y = lathe.max_pool_indices %a0 window [2, 2] strides [1, 1] pads [0, 0] dilations [1, 1] column_major true sizes affine_map<()[s0, s1, s2, s3] -> (1, 2, 1, 1)>
      : (tensor<1x2x2x2xf32>) -> tensor<1x2x1x1xi64>
  return %y : tensor<1x2x1x1xi64>
}
