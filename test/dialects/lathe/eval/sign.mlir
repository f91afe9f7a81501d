// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @f32
// CHECK: tensor<4xf32> = [-1, 0, 1, {{-?nan}}]
func.func @f32() -> tensor<4xf32> {
  %x = lathe.constant dense<[-1.5, 0.0, 2.0, 0x7FC00000]> : tensor<4xf32>
  %r = lathe.sign %x : tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: @i32
// CHECK: tensor<3xi32> = [-1, 0, 1]
func.func @i32() -> tensor<3xi32> {
  %x = lathe.constant dense<[-9, 0, 7]> : tensor<3xi32>
  %r = lathe.sign %x : tensor<3xi32>
  return %r : tensor<3xi32>
}

// CHECK-LABEL: @ui8
// CHECK: tensor<2xui8> = [0, 1]
func.func @ui8() -> tensor<2xui8> {
  %x = lathe.constant dense<[0, 255]> : tensor<2xui8>
  %r = lathe.sign %x : tensor<2xui8>
  return %r : tensor<2xui8>
}
