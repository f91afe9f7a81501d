// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @rms_norm
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xbf16>, %[[W:.*]]: tensor<64xf32>)
func.func @rms_norm(%x: tensor<?x64xbf16>, %w: tensor<64xf32>) -> tensor<?x64xbf16> {
  // CHECK: lathe.rms_norm %[[X]], %[[W]] epsilon 9.99999974E-6 : tensor<?x64xbf16>, tensor<64xf32>
  %y = lathe.rms_norm %x, %w epsilon 1.0e-05 : tensor<?x64xbf16>, tensor<64xf32>
  return %y : tensor<?x64xbf16>
}

// CHECK-LABEL: @softmax
// CHECK-SAME: (%[[X:.*]]: tensor<?x10xf32>)
func.func @softmax(%x: tensor<?x10xf32>) -> tensor<?x10xf32> {
  // CHECK: lathe.softmax %[[X]] : tensor<?x10xf32>
  %y = lathe.softmax %x : tensor<?x10xf32>
  return %y : tensor<?x10xf32>
}

// CHECK-LABEL: @max_pool
// CHECK-SAME: (%[[X:.*]]: tensor<?x8x8x8xf32>)
func.func @max_pool(%x: tensor<?x8x8x8xf32>) -> tensor<?x8x4x4xf32> {
  // CHECK: lathe.max_pool %[[X]] window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
  // CHECK-SAME: tensor<?x8x8x8xf32> -> tensor<?x8x4x4xf32>
  %y = lathe.max_pool %x window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<?x8x8x8xf32> -> tensor<?x8x4x4xf32>
  return %y : tensor<?x8x4x4xf32>
}

// CHECK-LABEL: @layer_norm
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<64xf32>, %[[B:.*]]: tensor<64xf32>)
func.func @layer_norm(%x: tensor<?x64xf32>, %w: tensor<64xf32>, %b: tensor<64xf32>) -> tensor<?x64xf32> {
  // CHECK: lathe.layer_norm %[[X]] scale %[[W]] : tensor<64xf32> bias %[[B]] : tensor<64xf32> axis 1
  // CHECK-SAME: epsilon 9.99999974E-6 : tensor<?x64xf32>
  %y = lathe.layer_norm %x scale %w : tensor<64xf32> bias %b : tensor<64xf32> axis 1 epsilon 1.0e-05 : tensor<?x64xf32>
  // CHECK: lathe.layer_norm %{{.*}} axis 0 epsilon 1.000000e+00 : tensor<?x64xf32>
  %z = lathe.layer_norm %y axis 0 epsilon 1.0 : tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}
