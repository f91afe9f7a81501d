// RUN: lathe-eval %s | FileCheck %s

// The branches see values from outside and may yield results of different sizes.
// CHECK-LABEL: @branches
// CHECK: tensor<2xf32> = [1, 0]
// CHECK: tensor<1xf32> = [5]
func.func @branches() -> (tensor<?xf32>, tensor<?xf32>) {
  %x = lathe.constant dense<[1.0, -2.0]> : tensor<2xf32>
  %z = lathe.constant dense<5.0> : tensor<1xf32>
  %yes = lathe.constant dense<true> : tensor<i1>
  %no = lathe.constant dense<false> : tensor<i1>
  %a = lathe.if %yes : tensor<i1> -> tensor<?xf32> {
    %0 = lathe.relu %x : tensor<2xf32>
    lathe.yield %0 : tensor<2xf32>
  } else {
    lathe.yield %z : tensor<1xf32>
  }
  %b = lathe.if %no : tensor<i1> -> tensor<?xf32> {
    lathe.yield %x : tensor<2xf32>
  } else {
    lathe.yield %z : tensor<1xf32>
  }
  return %a, %b : tensor<?xf32>, tensor<?xf32>
}
