// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @slice_c1(%x: tensor<4x8xf32>) {
  // expected-error @below {{has 2 starts, 1 steps and 2 sizes for 'tensor<4x8xf32>' and 'tensor<4x8xf32>', needed one for each dimension}}
  %y = lathe.slice %x starts affine_map<()[s0, s1] -> (0, 0)> steps [1] sizes affine_map<()[s0, s1] -> (4, 8)>
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @slice_c2(%x: tensor<4xf32>, %s: !lathe.sizes<2>) {
  // expected-error @below {{sizes has 0 dimensions and 2 symbols, needed 0 and one symbol for each of the 3 dimensions of the operands}}
  %y = lathe.slice %x from %s starts affine_map<()[s0, s1, s2] -> (0)> steps [1] sizes affine_map<()[s0, s1] -> (s1)>
      : (tensor<4xf32>, !lathe.sizes<2>) -> tensor<?xf32>
  return
}

// -----

func.func @slice_c2_result(%x: tensor<4xf32>) {
  // expected-error @below {{result dimension 0 is 3 but sizes say 2}}
  %y = lathe.slice %x starts affine_map<()[s0] -> (0)> steps [1] sizes affine_map<()[s0] -> (s0 - 2)>
      : (tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @slice_c3(%x: tensor<4xf32>) {
  // expected-error @below {{takes 'tensor<4xf32>' to 'tensor<2xf16>' in steps of [2], needed steps that are not 0 and one element type}}
  %y = lathe.slice %x starts affine_map<()[s0] -> (0)> steps [2] sizes affine_map<()[s0] -> (2)>
      : (tensor<4xf32>) -> tensor<2xf16>
  return
}

// -----

func.func @slice_c4(%x: tensor<4xf32>) {
  // expected-error @below {{reads elements 1 to 5 of dimension 0, which has 4}}
  %y = lathe.slice %x starts affine_map<()[s0] -> (1)> steps [2] sizes affine_map<()[s0] -> (3)>
      : (tensor<4xf32>) -> tensor<3xf32>
  return
}
