// RUN: lathe-eval %s --verify-diagnostics | FileCheck %s
// Worked by hand: keys of 0 weigh all values of a text alike; ln 3 gives a key three times the weight of one with 0.

// Texts of two rows, of none and of one; the last row is of no text. In the first 4 and 8 weigh 1 to 3 for both rows.
// CHECK-LABEL: @texts_do_not_see_each_other
// CHECK: tensor<4x1x1xf32> = {{\[\[\[}}7]], {{\[\[}}7]], {{\[\[}}100]], {{\[\[}}0]]]
func.func @texts_do_not_see_each_other() -> tensor<4x1x1xf32> {
  %q = lathe.constant dense<2.0> : tensor<4x1x1xf32>
  %k = lathe.constant dense<[[[0.0]], [[1.09861228866811]], [[50.0]], [[50.0]]]> : tensor<4x1x1xf32>
  %v = lathe.constant dense<[[[4.0]], [[8.0]], [[100.0]], [[1000.0]]]> : tensor<4x1x1xf32>
  %offsets = lathe.constant dense<[0, 2, 2, 3]> : tensor<4xi32>
  %o = lathe.ragged_attention %q, %k, %v, %offsets scale 0.5 : tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>,
      tensor<4xi32> -> tensor<4x1x1xf32>
  return %o : tensor<4x1x1xf32>
}

// Rows see what is before them in their own text.
// CHECK-LABEL: @causal
// CHECK: tensor<4x1x1xf16> = {{\[\[\[}}1]], {{\[\[}}2]], {{\[\[}}8]], {{\[\[}}6]]]
func.func @causal() -> tensor<4x1x1xf16> {
  %q = lathe.constant dense<1.0> : tensor<4x1x1xf16>
  %k = lathe.constant dense<0.0> : tensor<4x1x1xf16>
  %v = lathe.constant dense<[[[1.0]], [[3.0]], [[8.0]], [[4.0]]]> : tensor<4x1x1xf16>
  %offsets = lathe.constant dense<[0, 2, 4]> : tensor<3xi32>
  %o = lathe.ragged_attention %q, %k, %v, %offsets scale 1.0 causal : tensor<4x1x1xf16>, tensor<4x1x1xf16>,
      tensor<4x1x1xf16>, tensor<3xi32> -> tensor<4x1x1xf16>
  return %o : tensor<4x1x1xf16>
}

// Heads 0 and 1 of the query read head 0 of the keys, heads 2 and 3 head 1. Values are 2 wide.
// CHECK-LABEL: @grouped_heads
// CHECK: tensor<1x4x2xf32> = {{\[\[\[}}1, 2], [1, 2], [3, 4], [3, 4]]]
func.func @grouped_heads() -> tensor<1x4x2xf32> {
  %q = lathe.constant dense<1.0> : tensor<1x4x1xf32>
  %k = lathe.constant dense<1.0> : tensor<1x2x1xf32>
  %v = lathe.constant dense<[[[1.0, 2.0], [3.0, 4.0]]]> : tensor<1x2x2xf32>
  %offsets = lathe.constant dense<[0, 1]> : tensor<2xi32>
  %o = lathe.ragged_attention %q, %k, %v, %offsets scale 1.0 : tensor<1x4x1xf32>, tensor<1x2x1xf32>, tensor<1x2x2xf32>,
      tensor<2xi32> -> tensor<1x4x2xf32>
  return %o : tensor<1x4x2xf32>
}
