// RUN: lathe-opt %s --lathe-put-channels-last=target=cuda --split-input-file --remarks-filter=fusion \
// RUN:   --verify-diagnostics -o %t
// RUN: FileCheck %s < %t
// RUN: lathe-opt %t --lathe-put-channels-last=target=cuda --split-input-file | diff %t -

// A picture that is cast is cast behind its one transpose; windows of one place make a product; the mean of the whole
// image is a reduction, behind which nothing has to move.
// CHECK-LABEL: func.func @network
// CHECK-SAME: (%[[X:.*]]: tensor<?x3x8x8xf32>)
// CHECK: %[[T:.*]] = lathe.transpose %[[X]] permutation [0, 2, 3, 1] : tensor<?x3x8x8xf32> -> tensor<?x8x8x3xf32>
// CHECK: %[[N:.*]] = lathe.cast %[[T]] : tensor<?x8x8x3xf32> -> tensor<?x8x8x3xf16>
// CHECK: %[[F:.*]] = lathe.transpose %{{.*}} permutation [0, 2, 3, 1] : tensor<70x3x3x3xf16> -> tensor<70x3x3x3xf16>
// CHECK: %[[R:.*]] = lathe.reshape %[[F]] shape [70, 27]
// CHECK: %[[P:.*]] = lathe.pack_tiles %[[R]] : tensor<70x27xf16> -> tensor<2x1x64x64xf16>
// CHECK: %[[C:.*]] = lathe.tile_conv %[[N]], %[[P]] window [3, 3] strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1]
// CHECK-SAME: -> tensor<?x8x8x70xf32>
// CHECK: %[[A:.*]] = lathe.cast %[[C]]
// CHECK: %[[M:.*]] = lathe.channel_max_pool %[[A]] window [2, 2]
// CHECK: %[[Q:.*]] = lathe.pack_tiles %{{.*}} : tensor<5x70xf16> -> tensor<1x2x64x64xf16>
// CHECK: %[[D:.*]] = lathe.tile_matmul %[[M]], %[[Q]]
// CHECK: %[[E:.*]] = lathe.reduce mean %[[D]] axes [1, 2] keep : tensor<?x4x4x5xf32> -> tensor<?x1x1x5xf32>
// CHECK: %[[Y:.*]] = lathe.reshape %[[E]] shape [0, 5, 1, 1]
// CHECK-NOT: lathe.transpose
// CHECK: return %[[Y]]
func.func @network(%x: tensor<?x3x8x8xf32>) -> tensor<?x5x1x1xf32> {
  %f = lathe.weight "f" file 0 offset 0 bytes 3780 : tensor<70x3x3x3xf16>
  %g = lathe.weight "g" file 0 offset 3780 bytes 700 : tensor<5x70x1x1xf16>
  %n = lathe.cast %x : tensor<?x3x8x8xf32> -> tensor<?x3x8x8xf16>
  // expected-remark @below {{a convolution has channels last}}
  %0 = lathe.conv %n, %f strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
      tensor<?x3x8x8xf16>, tensor<70x3x3x3xf16> -> tensor<?x70x8x8xf32>
  %1 = lathe.cast %0 : tensor<?x70x8x8xf32> -> tensor<?x70x8x8xf16>
  %2 = lathe.max_pool %1 window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<?x70x8x8xf16> -> tensor<?x70x4x4xf16>
  // expected-remark @below {{a convolution has channels last}}
  %3 = lathe.conv %2, %g strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<?x70x4x4xf16>, tensor<5x70x1x1xf16> -> tensor<?x5x4x4xf32>
  %4 = lathe.pool %3 average window [4, 4] strides [1, 1] pads [0, 0] pad_end [0, 0] dilations [1, 1] include_pad false
      p 1 sizes affine_map<()[s0, s1, s2, s3] -> (s0, s1, 1, 1)> : (tensor<?x5x4x4xf32>) -> tensor<?x5x1x1xf32>
  return %4 : tensor<?x5x1x1xf32>
}

// -----

// Strides make a convolution of one place no product; means of parts of an image, and other pools, keep channels first.
// CHECK-LABEL: func.func @strides_and_pools
// CHECK: lathe.tile_conv {{.*}} window [1, 1] strides [2, 2]
// CHECK: lathe.transpose {{.*}} permutation [0, 3, 1, 2]
// CHECK: lathe.pool
// CHECK: lathe.pool
func.func @strides_and_pools(%x: tensor<?x4x8x8xbf16>) -> (tensor<?x4x2x2xf32>, tensor<?x4x1x1xf32>) {
  %f = lathe.weight "f" file 0 offset 0 bytes 32 : tensor<4x4x1x1xbf16>
  // expected-remark @below {{a convolution has channels last}}
  %0 = lathe.conv %x, %f strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<?x4x8x8xbf16>, tensor<4x4x1x1xbf16> -> tensor<?x4x4x4xf32>
  %1 = lathe.pool %0 average window [2, 2] strides [2, 2] pads [0, 0] pad_end [0, 0] dilations [1, 1] include_pad false
      p 1 sizes affine_map<()[s0, s1, s2, s3] -> (s0, s1, 2, 2)> : (tensor<?x4x4x4xf32>) -> tensor<?x4x2x2xf32>
  %2 = lathe.pool %0 max window [4, 4] strides [1, 1] pads [0, 0] pad_end [0, 0] dilations [1, 1] include_pad false
      p 1 sizes affine_map<()[s0, s1, s2, s3] -> (s0, s1, 1, 1)> : (tensor<?x4x4x4xf32>) -> tensor<?x4x1x1xf32>
  return %1, %2 : tensor<?x4x2x2xf32>, tensor<?x4x1x1xf32>
}

// -----

// CHECK-LABEL: func.func @not_done
// CHECK-COUNT-3: lathe.conv
// CHECK-NOT: tile_conv
func.func @not_done(%x: tensor<1x4x8x8xf16>, %f: tensor<4x4x1x1xf16>, %z: tensor<1x4x8x8xf32>)
    -> (tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>) {
  %g = lathe.weight "g" file 0 offset 0 bytes 32 : tensor<4x4x1x1xf16>
  %h = lathe.weight "h" file 0 offset 32 bytes 16 : tensor<4x2x1x1xf16>
  %i = lathe.weight "i" file 0 offset 48 bytes 64 : tensor<4x4x1x1xf32>
  // expected-remark @below {{a convolution keeps channels first: its filter is no weight of known size}}
  %0 = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<1x4x8x8xf16>, tensor<4x4x1x1xf16> -> tensor<1x4x8x8xf32>
  // expected-remark @below {{a convolution keeps channels first: it has groups, which fill no tiles}}
  %1 = lathe.conv %x, %h strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 2 :
      tensor<1x4x8x8xf16>, tensor<4x2x1x1xf16> -> tensor<1x4x8x8xf32>
  // expected-remark @below {{a convolution keeps channels first: its image and filter are not both f16 or bf16}}
  %2 = lathe.conv %z, %i strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<1x4x8x8xf32>, tensor<4x4x1x1xf32> -> tensor<1x4x8x8xf32>
  return %0, %1, %2 : tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>, tensor<1x4x8x8xf32>
}
