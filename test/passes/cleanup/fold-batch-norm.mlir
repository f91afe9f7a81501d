// RUN: lathe-opt %s --lathe-fold-batch-norm --split-input-file --remarks-filter=cleanup --verify-diagnostics | FileCheck %s
// Twice gives the same.
// RUN: lathe-opt %s --lathe-fold-batch-norm --split-input-file > %t.1
// RUN: lathe-opt %t.1 --lathe-fold-batch-norm --split-input-file | diff - %t.1

// A bias of the convolution's own, then batch normalization; the batch is not known.
// CHECK-LABEL: @behind_a_bias
// CHECK-SAME: (%[[X:.*]]: tensor<?x1x4x4xf32>)
// CHECK: %[[W:.*]] = lathe.weight "w"
// CHECK: %[[B:.*]] = lathe.weight "b"
// CHECK: %[[F:.*]] = lathe.weight "f"
// CHECK: %[[R:.*]] = lathe.reshape %[[F]] shape [2, 1, 1, 1]
// CHECK: %[[WF:.*]] = lathe.mul %[[W]], %[[R]] : tensor<2x1x3x3xf32>, tensor<2x1x1x1xf32> -> tensor<2x1x3x3xf32>
// CHECK: %[[C:.*]] = lathe.conv %[[X]], %[[WF]]
// CHECK: %[[D:.*]] = lathe.sub %[[B]], %[[F]]
// CHECK: %[[DF:.*]] = lathe.mul %[[D]], %[[F]] : tensor<1x2x1x1xf32>
// CHECK: %[[S:.*]] = lathe.add %[[DF]], %[[B]]
// CHECK: %[[Y:.*]] = lathe.add %[[C]], %[[S]] : tensor<?x2x2x2xf32>, tensor<1x2x1x1xf32>
// CHECK-NEXT: return %[[Y]]
func.func @behind_a_bias(%x: tensor<?x1x4x4xf32>) -> tensor<?x2x2x2xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 72 : tensor<2x1x3x3xf32>
  %b = lathe.weight "b" file 0 offset 72 bytes 8 : tensor<1x2x1x1xf32>
  %f = lathe.weight "f" file 0 offset 80 bytes 8 : tensor<1x2x1x1xf32>
  %0 = lathe.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
      : tensor<?x1x4x4xf32>, tensor<2x1x3x3xf32> -> tensor<?x2x2x2xf32>
  %1 = lathe.add %0, %b : tensor<?x2x2x2xf32>, tensor<1x2x1x1xf32> -> tensor<?x2x2x2xf32>
  %2 = lathe.sub %1, %f : tensor<?x2x2x2xf32>, tensor<1x2x1x1xf32> -> tensor<?x2x2x2xf32>
  // expected-remark @below {{the filters of a convolution take in factors of its channels}}
  %3 = lathe.mul %2, %f : tensor<?x2x2x2xf32>, tensor<1x2x1x1xf32> -> tensor<?x2x2x2xf32>
  // expected-remark @below {{what is added to the channels of a convolution is added at once}}
  %y = lathe.add %3, %b : tensor<?x2x2x2xf32>, tensor<1x2x1x1xf32> -> tensor<?x2x2x2xf32>
  return %y : tensor<?x2x2x2xf32>
}

// -----

// Others read the convolution.
// CHECK-LABEL: @second_user
// CHECK: %[[C:.*]] = lathe.conv
// CHECK: %[[Y:.*]] = lathe.mul %[[C]]
// CHECK: return %[[C]], %[[Y]]
func.func @second_user(%x: tensor<1x1x4x4xf32>) -> (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 36 : tensor<1x1x3x3xf32>
  %f = lathe.weight "f" file 0 offset 36 bytes 4 : tensor<1x1x1x1xf32>
  %0 = lathe.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
      : tensor<1x1x4x4xf32>, tensor<1x1x3x3xf32> -> tensor<1x1x2x2xf32>
  %y = lathe.mul %0, %f : tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32> -> tensor<1x1x2x2xf32>
  return %0, %y : tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>
}

// -----

// Factors along a row, factors and filters that are computed.
// CHECK-LABEL: @refused
// CHECK-COUNT-3: lathe.mul
func.func @refused(%x: tensor<1x1x4x4xf32>, %w: tensor<2x1x3x3xf32>, %g: tensor<2x1x1xf32>)
    -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>) {
  %v = lathe.weight "v" file 0 offset 0 bytes 72 : tensor<2x1x3x3xf32>
  %r = lathe.weight "r" file 0 offset 72 bytes 8 : tensor<2xf32>
  %f = lathe.weight "f" file 0 offset 80 bytes 8 : tensor<2x1x1xf32>
  %0 = lathe.conv %x, %v strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
      : tensor<1x1x4x4xf32>, tensor<2x1x3x3xf32> -> tensor<1x2x2x2xf32>
  %y = lathe.mul %0, %r : tensor<1x2x2x2xf32>, tensor<2xf32> -> tensor<1x2x2x2xf32>
  %1 = lathe.conv %y, %v strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 2
      : tensor<1x2x2x2xf32>, tensor<2x1x3x3xf32> -> tensor<1x2x2x2xf32>
  %z = lathe.mul %1, %g : tensor<1x2x2x2xf32>, tensor<2x1x1xf32> -> tensor<1x2x2x2xf32>
  %2 = lathe.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
      : tensor<1x1x4x4xf32>, tensor<2x1x3x3xf32> -> tensor<1x2x2x2xf32>
  // expected-remark @below {{the filter is computed}}
  %u = lathe.mul %2, %f : tensor<1x2x2x2xf32>, tensor<2x1x1xf32> -> tensor<1x2x2x2xf32>
  return %y, %z, %u : tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>
}

// -----

// Filters of 16 bits beside a result of 32.
// CHECK-LABEL: @types
// CHECK: lathe.mul
func.func @types(%x: tensor<1x1x4x4xf16>) -> tensor<1x2x2x2xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 36 : tensor<2x1x3x3xf16>
  %f = lathe.weight "f" file 0 offset 36 bytes 8 : tensor<2x1x1xf32>
  %0 = lathe.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
      : tensor<1x1x4x4xf16>, tensor<2x1x3x3xf16> -> tensor<1x2x2x2xf32>
  // expected-remark @below {{filter and result are of several types}}
  %y = lathe.mul %0, %f : tensor<1x2x2x2xf32>, tensor<2x1x1xf32> -> tensor<1x2x2x2xf32>
  return %y : tensor<1x2x2x2xf32>
}
