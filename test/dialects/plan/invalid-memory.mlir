// Where buffers may lie (plan.clone C2) and how far launches may reach (C3): proofs over all values of the symbols.
// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// The arena holds the buffer only while batch is at most 32.
plan.program @clone_c2_arena "tensor" symbols [#lathe.symbol<"batch", 1, 64>] inputs [] outputs [] states [] {
  plan.clone range [] arena affine_map<()[s0] -> (512)> {
    // expected-error @below {{'plan.buffer' op at 0 to s0 * 16 is not always inside of the arena of 512 bytes}}
    %a = plan.buffer at affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (s0 * 16)>
    plan.copy %a to %a bytes affine_map<()[s0] -> (16)>
  }
}

// -----

plan.program @clone_c2_negative "tensor" symbols [#lathe.symbol<"batch", 1, 64>] inputs [] outputs [] states [] {
  plan.clone range [] arena affine_map<()[s0] -> (2048)> {
    // expected-error @below {{'plan.buffer' op at s0 * 16 - 32 to s0 * 16 is not always inside of the arena of 2048 bytes}}
    %a = plan.buffer at affine_map<()[s0] -> (s0 * 16 - 32)> bytes affine_map<()[s0] -> (32)>
    plan.copy %a to %a bytes affine_map<()[s0] -> (16)>
  }
}

// -----

// The first buffer reaches into the second only from batch = 17 on.
plan.program @clone_c2_overlap_of_large_values "tensor" symbols [#lathe.symbol<"batch", 1, 64>]
    inputs [] outputs [] states [] {
  plan.clone range [] arena affine_map<()[s0] -> (4096)> {
    %a = plan.buffer at affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (s0 * 16)>
    // expected-error @below {{'plan.buffer' op at 256 to 512 may overlap the buffer at 0 to s0 * 16, which is in use at the same time}}
    %b = plan.buffer at affine_map<()[s0] -> (256)> bytes affine_map<()[s0] -> (256)>
    plan.copy %a to %b bytes affine_map<()[s0] -> (16)>
  }
}

// -----

// In a clone for at most 16 the same buffers are apart.
plan.program @clone_c2_small_range "tensor" symbols [#lathe.symbol<"batch", 1, 64>] inputs [] outputs [] states [] {
  plan.clone range [#lathe.symbol<"batch", 1, 16>] arena affine_map<()[s0] -> (4096)> {
    %a = plan.buffer at affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (s0 * 16)>
    %b = plan.buffer at affine_map<()[s0] -> (256)> bytes affine_map<()[s0] -> (256)>
    plan.copy %a to %b bytes affine_map<()[s0] -> (16)>
  }
  plan.clone range [#lathe.symbol<"batch", 17, 64>] arena affine_map<()[s0] -> (0)> {}
}

// -----

// One place may serve two buffers that are not in use at the same time.
plan.program @clone_c2_reuse "tensor" symbols [#lathe.symbol<"batch", 1, 64>]
    inputs [#plan.port<"x", "tensor", f32, ()[s0] -> (s0, 4)>] outputs [] states [] {
^bb0(%x: !plan.buffer):
  plan.clone range [] arena affine_map<()[s0] -> (s0 * 16)> {
    %a = plan.buffer at affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (s0 * 16)>
    %b = plan.buffer at affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (s0 * 16)>
    plan.copy %x to %a bytes affine_map<()[s0] -> (s0 * 16)>
    plan.copy %x to %b bytes affine_map<()[s0] -> (s0 * 16)>
  }
}

// -----

plan.program @clone_c3_copy "tensor" symbols [#lathe.symbol<"batch", 1, 64>]
    inputs [#plan.port<"x", "tensor", f32, ()[s0] -> (s0, 4)>] outputs [] states [] {
^bb0(%x: !plan.buffer):
  plan.clone range [] arena affine_map<()[s0] -> (s0 * 16)> {
    %a = plan.buffer at affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (s0 * 8)>
    // expected-error @below {{'plan.copy' op uses s0 * 16 bytes of a buffer of s0 * 8}}
    plan.copy %x to %a bytes affine_map<()[s0] -> (s0 * 16)>
  }
}

// -----

// 1000 bytes hold the result of up to 62 rows.
plan.program @clone_c3_launch "tensor" symbols [#lathe.symbol<"batch", 1, 63>]
    inputs [#plan.port<"x", "tensor", f32, ()[s0] -> (s0, 4)>] outputs [] states [] {
^bb0(%x: !plan.buffer):
  plan.clone range [] arena affine_map<()[s0] -> (1000)> {
    %a = plan.buffer at affine_map<()[s0] -> (0)> bytes affine_map<()[s0] -> (1000)>
    // expected-error @below {{'plan.launch' op uses s0 * 16 bytes of a buffer of 1000}}
    plan.launch <"elementwise", {}, ""> ins(%x) outs(%a)
        shapes [affine_map<()[s0] -> (s0, 4)>, affine_map<()[s0] -> (s0, 4)>] {
    ^bb0(%b: tensor<?x4xf32>):
      %0 = lathe.exp %b : tensor<?x4xf32>
      lathe.yield %0 : tensor<?x4xf32>
    }
  }
}
