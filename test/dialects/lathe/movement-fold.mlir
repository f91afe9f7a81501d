// RUN: lathe-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: @reshape_to_the_same_shape
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>)
// CHECK-NEXT: return %[[X]]
func.func @reshape_to_the_same_shape(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = lathe.reshape %x shape [-1, 4] : tensor<?x4xf32> -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// Two unknown sizes may change places: equal types are not enough.
// CHECK-LABEL: @reshape_of_two_unknown_sizes
// CHECK: lathe.reshape
func.func @reshape_of_two_unknown_sizes(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = lathe.reshape %x shape [0, -1] : tensor<?x?xf32> -> tensor<?x?xf32>
  %1 = lathe.reshape %0 shape [-1, 1] : tensor<?x?xf32> -> tensor<?x1xf32>
  %y = lathe.reshape %1 shape [1, -1] : tensor<?x1xf32> -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}
