// RUN: lathe-opt %s --lathe-recognize-silu --split-input-file --remarks-filter=cleanup --verify-diagnostics | FileCheck %s
// Twice gives the same.
// RUN: lathe-opt %s --lathe-recognize-silu --split-input-file > %t.1
// RUN: lathe-opt %t.1 --lathe-recognize-silu --split-input-file | diff - %t.1

// As a product and as a quotient; the size is not known, and others read the sigmoid.
// CHECK-LABEL: @both_forms
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>)
// CHECK-NEXT: %[[S:.*]] = lathe.sigmoid %[[X]]
// CHECK-NEXT: %[[Y:.*]] = lathe.silu %[[X]]
// CHECK-NEXT: %[[Z:.*]] = lathe.silu %[[Y]]
// CHECK-NEXT: return %[[S]], %[[Z]]
func.func @both_forms(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %one = lathe.constant dense<1.0> : tensor<f32>
  %s = lathe.sigmoid %x : tensor<?xf32>
  // expected-remark @below {{a silu}}
  %y = lathe.mul %s, %x : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  %0 = lathe.neg %y : tensor<?xf32>
  %1 = lathe.exp %0 : tensor<?xf32>
  %2 = lathe.add %1, %one : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  // expected-remark @below {{a silu}}
  %z = lathe.div %y, %2 : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  return %s, %z : tensor<?xf32>, tensor<?xf32>
}

// -----

// CHECK-LABEL: @of_something_else
// CHECK-NOT: lathe.silu
func.func @of_something_else(%x: tensor<8xf32>, %z: tensor<8xf32>) -> tensor<8xf32> {
  %s = lathe.sigmoid %x : tensor<8xf32>
  %y = lathe.mul %z, %s : tensor<8xf32>, tensor<8xf32> -> tensor<8xf32>
  return %y : tensor<8xf32>
}
