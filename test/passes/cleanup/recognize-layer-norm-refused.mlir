// RUN: lathe-opt %s --lathe-recognize-layer-norm --split-input-file --remarks-filter=cleanup --verify-diagnostics | FileCheck %s

// A scale for each row, not for each column, stays outside.
// CHECK-LABEL: @scale_of_rows
// CHECK: %[[N:.*]] = lathe.layer_norm %{{.*}} axis 1
// CHECK-NEXT: lathe.mul %[[N]]
func.func @scale_of_rows(%x: tensor<4x8xf32>, %w: tensor<4x1xf32>) -> tensor<4x8xf32> {
  %m = lathe.reduce mean %x axes [1] keep : tensor<4x8xf32> -> tensor<4x1xf32>
  %d = lathe.sub %x, %m : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  %q = lathe.mul %d, %d : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  %v = lathe.reduce mean %q axes [1] keep : tensor<4x8xf32> -> tensor<4x1xf32>
  %r = lathe.sqrt %v : tensor<4x1xf32>
  // expected-remark @below {{a layer norm of 1 dimensions}}
  %n = lathe.div %d, %r : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  %y = lathe.mul %n, %w : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// CHECK-LABEL: @first_dimension
// CHECK-NOT: layer_norm
func.func @first_dimension(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %m = lathe.reduce mean %x axes [0] keep : tensor<4x8xf32> -> tensor<1x8xf32>
  %d = lathe.sub %x, %m : tensor<4x8xf32>, tensor<1x8xf32> -> tensor<4x8xf32>
  %q = lathe.mul %d, %d : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  %v = lathe.reduce mean %q axes [0] keep : tensor<4x8xf32> -> tensor<1x8xf32>
  %r = lathe.sqrt %v : tensor<1x8xf32>
  // expected-remark @below {{the mean is not taken over the last dimensions}}
  %n = lathe.div %d, %r : tensor<4x8xf32>, tensor<1x8xf32> -> tensor<4x8xf32>
  return %n : tensor<4x8xf32>
}

// -----

// CHECK-LABEL: @doubles
// CHECK-NOT: layer_norm
func.func @doubles(%x: tensor<4x8xf64>) -> tensor<4x8xf64> {
  %m = lathe.reduce mean %x axes [1] keep : tensor<4x8xf64> -> tensor<4x1xf64>
  %d = lathe.sub %x, %m : tensor<4x8xf64>, tensor<4x1xf64> -> tensor<4x8xf64>
  %q = lathe.mul %d, %d : tensor<4x8xf64>, tensor<4x8xf64> -> tensor<4x8xf64>
  %v = lathe.reduce mean %q axes [1] keep : tensor<4x8xf64> -> tensor<4x1xf64>
  %r = lathe.sqrt %v : tensor<4x1xf64>
  // expected-remark @below {{elements are not f32, f16 or bf16}}
  %n = lathe.div %d, %r : tensor<4x8xf64>, tensor<4x1xf64> -> tensor<4x8xf64>
  return %n : tensor<4x8xf64>
}

// -----

// A scale of unknown length, and one behind a value that others read, stay outside.
// CHECK-LABEL: @scales_that_stay
// CHECK: %[[N:.*]] = lathe.layer_norm %{{.*}} axis 1 epsilon 0.000000e+00 : tensor<4x?xf32>
// CHECK-NEXT: %[[Y:.*]] = lathe.mul %[[N]]
// CHECK: %[[P:.*]] = lathe.layer_norm %{{.*}} axis 1 epsilon 0.000000e+00 : tensor<4x8xf32>
// CHECK-NEXT: %[[Z:.*]] = lathe.mul %[[P]]
// CHECK-NEXT: return %[[Y]], %[[P]], %[[Z]]
func.func @scales_that_stay(%x: tensor<4x?xf32>, %w: tensor<?xf32>, %z: tensor<4x8xf32>, %v: tensor<8xf32>)
    -> (tensor<4x?xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
  %m = lathe.reduce mean %x axes [1] keep : tensor<4x?xf32> -> tensor<4x1xf32>
  %d = lathe.sub %x, %m : tensor<4x?xf32>, tensor<4x1xf32> -> tensor<4x?xf32>
  %q = lathe.mul %d, %d : tensor<4x?xf32>, tensor<4x?xf32> -> tensor<4x?xf32>
  %a = lathe.reduce mean %q axes [1] keep : tensor<4x?xf32> -> tensor<4x1xf32>
  %r = lathe.sqrt %a : tensor<4x1xf32>
  // expected-remark @below {{a layer norm of 1 dimensions}}
  %n = lathe.div %d, %r : tensor<4x?xf32>, tensor<4x1xf32> -> tensor<4x?xf32>
  %y = lathe.mul %n, %w : tensor<4x?xf32>, tensor<?xf32> -> tensor<4x?xf32>
  %m1 = lathe.reduce mean %z axes [1] keep : tensor<4x8xf32> -> tensor<4x1xf32>
  %d1 = lathe.sub %z, %m1 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  %q1 = lathe.mul %d1, %d1 : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  %a1 = lathe.reduce mean %q1 axes [1] keep : tensor<4x8xf32> -> tensor<4x1xf32>
  %r1 = lathe.sqrt %a1 : tensor<4x1xf32>
  // expected-remark @below {{a layer norm of 1 dimensions}}
  %n1 = lathe.div %d1, %r1 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  %y1 = lathe.mul %n1, %v : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  return %y, %n1, %y1 : tensor<4x?xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}
