// RUN: lathe-eval %s | FileCheck %s
// From Python's math module, rounded by NumPy; the last f32 digits are left to the C library.

// CHECK-LABEL: @f32
// CHECK: tensor<4xf32> = [1, 2.71828{{[0-9]*}}, 0.135335{{[0-9]*}}, 1.64872{{[0-9]*}}]
func.func @f32() -> tensor<4xf32> {
  %x = lathe.constant dense<[0.0, 1.0, -2.0, 0.5]> : tensor<4xf32>
  %y = lathe.exp %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: @f16
// CHECK: tensor<2xf16> = [2.71875, 0.606445{{[0-9]*}}]
func.func @f16() -> tensor<2xf16> {
  %x = lathe.constant dense<[1.0, -0.5]> : tensor<2xf16>
  %y = lathe.exp %x : tensor<2xf16>
  return %y : tensor<2xf16>
}

// CHECK-LABEL: @bf16
// CHECK: tensor<2xbf16> = [2.71875, 0.6054687{{[0-9]*}}]
func.func @bf16() -> tensor<2xbf16> {
  %x = lathe.constant dense<[1.0, -0.5]> : tensor<2xbf16>
  %y = lathe.exp %x : tensor<2xbf16>
  return %y : tensor<2xbf16>
}

// CHECK-LABEL: @f64
// CHECK: tensor<2xf64> = [1, 2.71828{{[0-9]*}}]
func.func @f64() -> tensor<2xf64> {
  %x = lathe.constant dense<[0.0, 1.0]> : tensor<2xf64>
  %r = lathe.exp %x : tensor<2xf64>
  return %r : tensor<2xf64>
}
