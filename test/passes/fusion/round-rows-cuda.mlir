// RUN: lathe-opt %s --lathe-form-fusions=target=cuda --split-input-file | FileCheck %s

// What rounds the result of a norm is part of its kernel.
// CHECK-LABEL: @norm
// CHECK: lathe.fusion
// CHECK-NOT: lathe.fusion
// CHECK: %[[N:.*]] = lathe.rms_norm
// CHECK-NEXT: lathe.round_rows %[[N]]
// CHECK-NOT: lathe.fusion
// CHECK: return
func.func @norm(%x: tensor<?x64xf32>) -> (tensor<?x64xf8E4M3FN>, tensor<?x1xf32>) {
  %g = lathe.weight "g" file 0 offset 0 bytes 256 : tensor<64xf32>
  %n = lathe.rms_norm %x, %g epsilon 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  %c, %s = lathe.round_rows %n : tensor<?x64xf32> -> tensor<?x64xf8E4M3FN>, tensor<?x1xf32>
  return %c, %s : tensor<?x64xf8E4M3FN>, tensor<?x1xf32>
}

// -----

// Others read the norm's result, or a kernel may write its weight.
// CHECK-LABEL: @second_reader
// CHECK-COUNT-2: lathe.fusion
// CHECK-LABEL: @gains_of_the_call
// CHECK-COUNT-2: lathe.fusion
func.func @second_reader(%x: tensor<?x64xf32>) -> (tensor<?x64xf8E4M3FN>, tensor<?x1xf32>, tensor<?x64xf32>) {
  %g = lathe.weight "g" file 0 offset 0 bytes 256 : tensor<64xf32>
  %n = lathe.rms_norm %x, %g epsilon 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  %c, %s = lathe.round_rows %n : tensor<?x64xf32> -> tensor<?x64xf8E4M3FN>, tensor<?x1xf32>
  return %c, %s, %n : tensor<?x64xf8E4M3FN>, tensor<?x1xf32>, tensor<?x64xf32>
}

func.func @gains_of_the_call(%x: tensor<?x64xf32>, %g: tensor<64xf32>) -> (tensor<?x64xf8E4M3FN>, tensor<?x1xf32>) {
  %n = lathe.rms_norm %x, %g epsilon 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  %c, %s = lathe.round_rows %n : tensor<?x64xf32> -> tensor<?x64xf8E4M3FN>, tensor<?x1xf32>
  return %c, %s : tensor<?x64xf8E4M3FN>, tensor<?x1xf32>
}

// -----

// The results of other kernels are read again, in 16 bits.
// CHECK-LABEL: @product
// CHECK: lathe.fusion
// CHECK: lathe.matmul
// CHECK-NEXT: lathe.cast
// CHECK: lathe.fusion
// CHECK: lathe.round_rows
func.func @product(%x: tensor<?x64xf16>, %w: tensor<32x64xf16>) -> (tensor<?x32xf8E4M3FN>, tensor<?x1xf32>) {
  %y = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf16>, tensor<32x64xf16> -> tensor<?x32xf32>
  %h = lathe.cast %y : tensor<?x32xf32> -> tensor<?x32xf16>
  %c, %s = lathe.round_rows %h : tensor<?x32xf16> -> tensor<?x32xf8E4M3FN>, tensor<?x1xf32>
  return %c, %s : tensor<?x32xf8E4M3FN>, tensor<?x1xf32>
}
