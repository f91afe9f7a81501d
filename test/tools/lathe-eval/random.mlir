// RUN: lathe-eval %s --random 1 --entry step > %t.1
// RUN: lathe-eval %s --random 1 --entry step | diff - %t.1
// RUN: lathe-eval %s --random 2 --entry step > %t.2
// RUN: not diff %t.1 %t.2
// RUN: FileCheck %s < %t.1
// RUN: lathe-eval %s --random 3 --entry step --symbol tokens=5 --symbol sequences=3 | FileCheck %s --check-prefix=FIXED
// RUN: not lathe-eval %s --random 3 --entry step --symbol tokens=17 2>&1 | FileCheck %s --check-prefix=BOUNDS
// RUN: not lathe-eval %s --random 3 --entry step --symbol tokens=2 --symbol sequences=4 2>&1 | FileCheck %s --check-prefix=FEW
// RUN: not lathe-eval %s --entry step 2>&1 | FileCheck %s --check-prefix=MISSING

// The step runs only if its arguments are consistent: the reference refuses tokens outside of the table, pages and slots
// outside of the pool, and lengths that do not fit. Each position comes back to show that rows follow their sequence.
// CHECK-LABEL: @step
// CHECK-NEXT: rows: tensor<{{[0-9]+}}x2x4xf32> = [
// CHECK-NEXT: kv: !lathe.state<paged, 1x2x8xf32> = {0: {{.*}}
// FIXED: positions: tensor<5x1xi32>
// FIXED-NEXT: row_offsets: tensor<4xi32> = [0, {{[0-9]+}}, 5, 5]
// FIXED-NEXT: lengths: tensor<3xi32> = [{{[1-9][0-9]*}}, {{[1-9][0-9]*}}, 0]
// BOUNDS: symbol 'tokens' is 17, needed 1 to 16
// FEW: 2 token rows cannot go to 3 sequences
// MISSING: lathe-eval: argument 'tokens' of 'step' has no value; give --input tokens=FILE or --random SEED
func.func @step(
    %tokens: tensor<?xi32> {lathe.name = "tokens", lathe.role = "tokens", lathe.dims = ["tokens"]},
    %positions: tensor<?x1xi32> {lathe.name = "positions", lathe.role = "positions", lathe.dims = ["tokens", 1]},
    %offsets: tensor<?xi32> {lathe.name = "row_offsets", lathe.role = "row_offsets", lathe.dims = ["offsets"]},
    %lengths: tensor<?xi32> {lathe.name = "lengths", lathe.role = "lengths", lathe.dims = ["sequences"]},
    %tables: tensor<?x?xi32> {lathe.name = "tables", lathe.role = "block_tables", lathe.dims = ["sequences", "pages"]},
    %slots: tensor<?xi32> {lathe.name = "slots", lathe.role = "slots", lathe.dims = ["tokens"]},
    %rows: tensor<?xi32> {lathe.name = "rows", lathe.role = "rows", lathe.dims = ["rows"]},
    %kv: !lathe.state<paged, 1x2x8xf32> {lathe.name = "kv", lathe.role = "state"})
    -> (tensor<?x2x4xf32> {lathe.name = "rows"}, !lathe.state<paged, 1x2x8xf32> {lathe.name = "kv"},
        tensor<?x1xi32> {lathe.name = "positions"}, tensor<?xi32> {lathe.name = "row_offsets"},
        tensor<?xi32> {lathe.name = "lengths"})
    attributes {lathe.entry = "language_model", lathe.symbols = [#lathe.symbol<"tokens", 1, 16>,
      #lathe.symbol<"sequences", 1, 8>, #lathe.symbol<"offsets", 2, 9>, #lathe.symbol<"pages", 1, 8>,
      #lathe.symbol<"rows", 1, 16>]} {
  %table = lathe.constant dense<[[1.0, 0.5, 0.25, 2.0, -1.0, -0.5, -0.25, -2.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
                                 [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]]> : tensor<3x8xf32>
  %x = lathe.gather %table, %tokens : tensor<3x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  %heads = lathe.reshape %x shape [0, 2, 4] : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %q = lathe.rope %heads, %positions halves base 1.0e+04 dimensions 4 : tensor<?x2x4xf32>, tensor<?x1xi32>
  %s = lathe.append_kv %q, %heads, %kv, %slots layer 0 : tensor<?x2x4xf32>, tensor<?x2x4xf32>,
      !lathe.state<paged, 1x2x8xf32>, tensor<?xi32>
  %o = lathe.paged_attention %q, %s, %offsets, %lengths, %tables layer 0 scale 0.5 : tensor<?x2x4xf32>,
      !lathe.state<paged, 1x2x8xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x2x4xf32>
  %flat = lathe.reshape %o shape [0, 8] : tensor<?x2x4xf32> -> tensor<?x8xf32>
  %chosen = lathe.gather %flat, %rows : tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  %r = lathe.reshape %chosen shape [0, 2, 4] : tensor<?x8xf32> -> tensor<?x2x4xf32>
  return %r, %s, %positions, %offsets, %lengths : tensor<?x2x4xf32>, !lathe.state<paged, 1x2x8xf32>, tensor<?x1xi32>,
      tensor<?xi32>, tensor<?xi32>
}
