// RUN: lathe-opt %s -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once | diff %t.once -
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | diff %t.once -

// CHECK-LABEL: @branches
func.func @branches(%c: tensor<i1>, %x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK: %[[Y:.*]] = lathe.if %{{.*}} : tensor<i1> -> tensor<?x4xf32> {
  // CHECK: lathe.yield
  // CHECK: } else {
  %y = lathe.if %c : tensor<i1> -> tensor<?x4xf32> {
    %0 = lathe.relu %x : tensor<?x4xf32>
    lathe.yield %0 : tensor<?x4xf32>
  } else {
    lathe.yield %x : tensor<?x4xf32>
  }
  // CHECK: lathe.if %{{.*}} : tensor<i1> {
  lathe.if %c : tensor<i1> {
  } else {
  }
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: @loops
func.func @loops(%n: tensor<i64>, %c: tensor<i1>, %x: tensor<4xf32>, %r: tensor<?x4xf32>) -> tensor<4xf32> {
  // CHECK: lathe.loop trip %{{.*}} while %{{.*}} carried(%{{.*}}) : (tensor<i64>, tensor<i1>, tensor<4xf32>) ->
  // CHECK-SAME: (tensor<4xf32>, tensor<?x4xf32>) {
  %a:2 = lathe.loop trip %n while %c carried(%x) :
      (tensor<i64>, tensor<i1>, tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>) {
  ^bb0(%i: tensor<i64>, %v: tensor<4xf32>):
    %0 = lathe.relu %v : tensor<4xf32>
    lathe.yield %c, %0, %0 : tensor<i1>, tensor<4xf32>, tensor<4xf32>
  }
  // CHECK: lathe.loop carried(%{{.*}}) scanned(%{{.*}}) : (tensor<4xf32>, tensor<?x4xf32>) -> tensor<4xf32> {
  %b = lathe.loop carried(%a#0) scanned(%r) : (tensor<4xf32>, tensor<?x4xf32>) -> tensor<4xf32> {
  ^bb0(%i: tensor<i64>, %v: tensor<4xf32>, %row: tensor<4xf32>):
    %0 = lathe.add %v, %row : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
    lathe.yield %0 : tensor<4xf32>
  }
  return %b : tensor<4xf32>
}
