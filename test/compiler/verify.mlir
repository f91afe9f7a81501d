// The numerics check of --verify: silent while passes keep the numbers, and it names the one that does not.
//
// RUN: lathe-opt %s --verify-numerics --lathe-narrow-products="activations=f16 kv=f16" --cse \
// RUN:   --lathe-clone-by-token-count=boundaries=8 --lathe-form-weight-programs --lathe-form-fusions \
// RUN:   --lathe-choose-kernels --lathe-plan-memory -o %t.plan
// RUN: FileCheck %s < %t.plan
// CHECK: plan.program @forward "language_model"
// CHECK: plan.clone range [#lathe.symbol<"tokens", 1, 8>]
// CHECK: plan.clone range [#lathe.symbol<"tokens", 9, 64>]
//
// RUN: not lathe-opt %s --verify-numerics --lathe-test-plant-bug=kind=rope 2>&1 | FileCheck %s --check-prefix=ROPE
// ROPE: error: pass 'lathe-test-plant-bug' of phase 'lathe-opt' changed the numbers: result 'logits' of 'forward'
// ROPE-SAME: (offsets = {{.*}}tokens = 1) differs by {{.*}} at [{{.*}}]: found {{.*}}, needed {{.*}} (allowed
//
// RUN: not lathe-opt %s --verify-numerics --lathe-test-plant-bug=kind=epsilon 2>&1 | FileCheck %s --check-prefix=EPSILON
// EPSILON: error: pass 'lathe-test-plant-bug' of phase 'lathe-opt' changed the numbers
//
// A bug in a fusion of one clone shows with the inputs of that clone.
// RUN: not lathe-opt %s --verify-numerics --lathe-clone-by-token-count=boundaries=8 --lathe-form-weight-programs \
// RUN:   --lathe-form-fusions --lathe-test-plant-bug=kind=epilogue 2>&1 | FileCheck %s --check-prefix=EPILOGUE
// EPILOGUE: error: pass 'lathe-test-plant-bug' of phase 'lathe-opt' changed the numbers
//
// Launches in the wrong order read poison.
// RUN: not lathe-opt %s --verify-numerics --lathe-clone-by-token-count=boundaries=8 --lathe-form-weight-programs \
// RUN:   --lathe-form-fusions --lathe-choose-kernels --lathe-plan-memory --lathe-test-plant-bug=kind=order 2>&1 \
// RUN:   | FileCheck %s --check-prefix=ORDER
// ORDER: error: pass 'lathe-test-plant-bug' of phase 'lathe-opt'

!kv = !lathe.state<paged, 1x1x8xf32>

func.func @forward(
    %tokens: tensor<?xi32> {lathe.name = "tokens", lathe.role = "tokens", lathe.dims = ["tokens"]},
    %positions: tensor<?x1xi32> {lathe.name = "positions", lathe.role = "positions", lathe.dims = ["tokens", 1]},
    %offsets: tensor<?xi32> {lathe.name = "row_offsets", lathe.role = "row_offsets", lathe.dims = ["offsets"]},
    %lengths: tensor<?xi32> {lathe.name = "lengths", lathe.role = "lengths", lathe.dims = ["sequences"]},
    %tables: tensor<?x?xi32> {lathe.name = "block_tables", lathe.role = "block_tables",
                              lathe.dims = ["sequences", "pages"]},
    %slots: tensor<?xi32> {lathe.name = "slots", lathe.role = "slots", lathe.dims = ["tokens"]},
    %rows: tensor<?xi32> {lathe.name = "rows", lathe.role = "rows", lathe.dims = ["rows"]},
    %kv: !kv {lathe.name = "kv", lathe.role = "state"})
    -> (tensor<?x4xf32> {lathe.name = "logits", lathe.role = "logits", lathe.dims = ["rows", 4]},
        !kv {lathe.name = "kv", lathe.role = "state"})
    attributes {lathe.entry = "language_model", lathe.symbols = [
      #lathe.symbol<"tokens", 1, 64>, #lathe.symbol<"offsets", 2, 9>, #lathe.symbol<"sequences", 1, 8>,
      #lathe.symbol<"pages", 1, 4>, #lathe.symbol<"rows", 1, 64>]} {
  %table = lathe.constant dense<[[1.0, -0.5, 0.25, 2.0], [0.5, 1.5, -1.0, 0.125], [-2.0, 0.75, 1.0, 0.5],
                                 [0.25, -1.25, 0.5, 1.0]]> : tensor<4x4xf32>
  %norm = lathe.constant dense<[1.0, 0.5, 2.0, 1.5]> : tensor<4xf32>
  %wq = lathe.constant dense<[[0.5, -0.25, 1.0, 0.75], [1.25, 0.5, -0.5, 0.25], [-1.0, 0.5, 0.25, 1.0],
                              [0.5, 0.5, -0.75, 0.25]]> : tensor<4x4xf32>
  %x = lathe.gather %table, %tokens : tensor<4x4xf32>, tensor<?xi32> -> tensor<?x4xf32>
  %n = lathe.rms_norm %x, %norm epsilon 1.0e-05 : tensor<?x4xf32>, tensor<4xf32>
  %q = lathe.matmul %n, %wq transpose_rhs : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %k = lathe.matmul %n, %wq : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %q3 = lathe.reshape %q shape [0, 1, 4] : tensor<?x4xf32> -> tensor<?x1x4xf32>
  %k3 = lathe.reshape %k shape [0, 1, 4] : tensor<?x4xf32> -> tensor<?x1x4xf32>
  %n3 = lathe.reshape %n shape [0, 1, 4] : tensor<?x4xf32> -> tensor<?x1x4xf32>
  %qr = lathe.rope %q3, %positions adjacent base 1.0e+04 dimensions 4 : tensor<?x1x4xf32>, tensor<?x1xi32>
  %kr = lathe.rope %k3, %positions adjacent base 1.0e+04 dimensions 4 : tensor<?x1x4xf32>, tensor<?x1xi32>
  %kv1 = lathe.append_kv %kr, %n3, %kv, %slots layer 0 : tensor<?x1x4xf32>, tensor<?x1x4xf32>, !kv, tensor<?xi32>
  %a = lathe.paged_attention %qr, %kv1, %offsets, %lengths, %tables layer 0 scale 5.0e-01 : tensor<?x1x4xf32>, !kv,
      tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x1x4xf32>
  %a2 = lathe.reshape %a shape [0, 4] : tensor<?x1x4xf32> -> tensor<?x4xf32>
  %o = lathe.matmul %a2, %wq transpose_rhs : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  %s = lathe.add %x, %o : tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  %g = lathe.gather %s, %rows : tensor<?x4xf32>, tensor<?xi32> -> tensor<?x4xf32>
  %l = lathe.matmul %g, %table transpose_rhs : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
  return %l, %kv1 : tensor<?x4xf32>, !kv
}
