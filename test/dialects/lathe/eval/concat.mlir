// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @along_the_second_dimension
// CHECK: tensor<2x4xf32> = {{\[\[}}1, 2, 3, 7], [4, 5, 6, 8]]
func.func @along_the_second_dimension() -> (tensor<2x4xf32>) {
  %a0 = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %a1 = lathe.constant dense<[[7.0], [8.0]]> : tensor<2x1xf32>
  %y = lathe.concat %a0, %a1 axis 1
      : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// CHECK-LABEL: @bools
// CHECK: tensor<3xi1> = [1, 0, 1]
func.func @bools() -> (tensor<3xi1>) {
  %a0 = lathe.constant dense<[true]> : tensor<1xi1>
  %a1 = lathe.constant dense<[false, true]> : tensor<2xi1>
  %y = lathe.concat %a0, %a1 axis 0
      : (tensor<1xi1>, tensor<2xi1>) -> tensor<3xi1>
  return %y : tensor<3xi1>
}
