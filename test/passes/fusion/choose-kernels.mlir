// RUN: lathe-opt %s --lathe-choose-kernels=target=cuda --split-input-file --remarks-filter=fusion --verify-diagnostics \
// RUN:   -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-choose-kernels=target=cuda --split-input-file | diff %t.once -
// RUN: lathe-opt %s --lathe-choose-kernels --split-input-file | FileCheck %s --check-prefix=CPU
// RUN: lathe-opt %s --lathe-choose-kernels="target=cuda batch-invariant" --split-input-file \
// RUN:   | FileCheck %s --check-prefix=INVARIANT
// RUN: lathe-opt %s --lathe-choose-kernels="target=cuda tf32" --split-input-file | FileCheck %s --check-prefix=TF32

// Where no bit may depend on the batch nothing is for few rows alone.
// INVARIANT-NOT: variant = "few_rows"
// INVARIANT-LABEL: @narrow_caches
// INVARIANT: kernel <"paged_attention", {variant = "tiles"}, "the same tiles for few rows of a sequence and for many">
// INVARIANT-NOT: variant = "few_rows"

// At most 8 rows: one pass over the weights.
// CHECK-LABEL: @few_rows
// CHECK: lathe.fusion({{.*}}) kernel <"matmul", {variant = "few_rows"}, "at most 8 rows: bound by reading the weights once">
// CPU-LABEL: @few_rows
// CPU: kernel <"matmul", {}, "the template of this operation">
func.func @few_rows(%x: tensor<?x64xf16> {lathe.dims = ["tokens", 64]}, %w: tensor<32x64xf16>) -> tensor<?x32xf32>
    attributes {lathe.symbols = [#lathe.symbol<"tokens", 1, 8>]} {
  // expected-remark @below {{'matmul' few_rows: at most 8 rows: bound by reading the weights once}}
  %0 = lathe.fusion(%x, %w) : (tensor<?x64xf16>, tensor<32x64xf16>) -> tensor<?x32xf32> {
  ^bb0(%a: tensor<?x64xf16>, %b: tensor<32x64xf16>):
    %1 = lathe.matmul %a, %b transpose_rhs : tensor<?x64xf16>, tensor<32x64xf16> -> tensor<?x32xf32>
    lathe.yield %1 : tensor<?x32xf32>
  }
  return %0 : tensor<?x32xf32>
}

// -----

// One row more: tensor core tiles.
// CHECK-LABEL: @tiles
// CHECK: kernel <"matmul", {variant = "tiles"}, "up to 9 rows fill tensor core tiles">
func.func @tiles(%x: tensor<?x64xf16> {lathe.dims = ["tokens", 64]}, %w: tensor<32x64xf16>) -> tensor<?x32xf32>
    attributes {lathe.symbols = [#lathe.symbol<"tokens", 1, 9>]} {
  // expected-remark @below {{'matmul' tiles: up to 9 rows fill tensor core tiles}}
  %0 = lathe.fusion(%x, %w) : (tensor<?x64xf16>, tensor<32x64xf16>) -> tensor<?x32xf32> {
  ^bb0(%a: tensor<?x64xf16>, %b: tensor<32x64xf16>):
    %1 = lathe.matmul %a, %b transpose_rhs : tensor<?x64xf16>, tensor<32x64xf16> -> tensor<?x32xf32>
    lathe.yield %1 : tensor<?x32xf32>
  }
  return %0 : tensor<?x32xf32>
}

// -----

// f32 and weights that do not run along k have no tensor core product, f32 has one where it may be rounded. What reading the
// weights bounds is not rounded.
// TF32-LABEL: @few_rows
// TF32: kernel <"matmul", {variant = "few_rows"}
// TF32-LABEL: @simt
// TF32: kernel <"matmul", {variant = "tf32"}, "up to 64 rows fill tensor core tiles, rounded to tf32">
// TF32: kernel <"matmul", {variant = "tf32"}
// CHECK-LABEL: @simt
// CHECK: kernel <"matmul", {variant = "simt"}, "f32 operands have no tensor core product">
// CHECK: kernel <"matmul", {variant = "simt"}, "weights are not laid out along k">
func.func @simt(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> tensor<64x64xf32> {
  // expected-remark @below {{'matmul' without tensor cores: f32 operands have no tensor core product}}
  %0 = lathe.fusion(%x, %w) : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32> {
  ^bb0(%a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %2 = lathe.matmul %a, %b transpose_rhs : tensor<64x64xf32>, tensor<64x64xf32> -> tensor<64x64xf32>
    lathe.yield %2 : tensor<64x64xf32>
  }
  // expected-remark @below {{'matmul' without tensor cores: weights are not laid out along k}}
  %1 = lathe.fusion(%0, %w) : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32> {
  ^bb0(%a: tensor<64x64xf32>, %b: tensor<64x64xf32>):
    %2 = lathe.matmul %a, %b : tensor<64x64xf32>, tensor<64x64xf32> -> tensor<64x64xf32>
    lathe.yield %2 : tensor<64x64xf32>
  }
  return %1 : tensor<64x64xf32>
}

// -----

// Quantized weights have a template of their own; without a root it is elementwise; else the root names the template.
// CHECK-LABEL: @other_roots
// CHECK: kernel <"quantized_matmul", {variant = "few_rows"}
// CHECK: kernel <"elementwise", {}, "every element depends on its own place alone">
// CHECK: kernel <"softmax", {}, "the template of this operation">
func.func @other_roots(%x: tensor<2x32xf16>, %w: tensor<4x32x!lathe.gguf<q8_0>>) -> tensor<2x4xf32> {
  // expected-remark @below {{'quantized_matmul' few_rows}}
  %0 = lathe.fusion(%x, %w) : (tensor<2x32xf16>, tensor<4x32x!lathe.gguf<q8_0>>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x32xf16>, %b: tensor<4x32x!lathe.gguf<q8_0>>):
    %3 = lathe.matmul %a, %b transpose_rhs : tensor<2x32xf16>, tensor<4x32x!lathe.gguf<q8_0>> -> tensor<2x4xf32>
    lathe.yield %3 : tensor<2x4xf32>
  }
  // expected-remark @below {{'elementwise': every element depends on its own place alone}}
  %1 = lathe.fusion(%0) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>):
    %3 = lathe.relu %a : tensor<2x4xf32>
    lathe.yield %3 : tensor<2x4xf32>
  }
  // expected-remark @below {{'softmax': the template of this operation}}
  %2 = lathe.fusion(%1) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>):
    %3 = lathe.softmax %a : tensor<2x4xf32>
    lathe.yield %3 : tensor<2x4xf32>
  }
  return %2 : tensor<2x4xf32>
}

