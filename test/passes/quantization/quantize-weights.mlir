// RUN: lathe-opt %s --lathe-quantize-weights=recipe=q8_0 --split-input-file \
// RUN:   --remarks-filter=quantization --verify-diagnostics -o %t
// RUN: FileCheck %s < %t
// RUN: lathe-opt %t --lathe-quantize-weights=recipe=q8_0 --split-input-file | diff %t -

// Blocks run along K, so a weight that is read as [K, N] is transposed before.
// CHECK-LABEL: @product
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>
// CHECK: %[[W:.*]] = lathe.weight "blk.0.up"
// CHECK: %[[T:.*]] = lathe.transpose %[[W]] permutation [1, 0] : tensor<64x32xf32> -> tensor<32x64xf32>
// CHECK: %[[Q:.*]] = lathe.quantize %[[T]] : tensor<32x64xf32> -> tensor<32x64x!lathe.gguf<q8_0>>
// CHECK: lathe.matmul %[[X]], %[[Q]] transpose_rhs :
// CHECK-SAME: tensor<?x64xf32>, tensor<32x64x!lathe.gguf<q8_0>> -> tensor<?x32xf32>
func.func @product(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  // expected-remark @below {{'blk.0.up' becomes q8_0 from f32}}
  %w = lathe.weight "blk.0.up" file 0 offset 0 bytes 8192 : tensor<64x32xf32>
  %y = lathe.matmul %x, %w : tensor<?x64xf32>, tensor<64x32xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// A transpose that stands there already goes away.
// CHECK-LABEL: @transposed_weight
// CHECK-NOT: lathe.transpose
// CHECK: lathe.quantize %{{.*}} : tensor<32x64xf32> -> tensor<32x64x!lathe.gguf<q8_0>>
// CHECK-NOT: lathe.transpose
// CHECK: return
func.func @transposed_weight(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  // expected-remark @below {{'up' becomes q8_0 from f32}}
  %w = lathe.weight "up" file 0 offset 0 bytes 8192 : tensor<32x64xf32>
  %t = lathe.transpose %w permutation [1, 0] : tensor<32x64xf32> -> tensor<64x32xf32>
  %y = lathe.matmul %x, %t : tensor<?x64xf32>, tensor<64x32xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// All readers share the blocks, but for those that read none. A gather from blocks gives f32.
// CHECK-LABEL: @tied_table
// CHECK: %[[W:.*]] = lathe.weight "table"
// CHECK: %[[Q:.*]] = lathe.quantize %[[W]] : tensor<32x64xbf16> -> tensor<32x64x!lathe.gguf<q8_0>>
// CHECK-NOT: lathe.quantize
// CHECK: %[[G:.*]] = lathe.gather %[[Q]], %{{.*}} -> tensor<?x64xf32>
// CHECK: lathe.cast %[[G]] : tensor<?x64xf32> -> tensor<?x64xbf16>
// CHECK: lathe.matmul %{{.*}}, %[[Q]] transpose_rhs
// CHECK: lathe.neg %[[W]] : tensor<32x64xbf16>
func.func @tied_table(%i: tensor<?xi32>, %x: tensor<?x64xf32>)
    -> (tensor<?x64xbf16>, tensor<?x32xf32>, tensor<32x64xbf16>) {
  // expected-remark @below {{'table' becomes q8_0 from bf16}}
  %w = lathe.weight "table" file 0 offset 0 bytes 4096 : tensor<32x64xbf16>
  %g = lathe.gather %w, %i : tensor<32x64xbf16>, tensor<?xi32> -> tensor<?x64xbf16>
  %f = lathe.cast %w : tensor<32x64xbf16> -> tensor<32x64xf32>
  %y = lathe.matmul %x, %f transpose_rhs : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  %n = lathe.neg %w : tensor<32x64xbf16>
  return %g, %y, %n : tensor<?x64xbf16>, tensor<?x32xf32>, tensor<32x64xbf16>
}

// -----

// Experts; and blocks of another format, by way of their values. What has the format stays as it is.
// CHECK-LABEL: @experts
// CHECK: %[[E:.*]] = lathe.weight "experts"
// CHECK: %[[V:.*]] = lathe.cast %[[E]] : tensor<4x2x64x!lathe.gguf<q4_0>> -> tensor<4x2x64xf32>
// CHECK: %[[Q:.*]] = lathe.quantize %[[V]] : tensor<4x2x64xf32> -> tensor<4x2x64x!lathe.gguf<q8_0>>
// CHECK: %[[S:.*]] = lathe.weight "same"
// CHECK: lathe.expert_matmul %{{.*}}, %[[Q]]
// CHECK: lathe.matmul %{{.*}}, %[[S]] transpose_rhs
func.func @experts(%x: tensor<?x1x64xf32>, %e: tensor<?x2xi64>, %r: tensor<?x64xf32>)
    -> (tensor<?x2x2xf32>, tensor<?x2xf32>) {
  // expected-remark @below {{'experts' becomes q8_0 from !lathe.gguf<q4_0>}}
  %w = lathe.weight "experts" file 0 offset 0 bytes 288 : tensor<4x2x64x!lathe.gguf<q4_0>>
  %s = lathe.weight "same" file 0 offset 288 bytes 136 : tensor<2x64x!lathe.gguf<q8_0>>
  %y = lathe.expert_matmul %x, %w, %e :
      tensor<?x1x64xf32>, tensor<4x2x64x!lathe.gguf<q4_0>>, tensor<?x2xi64> -> tensor<?x2x2xf32>
  %z = lathe.matmul %r, %s transpose_rhs : tensor<?x64xf32>, tensor<2x64x!lathe.gguf<q8_0>> -> tensor<?x2xf32>
  return %y, %z : tensor<?x2x2xf32>, tensor<?x2xf32>
}

// -----

// Not done: rows that hold no whole blocks, operands that are no weights, batches, and what all recipes keep.
// CHECK-LABEL: @kept
// CHECK-COUNT-1: lathe.quantize
// CHECK-NOT: lathe.quantize
// CHECK: return
func.func @kept(%x: tensor<?x48xf32>, %b: tensor<2x?x64xf32>, %r: tensor<?x64xf32>, %v: tensor<48x64xf32>)
    -> (tensor<?x2xf32>, tensor<?x64xf32>, tensor<2x?x32xf32>, tensor<?x4xf32>, tensor<?x2xf32>) {
  // expected-remark @below {{'short' has rows of 48, which hold no whole blocks of q8_0: it is kept}}
  %s = lathe.weight "short" file 0 offset 0 bytes 384 : tensor<2x48xf32>
  %0 = lathe.matmul %x, %s transpose_rhs : tensor<?x48xf32>, tensor<2x48xf32> -> tensor<?x2xf32>
  // expected-remark @below {{an operand is not quantized: it is not made of weights alone}}
  %1 = lathe.matmul %x, %v : tensor<?x48xf32>, tensor<48x64xf32> -> tensor<?x64xf32>
  %m = lathe.weight "batch" file 0 offset 384 bytes 16384 : tensor<2x64x32xf32>
  // expected-remark @below {{an operand is not quantized: it is not one matrix}}
  %2 = lathe.matmul %b, %m : tensor<2x?x64xf32>, tensor<2x64x32xf32> -> tensor<2x?x32xf32>
  %g = lathe.weight "blk.0.ffn_gate_inp.weight" file 0 offset 16768 bytes 1024 : tensor<4x64xf32>
  %3 = lathe.matmul %r, %g transpose_rhs : tensor<?x64xf32>, tensor<4x64xf32> -> tensor<?x4xf32>
  // expected-remark @below {{'fits' becomes q8_0 from f32}}
  %f = lathe.weight "fits" file 0 offset 17792 bytes 512 : tensor<2x64xf32>
  %4 = lathe.matmul %r, %f transpose_rhs : tensor<?x64xf32>, tensor<2x64xf32> -> tensor<?x2xf32>
  return %0, %1, %2, %3, %4 : tensor<?x2xf32>, tensor<?x64xf32>, tensor<2x?x32xf32>, tensor<?x4xf32>, tensor<?x2xf32>
}
