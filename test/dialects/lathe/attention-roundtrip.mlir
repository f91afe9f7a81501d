// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @rope
// CHECK-SAME: (%[[X:.*]]: tensor<?x4x64xf32>, %[[P:.*]]: tensor<?x1xi32>, %[[F:.*]]: tensor<32xf32>)
func.func @rope(%x: tensor<?x4x64xf32>, %p: tensor<?x1xi32>, %f: tensor<32xf32>) -> tensor<?x4x64xf32> {
  // CHECK: %[[Y:.*]] = lathe.rope %[[X]], %[[P]] adjacent base 1.000000e+04 dimensions 32 :
  // CHECK-SAME: tensor<?x4x64xf32>, tensor<?x1xi32>
  %y = lathe.rope %x, %p adjacent base 1.0e+04 dimensions 32 : tensor<?x4x64xf32>, tensor<?x1xi32>
  // CHECK: lathe.rope %[[Y]], %[[P]] factors %[[F]] : tensor<32xf32> halves base 5.000000e+05 dimensions 64 :
  // CHECK-SAME: tensor<?x4x64xf32>, tensor<?x1xi32>
  %z = lathe.rope %y, %p factors %f : tensor<32xf32> halves base 5.0e+05 dimensions 64 :
      tensor<?x4x64xf32>, tensor<?x1xi32>
  // CHECK: lathe.rope %[[Y]], %[[P]] halves base 1.000000e+04 dimensions 64 magnitude 1.250000e+00 :
  %w = lathe.rope %y, %p halves base 1.0e+04 dimensions 64 magnitude 1.25 : tensor<?x4x64xf32>, tensor<?x1xi32>
  return %z : tensor<?x4x64xf32>
}

// CHECK-LABEL: @append_kv
// CHECK-SAME: (%[[K:.*]]: tensor<?x2x64xf32>, %[[V:.*]]: tensor<?x2x64xf32>, %[[S:.*]]: !lathe.state<paged, 2x2x128xf16>,
// CHECK-SAME: %[[SLOTS:.*]]: tensor<?xi32>)
func.func @append_kv(%k: tensor<?x2x64xf32>, %v: tensor<?x2x64xf32>, %s: !lathe.state<paged, 2x2x128xf16>,
                     %slots: tensor<?xi32>) -> !lathe.state<paged, 2x2x128xf16> {
  // CHECK: lathe.append_kv %[[K]], %[[V]], %[[S]], %[[SLOTS]] layer 1 :
  // CHECK-SAME: tensor<?x2x64xf32>, tensor<?x2x64xf32>, <paged, 2x2x128xf16>, tensor<?xi32>
  %r = lathe.append_kv %k, %v, %s, %slots layer 1 :
      tensor<?x2x64xf32>, tensor<?x2x64xf32>, !lathe.state<paged, 2x2x128xf16>, tensor<?xi32>
  return %r : !lathe.state<paged, 2x2x128xf16>
}

!kv = !lathe.state<paged, 2x2x128xf32, window = 1024>

// CHECK-LABEL: @paged_attention
func.func @paged_attention(%q: tensor<?x4x64xf32>, %s: !kv, %offsets: tensor<?xi32>, %lengths: tensor<?xi32>,
                           %tables: tensor<?x?xi32>) -> tensor<?x4x64xf32> {
  // CHECK: lathe.paged_attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} layer 0 scale 1.250000e-01 :
  // CHECK-SAME: tensor<?x4x64xf32>, <paged, 2x2x128xf32, window = 1024>, tensor<?xi32>, tensor<?xi32>,
  // CHECK-SAME: tensor<?x?xi32> -> tensor<?x4x64xf32>
  %o = lathe.paged_attention %q, %s, %offsets, %lengths, %tables layer 0 scale 1.25e-01 :
      tensor<?x4x64xf32>, !kv, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x4x64xf32>
  return %o : tensor<?x4x64xf32>
}

// CHECK-LABEL: @paged_attention_key_begins_with_value
func.func @paged_attention_key_begins_with_value(%q: tensor<?x4x80xf32>, %s: !lathe.state<paged, 2x1x80xf32>,
    %offsets: tensor<?xi32>, %lengths: tensor<?xi32>, %tables: tensor<?x?xi32>) -> tensor<?x4x64xf32> {
  // CHECK: tensor<?x4x80xf32>, <paged, 2x1x80xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x4x64xf32>
  %o = lathe.paged_attention %q, %s, %offsets, %lengths, %tables layer 0 scale 1.25e-01 : tensor<?x4x80xf32>,
      !lathe.state<paged, 2x1x80xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x4x64xf32>
  return %o : tensor<?x4x64xf32>
}

// CHECK-LABEL: @paged_attention_with_sinks
func.func @paged_attention_with_sinks(%q: tensor<?x4x64xf32>, %s: !kv, %offsets: tensor<?xi32>, %lengths: tensor<?xi32>,
                                      %tables: tensor<?x?xi32>, %sinks: tensor<4xf32>) -> tensor<?x4x64xf32> {
  // CHECK: lathe.paged_attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} sinks %{{.*}} : tensor<4xf32> layer 0
  // CHECK-SAME: scale 1.250000e-01 cap 5.000000e+01 window 512 :
  %o = lathe.paged_attention %q, %s, %offsets, %lengths, %tables sinks %sinks : tensor<4xf32> layer 0 scale 1.25e-01
      cap 5.0e+01 window 512 :
      tensor<?x4x64xf32>, !kv, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x4x64xf32>
  return %o : tensor<?x4x64xf32>
}

