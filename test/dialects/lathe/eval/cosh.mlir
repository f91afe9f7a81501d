// RUN: lathe-eval %s | FileCheck %s
// From NumPy; the last digits are left to the C library.

// CHECK-LABEL: @f32
// CHECK: tensor<3xf32> = [1, 1.54308{{[0-9]*}}, 10.0676{{[0-9]*}}]
func.func @f32() -> tensor<3xf32> {
  %x = lathe.constant dense<[0.0, 1.0, -3.0]> : tensor<3xf32>
  %r = lathe.cosh %x : tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @f64
// CHECK: tensor<3xf64> = [1, 1.54308{{[0-9]*}}, 10.0676{{[0-9]*}}]
func.func @f64() -> tensor<3xf64> {
  %x = lathe.constant dense<[0.0, 1.0, -3.0]> : tensor<3xf64>
  %r = lathe.cosh %x : tensor<3xf64>
  return %r : tensor<3xf64>
}
