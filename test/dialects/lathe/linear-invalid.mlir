// RUN: lathe-opt %s --split-input-file --verify-diagnostics
// One case for each numbered constraint of the operations in the .td file; the messages are complete.

func.func @matmul_c1(%x: tensor<1x2x3xf32>, %w: tensor<3x4xf32>) {
  // expected-error @below {{'lathe.matmul' op ranks of lhs, rhs and result are 3, 2 and 2, needed 2 or more, and the larger one for the result}}
  %0 = lathe.matmul %x, %w : tensor<1x2x3xf32>, tensor<3x4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @matmul_c2_k(%x: tensor<2x3xf32>, %w: tensor<4x3xf32>) {
  // expected-error @below {{'lathe.matmul' op k is 3 in lhs but 4 in rhs}}
  %0 = lathe.matmul %x, %w : tensor<2x3xf32>, tensor<4x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @matmul_c2_k_of_rows(%x: tensor<2x3xf32>, %w: tensor<3x4xf32>) {
  // expected-error @below {{'lathe.matmul' op k is 3 in lhs but 4 in rhs}}
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<2x3xf32>, tensor<3x4xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @matmul_c2_result(%x: tensor<2x3xf32>, %w: tensor<3x4xf32>) {
  // expected-error @below {{'lathe.matmul' op result is 'tensor<2x5xf32>' but lhs is 'tensor<2x3xf32>' and rhs 'tensor<3x4xf32>'}}
  %0 = lathe.matmul %x, %w : tensor<2x3xf32>, tensor<3x4xf32> -> tensor<2x5xf32>
  return
}

// -----

func.func @matmul_c3(%x: tensor<2x3xf16>, %w: tensor<3x4xbf16>) {
  // expected-error @below {{'lathe.matmul' op lhs has elements of type 'f16' but rhs of 'bf16', needed one type, or f16 or bf16 beside f32}}
  %0 = lathe.matmul %x, %w : tensor<2x3xf16>, tensor<3x4xbf16> -> tensor<2x4xf32>
  return
}

// -----

func.func @matmul_c3_blocks(%x: tensor<2x32xf32>, %w: tensor<32x32x!lathe.gguf<q8_0>>) {
  // expected-error @below {{'lathe.matmul' op rhs is 'tensor<32x32x!lathe.gguf<q8_0>>' without 'transpose_rhs', but its blocks run along the last dimension}}
  %0 = lathe.matmul %x, %w : tensor<2x32xf32>, tensor<32x32x!lathe.gguf<q8_0>> -> tensor<2x32xf32>
  return
}

// -----

func.func @matmul_c4(%x: tensor<2x2x3xf32>, %w: tensor<3x3x4xf32>) {
  // expected-error @below {{'lathe.matmul' op batch dimensions of lhs 'tensor<2x2x3xf32>' and rhs 'tensor<3x3x4xf32>' do not broadcast to 'tensor<2x2x4xf32>'}}
  %0 = lathe.matmul %x, %w : tensor<2x2x3xf32>, tensor<3x3x4xf32> -> tensor<2x2x4xf32>
  return
}

// -----

func.func @matmul_c4_blocks(%x: tensor<2x2x32xf32>, %w: tensor<2x4x32x!lathe.gguf<q8_0>>) {
  // expected-error @below {{'lathe.matmul' op rhs is 'tensor<2x4x32x!lathe.gguf<q8_0>>', but quantized blocks have no batch dimensions}}
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<2x2x32xf32>, tensor<2x4x32x!lathe.gguf<q8_0>> -> tensor<2x2x4xf32>
  return
}

// -----

func.func @conv_c1(%x: tensor<1x2x8x8xf32>, %f: tensor<4x3x3xf32>) {
  // expected-error @below {{'lathe.conv' op ranks of input, filter and result are 4, 3 and 4, needed 4}}
  %0 = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<1x2x8x8xf32>, tensor<4x3x3xf32> -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @conv_c1_elements(%x: tensor<1x2x8x8xf32>, %f: tensor<4x2x3x3xf32>) {
  // expected-error @below {{'lathe.conv' op element types are 'f32', 'f32' and 'f16', needed one type (the result may be f32)}}
  %0 = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<1x2x8x8xf32>, tensor<4x2x3x3xf32> -> tensor<1x4x6x6xf16>
  return
}

// -----

func.func @conv_c2_strides(%x: tensor<1x2x8x8xf32>, %f: tensor<4x2x3x3xf32>) {
  // expected-error @below {{'lathe.conv' op strides are [1, 0], needed 2 positive numbers}}
  %0 = lathe.conv %x, %f strides [1, 0] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<1x2x8x8xf32>, tensor<4x2x3x3xf32> -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @conv_c2_dilations(%x: tensor<1x2x8x8xf32>, %f: tensor<4x2x3x3xf32>) {
  // expected-error @below {{'lathe.conv' op dilations are [1], needed 2 positive numbers}}
  %0 = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1] groups 1 :
      tensor<1x2x8x8xf32>, tensor<4x2x3x3xf32> -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @conv_c2_pads(%x: tensor<1x2x8x8xf32>, %f: tensor<4x2x3x3xf32>) {
  // expected-error @below {{'lathe.conv' op pads are [0, 0, 0, -1], needed 4 numbers that are not negative}}
  %0 = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, -1] dilations [1, 1] groups 1 :
      tensor<1x2x8x8xf32>, tensor<4x2x3x3xf32> -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @conv_c3(%x: tensor<1x2x8x8xf32>, %f: tensor<4x2x3x3xf32>) {
  // expected-error @below {{'lathe.conv' op groups is 2, the input has 2 channels, the result 4 and the filter is 'tensor<4x2x3x3xf32>'}}
  %0 = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 2 :
      tensor<1x2x8x8xf32>, tensor<4x2x3x3xf32> -> tensor<1x4x6x6xf32>
  return
}

// -----

func.func @conv_c4(%x: tensor<1x2x8x8xf32>, %f: tensor<4x2x3x3xf32>) {
  // expected-error @below {{'lathe.conv' op result dimension 3 is 7 but the windows give 6}}
  %0 = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<1x2x8x8xf32>, tensor<4x2x3x3xf32> -> tensor<1x4x6x7xf32>
  return
}

// -----

func.func @conv_c4_window(%x: tensor<1x2x8x8xf32>, %f: tensor<4x2x3x3xf32>) {
  // expected-error @below {{'lathe.conv' op window of extent 9 does not fit into dimension 2, which has 8 and pads 0 and 0}}
  %0 = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [4, 1] groups 1 :
      tensor<1x2x8x8xf32>, tensor<4x2x3x3xf32> -> tensor<1x4x1x6xf32>
  return
}

// -----

func.func @pack_columns_c1(%w: tensor<4x8xf32>) {
  // expected-error @below {{'lathe.pack_columns' op input is 'tensor<4x8xf32>' and result 'tensor<4x16xf32>', needed rank 2 or more, one dimension more, and one element type}}
  %0 = lathe.pack_columns %w : tensor<4x8xf32> -> tensor<4x16xf32>
  return
}

// -----

func.func @pack_columns_c2(%w: tensor<4x17xf32>) {
  // expected-error @below {{'lathe.pack_columns' op packs 'tensor<4x17xf32>' into 'tensor<1x4x16xf32>', needed the shape [2, 4, 16]}}
  %0 = lathe.pack_columns %w : tensor<4x17xf32> -> tensor<1x4x16xf32>
  return
}

// -----

func.func @panel_matmul_c1(%x: tensor<2x4xf32>, %p: tensor<4x16xf32>) {
  // expected-error @below {{'lathe.panel_matmul' op lhs is 'tensor<2x4xf32>', panels 'tensor<4x16xf32>' and result 'tensor<2x16xf32>', needed one rank for lhs and result, and rank 3 for panels}}
  %0 = lathe.panel_matmul %x, %p : tensor<2x4xf32>, tensor<4x16xf32> -> tensor<2x16xf32>
  return
}

// -----

func.func @panel_matmul_c2(%x: tensor<2x4xf32>, %p: tensor<1x5x16xf32>) {
  // expected-error @below {{'lathe.panel_matmul' op sizes of lhs 'tensor<2x4xf32>', panels 'tensor<1x5x16xf32>' and result 'tensor<2x16xf32>' do not fit}}
  %0 = lathe.panel_matmul %x, %p : tensor<2x4xf32>, tensor<1x5x16xf32> -> tensor<2x16xf32>
  return
}

// -----

func.func @panel_matmul_c3(%x: tensor<2x4xf32>, %p: tensor<1x4x16xf32>) {
  // expected-error @below {{'lathe.panel_matmul' op result is 'tensor<2x17xf32>' but there are 1 panels of 16 columns}}
  %0 = lathe.panel_matmul %x, %p : tensor<2x4xf32>, tensor<1x4x16xf32> -> tensor<2x17xf32>
  return
}

// -----

func.func @pack_blocks_c1(%w: tensor<16x256x!lathe.gguf<q4_k>>) {
  // expected-error @below {{'lathe.pack_blocks' op packs 'tensor<16x256x!lathe.gguf<q4_k>>' into 'tensor<16x256x!lathe.gguf_panels<q6_k>>', needed a matrix of GGUF blocks or of row blocks that have tiles, and one of panels or tiles of the same format}}
  %0 = lathe.pack_blocks %w : tensor<16x256x!lathe.gguf<q4_k>> -> tensor<16x256x!lathe.gguf_panels<q6_k>>
  return
}

// -----

// Groups of 24 have no tiles.
func.func @pack_blocks_c1_rows(%w: tensor<16x96x!lathe.blocked<!lathe.nf4, block = [1, 24], scale = f32, zero = none, outer_scale = none>>) {
  // expected-error @below {{needed a matrix of GGUF blocks or of row blocks that have tiles}}
  %0 = lathe.pack_blocks %w : tensor<16x96x!lathe.blocked<!lathe.nf4, block = [1, 24], scale = f32, zero = none, outer_scale = none>> -> tensor<16x128x!lathe.gguf_tiles<nf4>>
  return
}

// -----

func.func @pack_blocks_c2(%w: tensor<17x256x!lathe.gguf<q4_k>>) {
  // expected-error @below {{'lathe.pack_blocks' op packs 'tensor<17x256x!lathe.gguf<q4_k>>' into 'tensor<16x256x!lathe.gguf_panels<q4_k>>', needed 256 columns and 32 rows}}
  %0 = lathe.pack_blocks %w : tensor<17x256x!lathe.gguf<q4_k>> -> tensor<16x256x!lathe.gguf_panels<q4_k>>
  return
}

// -----

func.func @pack_blocks_c3(%w: tensor<2x32x!lathe.blocked<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU, zero = none, outer_scale = none>>) {
  // expected-error @below {{needed its row blocks where they are others}}
  %0 = lathe.pack_blocks %w : tensor<2x32x!lathe.blocked<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU, zero = none, outer_scale = none>> -> tensor<2x32x!lathe.blocked<f4E2M1FN, block = [1, 32], scale = f16, zero = none, outer_scale = none>>
  return
}

// -----

func.func @pack_blocks_c3_stays(%w: tensor<2x32x!lathe.blocked<i4, block = [1, 32], scale = f16, zero = none, outer_scale = none>>) {
  // expected-error @below {{needed its row blocks where they are others}}
  %0 = lathe.pack_blocks %w : tensor<2x32x!lathe.blocked<i4, block = [1, 32], scale = f16, zero = none, outer_scale = none>> -> tensor<2x32x!lathe.blocked<i4, block = [1, 32], scale = f16, zero = none, outer_scale = none>>
  return
}

// -----

func.func @pack_blocks_c3_gguf(%w: tensor<2x32x!lathe.blocked<i4, block = [1, 32], scale = f16, zero = none, outer_scale = none>>) {
  // expected-error @below {{needed its row blocks where they are others, its GGUF format, or its codes where they are f8E4M3FN with one scale for a row}}
  %0 = lathe.pack_blocks %w : tensor<2x32x!lathe.blocked<i4, block = [1, 32], scale = f16, zero = none, outer_scale = none>> -> tensor<2x32x!lathe.gguf<q8_0>>
  return
}

// -----

func.func @row_scales_c1(%w: tensor<2x32x!lathe.blocked<i4, block = [1, 32], scale = f16, zero = none, outer_scale = none>>) {
  // expected-error @below {{'lathe.row_scales' op input is 'tensor<2x32x!lathe.blocked<i4, block = [1, 32], scale = f16, zero = none, outer_scale = none>>', needed a matrix of a blocked type whose rows have a factor in their GGUF format, or of f8E4M3FN with one scale for a row}}
  %0 = lathe.row_scales %w : tensor<2x32x!lathe.blocked<i4, block = [1, 32], scale = f16, zero = none, outer_scale = none>> -> tensor<2xf32>
  return
}

// -----

func.func @row_scales_c2(%w: tensor<2x32x!lathe.blocked<i8, block = [1, 32], scale = f32, zero = none, outer_scale = none>>) {
  // expected-error @below {{'lathe.row_scales' op result is 'tensor<3xf32>', needed 2 numbers}}
  %0 = lathe.row_scales %w : tensor<2x32x!lathe.blocked<i8, block = [1, 32], scale = f32, zero = none, outer_scale = none>> -> tensor<3xf32>
  return
}

// -----

func.func @int8_matmul_c1(%x: tensor<2x64xf32>, %w: tensor<16x64x!lathe.blocked<i8, block = [1, 32], scale = f16, zero = none, outer_scale = none>>) {
  // expected-error @below {{needed one rank for lhs and result, and a matrix of GGUF blocks or panels for rhs}}
  %0 = lathe.int8_matmul %x, %w : tensor<2x64xf32>, tensor<16x64x!lathe.blocked<i8, block = [1, 32], scale = f16, zero = none, outer_scale = none>> -> tensor<2x16xf32>
  return
}

// -----

func.func @int8_matmul_c2(%x: tensor<2x64xf32>, %w: tensor<16x32x!lathe.gguf<q8_0>>) {
  // expected-error @below {{'lathe.int8_matmul' op sizes of lhs 'tensor<2x64xf32>', rhs 'tensor<16x32x!lathe.gguf<q8_0>>' and result 'tensor<2x16xf32>' do not fit, needed one k, a multiple of 32}}
  %0 = lathe.int8_matmul %x, %w : tensor<2x64xf32>, tensor<16x32x!lathe.gguf<q8_0>> -> tensor<2x16xf32>
  return
}

// -----

func.func @int8_matmul_c3(%x: tensor<2x32xf32>, %w: tensor<16x32x!lathe.gguf_panels<q8_0>>) {
  // expected-error @below {{'lathe.int8_matmul' op result is 'tensor<2x17xf32>' but rhs has 16 rows}}
  %0 = lathe.int8_matmul %x, %w : tensor<2x32xf32>, tensor<16x32x!lathe.gguf_panels<q8_0>> -> tensor<2x17xf32>
  return
}

// -----

func.func @expert_matmul_c1(%x: tensor<2x4xf32>, %w: tensor<8x3x4xf32>, %e: tensor<2x2xi64>) {
  // expected-error @below {{'lathe.expert_matmul' op ranks of input, weights, experts and result are 2, 3, 2 and 3, needed 3, 3 or 4, 2 and 3}}
  %0 = lathe.expert_matmul %x, %w, %e : tensor<2x4xf32>, tensor<8x3x4xf32>, tensor<2x2xi64> -> tensor<2x2x3xf32>
  return
}

// -----

func.func @expert_matmul_c1_tiles(%x: tensor<2x1x4xf16>, %w: tensor<2x1x64x64xf16>, %e: tensor<2x2xi64>) {
  // expected-error @below {{'lathe.expert_matmul' op input is 'tensor<2x1x4xf16>', weights are 'tensor<2x1x64x64xf16>' and result is 'tensor<2x2x65xf32>', needed for tiles one 16-bit element type and a multiple of 64 columns}}
  %0 = lathe.expert_matmul %x, %w, %e : tensor<2x1x4xf16>, tensor<2x1x64x64xf16>, tensor<2x2xi64> -> tensor<2x2x65xf32>
  return
}

// -----

func.func @expert_matmul_c2_tiles(%x: tensor<2x1x65xf16>, %w: tensor<2x1x64x64xf16>, %e: tensor<2x2xi64>) {
  // expected-error @below {{'lathe.expert_matmul' op k is 65 in input but weights are the tiles 'tensor<2x1x64x64xf16>'}}
  %0 = lathe.expert_matmul %x, %w, %e : tensor<2x1x65xf16>, tensor<2x1x64x64xf16>, tensor<2x2xi64> -> tensor<2x2x64xf32>
  return
}

// -----

func.func @expert_matmul_c2(%x: tensor<2x1x5xf32>, %w: tensor<8x3x4xf32>, %e: tensor<2x2xi64>) {
  // expected-error @below {{'lathe.expert_matmul' op k is 5 in input but 4 in weights}}
  %0 = lathe.expert_matmul %x, %w, %e : tensor<2x1x5xf32>, tensor<8x3x4xf32>, tensor<2x2xi64> -> tensor<2x2x3xf32>
  return
}

// -----

func.func @expert_matmul_c2_result(%x: tensor<2x1x4xf32>, %w: tensor<8x3x4xf32>, %e: tensor<2x2xi64>) {
  // expected-error @below {{'lathe.expert_matmul' op result is 'tensor<2x2x4xf32>' but weights are 'tensor<8x3x4xf32>' and experts 'tensor<2x2xi64>'}}
  %0 = lathe.expert_matmul %x, %w, %e : tensor<2x1x4xf32>, tensor<8x3x4xf32>, tensor<2x2xi64> -> tensor<2x2x4xf32>
  return
}

// -----

func.func @expert_matmul_c3(%x: tensor<2x3x4xf32>, %w: tensor<8x3x4xf32>, %e: tensor<2x2xi64>) {
  // expected-error @below {{'lathe.expert_matmul' op input is 'tensor<2x3x4xf32>' but experts are 'tensor<2x2xi64>', needed their rows, and 1 or their columns}}
  %0 = lathe.expert_matmul %x, %w, %e : tensor<2x3x4xf32>, tensor<8x3x4xf32>, tensor<2x2xi64> -> tensor<2x2x3xf32>
  return
}

// -----

func.func @pack_blocks_c2_tiles(%w: tensor<17x32x!lathe.gguf<q8_0>>) {
  // expected-error @below {{'lathe.pack_blocks' op packs 'tensor<17x32x!lathe.gguf<q8_0>>' into 'tensor<32x32x!lathe.gguf_tiles<q8_0>>', needed 128 columns and 32 rows}}
  %0 = lathe.pack_blocks %w : tensor<17x32x!lathe.gguf<q8_0>> -> tensor<32x32x!lathe.gguf_tiles<q8_0>>
  return
}

// -----

func.func @pack_tiles_c1(%w: tensor<4x8xf32>) {
  // expected-error @below {{'lathe.pack_tiles' op packs 'tensor<4x8xf32>' into 'tensor<1x1x64x64xf16>', needed a matrix and rank 4 of the same element type}}
  %0 = lathe.pack_tiles %w : tensor<4x8xf32> -> tensor<1x1x64x64xf16>
  return
}

// -----

func.func @pack_tiles_c2(%w: tensor<4x65xf16>) {
  // expected-error @below {{'lathe.pack_tiles' op packs 'tensor<4x65xf16>' into 'tensor<1x1x64x64xf16>', needed the shape [1, 2, 64, 64]}}
  %0 = lathe.pack_tiles %w : tensor<4x65xf16> -> tensor<1x1x64x64xf16>
  return
}

// -----

func.func @pack_tiles_c2_f32(%w: tensor<4x33xf32>) {
  // expected-error @below {{'lathe.pack_tiles' op packs 'tensor<4x33xf32>' into 'tensor<1x1x64x64xf32>', needed the shape [1, 2, 64, 32]}}
  %0 = lathe.pack_tiles %w : tensor<4x33xf32> -> tensor<1x1x64x64xf32>
  return
}

// -----

func.func @unpack_tiles_c1(%w: tensor<16x256x!lathe.gguf_panels<q4_k>>) {
  // expected-error @below {{'lathe.unpack_tiles' op unpacks 'tensor<16x256x!lathe.gguf_panels<q4_k>>' into 'tensor<1x4x64x64xf16>', needed a matrix of blocks or of tiles of them, and rank 4 of f16 or bf16}}
  %0 = lathe.unpack_tiles %w : tensor<16x256x!lathe.gguf_panels<q4_k>> -> tensor<1x4x64x64xf16>
  return
}

// -----

func.func @unpack_tiles_c2(%w: tensor<16x256x!lathe.gguf_tiles<q4_k>>) {
  // expected-error @below {{'lathe.unpack_tiles' op packs 'tensor<16x256x!lathe.gguf_tiles<q4_k>>' into 'tensor<1x1x64x64xf16>', needed the shape [1, 4, 64, 64]}}
  %0 = lathe.unpack_tiles %w : tensor<16x256x!lathe.gguf_tiles<q4_k>> -> tensor<1x1x64x64xf16>
  return
}

// -----

func.func @tile_matmul_c1(%x: tensor<1x2x64xf16>, %p: tensor<1x1x64x64xf16>) {
  // expected-error @below {{'lathe.tile_matmul' op lhs is 'tensor<1x2x64xf16>' and result 'tensor<2x8xf32>', needed one rank of 1 or more}}
  %0 = lathe.tile_matmul %x, %p : tensor<1x2x64xf16>, tensor<1x1x64x64xf16> -> tensor<2x8xf32>
  return
}

// -----

func.func @tile_matmul_c2(%x: tensor<2x64xf16>, %p: tensor<1x1x64x64xbf16>) {
  // expected-error @below {{'lathe.tile_matmul' op lhs is 'tensor<2x64xf16>' and rhs 'tensor<1x1x64x64xbf16>', needed a matrix of tiles of blocks and lhs of 16 bits, or rank 4 and the element type of lhs}}
  %0 = lathe.tile_matmul %x, %p : tensor<2x64xf16>, tensor<1x1x64x64xbf16> -> tensor<2x8xf32>
  return
}

// -----

func.func @tile_matmul_c2_blocks(%x: tensor<2x256xf32>, %p: tensor<16x256x!lathe.gguf_tiles<q4_k>>) {
  // expected-error @below {{'lathe.tile_matmul' op lhs is 'tensor<2x256xf32>' and rhs 'tensor<16x256x!lathe.gguf_tiles<q4_k>>', needed a matrix of tiles of blocks and lhs of 16 bits, or rank 4 and the element type of lhs}}
  %0 = lathe.tile_matmul %x, %p : tensor<2x256xf32>, tensor<16x256x!lathe.gguf_tiles<q4_k>> -> tensor<2x8xf32>
  return
}

// -----

func.func @tile_matmul_c3(%x: tensor<2x65xf16>, %p: tensor<1x1x64x64xf16>) {
  // expected-error @below {{'lathe.tile_matmul' op rhs is 'tensor<1x1x64x64xf16>', needed the shape [1, 2, 64, 64] for 8 rows of 65 columns}}
  %0 = lathe.tile_matmul %x, %p : tensor<2x65xf16>, tensor<1x1x64x64xf16> -> tensor<2x8xf32>
  return
}

// -----

func.func @tile_matmul_c3_f32(%x: tensor<2x33xf32>, %p: tensor<1x1x64x32xf32>) {
  // expected-error @below {{'lathe.tile_matmul' op rhs is 'tensor<1x1x64x32xf32>', needed the shape [1, 2, 64, 32] for 8 rows of 33 columns}}
  %0 = lathe.tile_matmul %x, %p : tensor<2x33xf32>, tensor<1x1x64x32xf32> -> tensor<2x8xf32>
  return
}

// -----

func.func @tile_matmul_c3_unknown(%x: tensor<2x?xf16>, %p: tensor<1x1x64x64xf16>) {
  // expected-error @below {{'lathe.tile_matmul' op lhs is 'tensor<2x?xf16>' and result 'tensor<2x8xf32>', needed known sizes at the end and agreement before}}
  %0 = lathe.tile_matmul %x, %p : tensor<2x?xf16>, tensor<1x1x64x64xf16> -> tensor<2x8xf32>
  return
}
