// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @matmul
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<64x32xf32>)
func.func @matmul(%x: tensor<?x64xf32>, %w: tensor<64x32xf32>) -> tensor<?x32xf32> {
  // CHECK: lathe.matmul %[[X]], %[[W]] : tensor<?x64xf32>, tensor<64x32xf32> -> tensor<?x32xf32>
  %y = lathe.matmul %x, %w : tensor<?x64xf32>, tensor<64x32xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// CHECK-LABEL: @matmul_with_blocks
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf16>, %[[W:.*]]: tensor<32x64x!lathe.gguf<q8_0>>)
func.func @matmul_with_blocks(%x: tensor<?x64xf16>, %w: tensor<32x64x!lathe.gguf<q8_0>>) -> tensor<?x32xf32> {
  // CHECK: lathe.matmul %[[X]], %[[W]] transpose_rhs :
  // CHECK-SAME: tensor<?x64xf16>, tensor<32x64x!lathe.gguf<q8_0>> -> tensor<?x32xf32>
  %y = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf16>, tensor<32x64x!lathe.gguf<q8_0>> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// CHECK-LABEL: @batch_of_products
// CHECK-SAME: (%[[X:.*]]: tensor<2x1x?x64xf32>, %[[W:.*]]: tensor<3x32x64xf32>)
func.func @batch_of_products(%x: tensor<2x1x?x64xf32>, %w: tensor<3x32x64xf32>) -> tensor<2x3x?x32xf32> {
  // CHECK: lathe.matmul %[[X]], %[[W]] transpose_rhs :
  // CHECK-SAME: tensor<2x1x?x64xf32>, tensor<3x32x64xf32> -> tensor<2x3x?x32xf32>
  %y = lathe.matmul %x, %w transpose_rhs : tensor<2x1x?x64xf32>, tensor<3x32x64xf32> -> tensor<2x3x?x32xf32>
  return %y : tensor<2x3x?x32xf32>
}

// CHECK-LABEL: @conv
// CHECK-SAME: (%[[X:.*]]: tensor<?x2x8x8xf32>, %[[F:.*]]: tensor<8x1x3x3xf32>)
func.func @conv(%x: tensor<?x2x8x8xf32>, %f: tensor<8x1x3x3xf32>) -> tensor<?x8x7x8xf32> {
  // CHECK: lathe.conv %[[X]], %[[F]] strides [1, 1] pads [0, 1, 1, 1] dilations [1, 1] groups 2 :
  // CHECK-SAME: tensor<?x2x8x8xf32>, tensor<8x1x3x3xf32> -> tensor<?x8x7x8xf32>
  %y = lathe.conv %x, %f strides [1, 1] pads [0, 1, 1, 1] dilations [1, 1] groups 2 :
      tensor<?x2x8x8xf32>, tensor<8x1x3x3xf32> -> tensor<?x8x7x8xf32>
  return %y : tensor<?x8x7x8xf32>
}

// CHECK-LABEL: @panels
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<40x64xf32>)
func.func @panels(%x: tensor<?x64xf32>, %w: tensor<40x64xf32>) -> tensor<?x40xf32> {
  // CHECK: %[[P:.*]] = lathe.pack_columns %[[W]] transposed : tensor<40x64xf32> -> tensor<3x64x16xf32>
  %p = lathe.pack_columns %w transposed : tensor<40x64xf32> -> tensor<3x64x16xf32>
  // CHECK: lathe.panel_matmul %[[X]], %[[P]] : tensor<?x64xf32>, tensor<3x64x16xf32> -> tensor<?x40xf32>
  %y = lathe.panel_matmul %x, %p : tensor<?x64xf32>, tensor<3x64x16xf32> -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// CHECK-LABEL: @int8
// CHECK-SAME: (%[[X:.*]]: tensor<?x256xf32>, %[[W:.*]]: tensor<40x256x!lathe.gguf<q4_k>>)
func.func @int8(%x: tensor<?x256xf32>, %w: tensor<40x256x!lathe.gguf<q4_k>>) -> tensor<?x40xf32> {
  // CHECK: %[[P:.*]] = lathe.pack_blocks %[[W]] : tensor<40x256x!lathe.gguf<q4_k>> -> tensor<48x256x!lathe.gguf_panels<q4_k>>
  %p = lathe.pack_blocks %w : tensor<40x256x!lathe.gguf<q4_k>> -> tensor<48x256x!lathe.gguf_panels<q4_k>>
  // CHECK: lathe.int8_matmul %[[X]], %[[P]] : tensor<?x256xf32>, tensor<48x256x!lathe.gguf_panels<q4_k>> -> tensor<?x40xf32>
  %y = lathe.int8_matmul %x, %p : tensor<?x256xf32>, tensor<48x256x!lathe.gguf_panels<q4_k>> -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// CHECK-LABEL: @expert_matmul
// CHECK-SAME: (%[[X:.*]]: tensor<?x1x256xf32>, %[[W:.*]]: tensor<8x32x256x!lathe.gguf<q4_k>>, %[[E:.*]]: tensor<?x2xi64>)
func.func @expert_matmul(%x: tensor<?x1x256xf32>, %w: tensor<8x32x256x!lathe.gguf<q4_k>>, %e: tensor<?x2xi64>)
    -> tensor<?x2x32xf32> {
  // CHECK: lathe.expert_matmul %[[X]], %[[W]], %[[E]] :
  // CHECK-SAME: tensor<?x1x256xf32>, tensor<8x32x256x!lathe.gguf<q4_k>>, tensor<?x2xi64> -> tensor<?x2x32xf32>
  %y = lathe.expert_matmul %x, %w, %e :
      tensor<?x1x256xf32>, tensor<8x32x256x!lathe.gguf<q4_k>>, tensor<?x2xi64> -> tensor<?x2x32xf32>
  return %y : tensor<?x2x32xf32>
}

// CHECK-LABEL: func.func @tiles_of_f32
func.func @tiles_of_f32(%x: tensor<?x40xf32>, %w: tensor<70x40xf32>) -> tensor<?x70xf32> {
  // CHECK: %[[P:.*]] = lathe.pack_tiles %{{.*}} : tensor<70x40xf32> -> tensor<2x2x64x32xf32>
  %p = lathe.pack_tiles %w : tensor<70x40xf32> -> tensor<2x2x64x32xf32>
  // CHECK: lathe.tile_matmul %{{.*}}, %[[P]] : tensor<?x40xf32>, tensor<2x2x64x32xf32> -> tensor<?x70xf32>
  %y = lathe.tile_matmul %x, %p : tensor<?x40xf32>, tensor<2x2x64x32xf32> -> tensor<?x70xf32>
  return %y : tensor<?x70xf32>
}

// CHECK-LABEL: @experts_in_tiles
func.func @experts_in_tiles(%x: tensor<?x2x40xbf16>, %w: tensor<8x1x64x64xbf16>, %e: tensor<?x2xi32>)
    -> tensor<?x2x128xbf16> {
  // CHECK: lathe.expert_matmul {{.*}} : tensor<?x2x40xbf16>, tensor<8x1x64x64xbf16>, tensor<?x2xi32> -> tensor<?x2x128xbf16>
  %y = lathe.expert_matmul %x, %w, %e :
      tensor<?x2x40xbf16>, tensor<8x1x64x64xbf16>, tensor<?x2xi32> -> tensor<?x2x128xbf16>
  return %y : tensor<?x2x128xbf16>
}

// CHECK-LABEL: func.func @tiles(
func.func @tiles(%x: tensor<?x192xf16>, %y: tensor<?x256xbf16>) -> (tensor<?x40xf32>, tensor<?x40xbf16>) {
  // CHECK: %[[W:.*]] = lathe.weight "w"
  %w = lathe.weight "w" file 0 offset 0 bytes 15360 : tensor<40x192xf16>
  // CHECK: %[[P:.*]] = lathe.pack_tiles %[[W]] : tensor<40x192xf16> -> tensor<1x3x64x64xf16>
  %p = lathe.pack_tiles %w : tensor<40x192xf16> -> tensor<1x3x64x64xf16>
  // CHECK: lathe.tile_matmul %{{.*}}, %[[P]] : tensor<?x192xf16>, tensor<1x3x64x64xf16> -> tensor<?x40xf32>
  %0 = lathe.tile_matmul %x, %p : tensor<?x192xf16>, tensor<1x3x64x64xf16> -> tensor<?x40xf32>
  %v = lathe.weight "v" file 0 offset 15360 bytes 5760 : tensor<40x256x!lathe.gguf<q4_k>>
  // CHECK: %[[T:.*]] = lathe.pack_blocks %{{.*}} : tensor<40x256x!lathe.gguf<q4_k>> -> tensor<48x256x!lathe.gguf_tiles<q4_k>>
  %t = lathe.pack_blocks %v : tensor<40x256x!lathe.gguf<q4_k>> -> tensor<48x256x!lathe.gguf_tiles<q4_k>>
  %f = lathe.weight "f" file 0 offset 23840 bytes 5760 : tensor<40x256x!lathe.blocked<!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  // CHECK: lathe.pack_blocks %{{.*}} : tensor<40x256x!lathe.blocked<!lathe.nf4, {{.*}}>> -> tensor<48x256x!lathe.gguf_tiles<nf4>>
  %ft = lathe.pack_blocks %f : tensor<40x256x!lathe.blocked<!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<48x256x!lathe.gguf_tiles<nf4>>
  // CHECK: lathe.tile_matmul %{{.*}}, %[[T]] : tensor<?x256xbf16>, tensor<48x256x!lathe.gguf_tiles<q4_k>> -> tensor<?x40xbf16>
  %1 = lathe.tile_matmul %y, %t : tensor<?x256xbf16>, tensor<48x256x!lathe.gguf_tiles<q4_k>> -> tensor<?x40xbf16>
  // CHECK: lathe.unpack_tiles %[[T]] : tensor<48x256x!lathe.gguf_tiles<q4_k>> -> tensor<1x4x64x64xf16>
  %d = lathe.unpack_tiles %t : tensor<48x256x!lathe.gguf_tiles<q4_k>> -> tensor<1x4x64x64xf16>
  %b = lathe.weight "b" file 0 offset 21120 bytes 2720 : tensor<40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  // CHECK: lathe.row_scales %{{.*}} : tensor<40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<40xf32>
  %s = lathe.row_scales %b : tensor<40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<40xf32>
  return %0, %1 : tensor<?x40xf32>, tensor<?x40xbf16>
}
