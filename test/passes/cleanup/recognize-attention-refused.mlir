// RUN: lathe-opt %s --lathe-recognize-attention --split-input-file --remarks-filter=cleanup --verify-diagnostics | FileCheck %s

// A model that gives back the shares.
// CHECK-LABEL: @second_user
// CHECK-NOT: lathe.attention
func.func @second_user(%q: tensor<2x4x5x8xf32>) -> (tensor<2x4x5x8xf32>, tensor<2x4x5x5xf32>) {
  %0 = lathe.matmul %q, %q transpose_rhs : tensor<2x4x5x8xf32>, tensor<2x4x5x8xf32> -> tensor<2x4x5x5xf32>
  %1 = lathe.softmax %0 : tensor<2x4x5x5xf32>
  // expected-remark @below {{others read the scores or the shares}}
  %y = lathe.matmul %1, %q : tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32> -> tensor<2x4x5x8xf32>
  return %y, %1 : tensor<2x4x5x8xf32>, tensor<2x4x5x5xf32>
}

// -----

// CHECK-LABEL: @ranks_and_batches
// CHECK-NOT: lathe.attention
func.func @ranks_and_batches(%q: tensor<4x5x8xf32>, %p: tensor<2x4x5x8xf32>, %k: tensor<1x4x5x8xf32>)
    -> (tensor<4x5x8xf32>, tensor<2x4x5x8xf32>) {
  %0 = lathe.matmul %q, %q transpose_rhs : tensor<4x5x8xf32>, tensor<4x5x8xf32> -> tensor<4x5x5xf32>
  %1 = lathe.softmax %0 : tensor<4x5x5xf32>
  // expected-remark @below {{queries, keys and values do not have 4 dimensions, or lie in another order}}
  %y = lathe.matmul %1, %q : tensor<4x5x5xf32>, tensor<4x5x8xf32> -> tensor<4x5x8xf32>
  %2 = lathe.matmul %p, %k transpose_rhs : tensor<2x4x5x8xf32>, tensor<1x4x5x8xf32> -> tensor<2x4x5x5xf32>
  %3 = lathe.softmax %2 : tensor<2x4x5x5xf32>
  // expected-remark @below {{queries, keys and values have other batches, heads or widths}}
  %z = lathe.matmul %3, %k : tensor<2x4x5x5xf32>, tensor<1x4x5x8xf32> -> tensor<2x4x5x8xf32>
  return %y, %z : tensor<4x5x8xf32>, tensor<2x4x5x8xf32>
}

// -----

// CHECK-LABEL: @heads
// CHECK-NOT: lathe.attention
func.func @heads(%q: tensor<2x?x5x8xf32>, %p: tensor<2x4x5x513xf32>) -> (tensor<2x?x5x8xf32>, tensor<2x4x5x513xf32>) {
  %0 = lathe.matmul %q, %q transpose_rhs : tensor<2x?x5x8xf32>, tensor<2x?x5x8xf32> -> tensor<2x?x5x5xf32>
  %1 = lathe.softmax %0 : tensor<2x?x5x5xf32>
  // expected-remark @below {{the number of heads is not known}}
  %y = lathe.matmul %1, %q : tensor<2x?x5x5xf32>, tensor<2x?x5x8xf32> -> tensor<2x?x5x8xf32>
  %2 = lathe.matmul %p, %p transpose_rhs : tensor<2x4x5x513xf32>, tensor<2x4x5x513xf32> -> tensor<2x4x5x5xf32>
  %3 = lathe.softmax %2 : tensor<2x4x5x5xf32>
  // expected-remark @below {{a head has more than 512 elements, or nobody knows how many}}
  %z = lathe.matmul %3, %p : tensor<2x4x5x5xf32>, tensor<2x4x5x513xf32> -> tensor<2x4x5x513xf32>
  return %y, %z : tensor<2x?x5x8xf32>, tensor<2x4x5x513xf32>
}

// -----

// Keys of fewer bits, a softmax of no product, and a mask of five dimensions.
// CHECK-LABEL: @types_and_others
// CHECK-NOT: lathe.attention
func.func @types_and_others(%q: tensor<2x4x5x8xf32>, %k: tensor<2x4x5x8xf16>, %s: tensor<2x4x5x5xf32>,
                            %m: tensor<1x2x4x5x5xf32>)
    -> (tensor<2x4x5x8xf32>, tensor<2x4x5x8xf32>, tensor<1x2x4x5x8xf32>) {
  %0 = lathe.matmul %q, %k transpose_rhs : tensor<2x4x5x8xf32>, tensor<2x4x5x8xf16> -> tensor<2x4x5x5xf32>
  %1 = lathe.softmax %0 : tensor<2x4x5x5xf32>
  // expected-remark @below {{queries, keys and values are of several types}}
  %y = lathe.matmul %1, %q : tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32> -> tensor<2x4x5x8xf32>
  %2 = lathe.softmax %s : tensor<2x4x5x5xf32>
  // expected-remark @below {{the softmax is not over a product, scaled and masked}}
  %z = lathe.matmul %2, %q : tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32> -> tensor<2x4x5x8xf32>
  %3 = lathe.matmul %q, %q transpose_rhs : tensor<2x4x5x8xf32>, tensor<2x4x5x8xf32> -> tensor<2x4x5x5xf32>
  %4 = lathe.add %3, %m : tensor<2x4x5x5xf32>, tensor<1x2x4x5x5xf32> -> tensor<1x2x4x5x5xf32>
  %5 = lathe.softmax %4 : tensor<1x2x4x5x5xf32>
  // expected-remark @below {{the softmax is not over a product, scaled and masked}}
  %u = lathe.matmul %5, %q : tensor<1x2x4x5x5xf32>, tensor<2x4x5x8xf32> -> tensor<1x2x4x5x8xf32>
  return %y, %z, %u : tensor<2x4x5x8xf32>, tensor<2x4x5x8xf32>, tensor<1x2x4x5x8xf32>
}

// -----

// Nobody knows how many heads the mask is for.
// CHECK-LABEL: @mask_of_unknown_size
// CHECK-NOT: lathe.attention
func.func @mask_of_unknown_size(%q: tensor<2x4x5x8xf32>, %m: tensor<2x?x5x5xf32>) -> tensor<2x4x5x8xf32> {
  %0 = lathe.matmul %q, %q transpose_rhs : tensor<2x4x5x8xf32>, tensor<2x4x5x8xf32> -> tensor<2x4x5x5xf32>
  %1 = lathe.add %0, %m : tensor<2x4x5x5xf32>, tensor<2x?x5x5xf32> -> tensor<2x4x5x5xf32>
  %2 = lathe.softmax %1 : tensor<2x4x5x5xf32>
  // expected-remark @below {{the mask has not the dimensions of the scores}}
  %y = lathe.matmul %2, %q : tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32> -> tensor<2x4x5x8xf32>
  return %y : tensor<2x4x5x8xf32>
}
