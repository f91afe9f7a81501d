// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @counts_where_all_gates_are_open
// CHECK: tensor<3x1x1x1xf32> = {{\[\[}}{{\[\[}}1]]], {{\[\[}}[1]]], {{\[\[}}[1]]]]
// CHECK-NEXT: tensor<1x1x1xf32> = {{\[\[}}[1]]]
// CHECK-NEXT: tensor<1x1x1xf32> = {{\[\[}}[23]]]
func.func @counts_where_all_gates_are_open() -> (tensor<3x1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>) {
  %a0 = lathe.constant dense<[[[1.0]], [[2.0]], [[3.0]]]> : tensor<3x1x1xf32>
  %a1 = lathe.constant dense<[[[0.0], [0.0], [0.0], [0.0]]]> : tensor<1x4x1xf32>
  %a2 = lathe.constant dense<[[[0.0], [0.0], [0.0], [0.0]]]> : tensor<1x4x1xf32>
  %a3 = lathe.constant dense<[[200.0, 200.0, 200.0, 200.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<1x8xf32>
  %a4 = lathe.constant dense<[3]> : tensor<1xi32>
  %a5 = lathe.constant dense<[[[0.0]]]> : tensor<1x1x1xf32>
  %a6 = lathe.constant dense<[[[20.0]]]> : tensor<1x1x1xf32>
  %a7 = lathe.constant dense<[[0.0, 0.0, 0.0]]> : tensor<1x3xf32>
  %y:3 = lathe.lstm %a0, %a1, %a2, %a3, %a4, %a5, %a6, %a7 forward clip 0.0 input_forget false
      : (tensor<3x1x1xf32>, tensor<1x4x1xf32>, tensor<1x4x1xf32>, tensor<1x8xf32>, tensor<1xi32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x3xf32>) -> (tensor<3x1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>)
  return %y#0, %y#1, %y#2 : tensor<3x1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>
}
