// RUN: lathe-opt %s --canonicalize | FileCheck %s

// A condition that is known leaves one branch.
// CHECK-LABEL: @known(
// CHECK-NEXT: %[[Y:.*]] = lathe.neg %{{.*}}
// CHECK-NEXT: return %[[Y]]
func.func @known(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = lathe.constant dense<false> : tensor<i1>
  %y = lathe.if %c : tensor<i1> -> tensor<4xf32> {
    lathe.yield %x : tensor<4xf32>
  } else {
    %0 = lathe.neg %x : tensor<4xf32>
    lathe.yield %0 : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// Its readers are made for the type of the result: a branch that yields a more exact one stays where it is.
// CHECK-LABEL: @more_exact(
// CHECK: lathe.if
func.func @more_exact(%x: tensor<4xf32>) -> tensor<?xf32> {
  %c = lathe.constant dense<true> : tensor<i1>
  %y = lathe.if %c : tensor<i1> -> tensor<?xf32> {
    lathe.yield %x : tensor<4xf32>
  } else {
    lathe.yield %x : tensor<4xf32>
  }
  return %y : tensor<?xf32>
}
