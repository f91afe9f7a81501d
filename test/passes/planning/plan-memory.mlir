// RUN: lathe-opt %s --lathe-plan-memory --split-input-file --remarks-filter=memory --verify-diagnostics -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-plan-memory --split-input-file | diff %t.once -

// Four values of one size take two places in turn; the last is written where the caller wants it.
// CHECK-DAG: #[[AT0:.*]] = affine_map<()[s0] -> (0)>
// CHECK-DAG: #[[SIZE:.*]] = affine_map<()[s0] -> (s0 * 16)>
// CHECK-DAG: #[[AT1:.*]] = affine_map<()[s0] -> (((s0 * 16) ceildiv 256) * 256)>
// CHECK: plan.program @chain "tensor" symbols [#lathe.symbol<"batch", 1, 64>]
// CHECK: ^bb0(%[[X:.*]]: !plan.buffer, %[[Y:.*]]: !plan.buffer):
// CHECK: plan.clone range []
// CHECK: %[[A:.*]] = plan.buffer at #[[AT0]] bytes #[[SIZE]]
// CHECK: %[[B:.*]] = plan.buffer at #[[AT1]] bytes #[[SIZE]]
// CHECK: %[[C:.*]] = plan.buffer at #[[AT0]] bytes #[[SIZE]]
// CHECK: plan.launch <"elementwise", {}, ""> ins(%[[X]]) outs(%[[A]])
// CHECK: plan.launch <"elementwise", {}, ""> ins(%[[A]]) outs(%[[B]])
// CHECK: plan.launch <"elementwise", {}, ""> ins(%[[B]]) outs(%[[C]])
// CHECK: plan.launch <"elementwise", {}, ""> ins(%[[C]]) outs(%[[Y]])
#k = #lathe.kernel<"elementwise", {}, "">
// expected-remark @below {{'chain' needs an arena of at most 2048 bytes for 3 values of at most 3072 bytes in all}}
func.func @chain(%x: tensor<?x4xf32> {lathe.name = "x", lathe.dims = ["batch", 4]})
    -> (tensor<?x4xf32> {lathe.name = "y", lathe.dims = ["batch", 4]})
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"batch", 1, 64>]} {
  %0 = lathe.fusion(%x) kernel #k : (tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: tensor<?x4xf32>):
    %r = lathe.exp %a : tensor<?x4xf32>
    lathe.yield %r : tensor<?x4xf32>
  }
  %1 = lathe.fusion(%0) kernel #k : (tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: tensor<?x4xf32>):
    %r = lathe.neg %a : tensor<?x4xf32>
    lathe.yield %r : tensor<?x4xf32>
  }
  %2 = lathe.fusion(%1) kernel #k : (tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: tensor<?x4xf32>):
    %r = lathe.tanh %a : tensor<?x4xf32>
    lathe.yield %r : tensor<?x4xf32>
  }
  %3 = lathe.fusion(%2) kernel #k : (tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: tensor<?x4xf32>):
    %r = lathe.relu %a : tensor<?x4xf32>
    lathe.yield %r : tensor<?x4xf32>
  }
  return %3 : tensor<?x4xf32>
}

// -----

// A reshape is an address. A value with a later second reader keeps its place until then.
// CHECK-LABEL: plan.program @reshape_and_second_reader
// CHECK: %[[A:.*]] = plan.buffer
// CHECK: %[[B:.*]] = plan.buffer
// CHECK-NOT: plan.buffer at
// CHECK: ins(%{{.*}}) outs(%[[A]]) shapes [#[[S:.*]], #[[S]]]
// CHECK: ins(%[[A]]) outs(%[[B]]) shapes [#[[T:.*]], #[[T]]]
// CHECK: ins(%[[A]], %[[B]]) outs(%arg1)
#k = #lathe.kernel<"elementwise", {}, "">
// expected-remark @below {{2 values}}
func.func @reshape_and_second_reader(%x: tensor<2x2xf32>) -> tensor<4xf32> attributes {lathe.entry = "tensor"} {
  %0 = lathe.fusion(%x) kernel #k : (tensor<2x2xf32>) -> tensor<2x2xf32> {
  ^bb0(%a: tensor<2x2xf32>):
    %r = lathe.exp %a : tensor<2x2xf32>
    lathe.yield %r : tensor<2x2xf32>
  }
  %1 = lathe.reshape %0 shape [4] : tensor<2x2xf32> -> tensor<4xf32>
  %2 = lathe.fusion(%1) kernel #k : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %r = lathe.neg %a : tensor<4xf32>
    lathe.yield %r : tensor<4xf32>
  }
  %3 = lathe.fusion(%1, %2) kernel #k : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>):
    %r = lathe.add %a, %b : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
    lathe.yield %r : tensor<4xf32>
  }
  return %3 : tensor<4xf32>
}

