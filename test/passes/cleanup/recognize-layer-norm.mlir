// RUN: lathe-opt %s --lathe-recognize-layer-norm --split-input-file --remarks-filter=cleanup --verify-diagnostics | FileCheck %s
// Twice gives the same.
// RUN: lathe-opt %s --lathe-recognize-layer-norm --split-input-file > %t.1
// RUN: lathe-opt %t.1 --lathe-recognize-layer-norm --split-input-file | diff - %t.1

// As PyTorch's exporter writes it, with a power; the batch is not known.
// CHECK-LABEL: @powers
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<8xf32>, %[[B:.*]]: tensor<8xf32>)
// CHECK-NEXT: %[[Y:.*]] = lathe.layer_norm %[[X]] scale %[[W]] : tensor<8xf32> bias %[[B]] : tensor<8xf32> axis 1 epsilon 9.99999996E-13
// CHECK-NEXT: return %[[Y]]
func.func @powers(%x: tensor<?x8xf32>, %w: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %two = lathe.constant dense<2.0> : tensor<f32>
  %epsilon = lathe.constant dense<1.0e-12> : tensor<f32>
  %m = lathe.reduce mean %x axes [1] keep : tensor<?x8xf32> -> tensor<?x1xf32>
  %d = lathe.sub %x, %m : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<?x8xf32>
  %q = lathe.pow %d, %two : tensor<?x8xf32>, tensor<f32> -> tensor<?x8xf32>
  %v = lathe.reduce mean %q axes [1] keep : tensor<?x8xf32> -> tensor<?x1xf32>
  %e = lathe.add %v, %epsilon : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
  %r = lathe.sqrt %e : tensor<?x1xf32>
  %n = lathe.div %d, %r : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<?x8xf32>
  %s = lathe.mul %n, %w : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{a layer norm of 1 dimensions}}
  %y = lathe.add %s, %b : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Two dimensions, a reciprocal, no bias; others read the difference, and it stays.
// CHECK-LABEL: @reciprocal_and_second_user
// CHECK-SAME: (%[[X:.*]]: tensor<4x2x8xf32>, %[[W:.*]]: tensor<1x2x8xf32>)
// CHECK: %[[D:.*]] = lathe.sub
// CHECK-NEXT: %[[R:.*]] = lathe.reshape %[[W]] shape [2, 8]
// CHECK-NEXT: %[[Y:.*]] = lathe.layer_norm %[[X]] scale %[[R]] : tensor<2x8xf32> axis 1 epsilon 0.000000e+00
// CHECK-NEXT: return %[[D]], %[[Y]]
func.func @reciprocal_and_second_user(%x: tensor<4x2x8xf32>, %w: tensor<1x2x8xf32>)
    -> (tensor<4x2x8xf32>, tensor<4x2x8xf32>) {
  %m = lathe.reduce mean %x axes [1, 2] keep : tensor<4x2x8xf32> -> tensor<4x1x1xf32>
  %d = lathe.sub %x, %m : tensor<4x2x8xf32>, tensor<4x1x1xf32> -> tensor<4x2x8xf32>
  %q = lathe.mul %d, %d : tensor<4x2x8xf32>, tensor<4x2x8xf32> -> tensor<4x2x8xf32>
  %v = lathe.reduce mean %q axes [1, 2] keep : tensor<4x2x8xf32> -> tensor<4x1x1xf32>
  %s = lathe.sqrt %v : tensor<4x1x1xf32>
  %r = lathe.reciprocal %s : tensor<4x1x1xf32>
  %n = lathe.mul %r, %d : tensor<4x1x1xf32>, tensor<4x2x8xf32> -> tensor<4x2x8xf32>
  // expected-remark @below {{a layer norm of 2 dimensions}}
  %y = lathe.mul %w, %n : tensor<1x2x8xf32>, tensor<4x2x8xf32> -> tensor<4x2x8xf32>
  return %d, %y : tensor<4x2x8xf32>, tensor<4x2x8xf32>
}

// -----

// As tf2onnx writes it: x * m + (bias - mean * m).
// CHECK-LABEL: @spread_out
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[W:.*]]: tensor<8xf32>, %[[B:.*]]: tensor<8xf32>)
// CHECK-NEXT: %[[Y:.*]] = lathe.layer_norm %[[X]] scale %[[W]] : tensor<8xf32> bias %[[B]] : tensor<8xf32> axis 1 epsilon 1.000000e-03
// CHECK-NEXT: return %[[Y]]
func.func @spread_out(%x: tensor<?x8xf32>, %w: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %epsilon = lathe.constant dense<1.0e-3> : tensor<f32>
  %m = lathe.reduce mean %x axes [1] keep : tensor<?x8xf32> -> tensor<?x1xf32>
  %d = lathe.sub %x, %m : tensor<?x8xf32>, tensor<?x1xf32> -> tensor<?x8xf32>
  %q = lathe.mul %d, %d : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %v = lathe.reduce mean %q axes [1] keep : tensor<?x8xf32> -> tensor<?x1xf32>
  %e = lathe.add %v, %epsilon : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
  %s = lathe.sqrt %e : tensor<?x1xf32>
  %r = lathe.reciprocal %s : tensor<?x1xf32>
  %f = lathe.mul %r, %w : tensor<?x1xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %xf = lathe.mul %x, %f : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %mf = lathe.mul %m, %f : tensor<?x1xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %c = lathe.sub %b, %mf : tensor<8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark @below {{a layer norm of 1 dimensions}}
  %y = lathe.add %xf, %c : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
