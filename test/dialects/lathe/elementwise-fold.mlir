// RUN: lathe-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: @cast_to_the_same_type
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>)
// CHECK-NEXT: return %[[X]]
func.func @cast_to_the_same_type(%x: tensor<?xf32>) -> tensor<?xf32> {
  %y = lathe.cast %x : tensor<?xf32> -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// A cast down and up again rounds: it stays.
// CHECK-LABEL: @cast_down_and_up
// CHECK: lathe.cast {{.*}} -> tensor<?xf16>
// CHECK: lathe.cast {{.*}} -> tensor<?xf32>
func.func @cast_down_and_up(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = lathe.cast %x : tensor<?xf32> -> tensor<?xf16>
  %y = lathe.cast %0 : tensor<?xf16> -> tensor<?xf32>
  return %y : tensor<?xf32>
}
