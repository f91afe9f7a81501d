// RUN: lathe-eval %s | FileCheck %s
// From NumPy; the last digits are left to the C library.

// CHECK-LABEL: @f32
// CHECK: tensor<3xf32> = [0, 1.17520{{[0-9]*}}, -10.0178{{[0-9]*}}]
func.func @f32() -> tensor<3xf32> {
  %x = lathe.constant dense<[0.0, 1.0, -3.0]> : tensor<3xf32>
  %r = lathe.sinh %x : tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @f64
// CHECK: tensor<3xf64> = [0, 1.17520{{[0-9]*}}, -10.0178{{[0-9]*}}]
func.func @f64() -> tensor<3xf64> {
  %x = lathe.constant dense<[0.0, 1.0, -3.0]> : tensor<3xf64>
  %r = lathe.sinh %x : tensor<3xf64>
  return %r : tensor<3xf64>
}
