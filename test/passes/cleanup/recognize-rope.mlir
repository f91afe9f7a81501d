// RUN: lathe-opt %s --lathe-recognize-rope --split-input-file --remarks-filter=cleanup --verify-diagnostics | FileCheck %s
// Twice gives the same.
// RUN: lathe-opt %s --lathe-recognize-rope --split-input-file > %t.1
// RUN: lathe-opt %t.1 --lathe-recognize-rope --split-input-file | diff - %t.1

// As PyTorch's models write it, with tables for whole rows; others read the turned rows, which stay.
// CHECK-LABEL: @halves
// CHECK-SAME: (%[[X:.*]]: tensor<?x2x?x8xf32>, %[[C:.*]]: tensor<?x1x?x8xf32>, %[[S:.*]]: tensor<?x1x?x8xf32>)
// CHECK: %[[T:.*]] = lathe.concat
// CHECK: %[[Y:.*]] = lathe.rotate_pairs %[[X]], %[[C]], %[[S]] halves dimensions 8
// CHECK-NEXT: return %[[T]], %[[Y]]
#zero = affine_map<()[s0, s1, s2, s3] -> (0, 0, 0, 0)>
#four = affine_map<()[s0, s1, s2, s3] -> (0, 0, 0, 4)>
#half = affine_map<()[s0, s1, s2, s3] -> (s0, 2, s2, 4)>
func.func @halves(%x: tensor<?x2x?x8xf32>, %c: tensor<?x1x?x8xf32>, %s: tensor<?x1x?x8xf32>)
    -> (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) {
  %a = lathe.slice %x starts #zero steps [1, 1, 1, 1] sizes #half : (tensor<?x2x?x8xf32>) -> tensor<?x2x?x4xf32>
  %b = lathe.slice %x starts #four steps [1, 1, 1, 1] sizes #half : (tensor<?x2x?x8xf32>) -> tensor<?x2x?x4xf32>
  %n = lathe.neg %b : tensor<?x2x?x4xf32>
  %t = lathe.concat %n, %a axis 3 : (tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x8xf32>
  %0 = lathe.mul %x, %c : tensor<?x2x?x8xf32>, tensor<?x1x?x8xf32> -> tensor<?x2x?x8xf32>
  %1 = lathe.mul %t, %s : tensor<?x2x?x8xf32>, tensor<?x1x?x8xf32> -> tensor<?x2x?x8xf32>
  // expected-remark @below {{a rotary embedding of halves}}
  %y = lathe.add %0, %1 : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32> -> tensor<?x2x?x8xf32>
  return %t, %y : tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>
}

// -----

// Neighbours, with one angle for each pair, as ONNX defines it.
// CHECK-LABEL: @adjacent
// CHECK-SAME: (%[[X:.*]]: tensor<3x8xf32>, %[[C:.*]]: tensor<3x4xf32>, %[[S:.*]]: tensor<3x4xf32>)
// CHECK-NEXT: %[[Y:.*]] = lathe.rotate_pairs %[[X]], %[[C]], %[[S]] adjacent dimensions 8
// CHECK-NEXT: return %[[Y]]
#even = affine_map<()[s0, s1] -> (0, 0)>
#odd = affine_map<()[s0, s1] -> (0, 1)>
#part = affine_map<()[s0, s1] -> (3, 4)>
func.func @adjacent(%x: tensor<3x8xf32>, %c: tensor<3x4xf32>, %s: tensor<3x4xf32>) -> tensor<3x8xf32> {
  %a = lathe.slice %x starts #even steps [1, 2] sizes #part : (tensor<3x8xf32>) -> tensor<3x4xf32>
  %b = lathe.slice %x starts #odd steps [1, 2] sizes #part : (tensor<3x8xf32>) -> tensor<3x4xf32>
  %ac = lathe.mul %c, %a : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x4xf32>
  %bs = lathe.mul %s, %b : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x4xf32>
  %as = lathe.mul %s, %a : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x4xf32>
  %bc = lathe.mul %c, %b : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x4xf32>
  %r = lathe.sub %ac, %bs : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x4xf32>
  %i = lathe.add %as, %bc : tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x4xf32>
  %r1 = lathe.reshape %r shape [3, 4, 1] : tensor<3x4xf32> -> tensor<3x4x1xf32>
  %i1 = lathe.reshape %i shape [3, 4, 1] : tensor<3x4xf32> -> tensor<3x4x1xf32>
  %t = lathe.concat %r1, %i1 axis 2 : (tensor<3x4x1xf32>, tensor<3x4x1xf32>) -> tensor<3x4x2xf32>
  // expected-remark @below {{a rotary embedding of adjacent elements}}
  %y = lathe.reshape %t shape [3, 8] : tensor<3x4x2xf32> -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// -----

// The same half twice is no rotation, and tables must have one shape.
// CHECK-LABEL: @refused
// CHECK-NOT: rotate_pairs
#zero = affine_map<()[s0, s1] -> (0, 0)>
#four = affine_map<()[s0, s1] -> (0, 4)>
#half = affine_map<()[s0, s1] -> (3, 4)>
func.func @refused(%x: tensor<3x8xf32>, %c: tensor<3x8xf32>, %s: tensor<8xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>) {
  %a = lathe.slice %x starts #zero steps [1, 1] sizes #half : (tensor<3x8xf32>) -> tensor<3x4xf32>
  %b = lathe.slice %x starts #four steps [1, 1] sizes #half : (tensor<3x8xf32>) -> tensor<3x4xf32>
  %n = lathe.neg %b : tensor<3x4xf32>
  %0 = lathe.mul %x, %c : tensor<3x8xf32>, tensor<3x8xf32> -> tensor<3x8xf32>
  %t = lathe.concat %n, %b axis 1 : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x8xf32>
  %1 = lathe.mul %t, %c : tensor<3x8xf32>, tensor<3x8xf32> -> tensor<3x8xf32>
  %y = lathe.add %0, %1 : tensor<3x8xf32>, tensor<3x8xf32> -> tensor<3x8xf32>
  %u = lathe.concat %n, %a axis 1 : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x8xf32>
  %2 = lathe.mul %u, %s : tensor<3x8xf32>, tensor<8xf32> -> tensor<3x8xf32>
  // expected-remark @below {{cosines and sines have other shapes, or not a number for each element or pair}}
  %z = lathe.add %0, %2 : tensor<3x8xf32>, tensor<3x8xf32> -> tensor<3x8xf32>
  return %y, %z : tensor<3x8xf32>, tensor<3x8xf32>
}

// -----

// Rows of an odd length, and elements of f64.
// CHECK-LABEL: @odd_and_doubles
// CHECK-NOT: rotate_pairs
#zero = affine_map<()[s0, s1] -> (0, 0)>
#one = affine_map<()[s0, s1] -> (0, 1)>
#two = affine_map<()[s0, s1] -> (0, 2)>
#half = affine_map<()[s0, s1] -> (3, 2)>
#rest = affine_map<()[s0, s1] -> (3, 1)>
func.func @odd_and_doubles(%x: tensor<3x3xf32>, %c: tensor<3x3xf32>, %z: tensor<3x4xf64>, %d: tensor<3x4xf64>)
    -> (tensor<3x3xf32>, tensor<3x4xf64>) {
  %a = lathe.slice %x starts #zero steps [1, 1] sizes #rest : (tensor<3x3xf32>) -> tensor<3x1xf32>
  %b = lathe.slice %x starts #one steps [1, 1] sizes #half : (tensor<3x3xf32>) -> tensor<3x2xf32>
  %n = lathe.neg %b : tensor<3x2xf32>
  %t = lathe.concat %n, %a axis 1 : (tensor<3x2xf32>, tensor<3x1xf32>) -> tensor<3x3xf32>
  %0 = lathe.mul %x, %c : tensor<3x3xf32>, tensor<3x3xf32> -> tensor<3x3xf32>
  %1 = lathe.mul %t, %c : tensor<3x3xf32>, tensor<3x3xf32> -> tensor<3x3xf32>
  %y = lathe.add %0, %1 : tensor<3x3xf32>, tensor<3x3xf32> -> tensor<3x3xf32>
  %e = lathe.slice %z starts #zero steps [1, 1] sizes #half : (tensor<3x4xf64>) -> tensor<3x2xf64>
  %f = lathe.slice %z starts #two steps [1, 1] sizes #half : (tensor<3x4xf64>) -> tensor<3x2xf64>
  %m = lathe.neg %f : tensor<3x2xf64>
  %u = lathe.concat %m, %e axis 1 : (tensor<3x2xf64>, tensor<3x2xf64>) -> tensor<3x4xf64>
  %2 = lathe.mul %z, %d : tensor<3x4xf64>, tensor<3x4xf64> -> tensor<3x4xf64>
  %3 = lathe.mul %u, %d : tensor<3x4xf64>, tensor<3x4xf64> -> tensor<3x4xf64>
  // expected-remark @below {{elements are not f32, f16 or bf16}}
  %w = lathe.add %2, %3 : tensor<3x4xf64>, tensor<3x4xf64> -> tensor<3x4xf64>
  return %y, %w : tensor<3x3xf32>, tensor<3x4xf64>
}
