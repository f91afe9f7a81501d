// RUN: lathe-opt %s --lathe-put-channels-last --split-input-file --remarks-filter=fusion --verify-diagnostics \
// RUN:   | FileCheck %s

// A chain of convolutions, elementwise operations and pooling has channels last throughout: one transpose at each end.
// CHECK-LABEL: func.func @chain
// CHECK-SAME: (%[[X:.*]]: tensor<?x3x8x8xf32>)
// CHECK: %[[T:.*]] = lathe.transpose %[[X]] permutation [0, 2, 3, 1]
// CHECK: %[[P:.*]] = lathe.pack_columns %{{.*}} transposed : tensor<1x20x27xf32> -> tensor<1x2x27x16xf32>
// CHECK: %[[C:.*]] = lathe.panel_conv %[[T]], %[[P]] window [3, 3]
// CHECK-SAME: -> tensor<?x8x8x20xf32>
// CHECK: %[[B:.*]] = lathe.reshape %{{.*}} shape [0, 1, 1, 20] : tensor<1x20x1x1xf32> -> tensor<1x1x1x20xf32>
// CHECK: %[[S:.*]] = lathe.add %[[C]], %[[B]] : tensor<?x8x8x20xf32>, tensor<1x1x1x20xf32> -> tensor<?x8x8x20xf32>
// CHECK: %[[M:.*]] = lathe.channel_max_pool %[[S]] window [2, 2]
// CHECK: %[[G:.*]] = lathe.transpose %{{.*}} permutation [1, 2, 0] : tensor<20x3x3xf32> -> tensor<3x3x20xf32>
// CHECK: %[[D:.*]] = lathe.depthwise_conv %[[M]], %[[G]]
// CHECK: %[[A:.*]] = lathe.add %[[D]], %[[M]]
// CHECK: %[[Y:.*]] = lathe.transpose %[[A]] permutation [0, 3, 1, 2] : tensor<?x4x4x20xf32> -> tensor<?x20x4x4xf32>
// CHECK: return %[[Y]]
func.func @chain(%x: tensor<?x3x8x8xf32>) -> tensor<?x20x4x4xf32> {
  %f = lathe.weight "f" file 0 offset 0 bytes 2160 : tensor<20x3x3x3xf32>
  %b = lathe.weight "b" file 0 offset 2160 bytes 80 : tensor<20x1x1xf32>
  %g = lathe.weight "g" file 0 offset 2240 bytes 720 : tensor<20x1x3x3xf32>
  // expected-remark @below {{a convolution has channels last}}
  %0 = lathe.conv %x, %f strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
      tensor<?x3x8x8xf32>, tensor<20x3x3x3xf32> -> tensor<?x20x8x8xf32>
  %1 = lathe.add %0, %b : tensor<?x20x8x8xf32>, tensor<20x1x1xf32> -> tensor<?x20x8x8xf32>
  %2 = lathe.max_pool %1 window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<?x20x8x8xf32> -> tensor<?x20x4x4xf32>
  // expected-remark @below {{a convolution has channels last}}
  %3 = lathe.conv %2, %g strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 20 :
      tensor<?x20x4x4xf32>, tensor<20x1x3x3xf32> -> tensor<?x20x4x4xf32>
  %4 = lathe.add %3, %2 : tensor<?x20x4x4xf32>, tensor<?x20x4x4xf32> -> tensor<?x20x4x4xf32>
  return %4 : tensor<?x20x4x4xf32>
}

// -----

// One channel of one place: a reshape, no transpose.
// CHECK-LABEL: func.func @one_place
// CHECK-SAME: (%[[X:.*]]: tensor<?x1x8x8xf32>)
// CHECK: lathe.reshape %[[X]] shape [0, 8, 8, 1] : tensor<?x1x8x8xf32> -> tensor<?x8x8x1xf32>
// CHECK: %[[C:.*]] = lathe.panel_conv
// CHECK: lathe.reshape %[[C]] shape [0, 4, 1, 1] : tensor<?x1x1x4xf32> -> tensor<?x4x1x1xf32>
func.func @one_place(%x: tensor<?x1x8x8xf32>) -> tensor<?x4x1x1xf32> {
  %f = lathe.weight "f" file 0 offset 0 bytes 1024 : tensor<4x1x8x8xf32>
  // expected-remark @below {{a convolution has channels last}}
  %0 = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<?x1x8x8xf32>, tensor<4x1x8x8xf32> -> tensor<?x4x1x1xf32>
  return %0 : tensor<?x4x1x1xf32>
}

// -----

// CHECK-LABEL: func.func @not_done
// CHECK-NOT: panel_conv
func.func @not_done(%x: tensor<1x4x8x8xf32>, %f: tensor<4x4x1x1xf32>, %y: tensor<1x?x8x8xf32>, %z: tensor<1x4x8x8xf16>)
    -> (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) {
  %g = lathe.weight "g" file 0 offset 0 bytes 32 : tensor<4x4x1x1xf16>
  // expected-remark @below {{a convolution keeps channels first: its filter is no weight of known size}}
  %0 = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32> -> tensor<1x4x8x8xf32>
  // expected-remark @below {{a convolution keeps channels first: its filter is not f32}}
  %1 = lathe.conv %z, %g strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<1x4x8x8xf16>, tensor<4x4x1x1xf16> -> tensor<1x4x8x8xf32>
  return %0, %1 : tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>
}
