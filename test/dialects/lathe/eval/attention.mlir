// RUN: lathe-eval %s | FileCheck %s
// Worked by hand. Keys of 0 give every value the same weight; ln 3 = 1.0986123 gives a key three times the weight of one
// with 0.

// CHECK-LABEL: @weights_follow_scores
// CHECK: tensor<1x1x1x2xf32> = {{\[\[\[\[}}7, 2.5]]]]
func.func @weights_follow_scores() -> tensor<1x1x1x2xf32> {
  %q = lathe.constant dense<2.0> : tensor<1x1x1x1xf32>
  %k = lathe.constant dense<[[[[0.0], [1.0986123]]]]> : tensor<1x1x2x1xf32>
  %v = lathe.constant dense<[[[[4.0, 1.0], [8.0, 3.0]]]]> : tensor<1x1x2x2xf32>
  %y = lathe.attention %q, %k, %v scale 0.5 :
      tensor<1x1x1x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x2xf32> -> tensor<1x1x1x2xf32>
  return %y : tensor<1x1x1x2xf32>
}

// Two queries, three keys: the first query sees two of them, the last all.
// CHECK-LABEL: @causal
// CHECK: tensor<1x1x2x1xf32> = {{\[\[\[\[}}1.5], [3]]]]
func.func @causal() -> tensor<1x1x2x1xf32> {
  %q = lathe.constant dense<1.0> : tensor<1x1x2x1xf32>
  %k = lathe.constant dense<0.0> : tensor<1x1x3x1xf32>
  %v = lathe.constant dense<[[[[1.0], [2.0], [6.0]]]]> : tensor<1x1x3x1xf32>
  %y = lathe.attention %q, %k, %v scale 1.0 causal :
      tensor<1x1x2x1xf32>, tensor<1x1x3x1xf32>, tensor<1x1x3x1xf32> -> tensor<1x1x2x1xf32>
  return %y : tensor<1x1x2x1xf32>
}

// The mask of one row serves both heads; the second batch sees no key at all and gives zeros.
// CHECK-LABEL: @mask
// CHECK: tensor<2x2x1x1xf32> = {{\[\[\[\[}}2]], {{\[\[}}2]]], {{\[\[\[}}0]], {{\[\[}}0]]]]
func.func @mask() -> tensor<2x2x1x1xf32> {
  %q = lathe.constant dense<1.0> : tensor<2x2x1x1xf32>
  %k = lathe.constant dense<0.0> : tensor<2x2x2x1xf32>
  %v = lathe.constant dense<[[[[1.0], [2.0]], [[1.0], [2.0]]], [[[1.0], [2.0]], [[1.0], [2.0]]]]> : tensor<2x2x2x1xf32>
  %m = lathe.constant dense<[[[[0xFF800000, 0.0]]], [[[0xFF800000, 0xFF800000]]]]> : tensor<2x1x1x2xf32>
  %y = lathe.attention %q, %k, %v mask %m : tensor<2x1x1x2xf32> scale 1.0 :
      tensor<2x2x1x1xf32>, tensor<2x2x2x1xf32>, tensor<2x2x2x1xf32> -> tensor<2x2x1x1xf32>
  return %y : tensor<2x2x1x1xf32>
}

// Heads 0 and 1 of the query read head 0 of the values, heads 2 and 3 head 1; tokens come before heads.
// CHECK-LABEL: @grouped_heads_tokens_first
// CHECK: tensor<1x1x4x1xf32> = {{\[\[\[\[}}2], [2], [20], [20]]]]
func.func @grouped_heads_tokens_first() -> tensor<1x1x4x1xf32> {
  %q = lathe.constant dense<1.0> : tensor<1x1x4x1xf32>
  %k = lathe.constant dense<0.0> : tensor<1x2x2x1xf32>
  %v = lathe.constant dense<[[[[1.0], [10.0]], [[3.0], [30.0]]]]> : tensor<1x2x2x1xf32>
  %y = lathe.attention %q, %k, %v scale 1.0 tokens_first :
      tensor<1x1x4x1xf32>, tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32> -> tensor<1x1x4x1xf32>
  return %y : tensor<1x1x4x1xf32>
}
