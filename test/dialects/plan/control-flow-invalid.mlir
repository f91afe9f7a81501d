// RUN: lathe-opt %s --split-input-file --verify-diagnostics

plan.program @output_c1 "tensor" symbols [] inputs [] outputs [] states [] {
  plan.clone range [] arena affine_map<() -> (0)> {
    // expected-error @below {{'plan.output' op is output 0 but the program has 0}}
    %y = plan.output 0 sizes affine_map<() -> ()>
  }
}

// -----

plan.program @output_c1_rank "tensor" symbols [] inputs [] outputs [#plan.port<"y", "tensor", f32, () -> (1, 2)>]
    states [] {
^bb0(%p: !plan.buffer):
  plan.clone range [] arena affine_map<() -> (0)> {
    // expected-error @below {{'plan.output' op has 1 sizes but output 0 has 2 dimensions}}
    %y = plan.output 0 sizes affine_map<() -> (1)>
  }
}

// -----

plan.program @read_sizes_c1 "tensor" symbols [#lathe.symbol<"n", 1, 8>] inputs [] outputs [] states [] {
  plan.clone range [] data [#lathe.symbol<"d", 0, 8>] arena affine_map<()[s0] -> (0)> {
    %n = plan.null
    // expected-error @below {{'plan.read_sizes' op defines symbol 0, needed a data symbol: 1 to 1}}
    plan.read_sizes %n to [0] min [0] max [8]
  }
}

// -----

plan.program @read_sizes_c1_counts "tensor" symbols [] inputs [] outputs [] states [] {
  plan.clone range [] data [#lathe.symbol<"d", 0, 8>] arena affine_map<() -> (0)> {
    %n = plan.null
    // expected-error @below {{'plan.read_sizes' op has 1 symbols, 2 least and 1 greatest values, needed as many of each}}
    plan.read_sizes %n to [0] min [0, 1] max [8]
  }
}

// -----

plan.program @if_c1 "tensor" symbols [] inputs [] outputs [] states [] {
  plan.clone range [] arena affine_map<() -> (0)> {
    %n = plan.null
    // expected-error @below {{'plan.if' op region 1 yields 0 addresses and 0 sizes, needed 1 and 0}}
    %r = plan.if %n : !plan.buffer {
      plan.yield %n
    } else {
      plan.yield
    }
  }
}

// -----

plan.program @loop_c1 "tensor" symbols [] inputs [] outputs [] states [] {
  plan.clone range [] data [#lathe.symbol<"d", 0, 8>] arena affine_map<() -> (0)> {
    %n = plan.null
    // expected-error @below {{'plan.loop' op carries 1 addresses but its region takes 0 and it has 1 results}}
    %r = plan.loop round 0 carried(%n) : !plan.buffer {
      plan.yield %n
    }
  }
}

// -----

plan.program @loop_c2 "tensor" symbols [] inputs [] outputs [] states [] {
  plan.clone range [] data [#lathe.symbol<"d", 0, 8>] arena affine_map<() -> (0)> {
    %n = plan.null
    // expected-error @below {{'plan.loop' op region 0 yields 0 addresses and 0 sizes, needed 1 and 0}}
    plan.loop while %n round 0 {
      plan.yield
    }
  }
}

// -----

// What stands outside of a loop and is used in it is in use during all rounds.
plan.program @clone_c2_loop "tensor" symbols [] inputs [#plan.port<"x", "tensor", f32, () -> (4)>] outputs [] states [] {
^bb0(%x: !plan.buffer):
  plan.clone range [] data [#lathe.symbol<"d", 0, 8>] arena affine_map<() -> (32)> {
    %a = plan.buffer at affine_map<() -> (0)> bytes affine_map<() -> (16)>
    plan.copy %x to %a bytes affine_map<() -> (16)>
    plan.loop round 0 limit affine_map<() -> (8)> {
      plan.copy %a to %x bytes affine_map<() -> (16)>
      // expected-error @below {{'plan.buffer' op at 8 to 24 may overlap the buffer at 0 to 16, which is in use at the same time}}
      %b = plan.buffer at affine_map<() -> (8)> bytes affine_map<() -> (16)>
      plan.copy %x to %b bytes affine_map<() -> (16)>
      plan.yield
    }
  }
}

// -----

plan.program @clone_c4 "tensor" symbols [] inputs [#plan.port<"x", "tensor", f32, () -> (4)>] outputs [] states [] {
^bb0(%x: !plan.buffer):
  plan.clone range [] arena affine_map<() -> (0)> {
    %a = plan.allocate slot 0 bytes affine_map<() -> (16)>
    // expected-error @below {{'plan.allocate' op takes slot 0, which an allocation in use at the same time has}}
    %b = plan.allocate slot 0 bytes affine_map<() -> (16)>
    plan.copy %a to %b bytes affine_map<() -> (16)>
  }
}
