// RUN: lathe-eval %s | FileCheck %s

// A scale for each block of two columns, one zero for all.
// CHECK-LABEL: @bytes
// CHECK: tensor<2x4xf32> = {{\[\[}}0, 0.5, 4, 6], [-64.5, 63, -8, -10]]
!bytes = !lathe.blocked<i8, block = [1, 2], scale = f32, zero = i8, outer_scale = none>
func.func @bytes() -> tensor<2x4xf32> {
  %c = lathe.constant dense<[[1, 2, 3, 4], [-128, 127, -3, -4]]> : tensor<2x4xi8>
  %s = lathe.constant dense<[[0.5, 2.0]]> : tensor<1x2xf32>
  %z = lathe.constant dense<1> : tensor<1x1xi8>
  %b = lathe.join_blocks %c, %s, %z : (tensor<2x4xi8>, tensor<1x2xf32>, tensor<1x1xi8>) -> tensor<2x4x!bytes>
  %v = lathe.cast %b : tensor<2x4x!bytes> -> tensor<2x4xf32>
  return %v : tensor<2x4xf32>
}

// Blocks of two rows; codes of 4 bits, a byte each or packed, the low ones first.
// CHECK-LABEL: @nibbles
// CHECK: tensor<2x2xf32> = {{\[\[}}-2, 28], [14, -16]]
// CHECK: tensor<2x2xf32> = {{\[\[}}-1, -2], [21, -24]]
!tall = !lathe.blocked<i4, block = [2, 1], scale = f16, zero = none, outer_scale = none>
!flat = !lathe.blocked<i4, block = [1, 2], scale = f16, zero = none, outer_scale = none>
func.func @nibbles() -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %c = lathe.constant dense<[[15, 7], [7, 12]]> : tensor<2x2xui8>
  %p = lathe.constant dense<[[0xEF], [0x87]]> : tensor<2x1xui8>
  %s = lathe.constant dense<[[2.0, 4.0]]> : tensor<1x2xf16>
  %t = lathe.constant dense<[[1.0], [3.0]]> : tensor<2x1xf16>
  %a = lathe.join_blocks %c, %s : (tensor<2x2xui8>, tensor<1x2xf16>) -> tensor<2x2x!tall>
  %b = lathe.join_blocks %p, %t : (tensor<2x1xui8>, tensor<2x1xf16>) -> tensor<2x2x!flat>
  %v = lathe.cast %a : tensor<2x2x!tall> -> tensor<2x2xf32>
  %w = lathe.cast %b : tensor<2x2x!flat> -> tensor<2x2xf32>
  return %v, %w : tensor<2x2xf32>, tensor<2x2xf32>
}
