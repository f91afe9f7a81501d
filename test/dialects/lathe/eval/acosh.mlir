// RUN: lathe-eval %s | FileCheck %s
// From NumPy; the last digits are left to the C library.

// CHECK-LABEL: @f32
// CHECK: tensor<4xf32> = [0, 1.31695{{[0-9]*}}, 5.29829{{[0-9]*}}, {{-?nan}}]
func.func @f32() -> tensor<4xf32> {
  %x = lathe.constant dense<[1.0, 2.0, 100.0, 0.5]> : tensor<4xf32>
  %r = lathe.acosh %x : tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: @f64
// CHECK: tensor<4xf64> = [0, 1.31695{{[0-9]*}}, 5.29829{{[0-9]*}}, {{-?nan}}]
func.func @f64() -> tensor<4xf64> {
  %x = lathe.constant dense<[1.0, 2.0, 100.0, 0.5]> : tensor<4xf64>
  %r = lathe.acosh %x : tensor<4xf64>
  return %r : tensor<4xf64>
}
