// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @pool_c1(%a0: tensor<1x3x8xf32>) {
  // expected-error @below {{'lathe.pool' op has a list of 2 numbers for an input of rank 3, needed one for each dimension behind the second}}
  %y = lathe.pool %a0 max window [2, 2] strides [2] pads [0] pad_end [0] dilations [1] include_pad false p 1 sizes affine_map<()[s0, s1, s2] -> (1, 3, 4)>
      : (tensor<1x3x8xf32>) -> tensor<1x3x4xf32>
  return
}

// -----

func.func @pool_c2(%a0: tensor<1x3x8xf32>) {
  // expected-error @below {{'lathe.pool' op sizes has 0 dimensions and 2 symbols, needed 0 and one symbol for each of the 3 dimensions of the operands}}
  %y = lathe.pool %a0 max window [2] strides [2] pads [0] pad_end [0] dilations [1] include_pad false p 1 sizes affine_map<()[s0, s1] -> (1, 3, 4)>
      : (tensor<1x3x8xf32>) -> tensor<1x3x4xf32>
  return
}

// -----

func.func @pool_c3(%a0: tensor<1x3x8xf32>) {
  // expected-error @below {{'lathe.pool' op kind is 'median', needed one of max, average, lp}}
  %y = lathe.pool %a0 median window [2] strides [2] pads [0] pad_end [0] dilations [1] include_pad false p 1 sizes affine_map<()[s0, s1, s2] -> (1, 3, 4)>
      : (tensor<1x3x8xf32>) -> tensor<1x3x4xf32>
  return
}

// -----

func.func @pool_c3_p(%a0: tensor<1x3x8xf32>) {
  // expected-error @below {{'lathe.pool' op p is 0, needed at least 1}}
  %y = lathe.pool %a0 lp window [2] strides [2] pads [0] pad_end [0] dilations [1] include_pad false p 0 sizes affine_map<()[s0, s1, s2] -> (1, 3, 4)>
      : (tensor<1x3x8xf32>) -> tensor<1x3x4xf32>
  return
}

// -----

func.func @max_pool_indices_c1(%a0: tensor<1x3x8xf32>) {
  // expected-error @below {{'lathe.max_pool_indices' op has a list of 2 numbers for an input of rank 3, needed one for each dimension behind the second}}
  %y = lathe.max_pool_indices %a0 window [2] strides [2, 2] pads [0] dilations [1] column_major false sizes affine_map<()[s0, s1, s2] -> (1, 3, 4)>
      : (tensor<1x3x8xf32>) -> tensor<1x3x4xi64>
  return
}

// -----

func.func @max_pool_indices_c2(%a0: tensor<1x3x8xf32>) {
  // expected-error @below {{'lathe.max_pool_indices' op result dimension 2 is 4 but sizes say 5}}
  %y = lathe.max_pool_indices %a0 window [2] strides [2] pads [0] dilations [1] column_major false sizes affine_map<()[s0, s1, s2] -> (1, 3, 5)>
      : (tensor<1x3x8xf32>) -> tensor<1x3x4xi64>
  return
}

// -----

