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

// -----

func.func @join_blocks_c1(%c: tensor<4x48xi8>, %s: tensor<4x1xf32>) {
  // expected-error @below {{'lathe.join_blocks' op result is 'tensor<4x48x!lathe.blocked<i8, block = [1, 32], scale = f32, zero = none, outer_scale = none>>', needed a matrix of whole blocks of a type with a float scale and no outer scale}}
  %0 = lathe.join_blocks %c, %s : (tensor<4x48xi8>, tensor<4x1xf32>)
      -> tensor<4x48x!lathe.blocked<i8, block = [1, 32], scale = f32, zero = none, outer_scale = none>>
  return
}

// -----

func.func @join_blocks_c2(%c: tensor<4x16xui8>, %s: tensor<4x2xf16>, %z: tensor<4x2xui8>) {
  // expected-error @below {{'lathe.join_blocks' op codes are 'tensor<4x16xui8>' but the result is 'tensor<4x64x!lathe.blocked<ui4, block = [1, 32], scale = f16, zero = ui8, outer_scale = none>>', needed a byte for each code, or the bytes that they are packed in}}
  %0 = lathe.join_blocks %c, %s, %z : (tensor<4x16xui8>, tensor<4x2xf16>, tensor<4x2xui8>)
      -> tensor<4x64x!lathe.blocked<ui4, block = [1, 32], scale = f16, zero = ui8, outer_scale = none>>
  return
}

// -----

func.func @join_blocks_c3(%c: tensor<4x64xi8>, %s: tensor<4x3xf32>) {
  // expected-error @below {{'lathe.join_blocks' op scales are 'tensor<4x3xf32>', needed 'f32' for 4 x 2 blocks, or 1 where they share one}}
  %0 = lathe.join_blocks %c, %s : (tensor<4x64xi8>, tensor<4x3xf32>)
      -> tensor<4x64x!lathe.blocked<i8, block = [1, 32], scale = f32, zero = none, outer_scale = none>>
  return
}

// -----

func.func @join_blocks_c4(%c: tensor<4x64xui8>, %s: tensor<4x2xf16>) {
  // expected-error @below {{'lathe.join_blocks' op has no zeros but the zero of a block is 'ui8'}}
  %0 = lathe.join_blocks %c, %s : (tensor<4x64xui8>, tensor<4x2xf16>)
      -> tensor<4x64x!lathe.blocked<ui4, block = [1, 32], scale = f16, zero = ui8, outer_scale = none>>
  return
}

// -----

func.func @fake_quantize_c1(%x: tensor<2x4xf32>, %s: tensor<4xf32>, %z: tensor<f32>) {
  // expected-error @below {{'lathe.fake_quantize' op has a scale or zero 'tensor<4xf32>' for 'tensor<2x4xf32>', needed no dimensions, or as many, each 1 or the input's}}
  %0 = lathe.fake_quantize %x, %s, %z from 0 to 255 : (tensor<2x4xf32>, tensor<4xf32>, tensor<f32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @fake_quantize_c2(%x: tensor<2x4xf32>, %s: tensor<f32>) {
  // expected-error @below {{'lathe.fake_quantize' op goes from 127 to -128, needed numbers of at most 24 bits, the lower first}}
  %0 = lathe.fake_quantize %x, %s, %s from 127 to -128 : (tensor<2x4xf32>, tensor<f32>, tensor<f32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @round_rows_c1(%x: tensor<?x64xf32>) {
  // expected-error @below {{rounds 'tensor<?x64xf32>' to codes 'tensor<?x64xi8>' and scales 'tensor<?x2xf32>', needed codes of its shape and a scale for each row}}
  %c, %s = lathe.round_rows %x : tensor<?x64xf32> -> tensor<?x64xi8>, tensor<?x2xf32>
  return
}
