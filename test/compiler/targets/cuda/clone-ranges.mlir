// RUN: lathe-opt %s --lathe-choose-clone-ranges=chips=sm_90a --split-input-file > %t.chosen
// RUN: FileCheck %s < %t.chosen
// RUN: lathe-opt %s --lathe-choose-clone-ranges=chips=sm_80 --split-input-file | FileCheck %s --check-prefix=SM80
// RUN: lathe-opt %s --lathe-choose-clone-ranges=chips=sm_90a --split-input-file --remarks-filter=fusion 2>&1 | FileCheck %s --check-prefix=REMARKS

// The same file gives the same ranges again, also where they have been chosen already.
// RUN: lathe-opt %s --lathe-choose-clone-ranges=chips=sm_90a --split-input-file | diff %t.chosen -
// RUN: lathe-opt %t.chosen --lathe-choose-clone-ranges=chips=sm_90a --split-input-file | diff %t.chosen -

// Clones are made of them, each with the reason why it is there.
// RUN: lathe-opt %t.chosen --lathe-clone-by-token-count=boundaries=100 --split-input-file | FileCheck %s --check-prefix=CLONES

// What is cut by other means stays as it is.
// RUN: lathe-opt %s --lathe-choose-clone-ranges="chips=sm_90a texts=false tensors=false" --split-input-file | FileCheck %s --check-prefix=GIVEN --implicit-check-not=clone_ends

// Wide products of 16 bits are cut where tiles change.
// CHECK: func.func @wide
// CHECK-SAME: lathe.clone_ends = array<i64: 1, 8, 32, 64, 128, 256>
// SM80: func.func @wide
// SM80-SAME: lathe.clone_ends = array<i64: 1, 8, 32>
// REMARKS: [Passed] ChooseCloneRanges | Category:fusion | Remark="'wide' has a clone for tokens 1 to
// CLONES: func.func @wide.tokens_1_
// CLONES-SAME: lathe.range_reason = "{{[0-9.]+}} us of products predicted of {{[0-9]+}}; in one clone with up to
// GIVEN: func.func @wide
func.func @wide(%x: tensor<?x4096xbf16> {lathe.dims = ["tokens", 4096]})
    -> (tensor<?x4096xbf16> {lathe.dims = ["tokens", 4096]})
    attributes {lathe.entry = "language_model", lathe.symbols = [#lathe.symbol<"tokens", 1, 512>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 33554432 : tensor<4096x4096xbf16>
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x4096xbf16>, tensor<4096x4096xbf16> -> tensor<?x4096xbf16>
  return %0 : tensor<?x4096xbf16>
}

// -----

// Blocks that are taken apart for each tile of rows are cut elsewhere: from 65 tokens on they are taken apart before.
// CHECK: func.func @blocks
// CHECK-SAME: lathe.clone_ends = array<i64: 1, 8, 16, 32, 128, 256>
// SM80: func.func @blocks
// SM80-SAME: lathe.clone_ends = array<i64: 1, 32, 64>
// CLONES: func.func @blocks.tokens_1_1(
func.func @blocks(%x: tensor<?x4096xf16> {lathe.dims = ["tokens", 4096]})
    -> (tensor<?x4096xf16> {lathe.dims = ["tokens", 4096]})
    attributes {lathe.entry = "language_model", lathe.symbols = [#lathe.symbol<"tokens", 1, 512>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 9437184 : tensor<4096x4096x!lathe.gguf<q4_k>>
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x4096xf16>, tensor<4096x4096x!lathe.gguf<q4_k>> -> tensor<?x4096xf16>
  return %0 : tensor<?x4096xf16>
}

// -----

// Products that hardly take longer than their launch need fewer clones.
// CHECK: func.func @small
// CHECK-SAME: lathe.clone_ends = array<i64: 1, 8, 16>
// CHECK-SAME: us of products predicted of 512; no more are computed at once"]
// CLONES: func.func @small.tokens_1_1(
// CLONES: func.func @small.tokens_2_8(
// CLONES: func.func @small.tokens_9_16(
// CLONES: func.func @small.tokens_17_512(
func.func @small(%x: tensor<?x64xf16> {lathe.dims = ["tokens", 64]}) -> (tensor<?x64xf16> {lathe.dims = ["tokens", 64]})
    attributes {lathe.entry = "language_model", lathe.symbols = [#lathe.symbol<"tokens", 1, 512>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 8192 : tensor<64x64xf16>
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf16>, tensor<64x64xf16> -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}

// -----

// Models of tensors are cut by their batch.
// CHECK: func.func @images
// CHECK-SAME: lathe.clone_ends = array<i64: 1, 2, 4, 8, 16>
// CLONES: func.func @images.n_1_1(
func.func @images(%x: tensor<?x16x4096xf16> {lathe.dims = ["n", 16, 4096]})
    -> (tensor<?x16x4096xf16> {lathe.dims = ["n", 16, 4096]})
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 64>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 33554432 : tensor<4096x4096xf16>
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x16x4096xf16>, tensor<4096x4096xf16> -> tensor<?x16x4096xf16>
  return %0 : tensor<?x16x4096xf16>
}

// -----

// Not done: without products with weights there is nothing to go by, nor where most of them are of other kinds.
// CHECK: func.func @none
// CHECK-NOT: clone_ends
// REMARKS: [Missed] ChooseCloneRanges | Category:fusion | Remark="'none' is cut into clones at the same counts as others: it has no products with weights"
// CLONES: func.func @none.tokens_1_100(
// CLONES: func.func @none.tokens_101_512(
func.func @none(%x: tensor<?x64xf16> {lathe.dims = ["tokens", 64]}) -> (tensor<?x64xf16> {lathe.dims = ["tokens", 64]})
    attributes {lathe.entry = "language_model", lathe.symbols = [#lathe.symbol<"tokens", 1, 512>]} {
  %0 = lathe.silu %x : tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}

// -----

// REMARKS: [Missed] ChooseCloneRanges | Category:fusion | Remark="'experts' is cut into clones at the same counts as others: of 2 of 2 MB of weights of products nothing is predicted"
func.func @experts(%x: tensor<?x64xf16> {lathe.dims = ["tokens", 64]}, %c: tensor<?x2xi64> {lathe.dims = ["tokens", 2]})
    -> (tensor<?x2x64xf16> {lathe.dims = ["tokens", 2, 64]})
    attributes {lathe.entry = "language_model", lathe.symbols = [#lathe.symbol<"tokens", 1, 512>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 8192 : tensor<64x64xf16>
  %e = lathe.weight "e" file 0 offset 8192 bytes 2097152 : tensor<256x64x64xf16>
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf16>, tensor<64x64xf16> -> tensor<?x64xf16>
  %1 = lathe.reshape %0 shape [-1, 1, 64] : tensor<?x64xf16> -> tensor<?x1x64xf16>
  %2 = lathe.expert_matmul %1, %e, %c : tensor<?x1x64xf16>, tensor<256x64x64xf16>, tensor<?x2xi64> -> tensor<?x2x64xf16>
  return %2 : tensor<?x2x64xf16>
}
