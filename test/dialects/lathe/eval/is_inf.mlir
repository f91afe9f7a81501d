// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @f32
// CHECK: tensor<4xi1> = [1, 1, 0, 0]
func.func @f32() -> tensor<4xi1> {
  %x = lathe.constant dense<[0x7F800000, 0xFF800000, 0x7FC00000, 1.0e+38]> : tensor<4xf32>
  %r = lathe.is_inf %x : tensor<4xf32>
  return %r : tensor<4xi1>
}

// CHECK-LABEL: @f16
// CHECK: tensor<2xi1> = [0, 1]
func.func @f16() -> tensor<2xi1> {
  %x = lathe.constant dense<[65504.0, 0x7C00]> : tensor<2xf16>
  %r = lathe.is_inf %x : tensor<2xf16>
  return %r : tensor<2xi1>
}
