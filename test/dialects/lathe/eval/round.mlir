// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @f32
// CHECK: tensor<5xf32> = [0, 2, -2, 3, -0]
func.func @f32() -> tensor<5xf32> {
  %x = lathe.constant dense<[0.5, 1.5, -2.5, 2.75, -0.25]> : tensor<5xf32>
  %r = lathe.round %x : tensor<5xf32>
  return %r : tensor<5xf32>
}

// CHECK-LABEL: @f64
// CHECK: tensor<5xf64> = [0, 2, -2, 3, -0]
func.func @f64() -> tensor<5xf64> {
  %x = lathe.constant dense<[0.5, 1.5, -2.5, 2.75, -0.25]> : tensor<5xf64>
  %r = lathe.round %x : tensor<5xf64>
  return %r : tensor<5xf64>
}