// -----

// Attention over tensors of 16 bits fills tensor core tiles, where heads are as wide as those take.
// CHECK-LABEL: @attention
// CHECK: kernel <"attention", {variant = "tiles"}, "queries fill tensor core tiles">
// CHECK: kernel <"attention", {variant = "simt"}, "a head is no multiple of 16 wide">
// CHECK: kernel <"attention", {variant = "simt"}, "heads are too wide for tiles">
// CHECK: kernel <"attention", {variant = "simt"}, "keys are not f16 or bf16">
func.func @attention(%x: tensor<1x2x8x32xf16>, %y: tensor<1x2x8x24xf16>, %z: tensor<1x2x8x144xf16>, %f: tensor<1x2x8x32xf32>)
    -> (tensor<1x2x8x32xf32>, tensor<1x2x8x24xf32>, tensor<1x2x8x144xf32>, tensor<1x2x8x32xf32>) {
  // expected-remark @below {{'attention' tiles: queries fill tensor core tiles}}
  %0 = lathe.fusion(%x) : (tensor<1x2x8x32xf16>) -> tensor<1x2x8x32xf32> {
  ^bb0(%a: tensor<1x2x8x32xf16>):
    %4 = lathe.attention %a, %a, %a scale 1.0 : tensor<1x2x8x32xf16>, tensor<1x2x8x32xf16>, tensor<1x2x8x32xf16>
        -> tensor<1x2x8x32xf32>
    lathe.yield %4 : tensor<1x2x8x32xf32>
  }
  // expected-remark @below {{'attention' without tensor cores: a head is no multiple of 16 wide}}
  %1 = lathe.fusion(%y) : (tensor<1x2x8x24xf16>) -> tensor<1x2x8x24xf32> {
  ^bb0(%a: tensor<1x2x8x24xf16>):
    %4 = lathe.attention %a, %a, %a scale 1.0 : tensor<1x2x8x24xf16>, tensor<1x2x8x24xf16>, tensor<1x2x8x24xf16>
        -> tensor<1x2x8x24xf32>
    lathe.yield %4 : tensor<1x2x8x24xf32>
  }
  // expected-remark @below {{'attention' without tensor cores: heads are too wide for tiles}}
  %2 = lathe.fusion(%z) : (tensor<1x2x8x144xf16>) -> tensor<1x2x8x144xf32> {
  ^bb0(%a: tensor<1x2x8x144xf16>):
    %4 = lathe.attention %a, %a, %a scale 1.0 : tensor<1x2x8x144xf16>, tensor<1x2x8x144xf16>, tensor<1x2x8x144xf16>
        -> tensor<1x2x8x144xf32>
    lathe.yield %4 : tensor<1x2x8x144xf32>
  }
  // expected-remark @below {{'attention' without tensor cores: keys are not f16 or bf16}}
  %3 = lathe.fusion(%f) : (tensor<1x2x8x32xf32>) -> tensor<1x2x8x32xf32> {
  ^bb0(%a: tensor<1x2x8x32xf32>):
    %4 = lathe.attention %a, %a, %a scale 1.0 : tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>, tensor<1x2x8x32xf32>
        -> tensor<1x2x8x32xf32>
    lathe.yield %4 : tensor<1x2x8x32xf32>
  }
  return %0, %1, %2, %3 : tensor<1x2x8x32xf32>, tensor<1x2x8x24xf32>, tensor<1x2x8x144xf32>, tensor<1x2x8x32xf32>
}

