// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @f32
// CHECK: tensor<4xf32> = [2, -1, 2, -0]
func.func @f32() -> tensor<4xf32> {
  %x = lathe.constant dense<[1.25, -1.75, 2.0, -0.25]> : tensor<4xf32>
  %r = lathe.ceil %x : tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: @f64
// CHECK: tensor<4xf64> = [2, -1, 2, -0]
func.func @f64() -> tensor<4xf64> {
  %x = lathe.constant dense<[1.25, -1.75, 2.0, -0.25]> : tensor<4xf64>
  %r = lathe.ceil %x : tensor<4xf64>
  return %r : tensor<4xf64>
}
