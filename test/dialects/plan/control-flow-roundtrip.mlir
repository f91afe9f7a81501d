// RUN: lathe-opt %s -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once | diff %t.once -
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | diff %t.once -

// CHECK: plan.clone range [] data [#lathe.symbol<"data1", 0, 8>, #lathe.symbol<"data2", 0, 64>,
plan.program @main "tensor" symbols [#lathe.symbol<"n", 1, 64>]
    inputs [#plan.port<"x", "tensor", f32, ()[s0] -> (s0)>]
    outputs [#plan.port<"y", "tensor", f32, ()[s0, s1, s2, s3] -> (s3)>] states [] {
^bb0(%x: !plan.buffer, %y: !plan.buffer):
  plan.clone range [] data [#lathe.symbol<"data1", 0, 8>, #lathe.symbol<"data2", 0, 64>, #lathe.symbol<"data3", 0, 64>]
      arena affine_map<()[s0] -> (1024)> {
    // CHECK: %[[C:.*]] = plan.buffer at
    %c = plan.buffer at affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (8)>
    // CHECK: plan.null
    %n = plan.null
    // CHECK: plan.read_sizes %[[C]] to [2] min [0] max [64]
    plan.read_sizes %c to [2] min [0] max [64]
    // CHECK: %[[A:.*]] = plan.allocate slot 0 bytes #{{.*}}
    %a = plan.allocate slot 0 bytes affine_map<()[s0, s1, s2] -> (s2 * 4)>
    // CHECK: plan.view %[[A]] at #{{.*}} bytes #{{.*}}
    %v = plan.view %a at affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (4)>
    // CHECK: %[[L:.*]] = plan.loop trip %[[C]] while %[[C]] round 1 count %[[C]] limit #{{.*}} carried(%[[A]]) defines [3]
    // CHECK-SAME: from #{{.*}} : !plan.buffer {
    %l = plan.loop trip %c while %c round 1 count %c limit affine_map<()[s0] -> (8)> carried(%a)
        defines [3] from affine_map<()[s0, s1, s2] -> (s2)> : !plan.buffer {
    ^bb0(%b: !plan.buffer):
      // CHECK: plan.allocate slot 1 round 1 bytes #{{.*}} keep #{{.*}}
      %next = plan.allocate slot 1 round 1 bytes affine_map<()[s0, s1, s2, s3] -> (s3 * 4 + 4)>
          keep affine_map<()[s0] -> (0)>
      // CHECK: plan.yield %[[C]], %{{.*}} sizes #{{.*}}
      plan.yield %c, %next sizes affine_map<()[s0, s1, s2, s3] -> (s3 + 1)>
    }
    // CHECK: plan.if %[[C]] {
    // CHECK: } else {
    plan.if %c {
      plan.yield
    } else {
      plan.yield
    }
    // CHECK: plan.if %[[C]] defines [2] : !plan.buffer {
    %i = plan.if %c defines [2] : !plan.buffer {
      plan.yield %l sizes affine_map<()[s0] -> (1)>
    } else {
      plan.yield %a sizes affine_map<()[s0] -> (s0)>
    }
    // CHECK: plan.output 0 sizes #{{.*}}
    %o = plan.output 0 sizes affine_map<()[s0, s1, s2, s3] -> (s3)>
    plan.copy %l to %o bytes affine_map<()[s0, s1, s2, s3] -> (s3 * 4)>
  }
}
