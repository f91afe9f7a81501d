// RUN: lathe-opt %s --split-input-file --verify-diagnostics
// One case for each numbered constraint of the operations in the .td file; the messages are complete.

func.func @panel_conv_c1(%x: tensor<8x8x4xf32>, %p: tensor<1x1x4x16xf32>) {
  // expected-error @below {{'lathe.panel_conv' op ranks of input, panels and result are 3, 4 and 3, needed 4}}
  %0 = lathe.panel_conv %x, %p window [1, 1] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<8x8x4xf32>, tensor<1x1x4x16xf32> -> tensor<8x8x4xf32>
  return
}

// -----

func.func @panel_conv_c2(%x: tensor<1x8x8x4xf32>, %p: tensor<1x1x4x16xf32>) {
  // expected-error @below {{'lathe.panel_conv' op window has 1 sizes, needed 2}}
  %0 = lathe.panel_conv %x, %p window [1] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<1x8x8x4xf32>, tensor<1x1x4x16xf32> -> tensor<1x8x8x4xf32>
  return
}

// -----

func.func @panel_conv_c3_groups(%x: tensor<1x8x8x4xf32>, %p: tensor<3x1x4x16xf32>) {
  // expected-error @below {{'lathe.panel_conv' op groups is 3, input 'tensor<1x8x8x4xf32>' and result 'tensor<1x8x8x4xf32>', needed known channels that groups divides}}
  %0 = lathe.panel_conv %x, %p window [1, 1] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 3 :
      tensor<1x8x8x4xf32>, tensor<3x1x4x16xf32> -> tensor<1x8x8x4xf32>
  return
}

// -----

func.func @panel_conv_c3_panels(%x: tensor<1x8x8x4xf32>, %p: tensor<1x1x4x16xf32>) {
  // expected-error @below {{'lathe.panel_conv' op panels are 'tensor<1x1x4x16xf32>', needed the shape [1, 2, 4, 16]}}
  %0 = lathe.panel_conv %x, %p window [1, 1] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<1x8x8x4xf32>, tensor<1x1x4x16xf32> -> tensor<1x8x8x17xf32>
  return
}

// -----

func.func @panel_conv_c4(%x: tensor<1x8x8x4xf32>, %p: tensor<1x1x4x16xf32>) {
  // expected-error @below {{'lathe.panel_conv' op result dimension 1 is 8 but the windows give 4}}
  %0 = lathe.panel_conv %x, %p window [1, 1] strides [2, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<1x8x8x4xf32>, tensor<1x1x4x16xf32> -> tensor<1x8x8x4xf32>
  return
}

// -----

func.func @tile_conv_c1(%x: tensor<1x8x8x4xf32>, %p: tensor<1x1x64x64xf16>) {
  // expected-error @below {{'lathe.tile_conv' op input, filter and result are 'tensor<1x8x8x4xf32>', 'tensor<1x1x64x64xf16>' and 'tensor<1x8x8x4xf32>', needed rank 4, and f16 or bf16 for input and filter}}
  %0 = lathe.tile_conv %x, %p window [1, 1] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x8x8x4xf32>, tensor<1x1x64x64xf16> -> tensor<1x8x8x4xf32>
  return
}

// -----

func.func @tile_conv_c2(%x: tensor<1x8x8x4xf16>, %p: tensor<1x1x64x64xf16>) {
  // expected-error @below {{'lathe.tile_conv' op window has 3 sizes, needed 2}}
  %0 = lathe.tile_conv %x, %p window [1, 1, 1] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x8x8x4xf16>, tensor<1x1x64x64xf16> -> tensor<1x8x8x4xf32>
  return
}

// -----

func.func @tile_conv_c3_channels(%x: tensor<1x8x8x?xf16>, %p: tensor<1x1x64x64xf16>) {
  // expected-error @below {{'lathe.tile_conv' op input is 'tensor<1x8x8x?xf16>' and result 'tensor<1x8x8x4xf32>', needed known channels}}
  %0 = lathe.tile_conv %x, %p window [1, 1] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x8x8x?xf16>, tensor<1x1x64x64xf16> -> tensor<1x8x8x4xf32>
  return
}

// -----

func.func @tile_conv_c3_tiles(%x: tensor<1x8x8x8xf16>, %p: tensor<1x1x64x64xf16>) {
  // expected-error @below {{'lathe.tile_conv' op filter is 'tensor<1x1x64x64xf16>', needed the shape [2, 2, 64, 64]}}
  %0 = lathe.tile_conv %x, %p window [3, 3] strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] :
      tensor<1x8x8x8xf16>, tensor<1x1x64x64xf16> -> tensor<1x8x8x65xf32>
  return
}

