// Attention over tensors of 16 bits: warpgroups on Hopper where heads are 64 or 128 wide, warps otherwise.
// RUN: cuda-print %s --emit=source,launches --ptx=sm_90a | FileCheck %s --check-prefixes=HOPPER,BOTH
// RUN: cuda-print %s --emit=source,launches --ptx=compute_80 | FileCheck %s --check-prefixes=OTHERS,BOTH

// HOPPER:      using Template = AttentionTilesSm90<Half, float, float, 64, 64>;
// HOPPER-NEXT: static_assert(Template::Threads == 128 && Template::SharedBytes == 40960);
// OTHERS:      using Template = AttentionTiles<Half, float, float, 64, 64>;
// HOPPER:      using Template = RaggedAttentionTilesSm90<Half, float, 64, 128>;
// OTHERS:      using Template = RaggedAttentionTiles<Half, float, 64, 128>;
// BOTH:        using Template = RaggedAttentionTiles<Half, float, 32, 32>;

// BOTH:        lathe_attention_f16_f32_0<<<s0 * 4, 128,
// BOTH:        lathe_ragged_attention_f16_i32_f32_1<<<(s1 ceildiv 64 + s2 - 1) * 2, 128,
func.func @forward(%x: tensor<?x2x100x64xf16> {lathe.name = "x", lathe.dims = ["n", 2, 100, 64]},
                   %m: tensor<?x1x1x100xf32> {lathe.name = "m", lathe.dims = ["n", 1, 1, 100]},
                   %q: tensor<?x2x64xf16> {lathe.name = "q", lathe.dims = ["t", 2, 64]},
                   %v: tensor<?x2x128xf16> {lathe.name = "v", lathe.dims = ["t", 2, 128]},
                   %u: tensor<?x2x32xf16> {lathe.name = "u", lathe.dims = ["t", 2, 32]},
                   %o: tensor<?xi32> {lathe.name = "o", lathe.dims = ["texts"]})
    -> (tensor<?x2x100x64xf32>, tensor<?x2x128xf32>, tensor<?x2x32xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 8>, #lathe.symbol<"t", 1, 512>,
                                                         #lathe.symbol<"texts", 2, 9>]} {
  %0 = lathe.attention %x, %x, %x mask %m : tensor<?x1x1x100xf32> scale 1.25e-01 :
      tensor<?x2x100x64xf16>, tensor<?x2x100x64xf16>, tensor<?x2x100x64xf16> -> tensor<?x2x100x64xf32>
  %1 = lathe.ragged_attention %q, %q, %v, %o scale 1.25e-01 : tensor<?x2x64xf16>, tensor<?x2x64xf16>, tensor<?x2x128xf16>,
      tensor<?xi32> -> tensor<?x2x128xf32>
  %2 = lathe.ragged_attention %u, %u, %u, %o scale 1.25e-01 : tensor<?x2x32xf16>, tensor<?x2x32xf16>, tensor<?x2x32xf16>,
      tensor<?xi32> -> tensor<?x2x32xf32>
  return %0, %1, %2 : tensor<?x2x100x64xf32>, tensor<?x2x128xf32>, tensor<?x2x32xf32>
}
