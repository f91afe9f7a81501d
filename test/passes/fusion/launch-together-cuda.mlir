// RUN: lathe-opt %s --lathe-launch-together=target=cuda --split-input-file --remarks-filter=fusion --verify-diagnostics -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-launch-together=target=cuda --split-input-file | diff %t.once -
// RUN: not lathe-opt %s --lathe-launch-together=target=tpu --split-input-file 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: target is 'tpu', needed cpu or cuda

// Products of one left operand, whatever their columns and the types of their weights.
// CHECK-LABEL: @queries_and_keys
// CHECK: lathe.fusion(%{{.*}}, %{{.*}}, %{{.*}}) : (tensor<?x8xf32>, tensor<4x8xf32>, tensor<2x8xf16>) -> (tensor<?x4xf32>, tensor<?x2xf32>)
// CHECK-NOT: lathe.fusion
// CHECK: return
func.func @queries_and_keys(%x: tensor<?x8xf32>, %v: tensor<4x8xf32>, %w: tensor<2x8xf16>)
    -> (tensor<?x4xf32>, tensor<?x2xf32>) {
  // expected-remark @below {{2 kernels became one launch}}
  %0 = lathe.fusion(%x, %v) : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<4x8xf32>):
    %2 = lathe.matmul %a, %b transpose_rhs : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
    lathe.yield %2 : tensor<?x4xf32>
  }
  %1 = lathe.fusion(%x, %w) : (tensor<?x8xf32>, tensor<2x8xf16>) -> tensor<?x2xf32> {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<2x8xf16>):
    %2 = lathe.matmul %a, %b transpose_rhs : tensor<?x8xf32>, tensor<2x8xf16> -> tensor<?x2xf32>
    lathe.yield %2 : tensor<?x2xf32>
  }
  return %0, %1 : tensor<?x4xf32>, tensor<?x2xf32>
}

// -----

// One value is a left and a right operand; weights lie along k and along n; templates whose threads depend on sizes.
// CHECK-LABEL: @other_geometry
// CHECK-COUNT-5: lathe.fusion
func.func @other_geometry(%x: tensor<8x8xf32>, %w: tensor<8x8xf32>)
    -> (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = lathe.fusion(%x, %w) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>, %b: tensor<8x8xf32>):
    %5 = lathe.matmul %a, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    lathe.yield %5 : tensor<8x8xf32>
  }
  %1 = lathe.fusion(%w, %x) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>, %b: tensor<8x8xf32>):
    %5 = lathe.matmul %a, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    lathe.yield %5 : tensor<8x8xf32>
  }
  %2 = lathe.fusion(%x, %w) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>, %b: tensor<8x8xf32>):
    %5 = lathe.matmul %a, %b transpose_rhs : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    lathe.yield %5 : tensor<8x8xf32>
  }
  %3 = lathe.fusion(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %5 = lathe.softmax %a : tensor<8x8xf32>
    lathe.yield %5 : tensor<8x8xf32>
  }
  %4 = lathe.fusion(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %5 = lathe.softmax %a : tensor<8x8xf32>
    lathe.yield %5 : tensor<8x8xf32>
  }
  return %0, %1, %2, %3, %4 : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
}

// -----

// Two products that meet keep a launch of their own.
// CHECK-LABEL: @joined_before
// CHECK-COUNT-2: lathe.fusion
func.func @joined_before(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %0 = lathe.fusion(%x, %w) : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x8xf32>, %b: tensor<4x8xf32>):
    %2 = lathe.matmul %a, %b transpose_rhs : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
    %3 = lathe.matmul %a, %b transpose_rhs : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
    %4 = lathe.mul %2, %3 : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    lathe.yield %4 : tensor<2x4xf32>
  }
  %1 = lathe.fusion(%x, %w) : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x8xf32>, %b: tensor<4x8xf32>):
    %2 = lathe.matmul %a, %b transpose_rhs : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
    lathe.yield %2 : tensor<2x4xf32>
  }
  return %0, %1 : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Tiles of blocks, whatever their formats, but not beside tiles of 16-bit weights.
// CHECK-LABEL: @tiles
// CHECK: lathe.fusion(%{{.*}}, %{{.*}}) : (tensor<?x256xf16>, tensor<1x4x64x64xf16>)
// CHECK: lathe.fusion(%{{.*}}, %{{.*}}, %{{.*}}) : (tensor<?x256xf16>, tensor<16x256x!lathe.gguf_tiles<q4_k>>, tensor<16x256x!lathe.gguf_tiles<q6_k>>)
func.func @tiles(%x: tensor<?x256xf16>, %u: tensor<16x256x!lathe.gguf_tiles<q4_k>>, %v: tensor<1x4x64x64xf16>,
                 %w: tensor<16x256x!lathe.gguf_tiles<q6_k>>) -> (tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>) {
  // expected-remark @below {{2 kernels became one launch}}
  %0 = lathe.fusion(%x, %u) : (tensor<?x256xf16>, tensor<16x256x!lathe.gguf_tiles<q4_k>>) -> tensor<?x16xf32> {
  ^bb0(%a: tensor<?x256xf16>, %b: tensor<16x256x!lathe.gguf_tiles<q4_k>>):
    %3 = lathe.tile_matmul %a, %b : tensor<?x256xf16>, tensor<16x256x!lathe.gguf_tiles<q4_k>> -> tensor<?x16xf32>
    lathe.yield %3 : tensor<?x16xf32>
  }
  %1 = lathe.fusion(%x, %v) : (tensor<?x256xf16>, tensor<1x4x64x64xf16>) -> tensor<?x16xf32> {
  ^bb0(%a: tensor<?x256xf16>, %b: tensor<1x4x64x64xf16>):
    %3 = lathe.tile_matmul %a, %b : tensor<?x256xf16>, tensor<1x4x64x64xf16> -> tensor<?x16xf32>
    lathe.yield %3 : tensor<?x16xf32>
  }
  %2 = lathe.fusion(%x, %w) : (tensor<?x256xf16>, tensor<16x256x!lathe.gguf_tiles<q6_k>>) -> tensor<?x16xf32> {
  ^bb0(%a: tensor<?x256xf16>, %b: tensor<16x256x!lathe.gguf_tiles<q6_k>>):
    %3 = lathe.tile_matmul %a, %b : tensor<?x256xf16>, tensor<16x256x!lathe.gguf_tiles<q6_k>> -> tensor<?x16xf32>
    lathe.yield %3 : tensor<?x16xf32>
  }
  return %0, %1, %2 : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>
}
