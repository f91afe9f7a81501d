// RUN: lathe-eval %s | FileCheck %s
// From NumPy; the last digits are left to the C library.

// CHECK-LABEL: @f32
// CHECK: tensor<5xf32> = [0, 2.30258{{[0-9]*}}, -3.46573{{[0-9]*}}, -inf, {{-?nan}}]
func.func @f32() -> tensor<5xf32> {
  %x = lathe.constant dense<[1.0, 10.0, 0.03125, 0.0, -1.0]> : tensor<5xf32>
  %r = lathe.log %x : tensor<5xf32>
  return %r : tensor<5xf32>
}

// CHECK-LABEL: @f64
// CHECK: tensor<5xf64> = [0, 2.30258{{[0-9]*}}, -3.46573{{[0-9]*}}, -inf, {{-?nan}}]
func.func @f64() -> tensor<5xf64> {
  %x = lathe.constant dense<[1.0, 10.0, 0.03125, 0.0, -1.0]> : tensor<5xf64>
  %r = lathe.log %x : tensor<5xf64>
  return %r : tensor<5xf64>
}
