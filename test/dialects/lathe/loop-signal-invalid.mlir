// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @dft_c1(%a0: tensor<1x8x1xf32>) {
  // expected-error @below {{'lathe.dft' op has 2 lengths, needed one}}
  %y = lathe.dft %a0 length affine_map<()[s0, s1, s2] -> (8, 8)> inverse false sizes affine_map<()[s0, s1, s2] -> (1, 8, 2)>
      : (tensor<1x8x1xf32>) -> tensor<1x8x2xf32>
  return
}

// -----

func.func @dft_c2(%a0: tensor<1x8x3xf32>) {
  // expected-error @below {{'lathe.dft' op takes 'tensor<1x8x3xf32>' to 'tensor<1x8x2xf32>', needed [batch, n, 1 or 2]}}
  %y = lathe.dft %a0 length affine_map<()[s0, s1, s2] -> (8)> inverse false sizes affine_map<()[s0, s1, s2] -> (1, 8, 2)>
      : (tensor<1x8x3xf32>) -> tensor<1x8x2xf32>
  return
}
