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

// -----

func.func @expand_c1(%a0: tensor<1xf32>) {
  // expected-error @below {{'lathe.expand' op sizes has 0 dimensions and 2 symbols, needed 0 and one symbol for each of the 1 dimensions of the operands}}
  %y = lathe.expand %a0 sizes affine_map<()[s0, s1] -> (3)>
      : (tensor<1xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @expand_c1_result(%a0: tensor<1xf32>) {
  // expected-error @below {{'lathe.expand' op result dimension 0 is 3 but sizes say 4}}
  %y = lathe.expand %a0 sizes affine_map<()[s0] -> (4)>
      : (tensor<1xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @expand_c2(%a0: tensor<2xf32>) {
  // expected-error @below {{'lathe.expand' op cannot repeat 'tensor<2xf32>' to 'tensor<3xf32>'}}
  %y = lathe.expand %a0 sizes affine_map<()[s0] -> (3)>
      : (tensor<2xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @expand_c3(%a0: tensor<1xf32>) {
  // expected-error @below {{'lathe.expand' op takes 'tensor<1xf32>' to 'tensor<3xf16>', needed one element type that is not quantized}}
  %y = lathe.expand %a0 sizes affine_map<()[s0] -> (3)>
      : (tensor<1xf32>) -> tensor<3xf16>
  return
}

// -----

func.func @concat_c1(%a0: tensor<1xf32>, %a1: tensor<2xf16>) {
  // expected-error @below {{'lathe.concat' op an input is 'tensor<2xf16>', needed 'tensor<?xf32>', not quantized}}
  %y = lathe.concat %a0, %a1 axis 0
      : (tensor<1xf32>, tensor<2xf16>) -> tensor<3xf32>
  return
}

// -----

func.func @concat_c1_axis(%a0: tensor<1xf32>) {
  // expected-error @below {{'lathe.concat' op axis is 1 but there are 1 dimensions}}
  %y = lathe.concat %a0 axis 1
      : (tensor<1xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @concat_c2(%a0: tensor<1xf32>, %a1: tensor<2xf32>) {
  // expected-error @below {{'lathe.concat' op result dimension 0 is 4 but the inputs have 3 together}}
  %y = lathe.concat %a0, %a1 axis 0
      : (tensor<1xf32>, tensor<2xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @pad_c1(%a0: tensor<4xf32>, %a1: tensor<f32>) {
  // expected-error @below {{'lathe.pad' op takes 'tensor<4xf32>' to 'tensor<6xf32>' with 2 pads, needed one for each dimension}}
  %y = lathe.pad %a0, %a1 constant low affine_map<()[s0] -> (1, 1)> sizes affine_map<()[s0] -> (6)>
      : (tensor<4xf32>, tensor<f32>) -> tensor<6xf32>
  return
}

// -----

func.func @pad_c2(%a0: tensor<4xf32>, %a1: tensor<f32>) {
  // expected-error @below {{'lathe.pad' op mode is 'mirror', needed one of constant, edge, reflect, wrap}}
  %y = lathe.pad %a0, %a1 mirror low affine_map<()[s0] -> (1)> sizes affine_map<()[s0] -> (6)>
      : (tensor<4xf32>, tensor<f32>) -> tensor<6xf32>
  return
}

// -----

func.func @pad_c3(%a0: tensor<4xf32>, %a1: tensor<1xf32>) {
  // expected-error @below {{'lathe.pad' op takes 'tensor<4xf32>' and 'tensor<1xf32>' to 'tensor<6xf32>', needed one element type that is not quantized and a value of rank 0}}
  %y = lathe.pad %a0, %a1 constant low affine_map<()[s0, s1] -> (1)> sizes affine_map<()[s0, s1] -> (6)>
      : (tensor<4xf32>, tensor<1xf32>) -> tensor<6xf32>
  return
}

// -----

func.func @iota_c1(%a0: tensor<4xf32>) {
  // expected-error @below {{'lathe.iota' op sizes has 0 dimensions and 0 symbols, needed 0 and one symbol for each of the 1 dimensions of the operands}}
  %y = lathe.iota from %a0 axis 0 sizes affine_map<()[] -> (4)>
      : (tensor<4xf32>) -> tensor<4xi64>
  return
}

// -----

func.func @iota_c2() {
  // expected-error @below {{'lathe.iota' op axis is 1 but there are 1 dimensions}}
  %y = lathe.iota axis 1 sizes affine_map<()[] -> (4)>
      : () -> tensor<4xi64>
  return
}

// -----

func.func @reshape_to_c1(%x: tensor<4xf32>) {
  // expected-error @below {{'lathe.reshape_to' op sizes has 0 dimensions and 0 symbols, needed 0 and one symbol for each of the 1 dimensions of the operands}}
  %y = lathe.reshape_to %x sizes affine_map<()[] -> (2, 2)>
      : (tensor<4xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @reshape_to_c2(%x: tensor<4xf32>) {
  // expected-error @below {{'lathe.reshape_to' op takes 'tensor<4xf32>' to 'tensor<2x3xf32>', needed as many elements, of one type that is not quantized}}
  %y = lathe.reshape_to %x sizes affine_map<()[s0] -> (2, 3)>
      : (tensor<4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @write_sizes_c1(%a0: tensor<4xf32>) {
  // expected-error @below {{'lathe.write_sizes' op values has 0 dimensions and 0 symbols, needed 0 and one symbol for each of the 1 dimensions of the operands}}
  %y = lathe.write_sizes from %a0 values affine_map<()[] -> (4)>
      : (tensor<4xf32>) -> tensor<1xi64>
  return
}

// -----

func.func @write_sizes_c2(%a0: tensor<4xf32>) {
  // expected-error @below {{'lathe.write_sizes' op has 1 values and gives 'tensor<2xi64>', needed an element for each}}
  %y = lathe.write_sizes from %a0 values affine_map<()[s0] -> (s0)>
      : (tensor<4xf32>) -> tensor<2xi64>
  return
}

// -----

func.func @reverse_sequence_c1(%a0: tensor<4x3xf32>, %a1: tensor<4xi64>) {
  // expected-error @below {{'lathe.reverse_sequence' op has axes 0 and 1 of 'tensor<4x3xf32>' and lengths 'tensor<4xi64>', needed two axes and a length for each sequence}}
  %y = lathe.reverse_sequence %a0, %a1 time_axis 0 batch_axis 1
      : tensor<4x3xf32>, tensor<4xi64>
  return
}

// -----

func.func @reverse_sequence_c1_axis(%a0: tensor<4x3xf32>, %a1: tensor<4xi64>) {
  // expected-error @below {{'lathe.reverse_sequence' op axis is 2 but there are 2 dimensions}}
  %y = lathe.reverse_sequence %a0, %a1 time_axis 2 batch_axis 1
      : tensor<4x3xf32>, tensor<4xi64>
  return
}
