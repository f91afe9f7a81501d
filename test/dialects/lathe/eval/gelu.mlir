// RUN: lathe-eval %s | FileCheck %s
// From NumPy; the last digits are left to the C library.

// CHECK-LABEL: @f32
// CHECK: tensor<4xf32> = [0, 0.841344{{[0-9]*}}, -0.154268{{[0-9]*}}, 2.99595{{[0-9]*}}]
func.func @f32() -> tensor<4xf32> {
  %x = lathe.constant dense<[0.0, 1.0, -0.5, 3.0]> : tensor<4xf32>
  %r = lathe.gelu %x : tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: @f64
// CHECK: tensor<4xf64> = [0, 0.841344{{[0-9]*}}, -0.154268{{[0-9]*}}, 2.99595{{[0-9]*}}]
func.func @f64() -> tensor<4xf64> {
  %x = lathe.constant dense<[0.0, 1.0, -0.5, 3.0]> : tensor<4xf64>
  %r = lathe.gelu %x : tensor<4xf64>
  return %r : tensor<4xf64>
}
