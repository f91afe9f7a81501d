// RUN: lathe-opt %s --lathe-pack-products --split-input-file --remarks-filter=fusion --verify-diagnostics | FileCheck %s

// Weights are packed, however they lie, for products of any rank.
// CHECK-LABEL: func.func @weights
// CHECK-SAME: (%[[X:.*]]: tensor<2x?x64xf32>)
// CHECK-DAG: %[[W:.*]] = lathe.weight "w"
// CHECK-DAG: %[[V:.*]] = lathe.weight "v"
// CHECK: %[[P:.*]] = lathe.pack_columns %[[W]] transposed : tensor<40x64xf32> -> tensor<3x64x16xf32>
// CHECK: %[[Y:.*]] = lathe.panel_matmul %[[X]], %[[P]]
// CHECK: %[[Q:.*]] = lathe.pack_columns %[[V]] : tensor<40x16xf32> -> tensor<1x40x16xf32>
// CHECK: %[[Z:.*]] = lathe.panel_matmul %[[Y]], %[[Q]]
// CHECK: return %[[Z]]
func.func @weights(%x: tensor<2x?x64xf32>) -> tensor<2x?x16xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 10240 : tensor<40x64xf32>
  %v = lathe.weight "v" file 0 offset 10240 bytes 2560 : tensor<40x16xf32>
  // expected-remark @below {{packs weights of tensor<40x64xf32> into panels of 16 columns}}
  %y = lathe.matmul %x, %w transpose_rhs : tensor<2x?x64xf32>, tensor<40x64xf32> -> tensor<2x?x40xf32>
  // expected-remark @below {{packs weights of tensor<40x16xf32> into panels of 16 columns}}
  %z = lathe.matmul %y, %v : tensor<2x?x40xf32>, tensor<40x16xf32> -> tensor<2x?x16xf32>
  return %z : tensor<2x?x16xf32>
}

// -----

// CHECK-LABEL: func.func @computed
// CHECK-NOT: pack_columns
// CHECK: lathe.matmul
func.func @computed(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  // expected-remark @below {{a product is not packed: its right operand is no weight}}
  %y = lathe.matmul %x, %w : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// Weights of 16 bits keep them.
// CHECK-LABEL: func.func @sixteen_bits
// CHECK: %[[P:.*]] = lathe.pack_columns %{{.*}} transposed : tensor<8x64xbf16> -> tensor<1x64x16xbf16>
// CHECK: lathe.panel_matmul %{{.*}}, %[[P]] : tensor<?x64xf32>, tensor<1x64x16xbf16> -> tensor<?x8xf32>
func.func @sixteen_bits(%x: tensor<?x64xf32>) -> tensor<?x8xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 1024 : tensor<8x64xbf16>
  // expected-remark @below {{packs weights of tensor<8x64xbf16> into panels of 16 columns}}
  %y = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf32>, tensor<8x64xbf16> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @blocks_and_batched
// CHECK-NOT: pack_columns
func.func @blocks_and_batched(%x: tensor<2x?x64xf32>) -> (tensor<2x?x8xf32>, tensor<2x?x8xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 544 : tensor<8x64x!lathe.gguf<q8_0>>
  %v = lathe.weight "v" file 0 offset 1024 bytes 4096 : tensor<2x8x64xf32>
  // expected-remark @below {{its weights are in blocks and are read as they are}}
  %y = lathe.matmul %x, %w transpose_rhs : tensor<2x?x64xf32>, tensor<8x64x!lathe.gguf<q8_0>> -> tensor<2x?x8xf32>
  // expected-remark @below {{its right operand is not one matrix of known size}}
  %z = lathe.matmul %x, %v transpose_rhs : tensor<2x?x64xf32>, tensor<2x8x64xf32> -> tensor<2x?x8xf32>
  return %y, %z : tensor<2x?x8xf32>, tensor<2x?x8xf32>
}

// -----

// Blocks that a product with rows of 8 bits reads are put side by side; a second pass finds them so.
// CHECK-LABEL: func.func @blocks
// CHECK: %[[W:.*]] = lathe.weight "w"
// CHECK: %[[P:.*]] = lathe.pack_blocks %[[W]] : tensor<40x256x!lathe.gguf<q4_k>> -> tensor<48x256x!lathe.gguf_panels<q4_k>>
// CHECK: lathe.int8_matmul %{{.*}}, %[[P]] {{.*}} -> tensor<?x40xf32>
func.func @blocks(%x: tensor<?x256xf32>, %p: tensor<48x256x!lathe.gguf_panels<q4_k>>) -> (tensor<?x40xf32>, tensor<?x40xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 5760 : tensor<40x256x!lathe.gguf<q4_k>>
  // expected-remark @below {{packs weights of tensor<40x256x!lathe.gguf<q4_k>> into panels of 16 rows}}
  %y = lathe.int8_matmul %x, %w : tensor<?x256xf32>, tensor<40x256x!lathe.gguf<q4_k>> -> tensor<?x40xf32>
  %z = lathe.int8_matmul %x, %p : tensor<?x256xf32>, tensor<48x256x!lathe.gguf_panels<q4_k>> -> tensor<?x40xf32>
  return %y, %z : tensor<?x40xf32>, tensor<?x40xf32>
}

// -----

// A table that is also gathered from is stored once: both read panels.
// CHECK-LABEL: func.func @tied
// CHECK: %[[P:.*]] = lathe.pack_blocks %{{.*}} : tensor<40x256x!lathe.gguf<q6_k>> -> tensor<48x256x!lathe.gguf_panels<q6_k>>
// CHECK: %[[X:.*]] = lathe.gather %[[P]], %{{.*}} : tensor<48x256x!lathe.gguf_panels<q6_k>>, tensor<?xi32> -> tensor<?x256xf32>
// CHECK: lathe.int8_matmul %[[X]], %[[P]]
// CHECK-NOT: pack_blocks
func.func @tied(%tokens: tensor<?xi32>) -> tensor<?x40xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 8400 : tensor<40x256x!lathe.gguf<q6_k>>
  %x = lathe.gather %w, %tokens : tensor<40x256x!lathe.gguf<q6_k>>, tensor<?xi32> -> tensor<?x256xf32>
  // expected-remark @below {{packs weights of tensor<40x256x!lathe.gguf<q6_k>> into panels of 16 rows}}
  %y = lathe.int8_matmul %x, %w : tensor<?x256xf32>, tensor<40x256x!lathe.gguf<q6_k>> -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// -----

// Weights that are no blocks keep a table beside their panels.
// CHECK-LABEL: func.func @tied_plain
// CHECK: %[[W:.*]] = lathe.weight
// CHECK: lathe.gather %[[W]]
// CHECK: %[[P:.*]] = lathe.pack_columns %[[W]]
// CHECK: lathe.panel_matmul %{{.*}}, %[[P]]
func.func @tied_plain(%tokens: tensor<?xi32>) -> tensor<?x40xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 5120 : tensor<40x64xf16>
  %x = lathe.gather %w, %tokens : tensor<40x64xf16>, tensor<?xi32> -> tensor<?x64xf32>
  // expected-remark @below {{packs weights of tensor<40x64xf16> into panels of 16 columns}}
  %y = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf32>, tensor<40x64xf16> -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}
