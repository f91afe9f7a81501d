// RUN: lathe-opt %s --lathe-pack-products=target=cuda --split-input-file --remarks-filter=fusion --verify-diagnostics | FileCheck %s
// RUN: lathe-opt %s --lathe-pack-products=target=cuda --lathe-pack-products=target=cuda --split-input-file | FileCheck %s
// RUN: not lathe-opt %s --lathe-pack-products=target=tpu --split-input-file 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: error: target is 'tpu', needed cpu or cuda

// Weights that do not lie along k are turned round; products of any rank have the same rows in memory.
// CHECK-LABEL: func.func @weights
// CHECK-SAME: (%[[X:.*]]: tensor<2x?x64xf16>)
// CHECK-DAG: %[[W:.*]] = lathe.weight "w"
// CHECK-DAG: %[[V:.*]] = lathe.weight "v"
// CHECK: %[[P:.*]] = lathe.pack_tiles %[[W]] : tensor<65x64xf16> -> tensor<2x1x64x64xf16>
// CHECK: %[[Y:.*]] = lathe.tile_matmul %[[X]], %[[P]]
// CHECK: %[[T:.*]] = lathe.transpose %[[V]]
// CHECK: %[[Q:.*]] = lathe.pack_tiles %[[T]] : tensor<16x65xf16> -> tensor<1x2x64x64xf16>
// CHECK: %[[Z:.*]] = lathe.tile_matmul %[[Y]], %[[Q]]
// CHECK: return %[[Z]]
func.func @weights(%x: tensor<2x?x64xf16>) -> tensor<2x?x16xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 8320 : tensor<65x64xf16>
  %v = lathe.weight "v" file 0 offset 8320 bytes 2080 : tensor<65x16xf16>
  // expected-remark @below {{packs weights of tensor<65x64xf16> into tiles}}
  %y = lathe.matmul %x, %w transpose_rhs : tensor<2x?x64xf16>, tensor<65x64xf16> -> tensor<2x?x65xf16>
  // expected-remark @below {{packs weights of tensor<65x16xf16> into tiles}}
  %z = lathe.matmul %y, %v : tensor<2x?x65xf16>, tensor<65x16xf16> -> tensor<2x?x16xf32>
  return %z : tensor<2x?x16xf32>
}

// -----

// Blocks of formats that have tiles are packed too: rows and columns rounded up to those of a tile.
// CHECK-LABEL: func.func @blocks
// CHECK: lathe.pack_blocks %{{.*}} : tensor<40x256x!lathe.gguf<q4_k>> -> tensor<48x256x!lathe.gguf_tiles<q4_k>>
// CHECK: lathe.tile_matmul %{{.*}} : tensor<?x256xbf16>, tensor<48x256x!lathe.gguf_tiles<q4_k>> -> tensor<?x40xf32>
// CHECK: lathe.pack_blocks %{{.*}} : tensor<8x64x!lathe.gguf<q8_0>> -> tensor<16x128x!lathe.gguf_tiles<q8_0>>
// CHECK: lathe.tile_matmul %{{.*}} : tensor<?x64xf16>, tensor<16x128x!lathe.gguf_tiles<q8_0>> -> tensor<?x8xf32>
func.func @blocks(%x: tensor<?x256xbf16>, %y: tensor<?x64xf16>) -> (tensor<?x40xf32>, tensor<?x8xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 5760 : tensor<40x256x!lathe.gguf<q4_k>>
  %q = lathe.weight "q" file 0 offset 5760 bytes 544 : tensor<8x64x!lathe.gguf<q8_0>>
  // expected-remark @below {{packs weights of tensor<40x256x!lathe.gguf<q4_k>> into tiles}}
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x256xbf16>, tensor<40x256x!lathe.gguf<q4_k>> -> tensor<?x40xf32>
  // expected-remark @below {{packs weights of tensor<8x64x!lathe.gguf<q8_0>> into tiles}}
  %1 = lathe.matmul %y, %q transpose_rhs : tensor<?x64xf16>, tensor<8x64x!lathe.gguf<q8_0>> -> tensor<?x8xf32>
  return %0, %1 : tensor<?x40xf32>, tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @kept
// CHECK-NOT: pack
func.func @kept(%x: tensor<?x64xf16>, %f: tensor<?x64xf32>, %c: tensor<64x64xf16>)
    -> (tensor<?x64xf16>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 1024 : tensor<8x64xf16>
  %q = lathe.weight "q" file 0 offset 1024 bytes 352 : tensor<8x64x!lathe.gguf<q5_0>>
  %v = lathe.weight "v" file 0 offset 1376 bytes 544 : tensor<8x64x!lathe.gguf<q8_0>>
  // expected-remark @below {{a product is not packed: its right operand is no weight}}
  %0 = lathe.matmul %x, %c : tensor<?x64xf16>, tensor<64x64xf16> -> tensor<?x64xf16>
  // expected-remark @below {{a product is not packed: its rows are f32, which tensor cores do not take}}
  %1 = lathe.matmul %f, %w transpose_rhs : tensor<?x64xf32>, tensor<8x64xf16> -> tensor<?x8xf32>
  // expected-remark @below {{a product is not packed: its blocks are of a kind that is read as it is}}
  %2 = lathe.matmul %x, %q transpose_rhs : tensor<?x64xf16>, tensor<8x64x!lathe.gguf<q5_0>> -> tensor<?x8xf32>
  // expected-remark @below {{a product is not packed: its rows are f32, which tensor cores do not take}}
  %3 = lathe.matmul %f, %v transpose_rhs : tensor<?x64xf32>, tensor<8x64x!lathe.gguf<q8_0>> -> tensor<?x8xf32>
  return %0, %1, %2, %3 : tensor<?x64xf16>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}
