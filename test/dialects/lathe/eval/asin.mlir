// RUN: lathe-eval %s | FileCheck %s
// From NumPy; the last digits are left to the C library.

// CHECK-LABEL: @f32
// CHECK: tensor<4xf32> = [0, 0.523598{{[0-9]*}}, -1.57079{{[0-9]*}}, {{-?nan}}]
func.func @f32() -> tensor<4xf32> {
  %x = lathe.constant dense<[0.0, 0.5, -1.0, 2.0]> : tensor<4xf32>
  %r = lathe.asin %x : tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: @f64
// CHECK: tensor<4xf64> = [0, 0.523598{{[0-9]*}}, -1.57079{{[0-9]*}}, {{-?nan}}]
func.func @f64() -> tensor<4xf64> {
  %x = lathe.constant dense<[0.0, 0.5, -1.0, 2.0]> : tensor<4xf64>
  %r = lathe.asin %x : tensor<4xf64>
  return %r : tensor<4xf64>
}
