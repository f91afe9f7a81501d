// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @transposed_in_f16
// CHECK: tensor<2x1xf16> = {{\[\[}}0.099975586], [2]]
func.func @transposed_in_f16() -> tensor<2x1xf16> {
  %w = lathe.weight_program "w" : tensor<2x1xf16> {
    %0 = lathe.constant dense<[[0.1, 2.0]]> : tensor<1x2xf32>
    %1 = lathe.cast %0 : tensor<1x2xf32> -> tensor<1x2xf16>
    %2 = lathe.transpose %1 permutation [1, 0] : tensor<1x2xf16> -> tensor<2x1xf16>
    lathe.yield %2 : tensor<2x1xf16>
  }
  return %w : tensor<2x1xf16>
}
