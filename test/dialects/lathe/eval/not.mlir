// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @i1
// CHECK: tensor<2xi1> = [0, 1]
func.func @i1() -> tensor<2xi1> {
  %x = lathe.constant dense<[true, false]> : tensor<2xi1>
  %r = lathe.not %x : tensor<2xi1>
  return %r : tensor<2xi1>
}

// CHECK-LABEL: @i8
// CHECK: tensor<3xi8> = [-1, -6, 127]
func.func @i8() -> tensor<3xi8> {
  %x = lathe.constant dense<[0, 5, -128]> : tensor<3xi8>
  %r = lathe.not %x : tensor<3xi8>
  return %r : tensor<3xi8>
}

// CHECK-LABEL: @ui16
// CHECK: tensor<2xui16> = [65535, 0]
func.func @ui16() -> tensor<2xui16> {
  %x = lathe.constant dense<[0, 65535]> : tensor<2xui16>
  %r = lathe.not %x : tensor<2xui16>
  return %r : tensor<2xui16>
}
