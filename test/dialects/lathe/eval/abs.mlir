// RUN: lathe-eval %s | FileCheck %s
// Worked by hand. The lowest integer has no positive counterpart.

// CHECK-LABEL: @f32
// CHECK: tensor<4xf32> = [1.5, 0, 2, inf]
func.func @f32() -> tensor<4xf32> {
  %x = lathe.constant dense<[-1.5, -0.0, 2.0, 0xFF800000]> : tensor<4xf32>
  %r = lathe.abs %x : tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: @i8
// CHECK: tensor<4xi8> = [-128, 3, 0, 127]
func.func @i8() -> tensor<4xi8> {
  %x = lathe.constant dense<[-128, -3, 0, 127]> : tensor<4xi8>
  %r = lathe.abs %x : tensor<4xi8>
  return %r : tensor<4xi8>
}

// CHECK-LABEL: @ui64
// CHECK: tensor<2xui64> = [0, 7]
func.func @ui64() -> tensor<2xui64> {
  %x = lathe.constant dense<[0, 7]> : tensor<2xui64>
  %r = lathe.abs %x : tensor<2xui64>
  return %r : tensor<2xui64>
}
