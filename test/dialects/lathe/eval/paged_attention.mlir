// RUN: lathe-eval %s --pages 3 --verify-diagnostics | FileCheck %s
// Worked by hand: with keys of 0 all weights are equal and the result is a mean; keys of ln 3 and 0 weigh 3 to 1.

!kv = !lathe.state<paged, 1x1x2xf32>

// Both rows belong to sequence 0, whose page is 2: row 0 sees the value 4 alone, row 1 weighs 4 by 1 and 8 by 3.
// CHECK-LABEL: @causal
// CHECK: tensor<2x1x1xf32> = {{\[\[\[}}4]], {{\[\[}}7]]]
func.func @causal(%s: !kv) -> tensor<2x1x1xf32> {
  %q = lathe.constant dense<2.0> : tensor<2x1x1xf32>
  %k = lathe.constant dense<[[[0.0]], [[1.09861228866811]]]> : tensor<2x1x1xf32>
  %v = lathe.constant dense<[[[4.0]], [[8.0]]]> : tensor<2x1x1xf32>
  %slots = lathe.constant dense<[32, 33]> : tensor<2xi32>
  %r = lathe.append_kv %k, %v, %s, %slots layer 0 : tensor<2x1x1xf32>, tensor<2x1x1xf32>, !kv, tensor<2xi32>
  %offsets = lathe.constant dense<[0, 2]> : tensor<2xi32>
  %lengths = lathe.constant dense<[2]> : tensor<1xi32>
  %tables = lathe.constant dense<[[2]]> : tensor<1x1xi32>
  %o = lathe.paged_attention %q, %r, %offsets, %lengths, %tables layer 0 scale 0.5 : tensor<2x1x1xf32>, !kv,
      tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32> -> tensor<2x1x1xf32>
  return %o : tensor<2x1x1xf32>
}

// Sequence 0 is 17 tokens long over pages 1 and 0, and only its first and last values are not zero; sequence 1 is padding
// of length 0, sequence 2 one token on page 2, and row 2 belongs to no sequence.
// CHECK-LABEL: @ragged
// CHECK: tensor<3x1x1xf32> = {{\[\[\[}}3]], {{\[\[}}5]], {{\[\[}}0]]]
func.func @ragged(%s: !kv) -> tensor<3x1x1xf32> {
  %q = lathe.constant dense<1.0> : tensor<3x1x1xf32>
  %k = lathe.constant dense<0.0> : tensor<3x1x1xf32>
  %v = lathe.constant dense<[[[17.0]], [[34.0]], [[5.0]]]> : tensor<3x1x1xf32>
  %slots = lathe.constant dense<[16, 0, 32]> : tensor<3xi32>
  %r = lathe.append_kv %k, %v, %s, %slots layer 0 : tensor<3x1x1xf32>, tensor<3x1x1xf32>, !kv, tensor<3xi32>
  %offsets = lathe.constant dense<[0, 1, 1, 2]> : tensor<4xi32>
  %lengths = lathe.constant dense<[17, 0, 1]> : tensor<3xi32>
  %tables = lathe.constant dense<[[1, 0], [-1, -1], [2, -1]]> : tensor<3x2xi32>
  %o = lathe.paged_attention %q, %r, %offsets, %lengths, %tables layer 0 scale 1.0 : tensor<3x1x1xf32>, !kv,
      tensor<4xi32>, tensor<3xi32>, tensor<3x2xi32> -> tensor<3x1x1xf32>
  return %o : tensor<3x1x1xf32>
}

// Heads 0 and 1 of the query read head 0 of the keys, heads 2 and 3 head 1. Values are 2 wide.
// CHECK-LABEL: @grouped_heads
// CHECK: tensor<1x4x2xf16> = {{\[\[\[}}1, 2], [1, 2], [3, 4], [3, 4]]]
func.func @grouped_heads(%s: !lathe.state<paged, 1x2x3xf16>) -> tensor<1x4x2xf16> {
  %q = lathe.constant dense<1.0> : tensor<1x4x1xf16>
  %k = lathe.constant dense<1.0> : tensor<1x2x1xf32>
  %v = lathe.constant dense<[[[1.0, 2.0], [3.0, 4.0]]]> : tensor<1x2x2xf32>
  %slots = lathe.constant dense<[0]> : tensor<1xi32>
  %r = lathe.append_kv %k, %v, %s, %slots layer 0 : tensor<1x2x1xf32>, tensor<1x2x2xf32>,
      !lathe.state<paged, 1x2x3xf16>, tensor<1xi32>
  %offsets = lathe.constant dense<[0, 1]> : tensor<2xi32>
  %lengths = lathe.constant dense<[1]> : tensor<1xi32>
  %tables = lathe.constant dense<[[0]]> : tensor<1x1xi32>
  %o = lathe.paged_attention %q, %r, %offsets, %lengths, %tables layer 0 scale 1.0 : tensor<1x4x1xf16>,
      !lathe.state<paged, 1x2x3xf16>, tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32> -> tensor<1x4x2xf16>
  return %o : tensor<1x4x2xf16>
}