func.func @conv_nd_c1(%a0: tensor<1x4x8xf32>, %a1: tensor<4x4x3xf32>) {
  // expected-error @below {{'lathe.conv_nd' op has a list of 2 numbers for an input of rank 3, needed one for each dimension behind the second}}
  %y = lathe.conv_nd %a0, %a1 strides [1] pads [0, 0] dilations [1] groups 1 sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (1, 4, 6)>
      : (tensor<1x4x8xf32>, tensor<4x4x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @conv_nd_c2(%a0: tensor<1x4x8xf32>, %a1: tensor<4x4x3xf32>) {
  // expected-error @below {{'lathe.conv_nd' op sizes has 0 dimensions and 5 symbols, needed 0 and one symbol for each of the 6 dimensions of the operands}}
  %y = lathe.conv_nd %a0, %a1 strides [1] pads [0] dilations [1] groups 1 sizes affine_map<()[s0, s1, s2, s3, s4] -> (1, 4, 6)>
      : (tensor<1x4x8xf32>, tensor<4x4x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @conv_nd_c3(%a0: tensor<1x4x8xf32>, %a1: tensor<4x4x3xf32>) {
  // expected-error @below {{'lathe.conv_nd' op has 3 groups of 'tensor<1x4x8xf32>' with the filter 'tensor<4x4x3xf32>', needed channels that they divide}}
  %y = lathe.conv_nd %a0, %a1 strides [1] pads [0] dilations [1] groups 3 sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (1, 4, 6)>
      : (tensor<1x4x8xf32>, tensor<4x4x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @conv_transpose_c1(%a0: tensor<1x4x8xf32>, %a1: tensor<4x4x3xf32>) {
  // expected-error @below {{'lathe.conv_transpose' op has a list of 2 numbers for an input of rank 3, needed one for each dimension behind the second}}
  %y = lathe.conv_transpose %a0, %a1 strides [1] pads [0, 0] dilations [1] groups 1 sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (1, 4, 6)>
      : (tensor<1x4x8xf32>, tensor<4x4x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @conv_transpose_c2(%a0: tensor<1x4x8xf32>, %a1: tensor<4x4x3xf32>) {
  // expected-error @below {{'lathe.conv_transpose' op sizes has 0 dimensions and 5 symbols, needed 0 and one symbol for each of the 6 dimensions of the operands}}
  %y = lathe.conv_transpose %a0, %a1 strides [1] pads [0] dilations [1] groups 1 sizes affine_map<()[s0, s1, s2, s3, s4] -> (1, 4, 6)>
      : (tensor<1x4x8xf32>, tensor<4x4x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @conv_transpose_c3(%a0: tensor<1x4x8xf32>, %a1: tensor<4x4x3xf32>) {
  // expected-error @below {{'lathe.conv_transpose' op has 3 groups of 'tensor<1x4x8xf32>' with the filter 'tensor<4x4x3xf32>', needed channels that they divide}}
  %y = lathe.conv_transpose %a0, %a1 strides [1] pads [0] dilations [1] groups 3 sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (1, 4, 6)>
      : (tensor<1x4x8xf32>, tensor<4x4x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @integer_conv_c1(%x: tensor<1x4x8xi8>, %z: tensor<i8>, %f: tensor<4x4x3xi8>, %b: tensor<i8>) {
  // expected-error @below {{'lathe.integer_conv' op has a list of 2 numbers for an input of rank 3, needed one for each dimension behind the second}}
  %y = lathe.integer_conv %x zero %z, %f zero %b strides [1] pads [0, 0] dilations [1] groups 1
      sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (1, 4, 6)>
      : (tensor<1x4x8xi8>, tensor<i8>, tensor<4x4x3xi8>, tensor<i8>) -> tensor<1x4x6xi32>
  return
}

// -----

func.func @integer_conv_c2(%x: tensor<1x4x8xi8>, %z: tensor<i8>, %f: tensor<4x4x3xi8>, %b: tensor<i8>) {
  // expected-error @below {{'lathe.integer_conv' op sizes has 0 dimensions and 5 symbols, needed 0 and one symbol for each of the 6 dimensions of the operands}}
  %y = lathe.integer_conv %x zero %z, %f zero %b strides [1] pads [0] dilations [1] groups 1
      sizes affine_map<()[s0, s1, s2, s3, s4] -> (1, 4, 6)>
      : (tensor<1x4x8xi8>, tensor<i8>, tensor<4x4x3xi8>, tensor<i8>) -> tensor<1x4x6xi32>
  return
}

// -----

func.func @integer_conv_c3(%x: tensor<1x4x8xi8>, %z: tensor<i8>, %f: tensor<4x4x3xi8>, %b: tensor<i8>) {
  // expected-error @below {{'lathe.integer_conv' op has 3 groups of 'tensor<1x4x8xi8>' with the filter 'tensor<4x4x3xi8>', needed channels that they divide}}
  %y = lathe.integer_conv %x zero %z, %f zero %b strides [1] pads [0] dilations [1] groups 3
      sizes affine_map<()[s0, s1, s2, s3, s4, s5] -> (1, 4, 6)>
      : (tensor<1x4x8xi8>, tensor<i8>, tensor<4x4x3xi8>, tensor<i8>) -> tensor<1x4x6xi32>
  return
}

// -----

func.func @integer_conv_c4(%x: tensor<1x4x8xi8>, %z: tensor<i8>, %f: tensor<4x4x3xi8>, %b: tensor<3xi8>) {
  // expected-error @below {{'lathe.integer_conv' op has zeros 'tensor<i8>' of 'tensor<1x4x8xi8>' and 'tensor<3xi8>' of 'tensor<4x4x3xi8>', needed one of the same type for all, or one for each filter}}
  %y = lathe.integer_conv %x zero %z, %f zero %b strides [1] pads [0] dilations [1] groups 1
      sizes affine_map<()[s0, s1, s2, s3, s4, s5, s6] -> (1, 4, 6)>
      : (tensor<1x4x8xi8>, tensor<i8>, tensor<4x4x3xi8>, tensor<3xi8>) -> tensor<1x4x6xi32>
  return
}