// -----

// Results that have a place already, an argument, a weight and a result given twice, are copied.
// CHECK-LABEL: plan.data @w0 "w" offset 0
// CHECK: plan.program @copies
// CHECK: ^bb0(%[[X:.*]]: !plan.buffer, %[[R0:.*]]: !plan.buffer, %[[R1:.*]]: !plan.buffer, %[[R2:.*]]: !plan.buffer, %[[R3:.*]]: !plan.buffer):
// CHECK: plan.launch {{.*}} ins(%[[X]]) outs(%[[R2]])
// CHECK: plan.copy %[[X]] to %[[R0]]
// CHECK: %[[W:.*]] = plan.address @w0
// CHECK: plan.copy %[[W]] to %[[R1]]
// CHECK: plan.copy %[[R2]] to %[[R3]]
#k = #lathe.kernel<"elementwise", {}, "">
// expected-remark @below {{0 values}}
func.func @copies(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<2x2xf32>)
    attributes {lathe.entry = "tensor"} {
  %w = lathe.weight "w" file 0 offset 0 bytes 16 : tensor<4xf32>
  %0 = lathe.fusion(%x) kernel #k : (tensor<4xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %r = lathe.exp %a : tensor<4xf32>
    lathe.yield %r : tensor<4xf32>
  }
  %1 = lathe.reshape %0 shape [2, 2] : tensor<4xf32> -> tensor<2x2xf32>
  return %x, %w, %0, %1 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<2x2xf32>
}

// -----

// Clones become one program whose symbol spans them all, over one copy of each weight.
// CHECK: plan.data @w0 "w" offset 0
// CHECK-NOT: plan.data
// CHECK: plan.program @forward "language_model" symbols [#lathe.symbol<"tokens", 1, 64>]
// CHECK: plan.clone range [#lathe.symbol<"tokens", 1, 8>]
// CHECK: plan.address @w0
// CHECK: plan.clone range [#lathe.symbol<"tokens", 9, 64>]
// CHECK: plan.address @w0
#k = #lathe.kernel<"elementwise", {}, "">
// expected-remark @below {{0 values}}
func.func @forward.small(%x: tensor<?x2xf32> {lathe.dims = ["tokens", 2]}) -> tensor<?x2xf32>
    attributes {lathe.entry = "language_model", lathe.clone_of = @forward, lathe.range = #lathe.symbol<"tokens", 1, 8>,
                lathe.symbols = [#lathe.symbol<"tokens", 1, 8>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 8 : tensor<2xf32>
  %0 = lathe.fusion(%x, %w) kernel #k : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32> {
  ^bb0(%a: tensor<?x2xf32>, %b: tensor<2xf32>):
    %r = lathe.add %a, %b : tensor<?x2xf32>, tensor<2xf32> -> tensor<?x2xf32>
    lathe.yield %r : tensor<?x2xf32>
  }
  return %0 : tensor<?x2xf32>
}
// expected-remark @below {{0 values}}
func.func @forward.large(%x: tensor<?x2xf32> {lathe.dims = ["tokens", 2]}) -> tensor<?x2xf32>
    attributes {lathe.entry = "language_model", lathe.clone_of = @forward, lathe.range = #lathe.symbol<"tokens", 9, 64>,
                lathe.symbols = [#lathe.symbol<"tokens", 9, 64>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 8 : tensor<2xf32>
  %0 = lathe.fusion(%x, %w) kernel #k : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32> {
  ^bb0(%a: tensor<?x2xf32>, %b: tensor<2xf32>):
    %r = lathe.add %a, %b : tensor<?x2xf32>, tensor<2xf32> -> tensor<?x2xf32>
    lathe.yield %r : tensor<?x2xf32>
  }
  return %0 : tensor<?x2xf32>
}
