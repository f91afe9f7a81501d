// RUN: lathe-eval %s | FileCheck %s
// Worked by hand: differences of ln 3 weigh 3 to 1. compare.test compares random cases with ONNX.

// CHECK-LABEL: @rows
// CHECK: tensor<2x2xf32> = {{\[\[}}0.25, 0.75], [0.5, 0.5]]
func.func @rows() -> tensor<2x2xf32> {
  %x = lathe.constant dense<[[1.0, 2.09861228866811], [-5.0, -5.0]]> : tensor<2x2xf32>
  %y = lathe.softmax %x : tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// Subtracting the maximum keeps e^1000 out.
// CHECK-LABEL: @large_and_masked
// CHECK: tensor<3xf32> = [1, 0, 0]
func.func @large_and_masked() -> tensor<3xf32> {
  %x = lathe.constant dense<[1000.0, 0.0, 0xFF800000]> : tensor<3xf32>
  %y = lathe.softmax %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: @bf16
// CHECK: tensor<3xbf16> = [0.33398438, 0.33398438, 0.33398438]
func.func @bf16() -> tensor<3xbf16> {
  %x = lathe.constant dense<[8.0, 8.0, 8.0]> : tensor<3xbf16>
  %y = lathe.softmax %x : tensor<3xbf16>
  return %y : tensor<3xbf16>
}