// -----

func.func @tile_conv_c4(%x: tensor<1x8x8x4xf16>, %p: tensor<1x1x64x64xf16>) {
  // expected-error @below {{'lathe.tile_conv' op result dimension 2 is 8 but the windows give 4}}
  %0 = lathe.tile_conv %x, %p window [1, 1] strides [1, 2] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x8x8x4xf16>, tensor<1x1x64x64xf16> -> tensor<1x8x8x4xf32>
  return
}

// -----

func.func @depthwise_conv_c1(%x: tensor<1x8x8x4xf32>, %f: tensor<1x1x1x4xf32>) {
  // expected-error @below {{'lathe.depthwise_conv' op ranks of input, filter and result are 4, 4 and 4, needed 4, 3 and 4}}
  %0 = lathe.depthwise_conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x8x8x4xf32>, tensor<1x1x1x4xf32> -> tensor<1x8x8x4xf32>
  return
}

// -----

func.func @depthwise_conv_c2(%x: tensor<1x8x8x4xf32>, %f: tensor<1x1x4xf32>) {
  // expected-error @below {{'lathe.depthwise_conv' op strides are [0, 1], needed 2 positive numbers}}
  %0 = lathe.depthwise_conv %x, %f strides [0, 1] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x8x8x4xf32>, tensor<1x1x4xf32> -> tensor<1x8x8x4xf32>
  return
}

// -----

func.func @depthwise_conv_c3(%x: tensor<1x8x8x4xf32>, %f: tensor<1x1x5xf32>) {
  // expected-error @below {{'lathe.depthwise_conv' op channels of input 'tensor<1x8x8x4xf32>', filter 'tensor<1x1x5xf32>' and result 'tensor<1x8x8x4xf32>' differ}}
  %0 = lathe.depthwise_conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x8x8x4xf32>, tensor<1x1x5xf32> -> tensor<1x8x8x4xf32>
  return
}

// -----

func.func @depthwise_conv_c4(%x: tensor<1x8x8x4xf32>, %f: tensor<3x3x4xf32>) {
  // expected-error @below {{'lathe.depthwise_conv' op result dimension 1 is 8 but the windows give 6}}
  %0 = lathe.depthwise_conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x8x8x4xf32>, tensor<3x3x4xf32> -> tensor<1x8x8x4xf32>
  return
}

// -----

func.func @channel_max_pool_c1(%x: tensor<1x8x8x4xf32>) {
  // expected-error @below {{'lathe.channel_max_pool' op input is 'tensor<1x8x8x4xf32>' and result 'tensor<1x8x8x4xf16>', needed rank 4 and one element type}}
  %0 = lathe.channel_max_pool %x window [1, 1] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x8x8x4xf32> -> tensor<1x8x8x4xf16>
  return
}

// -----

func.func @channel_max_pool_c2(%x: tensor<1x8x8x4xf32>) {
  // expected-error @below {{'lathe.channel_max_pool' op pads are [0, 2, 0, 0] but windows reach over 2 elements of dimension 2, so some would be empty}}
  %0 = lathe.channel_max_pool %x window [1, 2] strides [1, 1] pads [0, 2, 0, 0] dilations [1, 1] :
      tensor<1x8x8x4xf32> -> tensor<1x8x9x4xf32>
  return
}

// -----

func.func @channel_max_pool_c3(%x: tensor<1x8x8x4xf32>) {
  // expected-error @below {{'lathe.channel_max_pool' op input is 'tensor<1x8x8x4xf32>' but the result 'tensor<1x8x8x5xf32>'}}
  %0 = lathe.channel_max_pool %x window [1, 1] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<1x8x8x4xf32> -> tensor<1x8x8x5xf32>
  return
}
