// RUN: lathe-opt %s --split-input-file --verify-diagnostics
// One case for each numbered constraint of the operations in the .td file; the messages are complete.

func.func @rms_norm_c1(%x: tensor<?x64xf32>, %w: tensor<32xf32>) {
  // expected-error @below {{'lathe.rms_norm' op weight has 32 elements but the last dimension of input has 64}}
  %0 = lathe.rms_norm %x, %w epsilon 1.0e-05 : tensor<?x64xf32>, tensor<32xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<?x64xf32>, %w: tensor<64xf32>) {
  // expected-error @below {{'lathe.rms_norm' op epsilon is 0.000000e+00, needed > 0}}
  %0 = lathe.rms_norm %x, %w epsilon 0.0 : tensor<?x64xf32>, tensor<64xf32>
  return
}

// -----

func.func @softmax_c1(%x: tensor<f32>) {
  // expected-error @below {{'lathe.softmax' op input has rank 0, needed at least 1}}
  %0 = lathe.softmax %x : tensor<f32>
  return
}

// -----

func.func @max_pool_c1(%x: tensor<1x2x8x8xf32>) {
  // expected-error @below {{'lathe.max_pool' op input is 'tensor<1x2x8x8xf32>' and result 'tensor<1x2x4x4xf16>', needed rank 4 and one element type}}
  %0 = lathe.max_pool %x window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x2x8x8xf32> -> tensor<1x2x4x4xf16>
  return
}

// -----

func.func @max_pool_c2(%x: tensor<1x2x8x8xf32>) {
  // expected-error @below {{'lathe.max_pool' op window has 1 sizes, needed 2}}
  %0 = lathe.max_pool %x window [2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x2x8x8xf32> -> tensor<1x2x4x4xf32>
  return
}

// -----

func.func @max_pool_c2_sizes(%x: tensor<1x2x8x8xf32>) {
  // expected-error @below {{'lathe.max_pool' op window is [2, 0], needed positive numbers}}
  %0 = lathe.max_pool %x window [2, 0] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x2x8x8xf32> -> tensor<1x2x4x4xf32>
  return
}

// -----

func.func @max_pool_c2_strides(%x: tensor<1x2x8x8xf32>) {
  // expected-error @below {{'lathe.max_pool' op strides are [2, 0], needed 2 positive numbers}}
  %0 = lathe.max_pool %x window [2, 2] strides [2, 0] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x2x8x8xf32> -> tensor<1x2x4x4xf32>
  return
}

// -----

func.func @max_pool_c2_pads(%x: tensor<1x2x8x8xf32>) {
  // expected-error @below {{'lathe.max_pool' op pads are [2, 0, 0, 0] but windows reach over 2 elements of dimension 2, so some would be empty}}
  %0 = lathe.max_pool %x window [2, 2] strides [2, 2] pads [2, 0, 0, 0] dilations [1, 1] :
      tensor<1x2x8x8xf32> -> tensor<1x2x4x4xf32>
  return
}

// -----

func.func @max_pool_c3(%x: tensor<1x2x8x8xf32>) {
  // expected-error @below {{'lathe.max_pool' op result dimension 2 is 5 but the windows give 4}}
  %0 = lathe.max_pool %x window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x2x8x8xf32> -> tensor<1x2x5x4xf32>
  return
}

// -----

func.func @max_pool_c3_channels(%x: tensor<1x2x8x8xf32>) {
  // expected-error @below {{'lathe.max_pool' op input is 'tensor<1x2x8x8xf32>' but the result 'tensor<1x3x4x4xf32>'}}
  %0 = lathe.max_pool %x window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x2x8x8xf32> -> tensor<1x3x4x4xf32>
  return
}

// -----

func.func @layer_norm_c1(%x: tensor<2x3xf32>) {
  // expected-error @below {{'lathe.layer_norm' op axis is 2 but the input has 2 dimensions}}
  %0 = lathe.layer_norm %x axis 2 epsilon 1.0 : tensor<2x3xf32>
  return
}

// -----

func.func @layer_norm_c2(%x: tensor<2x3xf32>, %b: tensor<3xf32>) {
  // expected-error @below {{'lathe.layer_norm' op bias is 'tensor<3xf32>', needed the dimensions of 'tensor<2x3xf32>' from 0 on}}
  %0 = lathe.layer_norm %x bias %b : tensor<3xf32> axis 0 epsilon 1.0 : tensor<2x3xf32>
  return
}

// -----

func.func @layer_norm_c3(%x: tensor<2x3xf32>) {
  // expected-error @below {{'lathe.layer_norm' op epsilon is -1.000000e+00, needed >= 0}}
  %0 = lathe.layer_norm %x axis 1 epsilon -1.0 : tensor<2x3xf32>
  return
}
