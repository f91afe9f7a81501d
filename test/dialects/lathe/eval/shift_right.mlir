// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @ui8
// CHECK: tensor<3xui8> = [1, 127, 0]
func.func @ui8() -> tensor<3xui8> {
  %x = lathe.constant dense<[128, 255, 255]> : tensor<3xui8>
  %y = lathe.constant dense<[7, 1, 8]> : tensor<3xui8>
  %r = lathe.shift_right %x, %y : tensor<3xui8>, tensor<3xui8> -> tensor<3xui8>
  return %r : tensor<3xui8>
}

// CHECK-LABEL: @i32
// CHECK: tensor<3xi32> = [-3, 0, 0]
func.func @i32() -> tensor<3xi32> {
  %x = lathe.constant dense<[-12, -1, 1]> : tensor<3xi32>
  %y = lathe.constant dense<[2, 32, -1]> : tensor<3xi32>
  %r = lathe.shift_right %x, %y : tensor<3xi32>, tensor<3xi32> -> tensor<3xi32>
  return %r : tensor<3xi32>
}
