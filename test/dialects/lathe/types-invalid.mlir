// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{state kind is 'ring', needed paged, slot or static}}
func.func private @state_kind(!lathe.state<ring, 2x2x128xf32>)

// -----

// expected-error @below {{state element is 'index', needed an integer or float, or !lathe.gguf<q8_0> in a paged state}}
func.func private @state_element(!lathe.state<slot, 2xindex>)

// -----

// expected-error @below {{state element is '!lathe.gguf<q4_0>', needed an integer or float, or !lathe.gguf<q8_0> in a paged state}}
func.func private @state_of_other_blocks(!lathe.state<paged, 2x2x64x!lathe.gguf<q4_0>>)

// -----

// expected-error @below {{state has rows of 40 elements, needed whole blocks of 32}}
func.func private @state_of_parts_of_blocks(!lathe.state<paged, 2x2x40x!lathe.gguf<q8_0>>)

// -----

// expected-error @below {{paged state has 2 dimensions, needed 3: layers, heads, key width + value width}}
func.func private @paged_state_rank(!lathe.state<paged, 2x128xf32>)

// -----

// expected-error @below {{window is 8, needed 0, or above 0 in a paged state}}
func.func private @window_of_a_slot(!lathe.state<slot, 2x128xf32, window = 8>)

// -----

// expected-error @below {{'q9_k' is no block format of GGUF files}}
func.func private @unknown_format(tensor<256x!lathe.gguf<q9_k>>)

// -----

// expected-error @below {{'f16' is no block format of GGUF files}}
func.func private @format_without_blocks(tensor<256x!lathe.gguf<f16>>)

// -----

// expected-error @below {{'q5_0' is no block format that has panels}}
func.func private @format_without_panels(tensor<16x256x!lathe.gguf_panels<q5_0>>)

// -----

// expected-error @below {{code is 'i16', needed an integer or float of at most 8 bits, or !lathe.nf4}}
func.func private @wide_code(!lathe.blocked<i16, block = [1, 32], scale = f16, zero = none, outer_scale = none>)

// -----

// expected-error @below {{block is [0, 32], needed sizes above 0}}
func.func private @empty_block(!lathe.blocked<i8, block = [0, 32], scale = f16, zero = none, outer_scale = none>)

// -----

// expected-error @below {{scale is 'i8', needed a float, none, or 8-bit codes in blocks with a float for a scale alone}}
func.func private @integer_scale(!lathe.blocked<i8, block = [1, 32], scale = i8, zero = none, outer_scale = none>)

// -----

// expected-error @below {{scale is '!lathe.blocked<i4, block = [1, 4], scale = f32, zero = none, outer_scale = none>', needed a float, none, or 8-bit codes in blocks with a float for a scale alone}}
func.func private @scale_of_small_codes(!lathe.blocked<i8, block = [1, 32], scale = !lathe.blocked<i4, block = [1, 4], scale = f32, zero = none, outer_scale = none>, zero = none, outer_scale = none>)

// -----

// expected-error @below {{scale is '!lathe.blocked<ui8, block = [1, 4], scale = f32, zero = none, outer_scale = f32>', needed a float, none, or 8-bit codes in blocks with a float for a scale alone}}
func.func private @scale_with_an_outer_scale(!lathe.blocked<i8, block = [1, 32], scale = !lathe.blocked<ui8, block = [1, 4], scale = f32, zero = none, outer_scale = f32>, zero = none, outer_scale = none>)

// -----

// expected-error @below {{zero is 'index', needed an integer, a float or none}}
func.func private @zero(!lathe.blocked<ui4, block = [1, 32], scale = f16, zero = index, outer_scale = none>)

// -----

// expected-error @below {{outer_scale is 'i32', needed a float or none}}
func.func private @outer_scale(!lathe.blocked<i8, block = [1, 1], scale = none, zero = none, outer_scale = i32>)

// -----

// expected-error @below {{symbol 'batch' has bounds 8..4, needed 0 <= min <= max}}
func.func private @symbol_bounds() attributes {lathe.symbols = [#lathe.symbol<"batch", 8, 4>]}
