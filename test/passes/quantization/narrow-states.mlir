// RUN: lathe-opt %s --lathe-narrow-products=kv=q8_0 --split-input-file --verify-diagnostics | FileCheck %s
// RUN: lathe-opt %s --lathe-narrow-products=kv=fp8 --split-input-file | FileCheck %s --check-prefix=FP8
// RUN: not lathe-opt %s --lathe-narrow-products=kv=q4_0 --split-input-file 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: activations are 'f32' and kv 'q4_0', needed f32, f16 or bf16, for activations also tf32 or int8, for kv q8_0 or fp8

// CHECK-LABEL: @blocks
// CHECK-SAME: !lathe.state<paged, 1x1x64x!lathe.gguf<q8_0>>
// CHECK: lathe.append_kv {{.*}} <paged, 1x1x64x!lathe.gguf<q8_0>>
// FP8-LABEL: @blocks
// FP8: lathe.append_kv {{.*}} <paged, 1x1x64xf8E4M3FN>
!kv = !lathe.state<paged, 1x1x64xf32>
func.func @blocks(%k: tensor<?x1x32xf32>, %kv: !kv, %slots: tensor<?xi32>) -> !kv {
  %0 = lathe.append_kv %k, %k, %kv, %slots layer 0 : tensor<?x1x32xf32>, tensor<?x1x32xf32>, !kv, tensor<?xi32>
  return %0 : !kv
}

// -----

// Not done: heads that are not made of whole blocks.
// FP8-LABEL: @odd
// FP8: lathe.append_kv {{.*}} <paged, 1x1x64xf8E4M3FN>
!odd = !lathe.state<paged, 1x1x64xf32>
func.func @odd(%k: tensor<?x1x24xf32>, %v: tensor<?x1x40xf32>, %kv: !odd, %slots: tensor<?xi32>) -> !odd {
  // expected-error @below {{has heads of 24 and 40 elements, but the KV cache is to hold blocks of 32; choose another element type for it}}
  %0 = lathe.append_kv %k, %v, %kv, %slots layer 0 : tensor<?x1x24xf32>, tensor<?x1x40xf32>, !odd, tensor<?xi32>
  return %0 : !odd
}
