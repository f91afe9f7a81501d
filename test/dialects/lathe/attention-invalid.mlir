// RUN: lathe-opt %s --split-input-file --verify-diagnostics
// One case for each numbered constraint of the operations in the .td file; the messages are complete.

func.func @rope_c1(%x: tensor<?x64xf32>, %p: tensor<?x1xi32>) {
  // expected-error @below {{'lathe.rope' op input is 'tensor<?x64xf32>' and positions 'tensor<?x1xi32>', needed [T, H, D] and [T, k]}}
  %0 = lathe.rope %x, %p halves base 1.0e+04 dimensions 64 :
      tensor<?x64xf32>, tensor<?x1xi32>
  return
}

// -----

func.func @rope_c1_tokens(%x: tensor<3x4x64xf32>, %p: tensor<2x1xi32>) {
  // expected-error @below {{'lathe.rope' op input is 'tensor<3x4x64xf32>' and positions 'tensor<2x1xi32>', needed [T, H, D] and [T, k]}}
  %0 = lathe.rope %x, %p halves base 1.0e+04 dimensions 64 :
      tensor<3x4x64xf32>, tensor<2x1xi32>
  return
}

// -----

func.func @rope_c1_no_position(%x: tensor<3x4x64xf32>, %p: tensor<3x0xi32>) {
  // expected-error @below {{'lathe.rope' op input is 'tensor<3x4x64xf32>' and positions 'tensor<3x0xi32>', needed [T, H, D] and [T, k]}}
  %0 = lathe.rope %x, %p halves base 1.0e+04 dimensions 64 :
      tensor<3x4x64xf32>, tensor<3x0xi32>
  return
}

// -----

func.func @rope_c2(%x: tensor<?x4x64xf32>, %p: tensor<?x1xi32>) {
  // expected-error @below {{'lathe.rope' op dimensions is 65, needed an even number from 2 to 64}}
  %0 = lathe.rope %x, %p halves base 1.0e+04 dimensions 65 :
      tensor<?x4x64xf32>, tensor<?x1xi32>
  return
}

// -----

func.func @rope_c3(%x: tensor<?x4x64xf32>, %p: tensor<?x1xi32>, %f: tensor<31xf32>) {
  // expected-error @below {{'lathe.rope' op factors has 31 elements but 32 pairs are rotated}}
  %0 = lathe.rope %x, %p factors %f : tensor<31xf32> halves base 1.0e+04 dimensions 64 :
      tensor<?x4x64xf32>, tensor<?x1xi32>
  return
}

// -----

func.func @append_kv_c1(%k: tensor<?x2x64xf32>, %v: tensor<?x1x64xf32>, %s: !lathe.state<paged, 2x2x128xf32>, %slots: tensor<?xi32>) {
  // expected-error @below {{'lathe.append_kv' op key is 'tensor<?x2x64xf32>', value 'tensor<?x1x64xf32>' and slots 'tensor<?xi32>', needed [T, heads, key width], [T, heads, value width] and [T]}}
  %0 = lathe.append_kv %k, %v, %s, %slots layer 0 :
      tensor<?x2x64xf32>, tensor<?x1x64xf32>, !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>
  return
}

// -----

func.func @append_kv_c2(%k: tensor<?x2x64xf32>, %v: tensor<?x2x32xf32>, %s: !lathe.state<paged, 2x2x128xf32>, %slots: tensor<?xi32>) {
  // expected-error @below {{'lathe.append_kv' op state is '!lathe.state<paged, 2x2x128xf32>' but keys and values have 2 heads of width 64 + 32}}
  %0 = lathe.append_kv %k, %v, %s, %slots layer 0 :
      tensor<?x2x64xf32>, tensor<?x2x32xf32>, !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>
  return
}

// -----

func.func @append_kv_c2_layer(%k: tensor<?x2x64xf32>, %v: tensor<?x2x64xf32>, %s: !lathe.state<paged, 2x2x128xf32>, %slots: tensor<?xi32>) {
  // expected-error @below {{'lathe.append_kv' op layer is 2 but the state has 2 layers}}
  %0 = lathe.append_kv %k, %v, %s, %slots layer 2 :
      tensor<?x2x64xf32>, tensor<?x2x64xf32>, !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>
  return
}

// -----

