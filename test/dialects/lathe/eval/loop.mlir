// RUN: lathe-eval %s | FileCheck %s

// Three rounds: 1, 2, 4 are stacked, 8 is left.
// CHECK-LABEL: @trip
// CHECK: tensor<1xf32> = [8]
// CHECK: tensor<3x1xf32> = {{.*}}1{{.*}}2{{.*}}4
// CHECK: tensor<1xf32> = [1]
func.func @trip() -> (tensor<1xf32>, tensor<?x1xf32>, tensor<1xf32>) {
  %n = lathe.constant dense<3> : tensor<i64>
  %none = lathe.constant dense<-1> : tensor<i64>
  %x = lathe.constant dense<1.0> : tensor<1xf32>
  %y:2 = lathe.loop trip %n carried(%x) : (tensor<i64>, tensor<1xf32>) -> (tensor<1xf32>, tensor<?x1xf32>) {
  ^bb0(%i: tensor<i64>, %a: tensor<1xf32>):
    %0 = lathe.add %a, %a : tensor<1xf32>, tensor<1xf32> -> tensor<1xf32>
    lathe.yield %0, %a : tensor<1xf32>, tensor<1xf32>
  }
  %z = lathe.loop trip %none carried(%x) : (tensor<i64>, tensor<1xf32>) -> tensor<1xf32> {
  ^bb0(%i: tensor<i64>, %a: tensor<1xf32>):
    %0 = lathe.add %a, %a : tensor<1xf32>, tensor<1xf32> -> tensor<1xf32>
    lathe.yield %0 : tensor<1xf32>
  }
  return %y#0, %y#1, %z : tensor<1xf32>, tensor<?x1xf32>, tensor<1xf32>
}

// The condition is a carried value of the round before: true, true, false.
// CHECK-LABEL: @condition
// CHECK: tensor<2x1xi64> = {{.*}}0{{.*}}1
func.func @condition() -> tensor<?x1xi64> {
  %yes = lathe.constant dense<true> : tensor<i1>
  %no = lathe.constant dense<false> : tensor<i1>
  %y:2 = lathe.loop while %yes carried(%yes) : (tensor<i1>, tensor<i1>) -> (tensor<i1>, tensor<?x1xi64>) {
  ^bb0(%i: tensor<i64>, %next: tensor<i1>):
    %row = lathe.reshape %i shape [1] : tensor<i64> -> tensor<1xi64>
    lathe.yield %next, %no, %row : tensor<i1>, tensor<i1>, tensor<1xi64>
  }
  return %y#1 : tensor<?x1xi64>
}

// Running sums of the rows.
// CHECK-LABEL: @scan
// CHECK: tensor<2xf32> = [9, 12]
// CHECK: tensor<3x2xf32> = {{.*}}1, 2{{.*}}4, 6{{.*}}9, 12
func.func @scan() -> (tensor<2xf32>, tensor<3x2xf32>) {
  %zero = lathe.constant dense<0.0> : tensor<2xf32>
  %x = lathe.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %y:2 = lathe.loop carried(%zero) scanned(%x) : (tensor<2xf32>, tensor<3x2xf32>) -> (tensor<2xf32>, tensor<3x2xf32>) {
  ^bb0(%i: tensor<i64>, %sum: tensor<2xf32>, %row: tensor<2xf32>):
    %0 = lathe.add %sum, %row : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
    lathe.yield %0, %0 : tensor<2xf32>, tensor<2xf32>
  }
  return %y#0, %y#1 : tensor<2xf32>, tensor<3x2xf32>
}
