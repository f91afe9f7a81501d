// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @largest
// CHECK: tensor<3xf32> = [5, 4, 3]
// CHECK-NEXT: tensor<3xi64> = [4, 2, 0]
func.func @largest() -> (tensor<3xf32>, tensor<3xi64>) {
  %a0 = lathe.constant dense<[3.0, 1.0, 4.0, 1.0, 5.0]> : tensor<5xf32>
  %y:2 = lathe.top_k %a0 axis 0 sizes affine_map<()[s0] -> (3)> largest true
      : (tensor<5xf32>) -> (tensor<3xf32>, tensor<3xi64>)
  return %y#0, %y#1 : tensor<3xf32>, tensor<3xi64>
}

// CHECK-LABEL: @smallest_first_of_equals
// CHECK: tensor<3xf32> = [1, 1, 3]
// CHECK-NEXT: tensor<3xi64> = [1, 3, 0]
func.func @smallest_first_of_equals() -> (tensor<3xf32>, tensor<3xi64>) {
  %a0 = lathe.constant dense<[3.0, 1.0, 4.0, 1.0, 5.0]> : tensor<5xf32>
  %y:2 = lathe.top_k %a0 axis 0 sizes affine_map<()[s0] -> (3)> largest false
      : (tensor<5xf32>) -> (tensor<3xf32>, tensor<3xi64>)
  return %y#0, %y#1 : tensor<3xf32>, tensor<3xi64>
}

// CHECK-LABEL: @along_the_first_dimension
// CHECK: tensor<2x2xi32> = {{\[\[}}8, 9], [5, 5]]
// CHECK-NEXT: tensor<2x2xi64> = {{\[\[}}1, 0], [2, 2]]
func.func @along_the_first_dimension() -> (tensor<2x2xi32>, tensor<2x2xi64>) {
  %a0 = lathe.constant dense<[[1, 9], [8, 2], [5, 5]]> : tensor<3x2xi32>
  %y:2 = lathe.top_k %a0 axis 0 sizes affine_map<()[s0, s1] -> (2, s1)> largest true
      : (tensor<3x2xi32>) -> (tensor<2x2xi32>, tensor<2x2xi64>)
  return %y#0, %y#1 : tensor<2x2xi32>, tensor<2x2xi64>
}
