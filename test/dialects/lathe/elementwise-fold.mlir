// RUN: lathe-opt %s --canonicalize | FileCheck %s
// Each function returns what it got, unless its comment says why not.

// CHECK-LABEL: @nothing_added
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[I:.*]]: tensor<?xi32>)
// CHECK-NEXT: return %[[X]], %[[I]]
func.func @nothing_added(%x: tensor<?x4xf32>, %i: tensor<?xi32>) -> (tensor<?x4xf32>, tensor<?xi32>) {
  %zero = lathe.constant dense<0.0> : tensor<f32>
  %minus = lathe.constant dense<-0.0> : tensor<4xf32>
  %none = lathe.constant dense<0> : tensor<1xi32>
  %0 = lathe.sub %x, %zero : tensor<?x4xf32>, tensor<f32> -> tensor<?x4xf32>
  %1 = lathe.add %minus, %0 : tensor<4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  %2 = lathe.add %i, %none : tensor<?xi32>, tensor<1xi32> -> tensor<?xi32>
  return %1, %2 : tensor<?x4xf32>, tensor<?xi32>
}

// -0 + 0 is 0: the sum is not its operand.
// CHECK-LABEL: @zero_added_to_floats
// CHECK: lathe.add
func.func @zero_added_to_floats(%x: tensor<?xf32>) -> tensor<?xf32> {
  %zero = lathe.constant dense<0.0> : tensor<f32>
  %0 = lathe.add %x, %zero : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: @times_one
// CHECK-SAME: (%[[X:.*]]: tensor<?xf16>)
// CHECK-NEXT: return %[[X]]
func.func @times_one(%x: tensor<?xf16>) -> tensor<?xf16> {
  %one = lathe.constant dense<1.0> : tensor<1xf16>
  %0 = lathe.mul %one, %x : tensor<1xf16>, tensor<?xf16> -> tensor<?xf16>
  %1 = lathe.div %0, %one : tensor<?xf16>, tensor<1xf16> -> tensor<?xf16>
  %2 = lathe.pow %1, %one : tensor<?xf16>, tensor<1xf16> -> tensor<?xf16>
  return %2 : tensor<?xf16>
}

// The unknown size may be 1, which four ones make 4.
// CHECK-LABEL: @times_ones_of_another_shape
// CHECK: lathe.mul
func.func @times_ones_of_another_shape(%x: tensor<?xf32>) -> tensor<?xf32> {
  %ones = lathe.constant dense<1.0> : tensor<4xf32>
  %0 = lathe.mul %x, %ones : tensor<?xf32>, tensor<4xf32> -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: @undone
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>, %[[B:.*]]: tensor<?xi1>)
// CHECK-NEXT: return %[[X]], %[[B]]
func.func @undone(%x: tensor<?xf32>, %b: tensor<?xi1>) -> (tensor<?xf32>, tensor<?xi1>) {
  %0 = lathe.neg %x : tensor<?xf32>
  %1 = lathe.neg %0 : tensor<?xf32>
  %2 = lathe.not %b : tensor<?xi1>
  %3 = lathe.not %2 : tensor<?xi1>
  %4 = lathe.or %3, %3 : tensor<?xi1>, tensor<?xi1> -> tensor<?xi1>
  return %1, %4 : tensor<?xf32>, tensor<?xi1>
}

// CHECK-LABEL: @done_twice
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>)
// CHECK-NEXT: %[[RELU:.*]] = lathe.relu %[[X]]
// CHECK-NEXT: return %[[RELU]]
func.func @done_twice(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = lathe.relu %x : tensor<?xf32>
  %1 = lathe.relu %0 : tensor<?xf32>
  return %1 : tensor<?xf32>
}

// CHECK-LABEL: @select_of_known
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>, %[[Y:.*]]: tensor<3xf32>)
// CHECK-NEXT: return %[[X]]
func.func @select_of_known(%x: tensor<2x3xf32>, %y: tensor<3xf32>) -> tensor<2x3xf32> {
  %yes = lathe.constant dense<true> : tensor<2x1xi1>
  %0 = lathe.select %yes, %x, %y : tensor<2x1xi1>, tensor<2x3xf32>, tensor<3xf32> -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
