// RUN: lathe-eval %s | FileCheck %s
// Worked by hand: the sign of zero changes too.

// CHECK-LABEL: @f32
// CHECK: tensor<4xf32> = [-0, -1, 2.5, -inf]
func.func @f32() -> tensor<4xf32> {
  %x = lathe.constant dense<[0.0, 1.0, -2.5, 0x7F800000]> : tensor<4xf32>
  %y = lathe.neg %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: @f16
// CHECK: tensor<2xf16> = [-1, 0.5]
func.func @f16() -> tensor<2xf16> {
  %x = lathe.constant dense<[1.0, -0.5]> : tensor<2xf16>
  %y = lathe.neg %x : tensor<2xf16>
  return %y : tensor<2xf16>
}

// CHECK-LABEL: @bf16
// CHECK: tensor<2xbf16> = [-1, 0.5]
func.func @bf16() -> tensor<2xbf16> {
  %x = lathe.constant dense<[1.0, -0.5]> : tensor<2xbf16>
  %y = lathe.neg %x : tensor<2xbf16>
  return %y : tensor<2xbf16>
}

// CHECK-LABEL: @i8
// CHECK: tensor<2xi8> = [-5, -128]
func.func @i8() -> tensor<2xi8> {
  %x = lathe.constant dense<[5, -128]> : tensor<2xi8>
  %r = lathe.neg %x : tensor<2xi8>
  return %r : tensor<2xi8>
}
