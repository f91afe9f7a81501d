// RUN: lathe-eval %s | FileCheck %s
// From NumPy; the last digits are left to the C library.

// CHECK-LABEL: @f32
// CHECK: tensor<6xf32> = [0, 0.276326{{[0-9]*}}, -0.796908{{[0-9]*}}, 0.966105{{[0-9]*}}, -0.999977{{[0-9]*}}, 1]
func.func @f32() -> tensor<6xf32> {
  %x = lathe.constant dense<[0.0, 0.25, -0.8999999761581421, 1.5, -3.0, 9.0]> : tensor<6xf32>
  %r = lathe.erf %x : tensor<6xf32>
  return %r : tensor<6xf32>
}

// CHECK-LABEL: @f64
// CHECK: tensor<6xf64> = [0, 0.276326{{[0-9]*}}, -0.796908{{[0-9]*}}, 0.966105{{[0-9]*}}, -0.999977{{[0-9]*}}, 1]
func.func @f64() -> tensor<6xf64> {
  %x = lathe.constant dense<[0.0, 0.25, -0.9, 1.5, -3.0, 9.0]> : tensor<6xf64>
  %r = lathe.erf %x : tensor<6xf64>
  return %r : tensor<6xf64>
}
