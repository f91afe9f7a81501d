// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @relu_of_a_shorter_sequence
// CHECK: tensor<3x1x1x1xf32> = {{\[\[}}{{\[\[}}3]]], {{\[\[}}[3.5]]], {{\[\[}}[0]]]]
// CHECK-NEXT: tensor<1x1x1xf32> = {{\[\[}}[3.5]]]
func.func @relu_of_a_shorter_sequence() -> (tensor<3x1x1x1xf32>, tensor<1x1x1xf32>) {
  %a0 = lathe.constant dense<[[[1.0]], [[2.0]], [[3.0]]]> : tensor<3x1x1xf32>
  %a1 = lathe.constant dense<[[[1.0]]]> : tensor<1x1x1xf32>
  %a2 = lathe.constant dense<[[[0.5]]]> : tensor<1x1x1xf32>
  %a3 = lathe.constant dense<[[0.0, 0.0]]> : tensor<1x2xf32>
  %a4 = lathe.constant dense<[2]> : tensor<1xi32>
  %a5 = lathe.constant dense<[[[4.0]]]> : tensor<1x1x1xf32>
  %y:2 = lathe.rnn %a0, %a1, %a2, %a3, %a4, %a5 forward clip 0.0 relu
      : (tensor<3x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x2xf32>, tensor<1xi32>, tensor<1x1x1xf32>) -> (tensor<3x1x1x1xf32>, tensor<1x1x1xf32>)
  return %y#0, %y#1 : tensor<3x1x1x1xf32>, tensor<1x1x1xf32>
}

// CHECK-LABEL: @backwards
// CHECK: tensor<3x1x1x1xf32> = {{\[\[}}{{\[\[}}3.25]]], {{\[\[}}[4.5]]], {{\[\[}}[5]]]]
// CHECK-NEXT: tensor<1x1x1xf32> = {{\[\[}}[3.25]]]
func.func @backwards() -> (tensor<3x1x1x1xf32>, tensor<1x1x1xf32>) {
  %a0 = lathe.constant dense<[[[1.0]], [[2.0]], [[3.0]]]> : tensor<3x1x1xf32>
  %a1 = lathe.constant dense<[[[1.0]]]> : tensor<1x1x1xf32>
  %a2 = lathe.constant dense<[[[0.5]]]> : tensor<1x1x1xf32>
  %a3 = lathe.constant dense<[[0.0, 0.0]]> : tensor<1x2xf32>
  %a4 = lathe.constant dense<[3]> : tensor<1xi32>
  %a5 = lathe.constant dense<[[[4.0]]]> : tensor<1x1x1xf32>
  %y:2 = lathe.rnn %a0, %a1, %a2, %a3, %a4, %a5 reverse clip 0.0 relu
      : (tensor<3x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x2xf32>, tensor<1xi32>, tensor<1x1x1xf32>) -> (tensor<3x1x1x1xf32>, tensor<1x1x1xf32>)
  return %y#0, %y#1 : tensor<3x1x1x1xf32>, tensor<1x1x1xf32>
}
