// RUN: lathe-eval %s | FileCheck %s

// Stored after each step 2048 + 1 would round to 2048; within a fusion only the result rounds.
// CHECK-LABEL: @rounds_on_the_store
// CHECK: tensor<1xf16> = [2048]
// CHECK: tensor<1xf16> = [2050]
func.func @rounds_on_the_store() -> (tensor<1xf16>, tensor<1xf16>) {
  %x = lathe.constant dense<2048.0> : tensor<1xf16>
  %y = lathe.constant dense<1.0> : tensor<1xf16>
  %0 = lathe.add %x, %y : tensor<1xf16>, tensor<1xf16> -> tensor<1xf16>
  %apart = lathe.add %0, %y : tensor<1xf16>, tensor<1xf16> -> tensor<1xf16>
  %fused = lathe.fusion(%x, %y) : (tensor<1xf16>, tensor<1xf16>) -> tensor<1xf16> {
  ^bb0(%a: tensor<1xf16>, %b: tensor<1xf16>):
    %1 = lathe.add %a, %b : tensor<1xf16>, tensor<1xf16> -> tensor<1xf16>
    %2 = lathe.add %1, %b : tensor<1xf16>, tensor<1xf16> -> tensor<1xf16>
    lathe.yield %2 : tensor<1xf16>
  }
  return %apart, %fused : tensor<1xf16>, tensor<1xf16>
}

// CHECK-LABEL: @two_results
// CHECK: tensor<2xf32> = [-1, 2]
// CHECK: tensor<2xf32> = [0, 2]
func.func @two_results() -> (tensor<2xf32>, tensor<2xf32>) {
  %x = lathe.constant dense<[1.0, -2.0]> : tensor<2xf32>
  %y:2 = lathe.fusion(%x) kernel <"elementwise", {}, "no reduction"> :
      (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  ^bb0(%a: tensor<2xf32>):
    %0 = lathe.neg %a : tensor<2xf32>
    %1 = lathe.relu %0 : tensor<2xf32>
    lathe.yield %0, %1 : tensor<2xf32>, tensor<2xf32>
  }
  return %y#0, %y#1 : tensor<2xf32>, tensor<2xf32>
}
