// RUN: lathe-opt %s --lathe-unpack-blocks=chips=sm_80 --split-input-file --remarks-filter=fusion --verify-diagnostics -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-unpack-blocks=chips=sm_80 --split-input-file | diff %t.once -

// All dimensions but the last are rows; values have the type of the rows, and stand right in front of their product.
// CHECK-LABEL: func.func @many
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<5x?x256xf16>
// CHECK: %[[V:.*]] = lathe.unpack_tiles %{{.*}} : tensor<48x256x!lathe.gguf_tiles<q4_k>> -> tensor<1x4x64x64xf16>
// CHECK-NEXT: %[[Y:.*]] = lathe.tile_matmul %[[X]], %[[V]] : tensor<5x?x256xf16>, tensor<1x4x64x64xf16> -> tensor<5x?x40xf32>
// CHECK: %[[W:.*]] = lathe.unpack_tiles %{{.*}} : tensor<16x128x!lathe.gguf_tiles<q8_0>> -> tensor<1x2x64x64xbf16>
// CHECK-NEXT: lathe.tile_matmul %{{.*}}, %[[W]] : tensor<?x96xbf16>, tensor<1x2x64x64xbf16> -> tensor<?x8xf32>
func.func @many(%x: tensor<5x?x256xf16> {lathe.name = "x", lathe.dims = [5, "n", 256]},
                %y: tensor<?x96xbf16> {lathe.name = "y", lathe.dims = ["m", 96]},
                %u: tensor<48x256x!lathe.gguf_tiles<q4_k>> {lathe.name = "u", lathe.dims = [48, 256]},
                %v: tensor<16x128x!lathe.gguf_tiles<q8_0>> {lathe.name = "v", lathe.dims = [16, 128]})
    -> (tensor<5x?x40xf32>, tensor<?x8xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 13, 100>, #lathe.symbol<"m", 65, 100>]} {
  // expected-remark @below {{takes blocks apart before a product of 65 rows and more}}
  %0 = lathe.tile_matmul %x, %u : tensor<5x?x256xf16>, tensor<48x256x!lathe.gguf_tiles<q4_k>> -> tensor<5x?x40xf32>
  // expected-remark @below {{takes blocks apart before a product of 65 rows and more}}
  %1 = lathe.tile_matmul %y, %v : tensor<?x96xbf16>, tensor<16x128x!lathe.gguf_tiles<q8_0>> -> tensor<?x8xf32>
  return %0, %1 : tensor<5x?x40xf32>, tensor<?x8xf32>
}

// -----

// Few rows, or what may be few; weights that are no blocks; a last tile of blocks that reaches further than the values.
// CHECK-LABEL: func.func @kept
// CHECK-NOT: unpack_tiles
func.func @kept(%x: tensor<?x256xf16> {lathe.name = "x", lathe.dims = ["n", 256]},
                %y: tensor<?x64xf16> {lathe.name = "y", lathe.dims = ["m", 64]},
                %u: tensor<48x256x!lathe.gguf_tiles<q4_k>> {lathe.name = "u", lathe.dims = [48, 256]},
                %v: tensor<1x1x64x64xf16> {lathe.name = "v", lathe.dims = [1, 1, 64, 64]},
                %w: tensor<16x128x!lathe.gguf_tiles<q8_0>> {lathe.name = "w", lathe.dims = [16, 128]})
    -> (tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x8xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 64, 1000>, #lathe.symbol<"m", 65, 100>]} {
  %0 = lathe.tile_matmul %x, %u : tensor<?x256xf16>, tensor<48x256x!lathe.gguf_tiles<q4_k>> -> tensor<?x40xf32>
  %1 = lathe.tile_matmul %y, %v : tensor<?x64xf16>, tensor<1x1x64x64xf16> -> tensor<?x40xf32>
  // expected-remark @below {{a product of many rows takes blocks apart for each tile: its 64 columns do not fill tiles}}
  %2 = lathe.tile_matmul %y, %w : tensor<?x64xf16>, tensor<16x128x!lathe.gguf_tiles<q8_0>> -> tensor<?x8xf32>
  return %0, %1, %2 : tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x8xf32>
}

// -----

// Blocks that have no tiles are taken apart as well, but for rows of f32 and few rows.
// CHECK-LABEL: func.func @blocks
// CHECK: %[[V:.*]] = lathe.unpack_tiles %{{.*}} : tensor<40x96x!lathe.gguf<q5_0>> -> tensor<1x2x64x64xf16>
// CHECK-NEXT: lathe.tile_matmul %{{.*}}, %[[V]] : tensor<?x96xf16>, tensor<1x2x64x64xf16> -> tensor<?x40xf32>
// CHECK-NOT: unpack_tiles
func.func @blocks(%x: tensor<?x96xf16> {lathe.name = "x", lathe.dims = ["n", 96]},
                  %y: tensor<?x96xf32> {lathe.name = "y", lathe.dims = ["n", 96]},
                  %z: tensor<8x96xf16> {lathe.name = "z", lathe.dims = [8, 96]},
                  %w: tensor<40x96x!lathe.gguf<q5_0>> {lathe.name = "w", lathe.dims = [40, 96]})
    -> (tensor<?x40xf32>, tensor<?x40xf32>, tensor<8x40xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 65, 100>]} {
  // expected-remark @below {{takes blocks apart before a product of 65 rows and more}}
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x96xf16>, tensor<40x96x!lathe.gguf<q5_0>> -> tensor<?x40xf32>
  %1 = lathe.matmul %y, %w transpose_rhs : tensor<?x96xf32>, tensor<40x96x!lathe.gguf<q5_0>> -> tensor<?x40xf32>
  %2 = lathe.matmul %z, %w transpose_rhs : tensor<8x96xf16>, tensor<40x96x!lathe.gguf<q5_0>> -> tensor<8x40xf32>
  return %0, %1, %2 : tensor<?x40xf32>, tensor<?x40xf32>, tensor<8x40xf32>
}
