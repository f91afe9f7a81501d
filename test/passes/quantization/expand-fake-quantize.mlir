// RUN: lathe-opt %s --lathe-expand-fake-quantize --split-input-file -o %t.expanded
// RUN: FileCheck %s < %t.expanded
// RUN: lathe-opt %t.expanded --lathe-expand-fake-quantize --split-input-file | diff %t.expanded -

// Of activations: the arithmetic that the operation stands for, in its order.
// CHECK-LABEL: @activations
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[S:.*]]: tensor<f32>, %[[Z:.*]]: tensor<f32>
// CHECK: %[[Q:.*]] = lathe.div %[[X]], %[[S]]
// CHECK: %[[R:.*]] = lathe.round %[[Q]]
// CHECK: %[[C:.*]] = lathe.add %[[R]], %[[Z]]
// CHECK: lathe.constant dense<0.000000e+00>
// CHECK: %[[L:.*]] = lathe.maximum %[[C]],
// CHECK: lathe.constant dense<2.550000e+02>
// CHECK: %[[H:.*]] = lathe.minimum %[[L]],
// CHECK: %[[D:.*]] = lathe.sub %[[H]], %[[Z]]
// CHECK: lathe.mul %[[D]], %[[S]]
func.func @activations(%x: tensor<?x64xf32>, %s: tensor<f32>, %z: tensor<f32>) -> tensor<?x64xf32> {
  %y = lathe.fake_quantize %x, %s, %z from 0 to 255 : (tensor<?x64xf32>, tensor<f32>, tensor<f32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// Of a weight: blocks of the codes, without zeros where all are 0, and with those that there are.
// CHECK-LABEL: @weights
// CHECK: %[[C:.*]] = lathe.cast %{{.*}} : tensor<64x32xf32> -> tensor<64x32xi8>
// CHECK: %[[B:.*]] = lathe.join_blocks %[[C]], %{{.*}} : (tensor<64x32xi8>, tensor<1x32xf32>) -> tensor<64x32x!lathe.blocked<i8, block = [64, 1], scale = f32, zero = none
// CHECK: lathe.cast %[[B]] : {{.*}} -> tensor<64x32xf32>
// CHECK: lathe.join_blocks %{{.*}}, %{{.*}}, %{{.*}} : (tensor<64x32xui8>, tensor<1x1xf32>, tensor<1x1xui8>) -> tensor<64x32x!lathe.blocked<ui4, block = [1, 32], scale = f32, zero = ui8
func.func @weights() -> (tensor<64x32xf32>, tensor<64x32xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 8192 : tensor<64x32xf32>
  %s = lathe.weight "s" file 0 offset 8192 bytes 128 : tensor<1x32xf32>
  %o = lathe.constant dense<0.5> : tensor<f32>
  %n = lathe.constant dense<0.0> : tensor<f32>
  %z = lathe.constant dense<8.0> : tensor<f32>
  %y = lathe.fake_quantize %w, %s, %n from -128 to 127
      : (tensor<64x32xf32>, tensor<1x32xf32>, tensor<f32>) -> tensor<64x32xf32>
  %v = lathe.fake_quantize %w, %o, %z from 0 to 15 : (tensor<64x32xf32>, tensor<f32>, tensor<f32>) -> tensor<64x32xf32>
  return %y, %v : tensor<64x32xf32>, tensor<64x32xf32>
}

// -----

// Codes of part of a range, and weights that are no matrix, are arithmetic.
// CHECK-LABEL: @no_blocks
// CHECK-NOT: lathe.join_blocks
// CHECK: return
func.func @no_blocks() -> (tensor<64x32xf32>, tensor<4x4x4xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 8192 : tensor<64x32xf32>
  %f = lathe.weight "f" file 0 offset 0 bytes 256 : tensor<4x4x4xf32>
  %o = lathe.constant dense<0.5> : tensor<f32>
  %n = lathe.constant dense<0.0> : tensor<f32>
  %y = lathe.fake_quantize %w, %o, %n from -127 to 127 : (tensor<64x32xf32>, tensor<f32>, tensor<f32>) -> tensor<64x32xf32>
  %g = lathe.fake_quantize %f, %o, %n from -128 to 127 : (tensor<4x4x4xf32>, tensor<f32>, tensor<f32>) -> tensor<4x4x4xf32>
  return %y, %g : tensor<64x32xf32>, tensor<4x4x4xf32>
}
