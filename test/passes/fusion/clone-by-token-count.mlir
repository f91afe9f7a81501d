// RUN: lathe-opt %s --lathe-clone-by-token-count=boundaries=1,8 --split-input-file -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-clone-by-token-count=boundaries=1,8 --split-input-file | diff %t.once -
// RUN: lathe-opt %s --lathe-clone-by-token-count --split-input-file | FileCheck %s --check-prefix=WHOLE

// A clone for each range, whose symbol has these bounds; the entry point itself goes.
// CHECK-NOT: @forward(
// CHECK: func.func @forward.tokens_1_1(%{{.*}}: tensor<?xi32> {lathe.dims = ["tokens"]
// CHECK-SAME: lathe.clone_of = @forward
// CHECK-SAME: lathe.range = #lathe.symbol<"tokens", 1, 1>
// CHECK-SAME: lathe.symbols = [#lathe.symbol<"rows", 1, 1>, #lathe.symbol<"tokens", 1, 1>]
// CHECK: func.func @forward.tokens_2_8
// CHECK-SAME: #lathe.symbol<"tokens", 2, 8>
// CHECK: func.func @forward.tokens_9_512
// CHECK-SAME: lathe.range = #lathe.symbol<"tokens", 9, 512>
// CHECK: lathe.gather
// Without boundaries there is one clone for all counts.
// WHOLE: func.func @forward.tokens_1_512
func.func @forward(%x: tensor<?xi32> {lathe.dims = ["tokens"]}) -> (tensor<?x2xf32> {lathe.dims = ["tokens", 2]})
    attributes {lathe.entry = "language_model",
                lathe.symbols = [#lathe.symbol<"rows", 1, 4>, #lathe.symbol<"tokens", 1, 512>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 32 : tensor<4x2xf32>
  %0 = lathe.gather %w, %x : tensor<4x2xf32>, tensor<?xi32> -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// -----

// A boundary beyond the symbol's bounds cuts nothing.
// CHECK: func.func @short.tokens_1_1
// CHECK: func.func @short.tokens_2_4
// CHECK-NOT: func.func
func.func @short(%x: tensor<?xf32> {lathe.dims = ["tokens"]}) -> tensor<?xf32>
    attributes {lathe.entry = "language_model", lathe.symbols = [#lathe.symbol<"tokens", 1, 4>]} {
  return %x : tensor<?xf32>
}

// -----

// Entry points of kind 'tensor' have no token count.
// CHECK: func.func @tensors(
// CHECK-NOT: func.func
func.func @tensors(%x: tensor<?xf32> {lathe.dims = ["tokens"]}) -> tensor<?xf32>
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"tokens", 1, 512>]} {
  return %x : tensor<?xf32>
}

// -----

// Encoders are cut as language models are.
// CHECK: func.func @encode.tokens_1_1
// CHECK: func.func @encode.tokens_2_8
// CHECK: func.func @encode.tokens_9_64
func.func @encode(%x: tensor<?xf32> {lathe.dims = ["tokens"]}) -> tensor<?xf32>
    attributes {lathe.entry = "encoder", lathe.symbols = [#lathe.symbol<"tokens", 1, 64>]} {
  return %x : tensor<?xf32>
}
