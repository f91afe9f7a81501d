// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @i1
// CHECK: tensor<3xi1> = [0, 1, 0]
func.func @i1() -> tensor<3xi1> {
  %x = lathe.constant dense<[true, true, false]> : tensor<3xi1>
  %y = lathe.constant dense<[true, false, false]> : tensor<3xi1>
  %r = lathe.xor %x, %y : tensor<3xi1>, tensor<3xi1> -> tensor<3xi1>
  return %r : tensor<3xi1>
}

// CHECK-LABEL: @ui8
// CHECK: tensor<2xui8> = [6, 254]
func.func @ui8() -> tensor<2xui8> {
  %x = lathe.constant dense<[12, 255]> : tensor<2xui8>
  %y = lathe.constant dense<[10, 1]> : tensor<2xui8>
  %r = lathe.xor %x, %y : tensor<2xui8>, tensor<2xui8> -> tensor<2xui8>
  return %r : tensor<2xui8>
}
