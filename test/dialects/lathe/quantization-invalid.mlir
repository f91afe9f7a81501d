// RUN: lathe-opt %s --split-input-file --verify-diagnostics
// One case for each numbered constraint of the operations in the .td file; the messages are complete.

func.func @quantize_c1(%x: tensor<2x64xf32>) {
  // expected-error @below {{'lathe.quantize' op input is 'tensor<2x64xf32>' but the result is 'tensor<4x32x!lathe.gguf<q8_0>>', needed one shape}}
  %0 = lathe.quantize %x : tensor<2x64xf32> -> tensor<4x32x!lathe.gguf<q8_0>>
  return
}

// -----

func.func @quantize_c2(%x: tensor<16x64xf32>) {
  // expected-error @below {{'lathe.quantize' op result has elements of type '!lathe.gguf_panels<q8_0>', which nothing packs values into}}
  %0 = lathe.quantize %x : tensor<16x64xf32> -> tensor<16x64x!lathe.gguf_panels<q8_0>>
  return
}

// -----

func.func @quantize_c3_part_of_a_block(%x: tensor<2x48xf32>) {
  // expected-error @below {{'lathe.quantize' op result is 'tensor<2x48x!lathe.gguf<q8_0>>', needed whole blocks of 1 x 32 in the last dimensions}}
  %0 = lathe.quantize %x : tensor<2x48xf32> -> tensor<2x48x!lathe.gguf<q8_0>>
  return
}

// -----

func.func @quantize_c3_unknown_length(%x: tensor<2x?xf32>) {
  // expected-error @below {{'lathe.quantize' op result is 'tensor<2x?x!lathe.gguf<q8_0>>', needed whole blocks of 1 x 32 in the last dimensions}}
  %0 = lathe.quantize %x : tensor<2x?xf32> -> tensor<2x?x!lathe.gguf<q8_0>>
  return
}
