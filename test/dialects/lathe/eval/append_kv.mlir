// RUN: lathe-eval %s --pages 2 --verify-diagnostics | FileCheck %s
// States print as {element in memory: value}. A page of !lathe.state<paged, 2x1x3xf32> with keys of width 1 and values
// of width 2 holds for each of 2 layers 16 keys, then 16 values: 48 elements a layer, 96 a page.

!kv = !lathe.state<paged, 2x1x3xf32>

// Slot 3 of layer 1: key at 48 + 3, value at 48 + 16 + 3 * 2. Slot 17 is page 1, place 1; slot -1 writes nothing.
// CHECK-LABEL: @layer_one
// CHECK: !lathe.state<paged, 2x1x3xf32> = {51: 1, 70: 2, 71: 3, 145: 7, 162: 8, 163: 9}
func.func @layer_one(%s: !kv) -> !kv {
  %k = lathe.constant dense<[[[1.0]], [[4.0]], [[7.0]]]> : tensor<3x1x1xf32>
  %v = lathe.constant dense<[[[2.0, 3.0]], [[5.0, 6.0]], [[8.0, 9.0]]]> : tensor<3x1x2xf32>
  %slots = lathe.constant dense<[3, -1, 17]> : tensor<3xi32>
  %r = lathe.append_kv %k, %v, %s, %slots layer 1 : tensor<3x1x1xf32>, tensor<3x1x2xf32>, !kv, tensor<3xi32>
  return %r : !kv
}

// Two heads: the keys of head 1 start 16 places after those of head 0. 0.1 rounds to the state's bf16.
// CHECK-LABEL: @heads_in_bf16
// CHECK: !lathe.state<paged, 1x2x2xbf16> = {2: 1, 18: 2, 34: 0.100097656, 50: 4}
func.func @heads_in_bf16(%s: !lathe.state<paged, 1x2x2xbf16>) -> !lathe.state<paged, 1x2x2xbf16> {
  %k = lathe.constant dense<[[[1.0], [2.0]]]> : tensor<1x2x1xf32>
  %v = lathe.constant dense<[[[0.1], [4.0]]]> : tensor<1x2x1xf32>
  %slots = lathe.constant dense<2> : tensor<1xi32>
  %r = lathe.append_kv %k, %v, %s, %slots layer 0 : tensor<1x2x1xf32>, tensor<1x2x1xf32>,
      !lathe.state<paged, 1x2x2xbf16>, tensor<1xi32>
  return %r : !lathe.state<paged, 1x2x2xbf16>
}

func.func @slot_beyond_the_pool(%s: !kv) -> !kv {
  %k = lathe.constant dense<1.0> : tensor<1x1x1xf32>
  %v = lathe.constant dense<1.0> : tensor<1x1x2xf32>
  %slots = lathe.constant dense<32> : tensor<1xi32>
  // expected-error @below {{'lathe.append_kv' op slot of token 0 is 32 but the state has 32 slots}}
  %r = lathe.append_kv %k, %v, %s, %slots layer 1 : tensor<1x1x1xf32>, tensor<1x1x2xf32>, !kv, tensor<1xi32>
  return %r : !kv
}
