// RUN: lathe-eval %s | FileCheck %s
// From Python's math module, rounded by NumPy; the last f32 digits are left to the C library.

// CHECK-LABEL: @f32
// CHECK: tensor<4xf32> = [0, 0.761594{{[0-9]*}}, -0.964027{{[0-9]*}}, 0.462117{{[0-9]*}}]
func.func @f32() -> tensor<4xf32> {
  %x = lathe.constant dense<[0.0, 1.0, -2.0, 0.5]> : tensor<4xf32>
  %y = lathe.tanh %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: @f16
// CHECK: tensor<2xf16> = [0.76171875, -0.4621582{{[0-9]*}}]
func.func @f16() -> tensor<2xf16> {
  %x = lathe.constant dense<[1.0, -0.5]> : tensor<2xf16>
  %y = lathe.tanh %x : tensor<2xf16>
  return %y : tensor<2xf16>
}

// CHECK-LABEL: @bf16
// CHECK: tensor<2xbf16> = [0.76171875, -0.4628906{{[0-9]*}}]
func.func @bf16() -> tensor<2xbf16> {
  %x = lathe.constant dense<[1.0, -0.5]> : tensor<2xbf16>
  %y = lathe.tanh %x : tensor<2xbf16>
  return %y : tensor<2xbf16>
}
