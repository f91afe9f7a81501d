// RUN: lathe-eval %s | FileCheck %s
// The factor of each row, and the blocks that are left when it is taken out.

!rows = !lathe.blocked<i8, block = [1, 32], scale = f32, zero = none, outer_scale = none>
// CHECK-LABEL: @rows
// CHECK: tensor<2xf32> = [-1, 0.5]
// CHECK: tensor<2x32xf32> = {{\[\[}}-127, {{.*}}], [-128, {{.*}}]]
func.func @rows() -> (tensor<2xf32>, tensor<2x32xf32>) {
  %v = lathe.constant dense<[[127.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0, 20.0, 21.0, 22.0, 23.0, 24.0, 25.0, 26.0, 27.0, 28.0, 29.0, 30.0, 31.0],
    [-64.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 7.5, 8.0, 8.5, 9.0, 9.5, 10.0, 10.5, 11.0, 11.5, 12.0, 12.5, 13.0, 13.5, 14.0, 14.5, 15.0, 15.5]]> : tensor<2x32xf32>
  %q = lathe.quantize %v : tensor<2x32xf32> -> tensor<2x32x!rows>
  %s = lathe.row_scales %q : tensor<2x32x!rows> -> tensor<2xf32>
  %b = lathe.pack_blocks %q : tensor<2x32x!rows> -> tensor<2x32x!lathe.gguf<q8_0>>
  %w = lathe.cast %b : tensor<2x32x!lathe.gguf<q8_0>> -> tensor<2x32xf32>
  return %s, %w : tensor<2xf32>, tensor<2x32xf32>
}

!float8 = !lathe.blocked<f8E4M3FN, block = [1, 4], scale = f32, zero = none, outer_scale = none>
!one = !lathe.blocked<f8E4M3FN, block = [1, 1], scale = none, zero = none, outer_scale = f32>
// Codes times scales are the values, whether a row has its scale or all have one.
// CHECK-LABEL: @float8
// CHECK: tensor<2x4xf32> = {{\[\[}}0, 0, 0, 0], [0, 0, 0, 0]]
// CHECK: tensor<2x4xf32> = {{\[\[}}0, 0, 0, 0], [0, 0, 0, 0]]
func.func @float8() -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %v = lathe.constant dense<[[1.0, -3.0, 0.3, 2.0], [-0.01, 0.02, 0.05, 0.0]]> : tensor<2x4xf32>
  %q = lathe.quantize %v : tensor<2x4xf32> -> tensor<2x4x!float8>
  %s = lathe.row_scales %q : tensor<2x4x!float8> -> tensor<2xf32>
  %c = lathe.pack_blocks %q : tensor<2x4x!float8> -> tensor<2x4xf8E4M3FN>
  %0 = lathe.cast %c : tensor<2x4xf8E4M3FN> -> tensor<2x4xf32>
  %t = lathe.reshape %s shape [2, 1] : tensor<2xf32> -> tensor<2x1xf32>
  %1 = lathe.mul %0, %t : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %w = lathe.cast %q : tensor<2x4x!float8> -> tensor<2x4xf32>
  %d = lathe.sub %1, %w : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %o = lathe.quantize %v : tensor<2x4xf32> -> tensor<2x4x!one>
  %os = lathe.row_scales %o : tensor<2x4x!one> -> tensor<2xf32>
  %oc = lathe.pack_blocks %o : tensor<2x4x!one> -> tensor<2x4xf8E4M3FN>
  %2 = lathe.cast %oc : tensor<2x4xf8E4M3FN> -> tensor<2x4xf32>
  %ot = lathe.reshape %os shape [2, 1] : tensor<2xf32> -> tensor<2x1xf32>
  %3 = lathe.mul %2, %ot : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %ow = lathe.cast %o : tensor<2x4x!one> -> tensor<2x4xf32>
  %e = lathe.sub %3, %ow : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  return %d, %e : tensor<2x4xf32>, tensor<2x4xf32>
}
