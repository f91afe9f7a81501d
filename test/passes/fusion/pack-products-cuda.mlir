// RUN: lathe-opt %s --lathe-pack-products=target=cuda --split-input-file --remarks-filter=fusion --verify-diagnostics | FileCheck %s
// RUN: lathe-opt %s --lathe-pack-products=target=cuda --lathe-pack-products=target=cuda --split-input-file | FileCheck %s
// RUN: lathe-opt %s --lathe-pack-products="target=cuda tf32" --split-input-file | FileCheck %s --check-prefix=TF32
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

// Blocks one row high are, where kernels have tiles for them; others are read as they are.
// CHECK-LABEL: func.func @row_blocks
// CHECK: lathe.pack_blocks %{{.*}} : tensor<40x192x!lathe.blocked<!lathe.nf4, {{.*}}>> -> tensor<48x256x!lathe.gguf_tiles<nf4>>
// CHECK: lathe.tile_matmul %{{.*}} : tensor<?x192xbf16>, tensor<48x256x!lathe.gguf_tiles<nf4>> -> tensor<?x40xf32>
// CHECK: lathe.pack_blocks %{{.*}} : tensor<8x128x!lathe.blocked<ui3, {{.*}}>> -> tensor<16x128x!lathe.gguf_tiles<uint4_g64>>
// CHECK: lathe.pack_blocks %{{.*}} : tensor<8x96x!lathe.blocked<f8E5M2, {{.*}}>> -> tensor<16x128x!lathe.gguf_tiles<e5m2>>
// CHECK-NOT: pack_blocks
func.func @row_blocks(%x: tensor<?x192xbf16>, %y: tensor<?x128xf16>, %z: tensor<?x96xf16>)
    -> (tensor<?x40xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 4320 : tensor<40x192x!lathe.blocked<!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  %u = lathe.weight "u" file 0 offset 4320 bytes 432 : tensor<8x128x!lathe.blocked<ui3, block = [1, 64], scale = f16, zero = i8, outer_scale = none>>
  %e = lathe.weight "e" file 0 offset 4752 bytes 800 : tensor<8x96x!lathe.blocked<f8E5M2, block = [1, 96], scale = f32, zero = none, outer_scale = none>>
  %s = lathe.weight "s" file 0 offset 5552 bytes 864 : tensor<8x96x!lathe.blocked<f8E5M2, block = [1, 32], scale = f32, zero = none, outer_scale = none>>
  // expected-remark @below {{into tiles}}
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x192xbf16>, tensor<40x192x!lathe.blocked<!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  // expected-remark @below {{into tiles}}
  %1 = lathe.matmul %y, %u transpose_rhs : tensor<?x128xf16>, tensor<8x128x!lathe.blocked<ui3, block = [1, 64], scale = f16, zero = i8, outer_scale = none>> -> tensor<?x8xf32>
  // expected-remark @below {{into tiles}}
  %2 = lathe.matmul %z, %e transpose_rhs : tensor<?x96xf16>, tensor<8x96x!lathe.blocked<f8E5M2, block = [1, 96], scale = f32, zero = none, outer_scale = none>> -> tensor<?x8xf32>
  // expected-remark @below {{its blocks are of a kind that is read as it is}}
  %3 = lathe.matmul %z, %s transpose_rhs : tensor<?x96xf16>, tensor<8x96x!lathe.blocked<f8E5M2, block = [1, 32], scale = f32, zero = none, outer_scale = none>> -> tensor<?x8xf32>
  return %0, %1, %2, %3 : tensor<?x40xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// The matrices of experts are packed as one.
// CHECK-LABEL: func.func @experts
// CHECK-DAG: %[[W:.*]] = lathe.weight "w"
// CHECK: %[[R:.*]] = lathe.reshape %[[W]] shape [512, 40] : tensor<4x128x40xf16> -> tensor<512x40xf16>
// CHECK: %[[P:.*]] = lathe.pack_tiles %[[R]] : tensor<512x40xf16> -> tensor<8x1x64x64xf16>
// CHECK: lathe.expert_matmul %{{.*}}, %[[P]], %{{.*}} : tensor<?x1x40xf16>, tensor<8x1x64x64xf16>, tensor<?x2xi64> -> tensor<?x2x128xf16>
// CHECK-NOT: pack
func.func @experts(%x: tensor<?x1x40xf16>, %y: tensor<?x1x32xf16>, %f: tensor<?x1x40xf32>, %e: tensor<?x2xi64>,
                   %c: tensor<4x128x40xf16>)
    -> (tensor<?x2x128xf16>, tensor<?x2x64xf16>, tensor<?x2x40xf16>, tensor<?x2x128xf16>, tensor<?x2x128xf32>,
        tensor<?x2x64xf16>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 40960 : tensor<4x128x40xf16>
  // expected-remark @below {{packs experts of tensor<4x128x40xf16> into tiles}}
  %0 = lathe.expert_matmul %x, %w, %e :
      tensor<?x1x40xf16>, tensor<4x128x40xf16>, tensor<?x2xi64> -> tensor<?x2x128xf16>
  %q = lathe.weight "q" file 0 offset 40960 bytes 8704 : tensor<4x64x32x!lathe.gguf<q8_0>>
  // expected-remark @below {{experts are not packed: its experts are not of 16 bits, as their rows must be too}}
  %1 = lathe.expert_matmul %y, %q, %e :
      tensor<?x1x32xf16>, tensor<4x64x32x!lathe.gguf<q8_0>>, tensor<?x2xi64> -> tensor<?x2x64xf16>
  %v = lathe.weight "v" file 0 offset 49664 bytes 12800 : tensor<4x40x40xf16>
  // expected-remark @below {{experts are not packed: matrices of 40 rows do not fill tiles of 64}}
  %2 = lathe.expert_matmul %x, %v, %e :
      tensor<?x1x40xf16>, tensor<4x40x40xf16>, tensor<?x2xi64> -> tensor<?x2x40xf16>
  // expected-remark @below {{experts are not packed: its experts are no weights}}
  %3 = lathe.expert_matmul %x, %c, %e :
      tensor<?x1x40xf16>, tensor<4x128x40xf16>, tensor<?x2xi64> -> tensor<?x2x128xf16>
  // expected-remark @below {{experts are not packed: its experts are not of 16 bits, as their rows must be too}}
  %4 = lathe.expert_matmul %f, %w, %e :
      tensor<?x1x40xf32>, tensor<4x128x40xf16>, tensor<?x2xi64> -> tensor<?x2x128xf32>
  %m = lathe.weight "m" file 0 offset 62464 bytes 2621440 : tensor<512x64x40xf16>
  // expected-remark @below {{experts are not packed: at most 511 experts are sorted}}
  %5 = lathe.expert_matmul %x, %m, %e :
      tensor<?x1x40xf16>, tensor<512x64x40xf16>, tensor<?x2xi64> -> tensor<?x2x64xf16>
  return %0, %1, %2, %3, %4, %5 : tensor<?x2x128xf16>, tensor<?x2x64xf16>, tensor<?x2x40xf16>, tensor<?x2x128xf16>,
      tensor<?x2x128xf32>, tensor<?x2x64xf16>
}

// -----

// With tf32 weights of f32 are packed too, but not beside what is no weight.
// CHECK-LABEL: func.func @f32
// CHECK-NOT: pack
// TF32-LABEL: func.func @f32
// TF32: %[[T:.*]] = lathe.transpose %{{.*}} : tensor<33x70xf32> -> tensor<70x33xf32>
// TF32: %[[P:.*]] = lathe.pack_tiles %[[T]] : tensor<70x33xf32> -> tensor<2x2x64x32xf32>
// TF32: lathe.tile_matmul %{{.*}}, %[[P]] : tensor<?x33xf32>, tensor<2x2x64x32xf32> -> tensor<?x70xf32>
// TF32: lathe.matmul
func.func @f32(%x: tensor<?x33xf32>, %c: tensor<33x8xf32>) -> (tensor<?x70xf32>, tensor<?x8xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 9240 : tensor<33x70xf32>
  // expected-remark @below {{a product is not packed: its rows are f32, which tensor cores do not take}}
  %y = lathe.matmul %x, %w : tensor<?x33xf32>, tensor<33x70xf32> -> tensor<?x70xf32>
  // expected-remark @below {{a product is not packed: its right operand is no weight}}
  %z = lathe.matmul %x, %c : tensor<?x33xf32>, tensor<33x8xf32> -> tensor<?x8xf32>
  return %y, %z : tensor<?x70xf32>, tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @kept
// TF32-LABEL: func.func @kept
// TF32-NOT: pack
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
