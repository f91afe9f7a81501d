// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @keeps_its_state_where_the_update_gate_is_open
// CHECK: tensor<3x1x1x1xf32> = {{\[\[}}{{\[\[}}4]]], {{\[\[}}[4]]], {{\[\[}}[4]]]]
// CHECK-NEXT: tensor<1x1x1xf32> = {{\[\[}}[4]]]
func.func @keeps_its_state_where_the_update_gate_is_open() -> (tensor<3x1x1x1xf32>, tensor<1x1x1xf32>) {
  %a0 = lathe.constant dense<[[[1.0]], [[2.0]], [[3.0]]]> : tensor<3x1x1xf32>
  %a1 = lathe.constant dense<[[[0.0], [0.0], [0.0]]]> : tensor<1x3x1xf32>
  %a2 = lathe.constant dense<[[[0.0], [0.0], [0.0]]]> : tensor<1x3x1xf32>
  %a3 = lathe.constant dense<[[200.0, 0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<1x6xf32>
  %a4 = lathe.constant dense<[3]> : tensor<1xi32>
  %a5 = lathe.constant dense<[[[4.0]]]> : tensor<1x1x1xf32>
  %y:2 = lathe.gru %a0, %a1, %a2, %a3, %a4, %a5 forward clip 0.0 linear_before_reset false
      : (tensor<3x1x1xf32>, tensor<1x3x1xf32>, tensor<1x3x1xf32>, tensor<1x6xf32>, tensor<1xi32>, tensor<1x1x1xf32>) -> (tensor<3x1x1x1xf32>, tensor<1x1x1xf32>)
  return %y#0, %y#1 : tensor<3x1x1x1xf32>, tensor<1x1x1xf32>
}

// CHECK-LABEL: @takes_the_candidate_where_it_is_closed
// CHECK: tensor<3x1x1x1xf32> = {{\[\[}}{{\[\[}}1]]], {{\[\[}}[1]]], {{\[\[}}[1]]]]
// CHECK-NEXT: tensor<1x1x1xf32> = {{\[\[}}[1]]]
func.func @takes_the_candidate_where_it_is_closed() -> (tensor<3x1x1x1xf32>, tensor<1x1x1xf32>) {
  %a0 = lathe.constant dense<[[[1.0]], [[2.0]], [[3.0]]]> : tensor<3x1x1xf32>
  %a1 = lathe.constant dense<[[[0.0], [0.0], [0.0]]]> : tensor<1x3x1xf32>
  %a2 = lathe.constant dense<[[[0.0], [0.0], [0.0]]]> : tensor<1x3x1xf32>
  %a3 = lathe.constant dense<[[-1000.0, 0.0, 200.0, 0.0, 0.0, 0.0]]> : tensor<1x6xf32>
  %a4 = lathe.constant dense<[3]> : tensor<1xi32>
  %a5 = lathe.constant dense<[[[4.0]]]> : tensor<1x1x1xf32>
  %y:2 = lathe.gru %a0, %a1, %a2, %a3, %a4, %a5 forward clip 0.0 linear_before_reset true
      : (tensor<3x1x1xf32>, tensor<1x3x1xf32>, tensor<1x3x1xf32>, tensor<1x6xf32>, tensor<1xi32>, tensor<1x1x1xf32>) -> (tensor<3x1x1x1xf32>, tensor<1x1x1xf32>)
  return %y#0, %y#1 : tensor<3x1x1x1xf32>, tensor<1x1x1xf32>
}
