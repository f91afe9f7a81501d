// RUN: lathe-eval %s | FileCheck %s

// Outside of the image lie zeros, which are codes of 1 here. Each filter has its own zero.
// CHECK-LABEL: @one_dimension
// CHECK: tensor<1x2x5xi32> = {{\[\[}}[0, -1, -1, -1, 3], [0, 1, 3, 5, 3]]]
func.func @one_dimension() -> tensor<1x2x5xi32> {
  %x = lathe.constant dense<[[[1, 2, 3, 4]]]> : tensor<1x1x4xui8>
  %a = lathe.constant dense<1> : tensor<ui8>
  %f = lathe.constant dense<[[[1, -1]], [[0, 0]]]> : tensor<2x1x2xi8>
  %b = lathe.constant dense<[0, -1]> : tensor<2xi8>
  %y = lathe.integer_conv %x zero %a, %f zero %b strides [1] pads [1] dilations [1] groups 1
      sizes affine_map<()[s0, s1, s2, s3, s4, s5, s6] -> (1, 2, 5)>
      : (tensor<1x1x4xui8>, tensor<ui8>, tensor<2x1x2xi8>, tensor<2xi8>) -> tensor<1x2x5xi32>
  return %y : tensor<1x2x5xi32>
}

// Two groups of one channel, strides and dilations of 2.
// CHECK-LABEL: @groups
// CHECK: tensor<1x2x1x2xi32> = {{\[\[}}{{\[}}[12, 20]], {{\[}}[-12, -20]]]]
func.func @groups() -> tensor<1x2x1x2xi32> {
  %x = lathe.constant dense<[[[[0, 1, 2, 3, 4], [0, 0, 0, 0, 0], [4, 5, 6, 7, 8]],
                              [[0, 1, 2, 3, 4], [0, 0, 0, 0, 0], [4, 5, 6, 7, 8]]]]> : tensor<1x2x3x5xi8>
  %f = lathe.constant dense<[[[[1, 1], [1, 1]]], [[[-1, -1], [-1, -1]]]]> : tensor<2x1x2x2xi8>
  %z = lathe.constant dense<0> : tensor<i8>
  %y = lathe.integer_conv %x zero %z, %f zero %z strides [2, 2] pads [0, 0] dilations [2, 2] groups 2
      sizes affine_map<()[s0, s1, s2, s3, s4, s5, s6, s7] -> (1, 2, 1, 2)>
      : (tensor<1x2x3x5xi8>, tensor<i8>, tensor<2x1x2x2xi8>, tensor<i8>) -> tensor<1x2x1x2xi32>
  return %y : tensor<1x2x1x2xi32>
}