// -----

// Of ragged batches as well.
// CHECK-LABEL: @ragged_attention
// CHECK: kernel <"ragged_attention", {variant = "tiles"}, "queries fill tensor core tiles">
// CHECK: kernel <"ragged_attention", {variant = "simt"}, "a head is no multiple of 16 wide">
func.func @ragged_attention(%x: tensor<9x2x64xf16>, %y: tensor<9x2x24xf16>, %o: tensor<3xi32>)
    -> (tensor<9x2x64xf32>, tensor<9x2x24xf32>) {
  // expected-remark @below {{'ragged_attention' tiles: queries fill tensor core tiles}}
  %0 = lathe.fusion(%x, %o) : (tensor<9x2x64xf16>, tensor<3xi32>) -> tensor<9x2x64xf32> {
  ^bb0(%a: tensor<9x2x64xf16>, %b: tensor<3xi32>):
    %2 = lathe.ragged_attention %a, %a, %a, %b scale 1.0 : tensor<9x2x64xf16>, tensor<9x2x64xf16>, tensor<9x2x64xf16>,
        tensor<3xi32> -> tensor<9x2x64xf32>
    lathe.yield %2 : tensor<9x2x64xf32>
  }
  // expected-remark @below {{'ragged_attention' without tensor cores: a head is no multiple of 16 wide}}
  %1 = lathe.fusion(%y, %o) : (tensor<9x2x24xf16>, tensor<3xi32>) -> tensor<9x2x24xf32> {
  ^bb0(%a: tensor<9x2x24xf16>, %b: tensor<3xi32>):
    %2 = lathe.ragged_attention %a, %a, %a, %b scale 1.0 : tensor<9x2x24xf16>, tensor<9x2x24xf16>, tensor<9x2x24xf16>,
        tensor<3xi32> -> tensor<9x2x24xf32>
    lathe.yield %2 : tensor<9x2x24xf32>
  }
  return %0, %1 : tensor<9x2x64xf32>, tensor<9x2x24xf32>
}

