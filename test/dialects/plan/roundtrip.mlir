// Every operation, attribute and type of the dialect, in its own form and the generic one.
// RUN: lathe-opt %s -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once | diff %t.once -
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | diff %t.once -

// CHECK-DAG: #[[NONE:.*]] = affine_map<()[s0] -> (0)>
// CHECK-DAG: #[[BYTES:.*]] = affine_map<()[s0] -> (s0 * 16)>

// CHECK: plan.data @w0 "blk.0.scale" offset 256 : tensor<4xf32> {
// CHECK: lathe.weight "blk.0.scale"
plan.data @w0 "blk.0.scale" offset 256 : tensor<4xf32> {
  %0 = lathe.weight "blk.0.scale" file 0 offset 4096 bytes 16 : tensor<4xf32>
  lathe.yield %0 : tensor<4xf32>
}

// CHECK: plan.program @forward "tensor" symbols [#lathe.symbol<"batch", 1, 64>]
// CHECK-SAME: inputs [#plan.port<"x", "tensor", f32, ()[s0] -> (s0, 4)>]
// CHECK-SAME: outputs [#plan.port<"y", "tensor", f32, ()[s0] -> (s0, 4)>]
// CHECK-SAME: states [#plan.port<"kv", "state", !lathe.state<paged, 1x1x4xf32>, () -> ()>] {
// CHECK: ^bb0(%[[X:.*]]: !plan.buffer, %[[Y:.*]]: !plan.buffer, %{{.*}}: !plan.buffer):
// CHECK: plan.clone range [#lathe.symbol<"batch", 1, 8>] arena #[[BYTES]] {
// CHECK: %[[W:.*]] = plan.address @w0
// CHECK: %[[B:.*]] = plan.buffer at #[[NONE]] bytes #[[BYTES]]
// CHECK: plan.launch <"elementwise", {}, "no reduction"> ins(%[[X]], %[[W]]) outs(%[[B]])
// CHECK: ^bb0(%{{.*}}: tensor<?x4xf32>, %{{.*}}: tensor<4xf32>):
// CHECK: plan.copy %[[B]] to %[[Y]] bytes #[[BYTES]]
// CHECK: plan.clone range [#lathe.symbol<"batch", 9, 64>] arena #[[NONE]]
plan.program @forward "tensor" symbols [#lathe.symbol<"batch", 1, 64>]
    inputs [#plan.port<"x", "tensor", f32, ()[s0] -> (s0, 4)>]
    outputs [#plan.port<"y", "tensor", f32, ()[s0] -> (s0, 4)>]
    states [#plan.port<"kv", "state", !lathe.state<paged, 1x1x4xf32>, () -> ()>] {
^bb0(%x: !plan.buffer, %y: !plan.buffer, %kv: !plan.buffer):
  plan.clone range [#lathe.symbol<"batch", 1, 8>] arena affine_map<()[s0] -> (s0 * 16)> {
    %w = plan.address @w0
    %b = plan.buffer at affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (s0 * 16)>
    plan.launch <"elementwise", {}, "no reduction"> ins(%x, %w) outs(%b)
        shapes [affine_map<()[s0] -> (s0, 4)>, affine_map<()[s0] -> (4)>, affine_map<()[s0] -> (s0, 4)>] {
    ^bb0(%a0: tensor<?x4xf32>, %a1: tensor<4xf32>):
      %0 = lathe.mul %a0, %a1 : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
      lathe.yield %0 : tensor<?x4xf32>
    }
    plan.copy %b to %y bytes affine_map<()[s0] -> (s0 * 16)>
  }
  plan.clone range [#lathe.symbol<"batch", 9, 64>] arena affine_map<()[s0] -> (0)> {
    plan.copy %x to %y bytes affine_map<()[s0] -> (s0 * 16)>
  }
}
