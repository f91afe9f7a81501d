// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @rotate_pairs_c1(%x: tensor<3x4xf32>, %c: tensor<3x3xf32>) {
  // expected-error @below {{'lathe.rotate_pairs' op dimensions is 6 but the last dimension of input is 4, needed an even number from 2 to that}}
  %y = lathe.rotate_pairs %x, %c, %c halves dimensions 6
      : (tensor<3x4xf32>, tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @rotate_pairs_c2(%x: tensor<3x4xf32>, %c: tensor<3x2xf32>, %s: tensor<1x2xf32>) {
  // expected-error @below {{cosines are 'tensor<3x2xf32>' and sines 'tensor<1x2xf32>' for an input of rank 2, needed one shape of rank 1 to that}}
  %y = lathe.rotate_pairs %x, %c, %s halves dimensions 4
      : (tensor<3x4xf32>, tensor<3x2xf32>, tensor<1x2xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @rotate_pairs_c3(%x: tensor<3x4xf32>, %c: tensor<3x3xf32>) {
  // expected-error @below {{cosines are 'tensor<3x3xf32>' for 'tensor<3x4xf32>', needed 2 or 4 in the last dimension, and 1 or the input's size in each other}}
  %y = lathe.rotate_pairs %x, %c, %c halves dimensions 4
      : (tensor<3x4xf32>, tensor<3x3xf32>, tensor<3x3xf32>) -> tensor<3x4xf32>
  return
}
