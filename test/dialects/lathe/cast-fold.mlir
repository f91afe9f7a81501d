// RUN: lathe-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: @to_the_same_type
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>)
// CHECK-NEXT: return %[[X]]
func.func @to_the_same_type(%x: tensor<?xf32>) -> tensor<?xf32> {
  %y = lathe.cast %x : tensor<?xf32> -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// A cast down and up again rounds: it stays.
// CHECK-LABEL: @down_and_up
// CHECK: lathe.cast {{.*}} -> tensor<?xf16>
// CHECK: lathe.cast {{.*}} -> tensor<?xf32>
func.func @down_and_up(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = lathe.cast %x : tensor<?xf32> -> tensor<?xf16>
  %y = lathe.cast %0 : tensor<?xf16> -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// CHECK-LABEL: @up_and_down
// CHECK-SAME: (%[[X:.*]]: tensor<?xi8>)
// CHECK-NEXT: return %[[X]]
func.func @up_and_down(%x: tensor<?xi8>) -> tensor<?xi8> {
  %0 = lathe.cast %x : tensor<?xi8> -> tensor<?xf32>
  %y = lathe.cast %0 : tensor<?xf32> -> tensor<?xi8>
  return %y : tensor<?xi8>
}

// CHECK-LABEL: @by_a_wider_type
// CHECK-SAME: (%[[X:.*]]: tensor<?xui8>)
// CHECK-NEXT: %[[Y:.*]] = lathe.cast %[[X]] : tensor<?xui8> -> tensor<?xf16>
// CHECK-NEXT: return %[[Y]]
func.func @by_a_wider_type(%x: tensor<?xui8>) -> tensor<?xf16> {
  %0 = lathe.cast %x : tensor<?xui8> -> tensor<?xi64>
  %y = lathe.cast %0 : tensor<?xi64> -> tensor<?xf16>
  return %y : tensor<?xf16>
}

// -1 becomes 0 by way of a float, 255 by its low bits.
// CHECK-LABEL: @float_between_integers
// CHECK: lathe.cast {{.*}} -> tensor<?xf32>
// CHECK: lathe.cast {{.*}} -> tensor<?xui8>
func.func @float_between_integers(%x: tensor<?xi8>) -> tensor<?xui8> {
  %0 = lathe.cast %x : tensor<?xi8> -> tensor<?xf32>
  %y = lathe.cast %0 : tensor<?xf32> -> tensor<?xui8>
  return %y : tensor<?xui8>
}

// 2^24 + 1 is no f32.
// CHECK-LABEL: @integers_that_round
// CHECK: lathe.cast {{.*}} -> tensor<?xf32>
// CHECK: lathe.cast {{.*}} -> tensor<?xi32>
func.func @integers_that_round(%x: tensor<?xi32>) -> tensor<?xi32> {
  %0 = lathe.cast %x : tensor<?xi32> -> tensor<?xf32>
  %y = lathe.cast %0 : tensor<?xf32> -> tensor<?xi32>
  return %y : tensor<?xi32>
}