// The state is as wide as the query, so a key is its value and what is stored as key: 4 - 4 and 8 + (ln 3 - 8) weigh 4 by 1
// and 8 by 3.
// CHECK-LABEL: @key_begins_with_value
// CHECK: tensor<1x2x1xf32> = {{\[\[\[}}7], [7]]]
func.func @key_begins_with_value(%s: !kv) -> tensor<1x2x1xf32> {
  %q = lathe.constant dense<1.0> : tensor<1x2x2xf32>
  %k = lathe.constant dense<[[[-4.0]], [[-6.90138771133189]]]> : tensor<2x1x1xf32>
  %v = lathe.constant dense<[[[4.0]], [[8.0]]]> : tensor<2x1x1xf32>
  %slots = lathe.constant dense<[16, 17]> : tensor<2xi32>
  %r = lathe.append_kv %k, %v, %s, %slots layer 0 : tensor<2x1x1xf32>, tensor<2x1x1xf32>, !kv, tensor<2xi32>
  %offsets = lathe.constant dense<[0, 1]> : tensor<2xi32>
  %lengths = lathe.constant dense<[2]> : tensor<1xi32>
  %tables = lathe.constant dense<[[1]]> : tensor<1x1xi32>
  %o = lathe.paged_attention %q, %r, %offsets, %lengths, %tables layer 0 scale 1.0 : tensor<1x2x2xf32>, !kv,
      tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32> -> tensor<1x2x1xf32>
  return %o : tensor<1x2x1xf32>
}

// A window of 2 forgets the first of three tokens.
// CHECK-LABEL: @window
// CHECK: tensor<1x1x1xf32> = {{\[\[\[}}6]]]
func.func @window(%s: !lathe.state<paged, 1x1x2xf32, window = 2>) -> tensor<1x1x1xf32> {
  %q = lathe.constant dense<1.0> : tensor<1x1x1xf32>
  %k = lathe.constant dense<0.0> : tensor<3x1x1xf32>
  %v = lathe.constant dense<[[[100.0]], [[4.0]], [[8.0]]]> : tensor<3x1x1xf32>
  %slots = lathe.constant dense<[0, 1, 2]> : tensor<3xi32>
  %r = lathe.append_kv %k, %v, %s, %slots layer 0 : tensor<3x1x1xf32>, tensor<3x1x1xf32>,
      !lathe.state<paged, 1x1x2xf32, window = 2>, tensor<3xi32>
  %offsets = lathe.constant dense<[0, 1]> : tensor<2xi32>
  %lengths = lathe.constant dense<[3]> : tensor<1xi32>
  %tables = lathe.constant dense<[[0]]> : tensor<1x1xi32>
  %o = lathe.paged_attention %q, %r, %offsets, %lengths, %tables layer 0 scale 1.0 : tensor<1x1x1xf32>,
      !lathe.state<paged, 1x1x2xf32, window = 2>, tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32> -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}

// The same window on the operation, over a state that keeps everything. A sink of ln 2 weighs as much as both tokens.
// CHECK-LABEL: @sink_and_own_window
// CHECK: tensor<1x1x1xf32> = {{\[\[\[}}3]]]
func.func @sink_and_own_window(%s: !kv) -> tensor<1x1x1xf32> {
  %q = lathe.constant dense<1.0> : tensor<1x1x1xf32>
  %k = lathe.constant dense<0.0> : tensor<3x1x1xf32>
  %v = lathe.constant dense<[[[100.0]], [[4.0]], [[8.0]]]> : tensor<3x1x1xf32>
  %slots = lathe.constant dense<[0, 1, 2]> : tensor<3xi32>
  %r = lathe.append_kv %k, %v, %s, %slots layer 0 : tensor<3x1x1xf32>, tensor<3x1x1xf32>, !kv, tensor<3xi32>
  %offsets = lathe.constant dense<[0, 1]> : tensor<2xi32>
  %lengths = lathe.constant dense<[3]> : tensor<1xi32>
  %tables = lathe.constant dense<[[0]]> : tensor<1x1xi32>
  %sinks = lathe.constant dense<0.6931471805599453> : tensor<1xf32>
  %o = lathe.paged_attention %q, %r, %offsets, %lengths, %tables sinks %sinks : tensor<1xf32> layer 0 scale 1.0 window 2 :
      tensor<1x1x1xf32>, !kv, tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32> -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}

// Scores of 1000 and 0 become 1.0986 = ln 3 and 0 under a cap of ln 3, so that the values weigh 3 to 1.
// CHECK-LABEL: @cap
// CHECK: tensor<1x1x1xf32> = {{\[\[\[}}7]]]
func.func @cap(%s: !kv) -> tensor<1x1x1xf32> {
  %q = lathe.constant dense<1.0> : tensor<1x1x1xf32>
  %k = lathe.constant dense<[[[1000.0]], [[0.0]]]> : tensor<2x1x1xf32>
  %v = lathe.constant dense<[[[8.0]], [[4.0]]]> : tensor<2x1x1xf32>
  %slots = lathe.constant dense<[0, 1]> : tensor<2xi32>
  %r = lathe.append_kv %k, %v, %s, %slots layer 0 : tensor<2x1x1xf32>, tensor<2x1x1xf32>, !kv, tensor<2xi32>
  %offsets = lathe.constant dense<[0, 1]> : tensor<2xi32>
  %lengths = lathe.constant dense<[2]> : tensor<1xi32>
  %tables = lathe.constant dense<[[0]]> : tensor<1x1xi32>
  %o = lathe.paged_attention %q, %r, %offsets, %lengths, %tables layer 0 scale 1.0 cap 1.09861228866811 :
      tensor<1x1x1xf32>, !kv, tensor<2xi32>, tensor<1xi32>, tensor<1x1xi32> -> tensor<1x1x1xf32>
  return %o : tensor<1x1x1xf32>
}
