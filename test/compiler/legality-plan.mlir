// What may stand after phase plan: memory alone.
// RUN: lathe-opt %s --legal-after=plan --split-input-file --verify-diagnostics

plan.data @w0 "w" offset 0 : tensor<4xf32> {
  %0 = lathe.weight "w" file 0 offset 0 bytes 16 : tensor<4xf32>
  lathe.yield %0 : tensor<4xf32>
}
plan.program @memory "tensor" symbols [] inputs [] outputs [#plan.port<"y", "tensor", f32, () -> (4)>] states [] {
^bb0(%y: !plan.buffer):
  plan.clone range [] arena affine_map<() -> (0)> {
    %w = plan.address @w0
    plan.launch <"elementwise", {}, ""> ins(%w) outs(%y) shapes [affine_map<() -> (4)>, affine_map<() -> (4)>] {
    ^bb0(%a: tensor<4xf32>):
      %0 = lathe.exp %a : tensor<4xf32>
      lathe.yield %0 : tensor<4xf32>
    }
  }
}

// -----

// expected-error @below {{'func.func' op is not legal after phase 'plan'}}
func.func @left_over() {
  return
}

// -----

plan.data @other_dialect "w" offset 0 : tensor<2xf32> {
  %0 = lathe.weight "w" file 0 offset 0 bytes 16 : tensor<4xf32>
  // expected-error @below {{'tensor.extract_slice' op is not legal after phase 'plan'}}
  %1 = tensor.extract_slice %0[0] [2] [1] : tensor<4xf32> to tensor<2xf32>
  lathe.yield %1 : tensor<2xf32>
}
