// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @f32
// CHECK: tensor<4xi1> = [1, 0, 1, 0]
func.func @f32() -> tensor<4xi1> {
  %x = lathe.constant dense<[1.0, 0x7FC00000, -0.0, 2.0]> : tensor<4xf32>
  %y = lathe.constant dense<[2.0, 1.0, 0.0, 1.0]> : tensor<4xf32>
  %r = lathe.less_equal %x, %y : tensor<4xf32>, tensor<4xf32> -> tensor<4xi1>
  return %r : tensor<4xi1>
}

// CHECK-LABEL: @i8
// CHECK: tensor<3xi1> = [1, 1, 0]
func.func @i8() -> tensor<3xi1> {
  %x = lathe.constant dense<[-1, 5, 6]> : tensor<3xi8>
  %y = lathe.constant dense<[1, 5, 5]> : tensor<3xi8>
  %r = lathe.less_equal %x, %y : tensor<3xi8>, tensor<3xi8> -> tensor<3xi1>
  return %r : tensor<3xi1>
}
