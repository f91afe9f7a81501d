// RUN: rm -rf %t && mkdir %t && cp %s %t/model.mlir
// RUN: %python -c "import struct, sys; open(sys.argv[1], 'wb').write(struct.pack('<e32b', 0.5, *[1] * 32) + struct.pack('<e32b', 1, *range(-16, 16)))" %t/blocks.bin
// RUN: lathe-eval %t/model.mlir | FileCheck %s
// Rows are rounded to steps of m / 127 where m is the largest magnitude: of 127, 2.5 and -0.6 to 127, 2 and -1. Worked by
// hand; blocks of q8_0 are an f16 scale and 32 signed bytes.

module attributes {lathe.files = ["blocks.bin"]} {
  // CHECK-LABEL: @rounded_rows
  // CHECK: tensor<2x2xf32> = {{\[\[}}64, -2048], [0, 0]]
  // CHECK: tensor<2x2xf32> = {{\[\[}}64, -2048], [0, 0]]
  func.func @rounded_rows() -> (tensor<2x2xf32>, tensor<2x2xf32>) {
    %w = lathe.weight "w" file 0 offset 0 bytes 68 : tensor<2x32x!lathe.gguf<q8_0>>
    %p = lathe.pack_blocks %w : tensor<2x32x!lathe.gguf<q8_0>> -> tensor<16x32x!lathe.gguf_panels<q8_0>>
    %some = lathe.constant dense<[[127.0, 2.5, -0.6], [0.0, 0.0, 0.0]]> : tensor<2x3xf32>
    %rest = lathe.constant dense<0.0> : tensor<2x29xf32>
    %x = lathe.concat %some, %rest axis 1 : (tensor<2x3xf32>, tensor<2x29xf32>) -> tensor<2x32xf32>
    %0 = lathe.int8_matmul %x, %w : tensor<2x32xf32>, tensor<2x32x!lathe.gguf<q8_0>> -> tensor<2x2xf32>
    %1 = lathe.int8_matmul %x, %p : tensor<2x32xf32>, tensor<16x32x!lathe.gguf_panels<q8_0>> -> tensor<2x2xf32>
    return %0, %1 : tensor<2x2xf32>, tensor<2x2xf32>
  }
}