// -----

// Caches of f8E4M3FN have tensor cores whatever the queries, blocks of q8_0 with queries of 16 bits, f32 never.
// CHECK-LABEL: @narrow_caches
// CHECK: kernel <"paged_attention", {variant = "few_rows"}
// CHECK: kernel <"paged_attention", {variant = "simt"}, "queries in f32 would meet blocks rounded to 16 bits">
// CHECK: kernel <"paged_attention", {variant = "few_rows"}
// CHECK: kernel <"paged_attention", {variant = "simt"}, "the cache holds f32">
!f8 = !lathe.state<paged, 1x1x64xf8E4M3FN>
!q8 = !lathe.state<paged, 1x1x64x!lathe.gguf<q8_0>>
!f32 = !lathe.state<paged, 1x1x64xf32>
func.func @narrow_caches(%q: tensor<2x1x32xf32>, %h: tensor<2x1x32xf16>, %s: !f8, %t: !q8, %u: !f32, %o: tensor<2xi32>,
    %l: tensor<1xi32>, %p: tensor<1x1xi32>)
    -> (tensor<2x1x32xf32>, tensor<2x1x32xf32>, tensor<2x1x32xf16>, tensor<2x1x32xf32>) {
  // expected-remark @below {{'paged_attention' few_rows}}
  %0 = lathe.fusion(%q, %s, %o, %l, %p) : (tensor<2x1x32xf32>, !f8, tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32>) -> tensor<2x1x32xf32> {
  ^bb0(%a: tensor<2x1x32xf32>, %b: !f8, %c: tensor<2xi32>, %d: tensor<1xi32>, %e: tensor<1x1xi32>):
    %4 = lathe.paged_attention %a, %b, %c, %d, %e layer 0 scale 1.0 : tensor<2x1x32xf32>, !f8, tensor<2xi32>,
        tensor<1xi32>, tensor<1x1xi32> -> tensor<2x1x32xf32>
    lathe.yield %4 : tensor<2x1x32xf32>
  }
  // expected-remark @below {{'paged_attention' without tensor cores: queries in f32 would meet blocks rounded to 16 bits}}
  %1 = lathe.fusion(%q, %t, %o, %l, %p) : (tensor<2x1x32xf32>, !q8, tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32>) -> tensor<2x1x32xf32> {
  ^bb0(%a: tensor<2x1x32xf32>, %b: !q8, %c: tensor<2xi32>, %d: tensor<1xi32>, %e: tensor<1x1xi32>):
    %4 = lathe.paged_attention %a, %b, %c, %d, %e layer 0 scale 1.0 : tensor<2x1x32xf32>, !q8, tensor<2xi32>,
        tensor<1xi32>, tensor<1x1xi32> -> tensor<2x1x32xf32>
    lathe.yield %4 : tensor<2x1x32xf32>
  }
  // expected-remark @below {{'paged_attention' few_rows}}
  %2 = lathe.fusion(%h, %t, %o, %l, %p) : (tensor<2x1x32xf16>, !q8, tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32>) -> tensor<2x1x32xf16> {
  ^bb0(%a: tensor<2x1x32xf16>, %b: !q8, %c: tensor<2xi32>, %d: tensor<1xi32>, %e: tensor<1x1xi32>):
    %4 = lathe.paged_attention %a, %b, %c, %d, %e layer 0 scale 1.0 : tensor<2x1x32xf16>, !q8, tensor<2xi32>,
        tensor<1xi32>, tensor<1x1xi32> -> tensor<2x1x32xf16>
    lathe.yield %4 : tensor<2x1x32xf16>
  }
  // expected-remark @below {{'paged_attention' without tensor cores: the cache holds f32}}
  %3 = lathe.fusion(%q, %u, %o, %l, %p) : (tensor<2x1x32xf32>, !f32, tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32>) -> tensor<2x1x32xf32> {
  ^bb0(%a: tensor<2x1x32xf32>, %b: !f32, %c: tensor<2xi32>, %d: tensor<1xi32>, %e: tensor<1x1xi32>):
    %4 = lathe.paged_attention %a, %b, %c, %d, %e layer 0 scale 1.0 : tensor<2x1x32xf32>, !f32, tensor<2xi32>,
        tensor<1xi32>, tensor<1x1xi32> -> tensor<2x1x32xf32>
    lathe.yield %4 : tensor<2x1x32xf32>
  }
  return %0, %1, %2, %3 : tensor<2x1x32xf32>, tensor<2x1x32xf32>, tensor<2x1x32xf16>, tensor<2x1x32xf32>
}

