// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @f32
// CHECK: tensor<4xf32> = [0.5, -0.25, inf, -inf]
func.func @f32() -> tensor<4xf32> {
  %x = lathe.constant dense<[2.0, -4.0, 0.0, -0.0]> : tensor<4xf32>
  %r = lathe.reciprocal %x : tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: @f64
// CHECK: tensor<4xf64> = [0.5, -0.25, inf, -inf]
func.func @f64() -> tensor<4xf64> {
  %x = lathe.constant dense<[2.0, -4.0, 0.0, -0.0]> : tensor<4xf64>
  %r = lathe.reciprocal %x : tensor<4xf64>
  return %r : tensor<4xf64>
}
