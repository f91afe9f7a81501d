// RUN: lathe-opt %s --lathe-recognize-softmax --split-input-file --remarks-filter=cleanup --verify-diagnostics | FileCheck %s
// Twice gives the same.
// RUN: lathe-opt %s --lathe-recognize-softmax --split-input-file > %t.1
// RUN: lathe-opt %t.1 --lathe-recognize-softmax --split-input-file | diff - %t.1

// CHECK-LABEL: @largest_taken_away
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>)
// CHECK-NEXT: %[[Y:.*]] = lathe.softmax %[[X]]
// CHECK-NEXT: return %[[Y]]
func.func @largest_taken_away(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %m = lathe.reduce max %x axes [1] keep : tensor<?x8xf32> -> tensor<?x1xf32>
  %d = lathe.sub %x, %m : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<?x8xf32>
  %e = lathe.exp %d : tensor<?x8xf32>
  %s = lathe.reduce sum %e axes [1] keep : tensor<?x8xf32> -> tensor<?x1xf32>
  // expected-remark @below {{a softmax}}
  %y = lathe.div %e, %s : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Others read the exponentials, which stay.
// CHECK-LABEL: @second_user
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xf32>)
// CHECK: %[[E:.*]] = lathe.exp %[[X]]
// CHECK: %[[Y:.*]] = lathe.softmax %[[X]]
// CHECK: return %[[E]], %[[Y]]
func.func @second_user(%x: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %e = lathe.exp %x : tensor<4x8xf32>
  %s = lathe.reduce sum %e axes [1] keep : tensor<4x8xf32> -> tensor<4x1xf32>
  // expected-remark @below {{a softmax}}
  %y = lathe.div %e, %s : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  return %e, %y : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// CHECK-LABEL: @refused
// CHECK-NOT: lathe.softmax
func.func @refused(%x: tensor<4x8xf32>, %z: tensor<4x8xf64>) -> (tensor<4x8xf32>, tensor<4x8xf64>) {
  %e = lathe.exp %x : tensor<4x8xf32>
  %s = lathe.reduce sum %e axes [0] keep : tensor<4x8xf32> -> tensor<1x8xf32>
  // expected-remark @below {{the sum is not taken over the last dimension}}
  %y = lathe.div %e, %s : tensor<4x8xf32>, tensor<1x8xf32> -> tensor<4x8xf32>
  %e1 = lathe.exp %z : tensor<4x8xf64>
  %s1 = lathe.reduce sum %e1 axes [1] keep : tensor<4x8xf64> -> tensor<4x1xf64>
  // expected-remark @below {{elements are not f32, f16 or bf16}}
  %y1 = lathe.div %e1, %s1 : tensor<4x8xf64>, tensor<4x1xf64> -> tensor<4x8xf64>
  return %y, %y1 : tensor<4x8xf32>, tensor<4x8xf64>
}