func.func @append_kv_c3(%k: tensor<?x2x64xf32>, %s: !lathe.state<paged, 2x2x128xf32>, %slots: tensor<?xi32>) {
  // expected-error @below {{'lathe.append_kv' op replaces a state that another operation replaces too; a state value is linear}}
  %0 = lathe.append_kv %k, %k, %s, %slots layer 0 : tensor<?x2x64xf32>, tensor<?x2x64xf32>,
      !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>
  %1 = lathe.append_kv %k, %k, %s, %slots layer 0 : tensor<?x2x64xf32>, tensor<?x2x64xf32>,
      !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>
  return
}

// -----

func.func @append_kv_c3_read_afterwards(%k: tensor<?x2x64xf32>, %q: tensor<?x2x64xf32>, %s: !lathe.state<paged, 2x2x128xf32>,
    %slots: tensor<?xi32>, %t: tensor<?x?xi32>) {
  // expected-error @below {{'lathe.append_kv' op replaces a state that 'lathe.paged_attention' still uses afterwards; a state value is linear}}
  %0 = lathe.append_kv %k, %k, %s, %slots layer 0 : tensor<?x2x64xf32>, tensor<?x2x64xf32>,
      !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>
  %1 = lathe.paged_attention %q, %s, %slots, %slots, %t layer 0 scale 1.0 : tensor<?x2x64xf32>,
      !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x2x64xf32>
  return
}

// -----

func.func @paged_attention_c1(%q: tensor<?x4x64xf32>, %s: !lathe.state<paged, 2x2x128xf32>, %o: tensor<?xi32>, %l: tensor<?xi32>,
    %t: tensor<?x?xi32>) {
  // expected-error @below {{'lathe.paged_attention' op query is 'tensor<?x4x64xf32>' and result 'tensor<?x2x64xf32>', needed [T, heads, key width] and [T, heads, value width] of one element type}}
  %0 = lathe.paged_attention %q, %s, %o, %l, %t layer 0 scale 1.0 : tensor<?x4x64xf32>,
      !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x2x64xf32>
  return
}

// -----

func.func @paged_attention_c2(%q: tensor<?x3x64xf32>, %s: !lathe.state<paged, 2x2x128xf32>, %o: tensor<?xi32>, %l: tensor<?xi32>,
    %t: tensor<?x?xi32>) {
  // expected-error @below {{'lathe.paged_attention' op state is '!lathe.state<paged, 2x2x128xf32>' but the query has 3 heads, and key and value width are 64 + 64}}
  %0 = lathe.paged_attention %q, %s, %o, %l, %t layer 0 scale 1.0 : tensor<?x3x64xf32>,
      !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x3x64xf32>
  return
}

// -----

func.func @paged_attention_c2_nothing_behind_values(%q: tensor<?x4x64xf32>, %s: !lathe.state<paged, 2x2x64xf32>, %o: tensor<?xi32>,
    %l: tensor<?xi32>, %t: tensor<?x?xi32>) {
  // expected-error @below {{'lathe.paged_attention' op state is '!lathe.state<paged, 2x2x64xf32>' but the query has 4 heads, and key and value width are 64 + 64}}
  %0 = lathe.paged_attention %q, %s, %o, %l, %t layer 0 scale 1.0 : tensor<?x4x64xf32>,
      !lathe.state<paged, 2x2x64xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x4x64xf32>
  return
}

// -----

func.func @paged_attention_c2_layer(%q: tensor<?x4x64xf32>, %s: !lathe.state<paged, 2x2x128xf32>, %o: tensor<?xi32>, %l: tensor<?xi32>,
    %t: tensor<?x?xi32>) {
  // expected-error @below {{'lathe.paged_attention' op layer is 7 but the state has 2 layers}}
  %0 = lathe.paged_attention %q, %s, %o, %l, %t layer 7 scale 1.0 : tensor<?x4x64xf32>,
      !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x4x64xf32>
  return
}

// -----

