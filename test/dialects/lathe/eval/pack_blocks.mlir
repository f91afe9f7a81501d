// RUN: rm -rf %t && mkdir %t && cp %s %t/model.mlir
// RUN: %python -c "import struct, sys; open(sys.argv[1], 'wb').write(struct.pack('<e32b', 0.5, *[1] * 32) + struct.pack('<e32b', 1, *range(-16, 16)))" %t/blocks.bin
// RUN: lathe-eval %t/model.mlir | FileCheck %s
// The values stay as they are; rows behind the last one are zeros.

module attributes {lathe.files = ["blocks.bin"]} {
  // CHECK-LABEL: @values
  // CHECK: tensor<16x32xf32> = {{\[\[}}0.5, 0.5, {{.*}}], [-16, -15, {{.*}}, 15], [0, 0, {{.*}}0]]
  func.func @values() -> tensor<16x32xf32> {
    %w = lathe.weight "w" file 0 offset 0 bytes 68 : tensor<2x32x!lathe.gguf<q8_0>>
    %p = lathe.pack_blocks %w : tensor<2x32x!lathe.gguf<q8_0>> -> tensor<16x32x!lathe.gguf_panels<q8_0>>
    %v = lathe.cast %p : tensor<16x32x!lathe.gguf_panels<q8_0>> -> tensor<16x32xf32>
    return %v : tensor<16x32xf32>
  }
}
