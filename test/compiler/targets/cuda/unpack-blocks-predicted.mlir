// RUN: lathe-opt %s --lathe-unpack-blocks=chips=sm_90a --split-input-file -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-unpack-blocks=chips=sm_90a --split-input-file | diff %t.once -
// RUN: lathe-opt %s --lathe-unpack-blocks=chips=sm_90a --split-input-file --remarks-filter=fusion 2>&1 | FileCheck %s --check-prefix=REMARKS

// One chip that would take blocks apart for each tile of rows, and they are taken apart for all.
// RUN: lathe-opt %s --lathe-unpack-blocks=chips=sm_90a,sm_80 --split-input-file | FileCheck %s --check-prefix=BOTH

// RUN: not lathe-opt %s --lathe-unpack-blocks --split-input-file 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: chips are none, needed the names of GPUs, such as sm_90a
// RUN: not lathe-opt %s --lathe-unpack-blocks=chips=sm_91x --split-input-file 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: {{.*}}sm_91x

// Kernels of Hopper take blocks apart once for 256 rows, which is faster than to write their values and read them.
// CHECK-LABEL: func.func @some
// CHECK-NOT: unpack_tiles
// BOTH-LABEL: func.func @some
// BOTH-COUNT-3: unpack_tiles
// REMARKS: reads blocks as they are in a product of 65 rows and more: {{[0-9.]+}} us of 256 rows on sm_90a, {{[0-9.]+}} taken apart
func.func @some(%x: tensor<?x4096xf16> {lathe.name = "x", lathe.dims = ["n", 4096]},
                %u: tensor<4096x4096x!lathe.gguf_tiles<q4_k>> {lathe.name = "u", lathe.dims = [4096, 4096]},
                %v: tensor<1024x4096x!lathe.gguf_tiles<q6_k>> {lathe.name = "v", lathe.dims = [1024, 4096]},
                %w: tensor<28672x4096x!lathe.gguf_tiles<nvfp4>> {lathe.name = "w", lathe.dims = [28672, 4096]})
    -> (tensor<?x4096xf32>, tensor<?x1024xf32>, tensor<?x28672xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 65, 256>]} {
  %0 = lathe.tile_matmul %x, %u : tensor<?x4096xf16>, tensor<4096x4096x!lathe.gguf_tiles<q4_k>> -> tensor<?x4096xf32>
  %1 = lathe.tile_matmul %x, %v : tensor<?x4096xf16>, tensor<1024x4096x!lathe.gguf_tiles<q6_k>> -> tensor<?x1024xf32>
  %y = lathe.exp %x : tensor<?x4096xf16>
  %2 = lathe.tile_matmul %y, %w : tensor<?x4096xf16>, tensor<28672x4096x!lathe.gguf_tiles<nvfp4>> -> tensor<?x28672xf32>
  return %0, %1, %2 : tensor<?x4096xf32>, tensor<?x1024xf32>, tensor<?x28672xf32>
}

// -----

// Of more rows each tile of rows would take the same blocks apart.
// CHECK-LABEL: func.func @many
// CHECK: unpack_tiles
// BOTH-LABEL: func.func @many
// BOTH: unpack_tiles
// REMARKS: takes blocks apart before a product of 65 rows and more"
func.func @many(%x: tensor<?x4096xf16> {lathe.name = "x", lathe.dims = ["n", 4096]},
                %u: tensor<4096x4096x!lathe.gguf_tiles<q4_k>> {lathe.name = "u", lathe.dims = [4096, 4096]})
    -> tensor<?x4096xf32>
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 65, 512>]} {
  %0 = lathe.tile_matmul %x, %u : tensor<?x4096xf16>, tensor<4096x4096x!lathe.gguf_tiles<q4_k>> -> tensor<?x4096xf32>
  return %0 : tensor<?x4096xf32>
}
