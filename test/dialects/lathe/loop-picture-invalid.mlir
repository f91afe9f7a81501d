// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @resize_c1(%a0: tensor<4xf32>, %a1: tensor<1xf32>, %a2: tensor<2xf32>) {
  // expected-error @below {{'lathe.resize' op takes 'tensor<4xf32>' to 'tensor<8xf16>', needed one rank and element type}}
  %y = lathe.resize %a0, %a1, %a2 nearest half_pixel floor cubic -0.75 antialias false exclude_outside false extrapolation 0.0 sizes affine_map<()[s0, s1, s2] -> (8)>
      : (tensor<4xf32>, tensor<1xf32>, tensor<2xf32>) -> tensor<8xf16>
  return
}

// -----

func.func @resize_c2(%a0: tensor<4xf32>, %a1: tensor<1xf32>, %a2: tensor<1xf32>) {
  // expected-error @below {{'lathe.resize' op roi is 'tensor<1xf32>', needed 'tensor<2xf32>'}}
  %y = lathe.resize %a0, %a1, %a2 nearest half_pixel floor cubic -0.75 antialias false exclude_outside false extrapolation 0.0 sizes affine_map<()[s0, s1, s2] -> (8)>
      : (tensor<4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @resize_c3(%a0: tensor<4xf32>, %a1: tensor<1xf32>, %a2: tensor<2xf32>) {
  // expected-error @below {{'lathe.resize' op nearest is 'middle', needed one of round_prefer_floor, round_prefer_ceil, floor, ceil}}
  %y = lathe.resize %a0, %a1, %a2 nearest half_pixel middle cubic -0.75 antialias false exclude_outside false extrapolation 0.0 sizes affine_map<()[s0, s1, s2] -> (8)>
      : (tensor<4xf32>, tensor<1xf32>, tensor<2xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @grid_sample_c1(%a0: tensor<1x3x4x4xf32>, %a1: tensor<1x6x6x3xf32>) {
  // expected-error @below {{'lathe.grid_sample' op grid is 'tensor<1x6x6x3xf32>', needed 'tensor<1x?x?x2xf32>'}}
  %y = lathe.grid_sample %a0, %a1 linear zeros align_corners false
      : (tensor<1x3x4x4xf32>, tensor<1x6x6x3xf32>) -> tensor<1x3x6x6xf32>
  return
}

// -----

func.func @grid_sample_c2(%a0: tensor<1x3x4x4xf32>, %a1: tensor<1x6x6x2xf32>) {
  // expected-error @below {{'lathe.grid_sample' op padding is 'ones', needed one of zeros, border, reflection}}
  %y = lathe.grid_sample %a0, %a1 linear ones align_corners false
      : (tensor<1x3x4x4xf32>, tensor<1x6x6x2xf32>) -> tensor<1x3x6x6xf32>
  return
}

// -----

func.func @roi_align_c1(%a0: tensor<1x3x8x8xf32>, %a1: tensor<2x5xf32>, %a2: tensor<2xi64>) {
  // expected-error @below {{'lathe.roi_align' op rois is 'tensor<2x5xf32>', needed 'tensor<2x4xf32>', not quantized}}
  %y = lathe.roi_align %a0, %a1, %a2 average samples 2 scale 1.0 half_pixel true
      : (tensor<1x3x8x8xf32>, tensor<2x5xf32>, tensor<2xi64>) -> tensor<2x3x4x4xf32>
  return
}

// -----

func.func @roi_align_c2(%a0: tensor<1x3x8x8xf32>, %a1: tensor<2x4xf32>, %a2: tensor<2xi64>) {
  // expected-error @below {{'lathe.roi_align' op mode is 'mean', needed one of average, max}}
  %y = lathe.roi_align %a0, %a1, %a2 mean samples 2 scale 1.0 half_pixel true
      : (tensor<1x3x8x8xf32>, tensor<2x4xf32>, tensor<2xi64>) -> tensor<2x3x4x4xf32>
  return
}
