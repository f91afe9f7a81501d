// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @f32
// CHECK: tensor<3xi1> = [0, 1, 0]
func.func @f32() -> tensor<3xi1> {
  %x = lathe.constant dense<[0x7F800000, 0x7FC00000, 0.0]> : tensor<3xf32>
  %r = lathe.is_nan %x : tensor<3xf32>
  return %r : tensor<3xi1>
}

// CHECK-LABEL: @f64
// CHECK: tensor<2xi1> = [1, 0]
func.func @f64() -> tensor<2xi1> {
  %x = lathe.constant dense<[0x7FF8000000000000, 1.0e+300]> : tensor<2xf64>
  %r = lathe.is_nan %x : tensor<2xf64>
  return %r : tensor<2xi1>
}
