// RUN: lathe-eval %s | FileCheck %s
// Worked by hand from the formats' last bits: f16 keeps 11 significant bits, bf16 8; ties go to even.

// CHECK-LABEL: @f32_to_f16
// CHECK: tensor<6xf16> = [2048, 2052, 0.099975586, inf, -0, 5.9604645e-08]
func.func @f32_to_f16() -> tensor<6xf16> {
  %x = lathe.constant dense<[2049.0, 2051.0, 0.1, 65520.0, -1.0e-08, 3.0e-08]> : tensor<6xf32>
  %y = lathe.cast %x : tensor<6xf32> -> tensor<6xf16>
  return %y : tensor<6xf16>
}

// CHECK-LABEL: @f32_to_bf16
// CHECK: tensor<4xbf16> = [256, 260, 0.100097656, inf]
func.func @f32_to_bf16() -> tensor<4xbf16> {
  %x = lathe.constant dense<[257.0, 259.0, 0.1, 3.4e+38]> : tensor<4xf32>
  %y = lathe.cast %x : tensor<4xf32> -> tensor<4xbf16>
  return %y : tensor<4xbf16>
}

// CHECK-LABEL: @f16_to_bf16
// CHECK: tensor<2xbf16> = [1, 1.0078125]
func.func @f16_to_bf16() -> tensor<2xbf16> {
  %x = lathe.constant dense<[1.001, 1.005]> : tensor<2xf16>
  %y = lathe.cast %x : tensor<2xf16> -> tensor<2xbf16>
  return %y : tensor<2xbf16>
}
