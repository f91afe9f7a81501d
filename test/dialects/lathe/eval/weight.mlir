// RUN: rm -rf %t && mkdir %t && cp %s %t/model.mlir
// RUN: %python -c "import struct, sys; open(sys.argv[1], 'wb').write(b'head' + struct.pack('<6f', *range(6)))" %t/weights.bin
// RUN: %python -c "import struct, sys; open(sys.argv[1], 'wb').write(struct.pack('<e32b', 0.5, *range(-16, 16)))" %t/blocks.bin
// RUN: lathe-eval %t/model.mlir --verify-diagnostics | FileCheck %s
// Paths are relative to the module's file. A block of q8_0 is an f16 scale and 32 signed bytes.

module attributes {lathe.files = ["weights.bin", "blocks.bin", "absent.bin"]} {
  // CHECK-LABEL: @at_an_offset
  // CHECK: tensor<2x2xf32> = {{\[\[}}1, 2], [3, 4]]
  func.func @at_an_offset() -> tensor<2x2xf32> {
    %w = lathe.weight "w" file 0 offset 8 bytes 16 : tensor<2x2xf32>
    return %w : tensor<2x2xf32>
  }

  // CHECK-LABEL: @blocks_unpack
  // CHECK: tensor<1x32xf16> = {{\[\[}}-8, -7.5, {{.*}}, 7, 7.5]]
  // CHECK: tensor<2x32xf32> = {{\[\[}}-8, {{.*}}, 7.5], [-8, {{.*}}, 7.5]]
  // CHECK: tensor<1x1xf32> = {{\[\[}}-8]]
  func.func @blocks_unpack() -> (tensor<1x32xf16>, tensor<2x32xf32>, tensor<1x1xf32>) {
    %w = lathe.weight "w" file 1 offset 0 bytes 34 : tensor<1x32x!lathe.gguf<q8_0>>
    %cast = lathe.cast %w : tensor<1x32x!lathe.gguf<q8_0>> -> tensor<1x32xf16>
    %i = lathe.constant dense<0> : tensor<2xi32>
    %rows = lathe.gather %w, %i : tensor<1x32x!lathe.gguf<q8_0>>, tensor<2xi32> -> tensor<2x32xf32>
    %ones = lathe.constant dense<1.0> : tensor<1x32xf32>
    %sum = lathe.matmul %ones, %w transpose_rhs :
        tensor<1x32xf32>, tensor<1x32x!lathe.gguf<q8_0>> -> tensor<1x1xf32>
    return %cast, %rows, %sum : tensor<1x32xf16>, tensor<2x32xf32>, tensor<1x1xf32>
  }

  func.func @beyond_the_end() -> tensor<2x2xf32> {
    // expected-error-re @below {{'lathe.weight' op 'w' takes 16 bytes at offset 16 of '{{.*}}weights.bin', which has 28 bytes}}
    %w = lathe.weight "w" file 0 offset 16 bytes 16 : tensor<2x2xf32>
    return %w : tensor<2x2xf32>
  }

  func.func @file_without_path() -> tensor<2x2xf32> {
    // expected-error @below {{'lathe.weight' op 'w' is in file 3 but the module names 3 files}}
    %w = lathe.weight "w" file 3 offset 0 bytes 16 : tensor<2x2xf32>
    return %w : tensor<2x2xf32>
  }

  func.func @absent_file() -> tensor<2x2xf32> {
    // expected-error-re @below {{'lathe.weight' op 'w' is in '{{.*}}absent.bin', which cannot be read: No such file or directory}}
    %w = lathe.weight "w" file 2 offset 0 bytes 16 : tensor<2x2xf32>
    return %w : tensor<2x2xf32>
  }
}