func.func @paged_attention_c3(%q: tensor<?x4x64xf32>, %s: !lathe.state<paged, 2x2x128xf32>, %o: tensor<3xi32>, %l: tensor<3xi32>,
    %t: tensor<?x?xi32>) {
  // expected-error @below {{'lathe.paged_attention' op row_offsets is 'tensor<3xi32>', lengths 'tensor<3xi32>' and block_tables 'tensor<?x?xi32>', needed [S + 1], [S] and [S, B]}}
  %0 = lathe.paged_attention %q, %s, %o, %l, %t layer 0 scale 1.0 : tensor<?x4x64xf32>,
      !lathe.state<paged, 2x2x128xf32>, tensor<3xi32>, tensor<3xi32>, tensor<?x?xi32> -> tensor<?x4x64xf32>
  return
}

// -----

func.func @rope_c4(%x: tensor<?x4x64xf32>, %p: tensor<?x1xi32>) {
  // expected-error @below {{'lathe.rope' op magnitude is 0.000000e+00 : f32, needed a number above 0}}
  %0 = lathe.rope %x, %p halves base 1.0e+04 dimensions 64 magnitude 0.0 : tensor<?x4x64xf32>, tensor<?x1xi32>
  return
}

// -----

func.func @paged_attention_c4(%q: tensor<?x4x64xf32>, %s: !lathe.state<paged, 2x2x128xf32>, %o: tensor<?xi32>, %l: tensor<?xi32>,
    %t: tensor<?x?xi32>) {
  // expected-error @below {{'lathe.paged_attention' op cap is -1.000000e+00 : f32 and window 0, needed numbers that are not negative}}
  %0 = lathe.paged_attention %q, %s, %o, %l, %t layer 0 scale 1.0 cap -1.0 : tensor<?x4x64xf32>,
      !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x4x64xf32>
  return
}

// -----

func.func @paged_attention_c4_window(%q: tensor<?x4x64xf32>, %s: !lathe.state<paged, 2x2x128xf32, window = 8>, %o: tensor<?xi32>,
    %l: tensor<?xi32>, %t: tensor<?x?xi32>) {
  // expected-error @below {{'lathe.paged_attention' op window is 9 but the state keeps 8 tokens}}
  %0 = lathe.paged_attention %q, %s, %o, %l, %t layer 0 scale 1.0 window 9 : tensor<?x4x64xf32>,
      !lathe.state<paged, 2x2x128xf32, window = 8>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x4x64xf32>
  return
}

// -----

func.func @paged_attention_c5(%q: tensor<?x4x64xf32>, %s: !lathe.state<paged, 2x2x128xf32>, %o: tensor<?xi32>, %l: tensor<?xi32>,
    %t: tensor<?x?xi32>, %sinks: tensor<2xf32>) {
  // expected-error @below {{'lathe.paged_attention' op sinks is 'tensor<2xf32>' but the query has 4 heads}}
  %0 = lathe.paged_attention %q, %s, %o, %l, %t sinks %sinks : tensor<2xf32> layer 0 scale 1.0 : tensor<?x4x64xf32>,
      !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x4x64xf32>
  return
}

// -----

