// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @means_of_quarters
// CHECK: tensor<1x1x2x2xf32> = {{\[\[}}{{\[\[}}2.5, 4.5], [10.5, 12.5]]]]
func.func @means_of_quarters() -> (tensor<1x1x2x2xf32>) {
  %a0 = lathe.constant dense<[[[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0], [8.0, 9.0, 10.0, 11.0], [12.0, 13.0, 14.0, 15.0]]]]> : tensor<1x1x4x4xf32>
  %a1 = lathe.constant dense<[[0.0, 0.0, 4.0, 4.0]]> : tensor<1x4xf32>
  %a2 = lathe.constant dense<[0]> : tensor<1xi64>
  %y = lathe.roi_align %a0, %a1, %a2 average samples 2 scale 1.0 half_pixel true
      : (tensor<1x1x4x4xf32>, tensor<1x4xf32>, tensor<1xi64>) -> tensor<1x1x2x2xf32>
  return %y : tensor<1x1x2x2xf32>
}