// CHECK-LABEL: @attention
// CHECK-SAME: (%[[Q:.*]]: tensor<?x4x8x64xf32>, %[[K:.*]]: tensor<?x2x?x64xf32>, %[[M:.*]]: tensor<?x1x1x?xf32>)
func.func @attention(%q: tensor<?x4x8x64xf32>, %k: tensor<?x2x?x64xf32>, %m: tensor<?x1x1x?xf32>)
    -> tensor<?x4x8x64xf32> {
  // CHECK: lathe.attention %[[Q]], %[[K]], %[[K]] mask %[[M]] : tensor<?x1x1x?xf32> scale 1.250000e-01 causal :
  // CHECK-SAME: tensor<?x4x8x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x4x8x64xf32>
  %y = lathe.attention %q, %k, %k mask %m : tensor<?x1x1x?xf32> scale 1.25e-01 causal :
      tensor<?x4x8x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32> -> tensor<?x4x8x64xf32>
  return %y : tensor<?x4x8x64xf32>
}

// CHECK-LABEL: @attention_tokens_first
func.func @attention_tokens_first(%q: tensor<1x8x4x64xf16>, %k: tensor<1x9x2x64xf16>) -> tensor<1x8x4x64xf32> {
  // CHECK: lathe.attention %{{.*}}, %{{.*}}, %{{.*}} scale 1.000000e+00 tokens_first :
  // CHECK-SAME: tensor<1x8x4x64xf16>, tensor<1x9x2x64xf16>, tensor<1x9x2x64xf16> -> tensor<1x8x4x64xf32>
  %y = lathe.attention %q, %k, %k scale 1.0 tokens_first :
      tensor<1x8x4x64xf16>, tensor<1x9x2x64xf16>, tensor<1x9x2x64xf16> -> tensor<1x8x4x64xf32>
  return %y : tensor<1x8x4x64xf32>
}

// CHECK-LABEL: @ragged_attention
// CHECK-SAME: (%[[Q:.*]]: tensor<?x4x64xf16>, %[[K:.*]]: tensor<?x2x64xf16>, %[[V:.*]]: tensor<?x2x32xf16>,
// CHECK-SAME: %[[O:.*]]: tensor<?xi32>)
func.func @ragged_attention(%q: tensor<?x4x64xf16>, %k: tensor<?x2x64xf16>, %v: tensor<?x2x32xf16>, %o: tensor<?xi32>)
    -> (tensor<?x4x32xf16>, tensor<?x4x32xf32>) {
  // CHECK: lathe.ragged_attention %[[Q]], %[[K]], %[[V]], %[[O]] scale 1.250000e-01 :
  // CHECK-SAME: tensor<?x4x64xf16>, tensor<?x2x64xf16>, tensor<?x2x32xf16>, tensor<?xi32> -> tensor<?x4x32xf16>
  %0 = lathe.ragged_attention %q, %k, %v, %o scale 1.25e-01 :
      tensor<?x4x64xf16>, tensor<?x2x64xf16>, tensor<?x2x32xf16>, tensor<?xi32> -> tensor<?x4x32xf16>
  // CHECK: lathe.ragged_attention %[[Q]], %[[K]], %[[V]], %[[O]] scale 1.250000e-01 causal :
  // CHECK-SAME: -> tensor<?x4x32xf32>
  %1 = lathe.ragged_attention %q, %k, %v, %o scale 1.25e-01 causal :
      tensor<?x4x64xf16>, tensor<?x2x64xf16>, tensor<?x2x32xf16>, tensor<?xi32> -> tensor<?x4x32xf32>
  return %0, %1 : tensor<?x4x32xf16>, tensor<?x4x32xf32>
}

// States of blocks and of 8-bit floats.
// CHECK-LABEL: @narrow_states
// CHECK-SAME: !lathe.state<paged, 2x2x96x!lathe.gguf<q8_0>>
// CHECK-SAME: !lathe.state<paged, 2x2x96xf8E4M3FN>
func.func @narrow_states(%k: tensor<?x2x64xf32>, %v: tensor<?x2x32xf32>, %s: !lathe.state<paged, 2x2x96x!lathe.gguf<q8_0>>,
                         %t: !lathe.state<paged, 2x2x96xf8E4M3FN>, %slots: tensor<?xi32>) {
  %0 = lathe.append_kv %k, %v, %s, %slots layer 1 :
      tensor<?x2x64xf32>, tensor<?x2x32xf32>, !lathe.state<paged, 2x2x96x!lathe.gguf<q8_0>>, tensor<?xi32>
  %1 = lathe.append_kv %k, %v, %t, %slots layer 1 :
      tensor<?x2x64xf32>, tensor<?x2x32xf32>, !lathe.state<paged, 2x2x96xf8E4M3FN>, tensor<?xi32>
  return
}
