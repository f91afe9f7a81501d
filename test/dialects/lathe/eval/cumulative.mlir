// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @sum_of_rows
// CHECK: tensor<2x3xf32> = {{\[\[}}1, 3, 6], [4, 9, 15]]
func.func @sum_of_rows() -> (tensor<2x3xf32>) {
  %a0 = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %y = lathe.cumulative %a0 sum axis 1 exclusive false reverse false
      : tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// CHECK-LABEL: @product_without_itself_from_the_end
// CHECK: tensor<3xf32> = [6, 3, 1]
func.func @product_without_itself_from_the_end() -> (tensor<3xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %y = lathe.cumulative %a0 prod axis 0 exclusive true reverse true
      : tensor<3xf32>
  return %y : tensor<3xf32>
}
