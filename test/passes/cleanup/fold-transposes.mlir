// RUN: lathe-opt %s --lathe-fold-transposes --split-input-file --remarks-filter=cleanup --verify-diagnostics | FileCheck %s
// Twice gives the same.
// RUN: lathe-opt %s --lathe-fold-transposes --split-input-file > %t.1
// RUN: lathe-opt %t.1 --lathe-fold-transposes --split-input-file | diff - %t.1

// Transposes become one, and those that change nothing go.
// CHECK-LABEL: @joined
// CHECK-SAME: (%[[X:.*]]: tensor<2x?x4xf32>)
// CHECK-NEXT: %[[Y:.*]] = lathe.transpose %[[X]] permutation [2, 0, 1] : tensor<2x?x4xf32> -> tensor<4x2x?xf32>
// CHECK-NEXT: return %[[Y]], %[[X]]
func.func @joined(%x: tensor<2x?x4xf32>) -> (tensor<4x2x?xf32>, tensor<2x?x4xf32>) {
  %0 = lathe.transpose %x permutation [2, 1, 0] : tensor<2x?x4xf32> -> tensor<4x?x2xf32>
  // expected-remark @below {{transposes become one or none}}
  %y = lathe.transpose %0 permutation [0, 2, 1] : tensor<4x?x2xf32> -> tensor<4x2x?xf32>
  // expected-remark @below {{transposes become one or none}}
  %z = lathe.transpose %0 permutation [2, 1, 0] : tensor<4x?x2xf32> -> tensor<2x?x4xf32>
  return %y, %z : tensor<4x2x?xf32>, tensor<2x?x4xf32>
}

// -----

// A factor between transpose and product does not hide the transpose; what is left of it keeps the last dimension.
// CHECK-LABEL: @for_a_product
// CHECK-SAME: (%[[Q:.*]]: tensor<2x4x?x8xf32>, %[[K:.*]]: tensor<2x?x4x8xf32>)
// CHECK: %[[S:.*]] = lathe.mul %[[K]], %{{.*}} : tensor<2x?x4x8xf32>, tensor<f32>
// CHECK: %[[T:.*]] = lathe.transpose %[[S]] permutation [0, 2, 1, 3]
// CHECK: lathe.matmul %[[Q]], %[[T]] transpose_rhs
func.func @for_a_product(%q: tensor<2x4x?x8xf32>, %k: tensor<2x?x4x8xf32>) -> tensor<2x4x?x?xf32> {
  %half = lathe.constant dense<0.5> : tensor<1xf32>
  %t = lathe.transpose %k permutation [0, 2, 3, 1] : tensor<2x?x4x8xf32> -> tensor<2x4x8x?xf32>
  // expected-remark @below {{a factor moves in front of a transpose}}
  %s = lathe.mul %t, %half : tensor<2x4x8x?xf32>, tensor<1xf32> -> tensor<2x4x8x?xf32>
  // expected-remark @below {{a product reads its right operand without a transpose}}
  %y = lathe.matmul %q, %s : tensor<2x4x?x8xf32>, tensor<2x4x8x?xf32> -> tensor<2x4x?x?xf32>
  return %y : tensor<2x4x?x?xf32>
}

// -----

// Others read the transpose: the product still reads what was there before, for nothing has to be made for it.
// CHECK-LABEL: @second_user
// CHECK-SAME: (%[[X:.*]]: tensor<3x8xf32>, %[[W:.*]]: tensor<5x8xf32>)
// CHECK: %[[T:.*]] = lathe.transpose %[[W]]
// CHECK: %[[Y:.*]] = lathe.matmul %[[X]], %[[W]] transpose_rhs
// CHECK: return %[[T]], %[[Y]]
func.func @second_user(%x: tensor<3x8xf32>, %w: tensor<5x8xf32>) -> (tensor<8x5xf32>, tensor<3x5xf32>) {
  %t = lathe.transpose %w permutation [1, 0] : tensor<5x8xf32> -> tensor<8x5xf32>
  // expected-remark @below {{a product reads its right operand without a transpose}}
  %y = lathe.matmul %x, %t : tensor<3x8xf32>, tensor<8x5xf32> -> tensor<3x5xf32>
  return %t, %y : tensor<8x5xf32>, tensor<3x5xf32>
}

// -----

