// RUN: lathe-opt %s --lathe-recognize-rms-norm --split-input-file --remarks-filter=cleanup --verify-diagnostics | FileCheck %s
// Twice gives the same.
// RUN: lathe-opt %s --lathe-recognize-rms-norm --split-input-file > %t.1
// RUN: lathe-opt %t.1 --lathe-recognize-rms-norm --split-input-file | diff - %t.1

// CHECK-LABEL: @power_and_reciprocal
// CHECK-SAME: (%[[X:.*]]: tensor<?x?x8xf32>, %[[W:.*]]: tensor<8xf32>)
// CHECK-NEXT: %[[Y:.*]] = lathe.rms_norm %[[X]], %[[W]] epsilon 9.99999974E-6
// CHECK-NEXT: return %[[Y]]
func.func @power_and_reciprocal(%x: tensor<?x?x8xf32>, %w: tensor<8xf32>) -> tensor<?x?x8xf32> {
  %two = lathe.constant dense<2.0> : tensor<f32>
  %epsilon = lathe.constant dense<1.0e-5> : tensor<f32>
  %one = lathe.constant dense<1.0> : tensor<f32>
  %q = lathe.pow %x, %two : tensor<?x?x8xf32>, tensor<f32> -> tensor<?x?x8xf32>
  %v = lathe.reduce mean %q axes [2] keep : tensor<?x?x8xf32> -> tensor<?x?x1xf32>
  %e = lathe.add %v, %epsilon : tensor<?x?x1xf32>, tensor<f32> -> tensor<?x?x1xf32>
  %s = lathe.sqrt %e : tensor<?x?x1xf32>
  %r = lathe.div %one, %s : tensor<f32>, tensor<?x?x1xf32> -> tensor<?x?x1xf32>
  %n = lathe.mul %x, %r : tensor<?x?x8xf32>, tensor<?x?x1xf32> -> tensor<?x?x8xf32>
  // expected-remark @below {{an RMS norm of rows of 8}}
  %y = lathe.mul %w, %n : tensor<8xf32>, tensor<?x?x8xf32> -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// -----

// Widened for the norm alone, as in models of 16 bits; without a weight it is all ones. Others read the wide rows.
// CHECK-LABEL: @widened
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf16>)
// CHECK: %[[WIDE:.*]] = lathe.cast %[[X]]
// CHECK: %[[W:.*]] = lathe.constant dense<1.000000e+00> : tensor<8xf16>
// CHECK: %[[Y:.*]] = lathe.rms_norm %[[X]], %[[W]]
// CHECK: return %[[WIDE]], %[[Y]]
func.func @widened(%x: tensor<?x8xf16>) -> (tensor<?x8xf32>, tensor<?x8xf16>) {
  %epsilon = lathe.constant dense<1.0e-5> : tensor<f32>
  %wide = lathe.cast %x : tensor<?x8xf16> -> tensor<?x8xf32>
  %q = lathe.mul %wide, %wide : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %v = lathe.reduce mean %q axes [1] keep : tensor<?x8xf32> -> tensor<?x1xf32>
  %e = lathe.add %v, %epsilon : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
  %s = lathe.sqrt %e : tensor<?x1xf32>
  %n = lathe.div %wide, %s : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<?x8xf32>
  // expected-remark @below {{an RMS norm of rows of 8}}
  %y = lathe.cast %n : tensor<?x8xf32> -> tensor<?x8xf16>
  return %wide, %y : tensor<?x8xf32>, tensor<?x8xf16>
}

// -----

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
