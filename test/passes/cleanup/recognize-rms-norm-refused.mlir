// RUN: lathe-opt %s --lathe-recognize-rms-norm --split-input-file --remarks-filter=cleanup --verify-diagnostics | FileCheck %s

// CHECK-LABEL: @refused
// CHECK-NOT: lathe.rms_norm
func.func @refused(%x: tensor<4x8xf32>, %z: tensor<4x?xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x?xf32>) {
  %epsilon = lathe.constant dense<1.0e-5> : tensor<f32>
  %q = lathe.mul %x, %x : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  %v = lathe.reduce mean %q axes [0, 1] keep : tensor<4x8xf32> -> tensor<1x1xf32>
  %e = lathe.add %v, %epsilon : tensor<1x1xf32>, tensor<f32> -> tensor<1x1xf32>
  %s = lathe.sqrt %e : tensor<1x1xf32>
  // expected-remark @below {{the mean is not taken over the last dimension alone}}
  %n = lathe.div %x, %s : tensor<4x8xf32>, tensor<1x1xf32> -> tensor<4x8xf32>
  %v1 = lathe.reduce mean %q axes [1] keep : tensor<4x8xf32> -> tensor<4x1xf32>
  %s1 = lathe.sqrt %v1 : tensor<4x1xf32>
  // expected-remark @below {{nothing is added to the mean}}
  %n1 = lathe.div %x, %s1 : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  %q2 = lathe.mul %z, %z : tensor<4x?xf32>, tensor<4x?xf32> -> tensor<4x?xf32>
  %v2 = lathe.reduce mean %q2 axes [1] keep : tensor<4x?xf32> -> tensor<4x1xf32>
  %e2 = lathe.add %v2, %epsilon : tensor<4x1xf32>, tensor<f32> -> tensor<4x1xf32>
  %s2 = lathe.sqrt %e2 : tensor<4x1xf32>
  // expected-remark @below {{the length of a row is not known}}
  %n2 = lathe.div %z, %s2 : tensor<4x?xf32>, tensor<4x1xf32> -> tensor<4x?xf32>
  return %n, %n1, %n2 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x?xf32>
}

// -----

// CHECK-LABEL: @doubles
// CHECK-NOT: lathe.rms_norm
func.func @doubles(%x: tensor<4x8xf64>) -> tensor<4x8xf64> {
  %epsilon = lathe.constant dense<1.0e-5> : tensor<f64>
  %q = lathe.mul %x, %x : tensor<4x8xf64>, tensor<4x8xf64> -> tensor<4x8xf64>
  %v = lathe.reduce mean %q axes [1] keep : tensor<4x8xf64> -> tensor<4x1xf64>
  %e = lathe.add %v, %epsilon : tensor<4x1xf64>, tensor<f64> -> tensor<4x1xf64>
  %s = lathe.sqrt %e : tensor<4x1xf64>
  // expected-remark @below {{elements are not f32, f16 or bf16}}
  %n = lathe.div %x, %s : tensor<4x8xf64>, tensor<4x1xf64> -> tensor<4x8xf64>
  return %n : tensor<4x8xf64>
}

// -----

// A weight for each row, and one behind a value that others read, stay outside.
// CHECK-LABEL: @weights_that_stay
// CHECK: %[[ONES:.*]] = lathe.constant dense<1.000000e+00> : tensor<8xf32>
// CHECK: %[[N:.*]] = lathe.rms_norm %{{.*}}, %[[ONES]]
// CHECK: %[[Y:.*]] = lathe.mul %[[N]]
// CHECK: %[[Z:.*]] = lathe.mul %[[N]]
// CHECK: return %[[Y]], %[[Z]]
func.func @weights_that_stay(%x: tensor<4x8xf32>, %w: tensor<8xf32>, %v: tensor<4x1xf32>)
    -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %epsilon = lathe.constant dense<1.0e-5> : tensor<f32>
  %q = lathe.mul %x, %x : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  %a = lathe.reduce mean %q axes [1] keep : tensor<4x8xf32> -> tensor<4x1xf32>
  %e = lathe.add %a, %epsilon : tensor<4x1xf32>, tensor<f32> -> tensor<4x1xf32>
  %s = lathe.sqrt %e : tensor<4x1xf32>
  // expected-remark @below {{an RMS norm of rows of 8}}
  %n = lathe.div %x, %s : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  %y = lathe.mul %n, %w : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  %z = lathe.mul %n, %v : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  return %y, %z : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// The one reader multiplies by a number for each row.
// CHECK-LABEL: @weight_of_rows
// CHECK: %[[N:.*]] = lathe.rms_norm
// CHECK-NEXT: lathe.mul %[[N]]
func.func @weight_of_rows(%x: tensor<4x8xf32>, %v: tensor<4x1xf32>) -> tensor<4x8xf32> {
  %epsilon = lathe.constant dense<1.0e-5> : tensor<f32>
  %q = lathe.mul %x, %x : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  %a = lathe.reduce mean %q axes [1] keep : tensor<4x8xf32> -> tensor<4x1xf32>
  %e = lathe.add %a, %epsilon : tensor<4x1xf32>, tensor<f32> -> tensor<4x1xf32>
  %s = lathe.sqrt %e : tensor<4x1xf32>
  // expected-remark @below {{an RMS norm of rows of 8}}
  %n = lathe.div %x, %s : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  %y = lathe.mul %n, %v : tensor<4x8xf32>, tensor<4x1xf32> -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
