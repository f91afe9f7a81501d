// RUN: lathe-eval %s | FileCheck %s
// From NumPy; the last digits are left to the C library.

// CHECK-LABEL: @f32
// CHECK: tensor<4xf32> = [0.693147{{[0-9]*}}, 1.31326{{[0-9]*}}, 2.0611{{[0-9]*}}e-09, 50]
func.func @f32() -> tensor<4xf32> {
  %x = lathe.constant dense<[0.0, 1.0, -20.0, 50.0]> : tensor<4xf32>
  %r = lathe.softplus %x : tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: @f64
// CHECK: tensor<4xf64> = [0.693147{{[0-9]*}}, 1.31326{{[0-9]*}}, 2.0611{{[0-9]*}}e-09, 50]
func.func @f64() -> tensor<4xf64> {
  %x = lathe.constant dense<[0.0, 1.0, -20.0, 50.0]> : tensor<4xf64>
  %r = lathe.softplus %x : tensor<4xf64>
  return %r : tensor<4xf64>
}
