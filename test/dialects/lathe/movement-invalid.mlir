// RUN: lathe-opt %s --split-input-file --verify-diagnostics
// One case for each numbered constraint of the operations in the .td file; the messages are complete.

func.func @reshape_c1(%x: tensor<4xf32>) {
  // expected-error @below {{'lathe.reshape' op shape has 1 entries but the result has rank 2}}
  %0 = lathe.reshape %x shape [4] : tensor<4xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @reshape_c1_two_unknown(%x: tensor<4xf32>) {
  // expected-error @below {{'lathe.reshape' op shape is [-1, -1], needed at most one -1}}
  %0 = lathe.reshape %x shape [-1, -1] : tensor<4xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @reshape_c1_no_size_to_keep(%x: tensor<4xf32>) {
  // expected-error @below {{'lathe.reshape' op shape is [4, 0] but entry 1 names no size of 'tensor<4xf32>'}}
  %0 = lathe.reshape %x shape [4, 0] : tensor<4xf32> -> tensor<4x1xf32>
  return
}

// -----

func.func @reshape_c2(%x: tensor<4x?xf32>) {
  // expected-error @below {{'lathe.reshape' op result dimension 0 is 5 but shape gives 4}}
  %0 = lathe.reshape %x shape [0, 3] : tensor<4x?xf32> -> tensor<5x3xf32>
  return
}

// -----

func.func @reshape_c2_elements(%x: tensor<4xf32>) {
  // expected-error @below {{'lathe.reshape' op input has 4 elements but the result 5}}
  %0 = lathe.reshape %x shape [5] : tensor<4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @reshape_c3(%x: tensor<4xf32>) {
  // expected-error @below {{'lathe.reshape' op element types are 'f32' and 'f16', needed one type that is not quantized}}
  %0 = lathe.reshape %x shape [4] : tensor<4xf32> -> tensor<4xf16>
  return
}

// -----

func.func @reshape_c3_blocks(%x: tensor<32x!lathe.gguf<q8_0>>) {
  // expected-error @below {{'lathe.reshape' op element types are '!lathe.gguf<q8_0>' and '!lathe.gguf<q8_0>', needed one type that is not quantized}}
  %0 = lathe.reshape %x shape [1, 32] : tensor<32x!lathe.gguf<q8_0>> -> tensor<1x32x!lathe.gguf<q8_0>>
  return
}

// -----

func.func @transpose_c1(%x: tensor<2x3xf32>) {
  // expected-error @below {{'lathe.transpose' op permutation is [0, 0], needed each of the 2 dimensions once}}
  %0 = lathe.transpose %x permutation [0, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @transpose_c2(%x: tensor<2x3xf32>) {
  // expected-error @below {{'lathe.transpose' op result is 'tensor<2x3xf32>' but the input is 'tensor<2x3xf32>' and permutation [1, 0]}}
  %0 = lathe.transpose %x permutation [1, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @gather_c1(%t: tensor<8x4xf32>, %i: tensor<2x2xi32>) {
  // expected-error @below {{'lathe.gather' op ranks of table, indices and result are 2, 2 and 2, needed 2, 1 and 2}}
  %0 = lathe.gather %t, %i : tensor<8x4xf32>, tensor<2x2xi32> -> tensor<2x4xf32>
  return
}

// -----

func.func @gather_c1_sizes(%t: tensor<8x4xf32>, %i: tensor<2xi32>) {
  // expected-error @below {{'lathe.gather' op result is 'tensor<3x4xf32>' but the table is 'tensor<8x4xf32>' and indices 'tensor<2xi32>'}}
  %0 = lathe.gather %t, %i : tensor<8x4xf32>, tensor<2xi32> -> tensor<3x4xf32>
  return
}

// -----

func.func @gather_c2(%t: tensor<8x4xf32>, %i: tensor<2xi32>) {
  // expected-error @below {{'lathe.gather' op result has elements of type 'f16', needed 'f32' or f32}}
  %0 = lathe.gather %t, %i : tensor<8x4xf32>, tensor<2xi32> -> tensor<2x4xf16>
  return
}
