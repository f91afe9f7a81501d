// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @ui8
// CHECK: tensor<4xui8> = [128, 254, 0, 0]
func.func @ui8() -> tensor<4xui8> {
  %x = lathe.constant dense<[1, 255, 1, 1]> : tensor<4xui8>
  %y = lathe.constant dense<[7, 1, 8, 255]> : tensor<4xui8>
  %r = lathe.shift_left %x, %y : tensor<4xui8>, tensor<4xui8> -> tensor<4xui8>
  return %r : tensor<4xui8>
}

// CHECK-LABEL: @i32
// CHECK: tensor<3xi32> = [-12, 0, 0]
func.func @i32() -> tensor<3xi32> {
  %x = lathe.constant dense<[-3, 1, 1]> : tensor<3xi32>
  %y = lathe.constant dense<[2, 32, -1]> : tensor<3xi32>
  %r = lathe.shift_left %x, %y : tensor<3xi32>, tensor<3xi32> -> tensor<3xi32>
  return %r : tensor<3xi32>
}
