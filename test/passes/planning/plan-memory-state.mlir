// RUN: lathe-opt %s --lathe-plan-memory --split-input-file | FileCheck %s

// A state is changed where it is: it stands in the inputs and outputs of its launch, and is no result of the program.
// CHECK: plan.program @append {{.*}} outputs [] states [#plan.port<"kv", "state", !lathe.state<paged, 1x1x4xf32>, {{.*}}>]
// CHECK: ^bb0(%[[X:.*]]: !plan.buffer, %[[SLOTS:.*]]: !plan.buffer, %[[KV:.*]]: !plan.buffer):
// CHECK: plan.launch {{.*}} ins(%[[X]], %[[KV]], %[[SLOTS]]) outs(%[[KV]])
!kv = !lathe.state<paged, 1x1x4xf32>
func.func @append(%x: tensor<?x1x2xf32> {lathe.dims = ["tokens", 1, 2]}, %kv: !kv {lathe.name = "kv", lathe.role = "state"},
                  %slots: tensor<?xi32> {lathe.dims = ["tokens"]}) -> !kv
    attributes {lathe.entry = "language_model", lathe.symbols = [#lathe.symbol<"tokens", 1, 8>]} {
  %0 = lathe.fusion(%x, %kv, %slots) kernel <"append_kv", {}, ""> : (tensor<?x1x2xf32>, !kv, tensor<?xi32>) -> !kv {
  ^bb0(%a: tensor<?x1x2xf32>, %s: !kv, %b: tensor<?xi32>):
    %r = lathe.append_kv %a, %a, %s, %b layer 0 : tensor<?x1x2xf32>, tensor<?x1x2xf32>, !kv, tensor<?xi32>
    lathe.yield %r : !kv
  }
  return %0 : !kv
}
