// RUN: lathe-eval %s | FileCheck %s
// Worked by hand: NaN stays, as in ONNX.

// CHECK-LABEL: @f32
// CHECK: tensor<4xf32> = [nan, 1.5, 0, {{-?}}0]
func.func @f32() -> tensor<4xf32> {
  %x = lathe.constant dense<[0x7FC00000, 1.5, -2.0, -0.0]> : tensor<4xf32>
  %y = lathe.relu %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: @f16
// CHECK: tensor<2xf16> = [1, 0]
func.func @f16() -> tensor<2xf16> {
  %x = lathe.constant dense<[1.0, -0.5]> : tensor<2xf16>
  %y = lathe.relu %x : tensor<2xf16>
  return %y : tensor<2xf16>
}

// CHECK-LABEL: @bf16
// CHECK: tensor<2xbf16> = [1, 0]
func.func @bf16() -> tensor<2xbf16> {
  %x = lathe.constant dense<[1.0, -0.5]> : tensor<2xbf16>
  %y = lathe.relu %x : tensor<2xbf16>
  return %y : tensor<2xbf16>
}

// CHECK-LABEL: @i32
// CHECK: tensor<2xi32> = [5, 0]
func.func @i32() -> tensor<2xi32> {
  %x = lathe.constant dense<[5, -7]> : tensor<2xi32>
  %r = lathe.relu %x : tensor<2xi32>
  return %r : tensor<2xi32>
}
