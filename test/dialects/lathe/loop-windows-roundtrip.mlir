// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @pool
// CHECK: lathe.pool %{{.*}}{{.*}}window [2]{{.*}}pads [0]{{.*}}pad_end [0]{{.*}}dilations [1]{{.*}}include_pad false{{.*}}p 1
func.func @pool(%x: tensor<1x3x8xf32>) -> (tensor<1x3x4xf32>) {
  %y = lathe.pool %x average window [2] strides [2] pads [0] pad_end [0] dilations [1] include_pad false p 1 sizes affine_map<()[s0, s1, s2] -> (s0, s1, 4)>
      : (tensor<1x3x8xf32>) -> tensor<1x3x4xf32>
  return %y : tensor<1x3x4xf32>
}

// CHECK-LABEL: @max_pool_indices
// CHECK: lathe.max_pool_indices %{{.*}}{{.*}}window [2]{{.*}}pads [0]{{.*}}dilations [1]{{.*}}column_major false
func.func @max_pool_indices(%x: tensor<1x3x8xf32>) -> (tensor<1x3x4xi64>) {
  %i = lathe.max_pool_indices %x window [2] strides [2] pads [0] dilations [1] column_major false sizes affine_map<()[s0, s1, s2] -> (s0, s1, 4)>
      : (tensor<1x3x8xf32>) -> tensor<1x3x4xi64>
  return %i : tensor<1x3x4xi64>
}

// CHECK-LABEL: @integer_conv
// CHECK: lathe.integer_conv %{{.*}} zero %{{.*}}, %{{.*}} zero %{{.*}} strides [1] pads [0] dilations [1] groups 1
func.func @integer_conv(%x: tensor<1x3x8xui8>, %a: tensor<ui8>, %f: tensor<2x3x3xi8>, %b: tensor<2xi8>) -> tensor<1x2x6xi32> {
  %y = lathe.integer_conv %x zero %a, %f zero %b strides [1] pads [0] dilations [1] groups 1
      sizes affine_map<()[s0, s1, s2, s3, s4, s5, s6] -> (s0, s3, 6)>
      : (tensor<1x3x8xui8>, tensor<ui8>, tensor<2x3x3xi8>, tensor<2xi8>) -> tensor<1x2x6xi32>
  return %y : tensor<1x2x6xi32>
}

// CHECK-LABEL: @conv_nd
// CHECK: lathe.conv_nd %{{.*}}{{.*}}pads [0]{{.*}}dilations [1]{{.*}}groups 1
func.func @conv_nd(%x: tensor<1x3x8xi32>, %f: tensor<2x3x3xi32>) -> (tensor<1x2x6xi32>) {
  %y = lathe.conv_nd %x, %f strides [1] pads [0] dilations [1] groups 1 sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (s0, s3, 6)>
      : (tensor<1x3x8xi32>, tensor<2x3x3xi32>) -> tensor<1x2x6xi32>
  return %y : tensor<1x2x6xi32>
}

// CHECK-LABEL: @conv_transpose
// CHECK: lathe.conv_transpose %{{.*}}{{.*}}pads [0]{{.*}}dilations [1]{{.*}}groups 1
func.func @conv_transpose(%x: tensor<1x3x4xf32>, %f: tensor<3x2x3xf32>) -> (tensor<1x2x9xf32>) {
  %y = lathe.conv_transpose %x, %f strides [2] pads [0] dilations [1] groups 1 sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (s0, s4, 9)>
      : (tensor<1x3x4xf32>, tensor<3x2x3xf32>) -> tensor<1x2x9xf32>
  return %y : tensor<1x2x9xf32>
}