// -----

// A state as wide as queries has keys that begin with their values, whatever the number of rows.
// INVARIANT-LABEL: @keys_begin_with_values
// INVARIANT: variant = "latent_alone"
// CHECK-LABEL: @keys_begin_with_values
// CHECK: kernel <"paged_attention", {variant = "latent"}, "keys begin with their values: all heads meet what is read once">
func.func @keys_begin_with_values(%q: tensor<2x4x48xf16>, %s: !lathe.state<paged, 1x1x48xf16>, %o: tensor<2xi32>,
    %l: tensor<1xi32>, %p: tensor<1x1xi32>) -> tensor<2x4x32xf16> {
  // expected-remark @below {{'paged_attention' latent}}
  %0 = lathe.fusion(%q, %s, %o, %l, %p) : (tensor<2x4x48xf16>, !lathe.state<paged, 1x1x48xf16>, tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32>) -> tensor<2x4x32xf16> {
  ^bb0(%a: tensor<2x4x48xf16>, %b: !lathe.state<paged, 1x1x48xf16>, %c: tensor<2xi32>, %d: tensor<1xi32>, %e: tensor<1x1xi32>):
    %1 = lathe.paged_attention %a, %b, %c, %d, %e layer 0 scale 1.0 : tensor<2x4x48xf16>,
        !lathe.state<paged, 1x1x48xf16>, tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32> -> tensor<2x4x32xf16>
    lathe.yield %1 : tensor<2x4x32xf16>
  }
  return %0 : tensor<2x4x32xf16>
}

// -----

// Heads too wide for tiles, of few rows and of many.
// INVARIANT-LABEL: @wide_heads
// INVARIANT: kernel <"paged_attention", {variant = "few_rows_alone"}, "heads are too wide for tiles: one block adds all that a row sees">
// CHECK-LABEL: @wide_heads
// CHECK: kernel <"paged_attention", {variant = "few_rows"}, "heads are too wide for tiles of many rows">
func.func @wide_heads(%q: tensor<9x1x272xf16>, %s: !lathe.state<paged, 1x1x544xf16>, %o: tensor<2xi32>,
    %l: tensor<1xi32>, %p: tensor<1x1xi32>) -> tensor<9x1x272xf16> {
  // expected-remark @below {{'paged_attention' few_rows}}
  %0 = lathe.fusion(%q, %s, %o, %l, %p) : (tensor<9x1x272xf16>, !lathe.state<paged, 1x1x544xf16>, tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32>) -> tensor<9x1x272xf16> {
  ^bb0(%a: tensor<9x1x272xf16>, %b: !lathe.state<paged, 1x1x544xf16>, %c: tensor<2xi32>, %d: tensor<1xi32>, %e: tensor<1x1xi32>):
    %1 = lathe.paged_attention %a, %b, %c, %d, %e layer 0 scale 1.0 : tensor<9x1x272xf16>,
        !lathe.state<paged, 1x1x544xf16>, tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32> -> tensor<9x1x272xf16>
    lathe.yield %1 : tensor<9x1x272xf16>
  }
  return %0 : tensor<9x1x272xf16>
}

// -----

