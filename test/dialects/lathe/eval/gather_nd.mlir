// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @elements
// CHECK: tensor<2xf32> = [6, 1]
func.func @elements() -> (tensor<2xf32>) {
  %a0 = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %a1 = lathe.constant dense<[[1, 2], [0, -3]]> : tensor<2x2xi64>
  %y = lathe.gather_nd %a0, %a1 batch_dims 0
      : (tensor<2x3xf32>, tensor<2x2xi64>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: @one_of_each_batch
// CHECK: tensor<2xf32> = [3, 4]
func.func @one_of_each_batch() -> (tensor<2xf32>) {
  %a0 = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %a1 = lathe.constant dense<[[2], [0]]> : tensor<2x1xi64>
  %y = lathe.gather_nd %a0, %a1 batch_dims 1
      : (tensor<2x3xf32>, tensor<2x1xi64>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: @rows
// CHECK: tensor<2x3xf32> = {{\[\[}}4, 5, 6], [4, 5, 6]]
func.func @rows() -> (tensor<2x3xf32>) {
  %a0 = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %a1 = lathe.constant dense<[[1], [-1]]> : tensor<2x1xi64>
  %y = lathe.gather_nd %a0, %a1 batch_dims 0
      : (tensor<2x3xf32>, tensor<2x1xi64>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}
