// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @resize
// CHECK: lathe.resize %{{.*}}, %{{.*}}, %{{.*}} nearest half_pixel floor cubic -7.500000e-01 antialias false
// CHECK-SAME: exclude_outside true extrapolation 0.000000e+00 from %{{.*}} sizes
func.func @resize(%x: tensor<4xf32>, %s: tensor<1xf32>, %r: tensor<2xf32>, %n: !lathe.sizes<1>) -> tensor<?xf32> {
  %y = lathe.resize %x, %s, %r nearest half_pixel floor cubic -0.75 antialias false exclude_outside true
      extrapolation 0.0 from %n sizes affine_map<()[s0, s1, s2, s3] -> (s3)>
      : (tensor<4xf32>, tensor<1xf32>, tensor<2xf32>, !lathe.sizes<1>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// CHECK-LABEL: @grid_sample
// CHECK: lathe.grid_sample %{{.*}}, %{{.*}} linear zeros align_corners false
func.func @grid_sample(%x: tensor<1x3x4x4xf32>, %g: tensor<1x?x6x2xf32>) -> tensor<1x3x?x6xf32> {
  %y = lathe.grid_sample %x, %g linear zeros align_corners false
      : (tensor<1x3x4x4xf32>, tensor<1x?x6x2xf32>) -> tensor<1x3x?x6xf32>
  return %y : tensor<1x3x?x6xf32>
}

// CHECK-LABEL: @roi_align
// CHECK: lathe.roi_align %{{.*}}, %{{.*}}, %{{.*}} average samples 2 scale 1.000000e+00 half_pixel true
func.func @roi_align(%x: tensor<1x3x8x8xf32>, %r: tensor<?x4xf32>, %b: tensor<?xi64>) -> tensor<?x3x4x4xf32> {
  %y = lathe.roi_align %x, %r, %b average samples 2 scale 1.0 half_pixel true
      : (tensor<1x3x8x8xf32>, tensor<?x4xf32>, tensor<?xi64>) -> tensor<?x3x4x4xf32>
  return %y : tensor<?x3x4x4xf32>
}
