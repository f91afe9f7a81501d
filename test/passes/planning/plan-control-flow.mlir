// Memory of branches, loops and values whose size depends on data.
// RUN: lathe-opt %s --lathe-form-weight-programs --lathe-form-fusions --lathe-choose-kernels --lathe-plan-memory \
// RUN:   | FileCheck %s

// CHECK: #[[ONE:map[0-9]*]] = affine_map<()[s0] -> (1)>

!rows = tensor<?x4xf32>

// The branch that computes writes to the place of the result, the other hands on the address it got.
// CHECK-LABEL: plan.program @branch
// CHECK: ^bb0(%[[C:.*]]: !plan.buffer, %[[X:.*]]: !plan.buffer, %[[Y:.*]]: !plan.buffer):
// CHECK: plan.clone range [] arena
// CHECK: %[[HOME:.*]] = plan.buffer
// CHECK: %[[R:.*]] = plan.if %[[C]] : !plan.buffer {
// CHECK: plan.launch {{.*}} ins(%[[X]]) outs(%[[HOME]])
// CHECK: plan.yield %[[HOME]]
// CHECK: } else {
// CHECK-NEXT: plan.yield %[[X]]
// CHECK: plan.launch {{.*}} ins(%[[R]]) outs(%[[Y]])
func.func @branch(%c: tensor<i1>, %x: !rows {lathe.dims = ["n", 4]}) -> !rows
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 16>]} {
  %y = lathe.if %c : tensor<i1> -> !rows {
    %1 = lathe.relu %x : !rows
    lathe.yield %1 : !rows
  } else {
    lathe.yield %x : !rows
  }
  %2 = lathe.neg %y : !rows
  return %2 : !rows
}

// The two places of a carried value change roles; a row is written to its place in the output's memory.
// CHECK-LABEL: plan.program @loop
// CHECK: ^bb0(%[[X:.*]]: !plan.buffer, %[[Y:.*]]: !plan.buffer, %[[S:.*]]: !plan.buffer):
// CHECK: data [#lathe.symbol<"data1", 0, 3>]
// CHECK-DAG: %[[A:.*]] = plan.buffer at #{{.*}} bytes #{{.*}}
// CHECK: plan.copy %[[X]] to %[[NOW:[^ ]*]]
// CHECK: %[[L:.*]]:2 = plan.loop round 1 limit #{{.*}} carried(%[[NOW]], %[[NEXT:[^)]*]]) : !plan.buffer, !plan.buffer {
// CHECK: ^bb0(%[[A0:.*]]: !plan.buffer, %[[A1:.*]]: !plan.buffer):
// CHECK: plan.launch {{.*}} ins(%[[A0]]) outs(%[[A1]])
// CHECK: %[[ROW:.*]] = plan.view %[[STACK:[^ ]*]] at
// CHECK: plan.copy %[[A1]] to %[[ROW]]
// CHECK: plan.yield %[[A1]], %[[A0]]
// CHECK: plan.copy %[[L]]#0 to %[[Y]]
// CHECK: plan.copy %[[STACK]] to %[[S]]
func.func @loop(%x: !rows {lathe.dims = ["n", 4]}) -> (!rows, tensor<3x?x4xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 16>]} {
  %trip = lathe.constant dense<3> : tensor<i64>
  %y:2 = lathe.loop trip %trip carried(%x) : (tensor<i64>, !rows) -> (!rows, tensor<3x?x4xf32>) {
  ^bb0(%i: tensor<i64>, %a: !rows):
    %0 = lathe.tanh %a : !rows
    lathe.yield %0, %0 : !rows, !rows
  }
  return %y#0, %y#1 : !rows, tensor<3x?x4xf32>
}

// A size that the data gives: memory of the pool; the output's address is asked for when its size is known.
// CHECK-LABEL: plan.program @sizes
// CHECK-SAME: outputs [#plan.port<"output0", "tensor", f32, ()[s0] -> (s0)>]
// CHECK: plan.clone range [] data [#lathe.symbol<"data0", 0, 8>] arena
// CHECK: plan.read_sizes %{{.*}} to [0] min [0] max [8]
// CHECK: %[[P:.*]] = plan.allocate slot 0 bytes
// CHECK: plan.launch {{.*}} outs(%[[P]])
// CHECK: %[[O:.*]] = plan.output 0 sizes
// CHECK: plan.launch {{.*}} ins(%[[P]]) outs(%[[O]])
func.func @sizes(%n: tensor<1xi64>, %x: tensor<8xf32>) -> tensor<?xf32> attributes {lathe.entry = "tensor"} {
  %s = lathe.read_sizes %n min [0] max [8] : tensor<1xi64> -> !lathe.sizes<1>
  %0 = lathe.slice %x from %s starts affine_map<()[s0, s1] -> (0)> steps [1] sizes affine_map<()[s0, s1] -> (s1)>
      : (tensor<8xf32>, !lathe.sizes<1>) -> tensor<?xf32>
  %1 = lathe.relu %0 : tensor<?xf32>
  return %1 : tensor<?xf32>
}

// A value that changes its size from round to round: each one allocates, in turn from two slots.
// CHECK-LABEL: plan.program @growing
// CHECK: %[[L:.*]] = plan.loop round 0 limit #{{.*}} carried(%{{.*}}) defines [1] from #{{.*}} : !plan.buffer {
// CHECK: %[[N:.*]] = plan.allocate slot 0 round 0 bytes
// CHECK: plan.launch {{.*}} outs(%[[N]])
// CHECK: plan.yield %[[N]] sizes
// CHECK: plan.output 0 sizes
func.func @growing(%x: tensor<8xf32>) -> tensor<?xf32> attributes {lathe.entry = "tensor"} {
  %trip = lathe.constant dense<4> : tensor<i64>
  %one = lathe.slice %x starts affine_map<()[s0] -> (0)> steps [1] sizes affine_map<()[s0] -> (1)>
      : (tensor<8xf32>) -> tensor<1xf32>
  %y = lathe.loop trip %trip carried(%one) : (tensor<i64>, tensor<1xf32>) -> tensor<?xf32> {
  ^bb0(%i: tensor<i64>, %v: tensor<?xf32>):
    %next = lathe.slice %x from %v starts affine_map<()[s0, s1] -> (0)> steps [1]
        sizes affine_map<()[s0, s1] -> (s1 + 1)> : (tensor<8xf32>, tensor<?xf32>) -> tensor<?xf32>
    lathe.yield %next : tensor<?xf32>
  }
  return %y : tensor<?xf32>
}

// A size that is the same for all sizes the symbols allow is the number that its type says.
// CHECK-LABEL: plan.program @one_size
// CHECK: plan.launch {{.*}} shapes [#{{.*}}, #[[ONE]]]
func.func @one_size(%x: tensor<?xf32> {lathe.dims = ["n"]}) -> tensor<1xf32>
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 8, 15>]} {
  %y = lathe.slice %x starts affine_map<()[s0] -> (0)> steps [1] sizes affine_map<()[s0] -> (s0 floordiv 8)>
      : (tensor<?xf32>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}
