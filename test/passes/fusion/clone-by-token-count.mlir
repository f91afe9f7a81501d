// RUN: lathe-opt %s --lathe-clone-by-token-count=boundaries=1,8 --split-input-file -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-clone-by-token-count=boundaries=1,8 --split-input-file | diff %t.once -
// RUN: lathe-opt %s --lathe-clone-by-token-count --split-input-file | FileCheck %s --check-prefix=WHOLE
// RUN: lathe-opt %s --lathe-clone-by-token-count="boundaries=1 batches=1,8" --split-input-file | FileCheck %s --check-prefix=BATCH

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

// -----

// With batches products are cut by the first dimension of the first input.
// CHECK: func.func @product(
// BATCH: func.func @product.n_1_1(
// BATCH-SAME: lathe.clone_of = @product
// BATCH-SAME: lathe.range = #lathe.symbol<"n", 1, 1>
// BATCH-SAME: lathe.symbols = [#lathe.symbol<"m", 1, 9>, #lathe.symbol<"n", 1, 1>]
// BATCH: func.func @product.n_2_8(
// BATCH: func.func @product.n_9_32(
// BATCH-NOT: func.func
func.func @product(%x: tensor<?x?x4xf32> {lathe.dims = ["n", "m", 4]}) -> tensor<?x?x2xf32>
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"m", 1, 9>, #lathe.symbol<"n", 1, 32>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 32 : tensor<4x2xf32>
  %0 = lathe.matmul %x, %w : tensor<?x?x4xf32>, tensor<4x2xf32> -> tensor<?x?x2xf32>
  return %0 : tensor<?x?x2xf32>
}

// -----

// Without products, or with a first dimension of fixed size, one clone serves all.
// BATCH: func.func @no_product(
// BATCH-NOT: func.func
func.func @no_product(%x: tensor<?x4xf32> {lathe.dims = ["n", 4]}) -> tensor<?x4xf32>
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 32>]} {
  %0 = lathe.relu %x : tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// BATCH: func.func @fixed_batch(
// BATCH-NOT: func.func
func.func @fixed_batch(%x: tensor<1x?x4xf32> {lathe.dims = [1, "m", 4]}) -> tensor<1x?x2xf32>
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"m", 1, 32>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 32 : tensor<4x2xf32>
  %0 = lathe.matmul %x, %w : tensor<1x?x4xf32>, tensor<4x2xf32> -> tensor<1x?x2xf32>
  return %0 : tensor<1x?x2xf32>
}
