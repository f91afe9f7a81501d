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

// CHECK-LABEL: func.func @narrow_and_batched
// CHECK-NOT: pack_columns
func.func @narrow_and_batched(%x: tensor<2x?x64xf32>) -> (tensor<2x?x8xf32>, tensor<2x?x8xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 1024 : tensor<8x64xf16>
  %v = lathe.weight "v" file 0 offset 1024 bytes 4096 : tensor<2x8x64xf32>
  // expected-remark @below {{its weights have fewer bits than f32 and are read as they are}}
  %y = lathe.matmul %x, %w transpose_rhs : tensor<2x?x64xf32>, tensor<8x64xf16> -> tensor<2x?x8xf32>
  // expected-remark @below {{its right operand is not one matrix of known size}}
  %z = lathe.matmul %x, %v transpose_rhs : tensor<2x?x64xf32>, tensor<2x8x64xf32> -> tensor<2x?x8xf32>
  return %y, %z : tensor<2x?x8xf32>, tensor<2x?x8xf32>
}
