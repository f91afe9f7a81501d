// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @panel_conv
// CHECK-SAME: (%[[X:.*]]: tensor<?x8x8x4xf32>, %[[P:.*]]: tensor<2x1x18x16xf32>)
func.func @panel_conv(%x: tensor<?x8x8x4xf32>, %p: tensor<2x1x18x16xf32>) -> tensor<?x8x8x20xf32> {
  // CHECK: lathe.panel_conv %[[X]], %[[P]] window [3, 3] strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 2 :
  // CHECK-SAME: tensor<?x8x8x4xf32>, tensor<2x1x18x16xf32> -> tensor<?x8x8x20xf32>
  %y = lathe.panel_conv %x, %p window [3, 3] strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 2 :
      tensor<?x8x8x4xf32>, tensor<2x1x18x16xf32> -> tensor<?x8x8x20xf32>
  return %y : tensor<?x8x8x20xf32>
}

// CHECK-LABEL: @tile_conv
// CHECK-SAME: (%[[X:.*]]: tensor<?x8x8x16xf16>, %[[P:.*]]: tensor<1x3x64x64xf16>)
func.func @tile_conv(%x: tensor<?x8x8x16xf16>, %p: tensor<1x3x64x64xf16>) -> tensor<?x4x8x20xf32> {
  // CHECK: lathe.tile_conv %[[X]], %[[P]] window [3, 3] strides [2, 1] pads [1, 1, 1, 1] dilations [1, 1] :
  // CHECK-SAME: tensor<?x8x8x16xf16>, tensor<1x3x64x64xf16> -> tensor<?x4x8x20xf32>
  %y = lathe.tile_conv %x, %p window [3, 3] strides [2, 1] pads [1, 1, 1, 1] dilations [1, 1] :
      tensor<?x8x8x16xf16>, tensor<1x3x64x64xf16> -> tensor<?x4x8x20xf32>
  return %y : tensor<?x4x8x20xf32>
}

// CHECK-LABEL: @depthwise_conv
// CHECK-SAME: (%[[X:.*]]: tensor<?x8x8x20xf32>, %[[F:.*]]: tensor<3x3x20xf32>)
func.func @depthwise_conv(%x: tensor<?x8x8x20xf32>, %f: tensor<3x3x20xf32>) -> tensor<?x4x4x20xf32> {
  // CHECK: lathe.depthwise_conv %[[X]], %[[F]] strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] :
  // CHECK-SAME: tensor<?x8x8x20xf32>, tensor<3x3x20xf32> -> tensor<?x4x4x20xf32>
  %y = lathe.depthwise_conv %x, %f strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] :
      tensor<?x8x8x20xf32>, tensor<3x3x20xf32> -> tensor<?x4x4x20xf32>
  return %y : tensor<?x4x4x20xf32>
}

// CHECK-LABEL: @channel_max_pool
// CHECK-SAME: (%[[X:.*]]: tensor<?x8x8x20xf32>)
func.func @channel_max_pool(%x: tensor<?x8x8x20xf32>) -> tensor<?x4x4x20xf32> {
  // CHECK: lathe.channel_max_pool %[[X]] window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
  // CHECK-SAME: tensor<?x8x8x20xf32> -> tensor<?x4x4x20xf32>
  %y = lathe.channel_max_pool %x window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<?x8x8x20xf32> -> tensor<?x4x4x20xf32>
  return %y : tensor<?x4x4x20xf32>
}