func.func @attention_c1(%q: tensor<1x4x8x64xf32>, %k: tensor<1x4x8x64xf16>) {
  // expected-error @below {{'lathe.attention' op query, key, value and result are 'tensor<1x4x8x64xf32>', 'tensor<1x4x8x64xf16>', 'tensor<1x4x8x64xf16>' and 'tensor<1x4x8x64xf32>', needed rank 4 and one element type (the result may be f32)}}
  %0 = lathe.attention %q, %k, %k scale 1.0 :
      tensor<1x4x8x64xf32>, tensor<1x4x8x64xf16>, tensor<1x4x8x64xf16> -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c2(%q: tensor<1x4x8x64xf32>, %k: tensor<1x4x8x32xf32>) {
  // expected-error @below {{'lathe.attention' op sizes of query 'tensor<1x4x8x64xf32>', key 'tensor<1x4x8x32xf32>', value 'tensor<1x4x8x32xf32>' and result 'tensor<1x4x8x32xf32>' do not fit}}
  %0 = lathe.attention %q, %k, %k scale 1.0 :
      tensor<1x4x8x64xf32>, tensor<1x4x8x32xf32>, tensor<1x4x8x32xf32> -> tensor<1x4x8x32xf32>
  return
}

// -----

func.func @attention_c3(%q: tensor<1x4x8x64xf32>, %k: tensor<1x3x8x64xf32>) {
  // expected-error @below {{'lathe.attention' op query has 4 heads and key 3, which do not divide them}}
  %0 = lathe.attention %q, %k, %k scale 1.0 :
      tensor<1x4x8x64xf32>, tensor<1x3x8x64xf32>, tensor<1x3x8x64xf32> -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @attention_c4(%q: tensor<1x4x8x64xf32>, %m: tensor<1x2x1x8xf32>) {
  // expected-error @below {{'lathe.attention' op mask is 'tensor<1x2x1x8xf32>', needed 4 dimensions that are 1 or those of [B, H, T, S]}}
  %0 = lathe.attention %q, %q, %q mask %m : tensor<1x2x1x8xf32> scale 1.0 :
      tensor<1x4x8x64xf32>, tensor<1x4x8x64xf32>, tensor<1x4x8x64xf32> -> tensor<1x4x8x64xf32>
  return
}

// -----

func.func @append_kv_c2_blocks(%k: tensor<?x2x48xf32>, %s: !lathe.state<paged, 2x2x96x!lathe.gguf<q8_0>>, %slots: tensor<?xi32>) {
  // expected-error @below {{'lathe.append_kv' op keys and values are 48 and 48 wide, but '!lathe.state<paged, 2x2x96x!lathe.gguf<q8_0>>' holds blocks of 32}}
  %0 = lathe.append_kv %k, %k, %s, %slots layer 0 : tensor<?x2x48xf32>, tensor<?x2x48xf32>,
      !lathe.state<paged, 2x2x96x!lathe.gguf<q8_0>>, tensor<?xi32>
  return
}

// -----

func.func @paged_attention_c2_blocks(%q: tensor<?x4x48xf32>, %s: !lathe.state<paged, 2x2x96x!lathe.gguf<q8_0>>, %o: tensor<?xi32>,
    %l: tensor<?xi32>, %t: tensor<?x?xi32>) {
  // expected-error @below {{'lathe.paged_attention' op keys and values are 48 and 48 wide, but '!lathe.state<paged, 2x2x96x!lathe.gguf<q8_0>>' holds blocks of 32}}
  %0 = lathe.paged_attention %q, %s, %o, %l, %t layer 0 scale 1.0 : tensor<?x4x48xf32>,
      !lathe.state<paged, 2x2x96x!lathe.gguf<q8_0>>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x4x48xf32>
  return
}

// -----

func.func @ragged_attention_c1(%q: tensor<?x4x64xf32>, %k: tensor<?x2x32xf32>, %o: tensor<?xi32>) {
  // expected-error @below {{'lathe.ragged_attention' op query is 'tensor<?x4x64xf32>', key 'tensor<?x2x32xf32>', value 'tensor<?x2x32xf32>' and result 'tensor<?x4x32xf32>', needed [T, heads, key width], [T, key heads, key width], [T, key heads, value width] and [T, heads, value width] of one element type (the result may be f32)}}
  %0 = lathe.ragged_attention %q, %k, %k, %o scale 1.0 : tensor<?x4x64xf32>, tensor<?x2x32xf32>, tensor<?x2x32xf32>,
      tensor<?xi32> -> tensor<?x4x32xf32>
  return
}

// -----

func.func @ragged_attention_c1_elements(%q: tensor<?x4x64xf32>, %k: tensor<?x2x64xf16>, %o: tensor<?xi32>) {
  // expected-error @below {{'lathe.ragged_attention' op query is 'tensor<?x4x64xf32>', key 'tensor<?x2x64xf16>'}}
  %0 = lathe.ragged_attention %q, %k, %k, %o scale 1.0 : tensor<?x4x64xf32>, tensor<?x2x64xf16>, tensor<?x2x64xf16>,
      tensor<?xi32> -> tensor<?x4x64xf32>
  return
}

// -----

func.func @ragged_attention_c2(%q: tensor<?x4x64xf32>, %k: tensor<?x3x64xf32>, %o: tensor<?xi32>) {
  // expected-error @below {{'lathe.ragged_attention' op query has 4 heads and key 3, which do not divide them}}
  %0 = lathe.ragged_attention %q, %k, %k, %o scale 1.0 : tensor<?x4x64xf32>, tensor<?x3x64xf32>, tensor<?x3x64xf32>,
      tensor<?xi32> -> tensor<?x4x64xf32>
  return
}
