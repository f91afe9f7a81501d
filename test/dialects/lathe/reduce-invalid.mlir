// RUN: lathe-opt %s --split-input-file --verify-diagnostics
// One case for each numbered constraint of the operations in the .td file; the messages are complete.

func.func @reduce_c1(%x: tensor<2x3xf32>) {
  // expected-error @below {{'lathe.reduce' op axes are [1, 0], needed dimensions of 'tensor<2x3xf32>' in ascending order}}
  %0 = lathe.reduce sum %x axes [1, 0] : tensor<2x3xf32> -> tensor<f32>
  return
}

// -----

func.func @reduce_c1_outside(%x: tensor<2x3xf32>) {
  // expected-error @below {{'lathe.reduce' op axes are [2], needed dimensions of 'tensor<2x3xf32>' in ascending order}}
  %0 = lathe.reduce sum %x axes [2] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @reduce_c2(%x: tensor<2x3xf32>) {
  // expected-error @below {{'lathe.reduce' op input 'tensor<2x3xf32>' without dimensions [1] does not give 'tensor<2x1xf32>'}}
  %0 = lathe.reduce sum %x axes [1] : tensor<2x3xf32> -> tensor<2x1xf32>
  return
}

// -----

func.func @reduce_c2_type(%x: tensor<2x3xf32>) {
  // expected-error @below {{'lathe.reduce' op element types are 'f32' and 'f64', needed one type}}
  %0 = lathe.reduce sum %x axes [1] : tensor<2x3xf32> -> tensor<2xf64>
  return
}

// -----

func.func @reduce_c3(%x: tensor<2x3xf32>) {
  // expected-error @below {{'lathe.reduce' op 'and' of elements of type 'f32', needed integers or i1}}
  %0 = lathe.reduce and %x axes [1] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @reduce_c3_bool(%x: tensor<2x3xi1>) {
  // expected-error @below {{'lathe.reduce' op 'sum' of elements of type 'i1', needed numbers}}
  %0 = lathe.reduce sum %x axes [1] : tensor<2x3xi1> -> tensor<2xi1>
  return
}

// -----

func.func @arg_max_c1(%x: tensor<2x3xf32>) {
  // expected-error @below {{'lathe.arg_max' op axis is 2, needed a dimension of 'tensor<2x3xf32>'}}
  %0 = lathe.arg_max %x axis 2 : tensor<2x3xf32> -> tensor<2xi64>
  return
}

// -----

func.func @arg_max_c2(%x: tensor<2x3xf32>) {
  // expected-error @below {{'lathe.arg_max' op input 'tensor<2x3xf32>' without dimensions [1] does not give 'tensor<3xi64>'}}
  %0 = lathe.arg_max %x axis 1 : tensor<2x3xf32> -> tensor<3xi64>
  return
}

// -----

func.func @arg_min_c1(%x: tensor<2x3xf32>) {
  // expected-error @below {{'lathe.arg_min' op axis is 3, needed a dimension of 'tensor<2x3xf32>'}}
  %0 = lathe.arg_min %x axis 3 : tensor<2x3xf32> -> tensor<2xi64>
  return
}

// -----

func.func @arg_min_c2(%x: tensor<2x3xf32>) {
  // expected-error @below {{'lathe.arg_min' op input 'tensor<2x3xf32>' without dimensions [0] does not give 'tensor<3xi64>'}}
  %0 = lathe.arg_min %x axis 0 keep : tensor<2x3xf32> -> tensor<3xi64>
  return
}