// Many rows that choose experts are multiplied together, those of f32 or of too many experts one by one.
// CHECK-LABEL: @experts
// CHECK: kernel <"expert_matmul", {variant = "tiles"}, "up to 9 rows, those of an expert together">
// CHECK: kernel <"expert_matmul", {variant = "simt"}, "f32 operands have no tensor core product">
// CHECK: kernel <"expert_matmul", {variant = "simt"}, "at most 511 experts are sorted">
// CHECK: kernel <"expert_matmul", {variant = "few_rows"}, "at most 8 rows: each reads its experts' weights">
// CPU-LABEL: @experts
// CPU: kernel <"expert_matmul", {}, "the template of this operation">
func.func @experts(%x: tensor<9x1x32xf16>, %y: tensor<9x1x32xf32>, %z: tensor<8x1x32xf16>, %w: tensor<4x16x32xf16>,
    %v: tensor<512x16x32xf16>, %c: tensor<9x2xi64>, %d: tensor<8x2xi64>)
    -> (tensor<9x2x16xf32>, tensor<9x2x16xf32>, tensor<9x2x16xf32>, tensor<8x2x16xf32>) {
  // expected-remark @below {{'expert_matmul' tiles}}
  %0 = lathe.fusion(%x, %w, %c) : (tensor<9x1x32xf16>, tensor<4x16x32xf16>, tensor<9x2xi64>) -> tensor<9x2x16xf32> {
  ^bb0(%a: tensor<9x1x32xf16>, %b: tensor<4x16x32xf16>, %e: tensor<9x2xi64>):
    %4 = lathe.expert_matmul %a, %b, %e : tensor<9x1x32xf16>, tensor<4x16x32xf16>, tensor<9x2xi64> -> tensor<9x2x16xf32>
    lathe.yield %4 : tensor<9x2x16xf32>
  }
  // expected-remark @below {{'expert_matmul' without tensor cores: f32 operands have no tensor core product}}
  %1 = lathe.fusion(%y, %w, %c) : (tensor<9x1x32xf32>, tensor<4x16x32xf16>, tensor<9x2xi64>) -> tensor<9x2x16xf32> {
  ^bb0(%a: tensor<9x1x32xf32>, %b: tensor<4x16x32xf16>, %e: tensor<9x2xi64>):
    %4 = lathe.expert_matmul %a, %b, %e : tensor<9x1x32xf32>, tensor<4x16x32xf16>, tensor<9x2xi64> -> tensor<9x2x16xf32>
    lathe.yield %4 : tensor<9x2x16xf32>
  }
  // expected-remark @below {{'expert_matmul' without tensor cores: at most 511 experts are sorted}}
  %2 = lathe.fusion(%x, %v, %c) : (tensor<9x1x32xf16>, tensor<512x16x32xf16>, tensor<9x2xi64>) -> tensor<9x2x16xf32> {
  ^bb0(%a: tensor<9x1x32xf16>, %b: tensor<512x16x32xf16>, %e: tensor<9x2xi64>):
    %4 = lathe.expert_matmul %a, %b, %e : tensor<9x1x32xf16>, tensor<512x16x32xf16>, tensor<9x2xi64> -> tensor<9x2x16xf32>
    lathe.yield %4 : tensor<9x2x16xf32>
  }
  // expected-remark @below {{'expert_matmul' few_rows}}
  %3 = lathe.fusion(%z, %w, %d) : (tensor<8x1x32xf16>, tensor<4x16x32xf16>, tensor<8x2xi64>) -> tensor<8x2x16xf32> {
  ^bb0(%a: tensor<8x1x32xf16>, %b: tensor<4x16x32xf16>, %e: tensor<8x2xi64>):
    %4 = lathe.expert_matmul %a, %b, %e : tensor<8x1x32xf16>, tensor<4x16x32xf16>, tensor<8x2xi64> -> tensor<8x2x16xf32>
    lathe.yield %4 : tensor<8x2x16xf32>
  }
  return %0, %1, %2, %3 : tensor<9x2x16xf32>, tensor<9x2x16xf32>, tensor<9x2x16xf32>, tensor<8x2x16xf32>
}
