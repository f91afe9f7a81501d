// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{'plan.data' op region must yield one value of type 'tensor<4xf32>'}}
plan.data @data_c1 "w" offset 0 : tensor<4xf32> {
  %0 = lathe.weight "w" file 0 offset 0 bytes 8 : tensor<2xf32>
  lathe.yield %0 : tensor<2xf32>
}

// -----

// expected-error @below {{'plan.data' op offset is 128, needed a multiple of 256}}
plan.data @data_c2 "w" offset 128 : tensor<2xf32> {
  %0 = lathe.weight "w" file 0 offset 0 bytes 8 : tensor<2xf32>
  lathe.yield %0 : tensor<2xf32>
}

// -----

// expected-error @below {{'plan.program' op block takes ('!plan.buffer'), needed one !plan.buffer for each of 2 ports}}
plan.program @program_c1 "tensor" symbols [] inputs [#plan.port<"x", "tensor", f32, () -> (4)>]
    outputs [#plan.port<"y", "tensor", f32, () -> (4)>] states [] {
^bb0(%x: !plan.buffer):
  plan.clone range [] arena affine_map<() -> (0)> {}
}

// -----

// expected-error @below {{'plan.program' op region must hold 'plan.clone' alone, at least one}}
plan.program @program_c2 "tensor" symbols [] inputs [] outputs [] states [] {
  %b = plan.buffer at affine_map<() -> (0)> bytes affine_map<() -> (16)>
}

// -----

// Between 1..8 and 10..64 there is a gap.
// expected-error @below {{'plan.program' op has no clone for tokens = 9}}
plan.program @program_c3_gap "tensor" symbols [#lathe.symbol<"tokens", 1, 64>] inputs [] outputs [] states [] {
  plan.clone range [#lathe.symbol<"tokens", 10, 64>] arena affine_map<()[s0] -> (0)> {}
  plan.clone range [#lathe.symbol<"tokens", 1, 8>] arena affine_map<()[s0] -> (0)> {}
}

// -----

// expected-error @below {{'plan.program' op has no clone for tokens = 64}}
plan.program @program_c3_end "tensor" symbols [#lathe.symbol<"tokens", 1, 64>] inputs [] outputs [] states [] {
  plan.clone range [#lathe.symbol<"tokens", 1, 63>] arena affine_map<()[s0] -> (0)> {}
}

// -----

// Ranges of two symbols leave most pairs of values unserved.
// expected-error @below {{'plan.program' op has no clone for rows, where other clones have a range of tokens}}
plan.program @program_c3_two_symbols "tensor" symbols [#lathe.symbol<"tokens", 1, 4>, #lathe.symbol<"rows", 1, 4>]
    inputs [] outputs [] states [] {
  plan.clone range [#lathe.symbol<"tokens", 1, 2>] arena affine_map<()[s0, s1] -> (0)> {}
  plan.clone range [#lathe.symbol<"rows", 1, 4>] arena affine_map<()[s0, s1] -> (0)> {}
}

// -----

plan.program @clone_c1_two "tensor" symbols [#lathe.symbol<"a", 1, 2>, #lathe.symbol<"b", 1, 2>]
    inputs [] outputs [] states [] {
  // expected-error @below {{'plan.clone' op range has 2 entries, needed at most one}}
  plan.clone range [#lathe.symbol<"a", 1, 2>, #lathe.symbol<"b", 1, 2>] arena affine_map<()[s0, s1] -> (0)> {}
}

// -----

plan.program @clone_c1_unknown "tensor" symbols [] inputs [] outputs [] states [] {
  // expected-error @below {{'plan.clone' op range is over 'tokens', which is no symbol of the program}}
  plan.clone range [#lathe.symbol<"tokens", 1, 2>] arena affine_map<() -> (0)> {}
}

// -----

plan.program @launch_c1 "tensor" symbols [] inputs [] outputs [] states [] {
  plan.clone range [] arena affine_map<() -> (64)> {
    %a = plan.buffer at affine_map<() -> (0)> bytes affine_map<() -> (16)>
    // expected-error @below {{'plan.launch' op region takes 0 values and yields 0, needed 1 and 0}}
    plan.launch <"elementwise", {}, ""> ins(%a) outs() shapes [affine_map<() -> (4)>] {
      lathe.yield
    }
  }
}

// -----

plan.program @launch_c2_count "tensor" symbols [] inputs [] outputs [] states [] {
  plan.clone range [] arena affine_map<() -> (64)> {
    %a = plan.buffer at affine_map<() -> (0)> bytes affine_map<() -> (16)>
    // expected-error @below {{'plan.launch' op has 0 shapes, needed 1}}
    plan.launch <"elementwise", {}, ""> ins(%a) outs() shapes [] {
    ^bb0(%x: tensor<4xf32>):
      lathe.yield
    }
  }
}

// -----

plan.program @launch_c2_rank "tensor" symbols [] inputs [] outputs [] states [] {
  plan.clone range [] arena affine_map<() -> (64)> {
    %a = plan.buffer at affine_map<() -> (0)> bytes affine_map<() -> (16)>
    // expected-error @below {{'plan.launch' op shape 0 has 2 sizes but the value is 'tensor<4xf32>'}}
    plan.launch <"elementwise", {}, ""> ins(%a) outs() shapes [affine_map<() -> (2, 2)>] {
    ^bb0(%x: tensor<4xf32>):
      lathe.yield
    }
  }
}

// -----

plan.program @launch_c2_size "tensor" symbols [] inputs [] outputs [] states [] {
  plan.clone range [] arena affine_map<() -> (64)> {
    %a = plan.buffer at affine_map<() -> (0)> bytes affine_map<() -> (16)>
    // expected-error @below {{'plan.launch' op shape 0 is affine_map<() -> (3)> but the value is 'tensor<4xf32>'}}
    plan.launch <"elementwise", {}, ""> ins(%a) outs() shapes [affine_map<() -> (3)>] {
    ^bb0(%x: tensor<4xf32>):
      lathe.yield
    }
  }
}
