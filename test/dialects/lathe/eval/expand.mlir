// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @row_repeated
// CHECK: tensor<3x2xf32> = {{\[\[}}1, 2], [1, 2], [1, 2]]
func.func @row_repeated() -> (tensor<3x2xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = lathe.expand %a0 sizes affine_map<()[s0] -> (3, 2)>
      : (tensor<2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// CHECK-LABEL: @to_the_size_of_another
// CHECK: tensor<3x2xf32> = {{\[\[}}5, 5], [5, 5], [5, 5]]
func.func @to_the_size_of_another() -> (tensor<3x2xf32>) {
  %a0 = lathe.constant dense<[[5.0]]> : tensor<1x1xf32>
  %a1 = lathe.constant dense<[[0], [0], [0]]> : tensor<3x1xi64>
  %y = lathe.expand %a0 from %a1 sizes affine_map<()[s0, s1, s2, s3] -> (s2, 2)>
      : (tensor<1x1xf32>, tensor<3x1xi64>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}
