// RUN: lathe-opt %s --lathe-plan-memory --split-input-file --verify-diagnostics

func.func @no_kernel(%x: tensor<4xf32>) -> tensor<4xf32> attributes {lathe.entry = "tensor"} {
  // expected-error @below {{'lathe.fusion' op has no kernel; run 'lathe-choose-kernels' before}}
  %0 = lathe.fusion(%x) : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %r = lathe.exp %a : tensor<4xf32>
    lathe.yield %r : tensor<4xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

func.func @no_fusion(%x: tensor<4xf32>) -> tensor<4xf32> attributes {lathe.entry = "tensor"} {
  // expected-error @below {{'lathe.exp' op is in no kernel; run 'lathe-form-fusions' before}}
  %0 = lathe.exp %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// What has no size over the symbols, here a value of another dialect, has no offset.
func.func @unknown_size(%x: tensor<4xf32>) -> tensor<4xf32> attributes {lathe.entry = "tensor"} {
  // expected-error @below {{'arith.constant' op has a result whose dimensions are no expression over the entry point's symbols}}
  %0 = arith.constant dense<1.0> : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

!kv = !lathe.state<paged, 1x1x4xf32>
// expected-error @below {{'func.func' op returns state 0 which is not the state that came in at the same place}}
func.func @states_exchanged(%a: !kv, %b: !kv) -> (!kv, !kv)
    attributes {lathe.entry = "tensor"} {
  return %b, %a : !kv, !kv
}

// -----

!kv = !lathe.state<paged, 1x1x4xf32>
#k = #lathe.kernel<"append_kv", {}, "">
func.func @state_read_after_write(%x: tensor<2x1x2xf32>, %kv: !kv, %slots: tensor<2xi32>) -> !kv
    attributes {lathe.entry = "tensor"} {
  %0 = lathe.fusion(%x, %kv, %slots) kernel #k : (tensor<2x1x2xf32>, !kv, tensor<2xi32>) -> !kv {
  ^bb0(%a: tensor<2x1x2xf32>, %s: !kv, %b: tensor<2xi32>):
    %r = lathe.append_kv %a, %a, %s, %b layer 0 : tensor<2x1x2xf32>, tensor<2x1x2xf32>, !kv, tensor<2xi32>
    lathe.yield %r : !kv
  }
  // expected-error @below {{'lathe.fusion' op reads a state that was replaced before; a state value is linear}}
  %1 = lathe.fusion(%x, %kv, %slots) kernel #k : (tensor<2x1x2xf32>, !kv, tensor<2xi32>) -> !kv {
  ^bb0(%a: tensor<2x1x2xf32>, %s: !kv, %b: tensor<2xi32>):
    %r = lathe.append_kv %a, %a, %s, %b layer 0 : tensor<2x1x2xf32>, tensor<2x1x2xf32>, !kv, tensor<2xi32>
    lathe.yield %r : !kv
  }
  return %1 : !kv
}
