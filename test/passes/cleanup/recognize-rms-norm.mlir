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
