// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @i1
// CHECK: tensor<3xi1> = [1, 1, 0]
func.func @i1() -> tensor<3xi1> {
  %x = lathe.constant dense<[true, true, false]> : tensor<3xi1>
  %y = lathe.constant dense<[true, false, false]> : tensor<3xi1>
  %r = lathe.or %x, %y : tensor<3xi1>, tensor<3xi1> -> tensor<3xi1>
  return %r : tensor<3xi1>
}

// CHECK-LABEL: @i8
// CHECK: tensor<2xi8> = [14, -127]
func.func @i8() -> tensor<2xi8> {
  %x = lathe.constant dense<[12, -128]> : tensor<2xi8>
  %y = lathe.constant dense<[10, 1]> : tensor<2xi8>
  %r = lathe.or %x, %y : tensor<2xi8>, tensor<2xi8> -> tensor<2xi8>
  return %r : tensor<2xi8>
}
