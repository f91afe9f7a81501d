// RUN: rm -rf %t && mkdir %t && cp %s %t/model.mlir
// RUN: %python -c "import struct, sys; open(sys.argv[1], 'wb').write(struct.pack('<e32b', 0.5, *range(-16, 16)) + struct.pack('<e32b', 1, *range(-16, 16)))" %t/blocks.bin
// RUN: lathe-eval %t/model.mlir | FileCheck %s
// Tiles of blocks, taken apart beforehand or by the product: rows and columns behind the last ones are zeros.

module attributes {lathe.files = ["blocks.bin"]} {
  // CHECK-LABEL: @values
  // CHECK: tensor<1x2xf32> = {{\[\[}}-8, -16]]
  // CHECK: tensor<1x2xf32> = {{\[\[}}-8, -16]]
  // CHECK: tensor<16x128xf32> = {{\[\[}}-8, -7.5, {{.*}}, 7.5, 0, {{.*}}0], [-16, -15, {{.*}}, 15, 0, {{.*}}0], [0, 0, {{.*}}0]]
  func.func @values() -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<16x128xf32>) {
    %w = lathe.weight "w" file 0 offset 0 bytes 68 : tensor<2x32x!lathe.gguf<q8_0>>
    %p = lathe.pack_blocks %w : tensor<2x32x!lathe.gguf<q8_0>> -> tensor<16x128x!lathe.gguf_tiles<q8_0>>
    %d = lathe.unpack_tiles %p : tensor<16x128x!lathe.gguf_tiles<q8_0>> -> tensor<1x2x64x64xf16>
    %x = lathe.constant dense<1.0> : tensor<1x32xf16>
    %x2 = lathe.constant dense<[[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]]> : tensor<1x65xf16>
    %y = lathe.tile_matmul %x, %p : tensor<1x32xf16>, tensor<16x128x!lathe.gguf_tiles<q8_0>> -> tensor<1x2xf32>
    %z = lathe.tile_matmul %x2, %d : tensor<1x65xf16>, tensor<1x2x64x64xf16> -> tensor<1x2xf32>
    %v = lathe.cast %p : tensor<16x128x!lathe.gguf_tiles<q8_0>> -> tensor<16x128xf32>
    return %y, %z, %v : tensor<1x2xf32>, tensor<1x2xf32>, tensor<16x128xf32>
  }
}