// A left operand, a transpose that would have to be made anew, and a factor that is no constant.
// CHECK-LABEL: @not_done
// CHECK: %[[L:.*]] = lathe.transpose
// CHECK: lathe.matmul %[[L]]
// CHECK: %[[T:.*]] = lathe.transpose
// CHECK: lathe.matmul %{{.*}}, %[[T]] :
// CHECK: %[[S:.*]] = lathe.mul
// CHECK: lathe.matmul %{{.*}}, %[[S]] :
func.func @not_done(%x: tensor<8x8xf32>, %q: tensor<2x4x5x8xf32>, %k: tensor<2x5x4x8xf32>, %f: tensor<f32>)
    -> (tensor<8x8xf32>, tensor<2x4x5x5xf32>, tensor<2x4x8x5xf32>, tensor<8x8xf32>) {
  %l = lathe.transpose %x permutation [1, 0] : tensor<8x8xf32> -> tensor<8x8xf32>
  %y = lathe.matmul %l, %x : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  %t = lathe.transpose %k permutation [0, 2, 3, 1] : tensor<2x5x4x8xf32> -> tensor<2x4x8x5xf32>
  %z = lathe.matmul %q, %t : tensor<2x4x5x8xf32>, tensor<2x4x8x5xf32> -> tensor<2x4x5x5xf32>
  %s = lathe.mul %l, %f : tensor<8x8xf32>, tensor<f32> -> tensor<8x8xf32>
  %u = lathe.matmul %y, %s : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  return %y, %z, %t, %u : tensor<8x8xf32>, tensor<2x4x5x5xf32>, tensor<2x4x8x5xf32>, tensor<8x8xf32>
}

// -----

// Batches that were made one for an exchange stay apart, if at most one size is not known or nothing says what they are.
// CHECK-LABEL: @batches
// CHECK-SAME: (%[[X:.*]]: tensor<?x4x5x8xf32>,
// CHECK-NEXT: %[[Y:.*]] = lathe.transpose %[[X]] permutation [0, 1, 3, 2]
// CHECK: lathe.reshape
// CHECK: return %[[Y]]
func.func @batches(%x: tensor<?x4x5x8xf32>, %z: tensor<?x?x5x8xf32>) -> (tensor<?x4x8x5xf32>, tensor<?x?x8x5xf32>) {
  %0 = lathe.reshape %x shape [-1, 5, 8] : tensor<?x4x5x8xf32> -> tensor<?x5x8xf32>
  %1 = lathe.transpose %0 permutation [0, 2, 1] : tensor<?x5x8xf32> -> tensor<?x8x5xf32>
  // expected-remark @below {{batches stay apart in a transpose}}
  %y = lathe.reshape %1 shape [-1, 4, 8, 5] : tensor<?x8x5xf32> -> tensor<?x4x8x5xf32>
  %2 = lathe.reshape %z shape [-1, 5, 8] : tensor<?x?x5x8xf32> -> tensor<?x5x8xf32>
  %3 = lathe.transpose %2 permutation [0, 2, 1] : tensor<?x5x8xf32> -> tensor<?x8x5xf32>
  %u = lathe.reshape %3 shape [0, -1, 8, 5] : tensor<?x8x5xf32> -> tensor<?x?x8x5xf32>
  return %y, %u : tensor<?x4x8x5xf32>, tensor<?x?x8x5xf32>
}

// -----

// The same where several sizes are symbols.
// CHECK-LABEL: @batches_of_symbols
// CHECK-SAME: (%[[X:.*]]: tensor<?x4x?x8xf32>
// CHECK-NEXT: %[[Y:.*]] = lathe.transpose %[[X]] permutation [0, 1, 3, 2]
// CHECK-NEXT: return %[[Y]]
func.func @batches_of_symbols(%x: tensor<?x4x?x8xf32> {lathe.dims = ["batch", 4, "tokens", 8], lathe.name = "x", lathe.role = "tensor"})
    -> (tensor<?x4x8x?xf32> {lathe.dims = ["batch", 4, 8, "tokens"], lathe.name = "y"})
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"batch", 1, 8>, #lathe.symbol<"tokens", 1, 64>]} {
  %0 = lathe.reshape_to %x sizes affine_map<()[s0, s1, s2, s3] -> (s0 * s1, s2, 8)>
      : (tensor<?x4x?x8xf32>) -> tensor<?x?x8xf32>
  %1 = lathe.transpose %0 permutation [0, 2, 1] : tensor<?x?x8xf32> -> tensor<?x8x?xf32>
  // expected-remark @below {{batches stay apart in a transpose}}
  %y = lathe.reshape_to %1 from %x sizes affine_map<()[s0, s1, s2, s3, s4, s5, s6] -> (s3, 4, 8, s5)>
      : (tensor<?x8x?xf32>, tensor<?x4x?x8xf32>) -> tensor<?x4x8x?xf32>
  return %y : tensor<?x4x8x?xf32>
}
