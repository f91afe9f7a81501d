// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @f32
// CHECK: tensor<4xi1> = [1, 0, 1, 0]
func.func @f32() -> tensor<4xi1> {
  %x = lathe.constant dense<[1.0, 0x7FC00000, 0.0, 2.0]> : tensor<4xf32>
  %y = lathe.constant dense<[1.0, 0x7FC00000, -0.0, 3.0]> : tensor<4xf32>
  %r = lathe.equal %x, %y : tensor<4xf32>, tensor<4xf32> -> tensor<4xi1>
  return %r : tensor<4xi1>
}

// CHECK-LABEL: @i1
// CHECK: tensor<2xi1> = [1, 0]
func.func @i1() -> tensor<2xi1> {
  %x = lathe.constant dense<[true, false]> : tensor<2xi1>
  %y = lathe.constant dense<[true, true]> : tensor<2xi1>
  %r = lathe.equal %x, %y : tensor<2xi1>, tensor<2xi1> -> tensor<2xi1>
  return %r : tensor<2xi1>
}

// CHECK-LABEL: @i64
// CHECK: tensor<1xi1> = [0]
func.func @i64() -> tensor<1xi1> {
  %x = lathe.constant dense<[9007199254740993]> : tensor<1xi64>
  %y = lathe.constant dense<[9007199254740992]> : tensor<1xi64>
  %r = lathe.equal %x, %y : tensor<1xi64>, tensor<1xi64> -> tensor<1xi1>
  return %r : tensor<1xi1>
}
