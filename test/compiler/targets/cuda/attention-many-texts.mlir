// RUN: cuda-print %s --emit=source,launches --ptx=sm_90a --kv=fp8 | FileCheck %s

// Pages of 8 bits keep warps busy for longer than memory: with items for all of them a multiprocessor has three blocks.
// CHECK:      using Template = PagedAttentionRingsSm90<Half, Float8, Half, AttentionShape<16, 8, 64, 64>, 264, 2>;
// CHECK:      using Template = PagedAttentionRingsSm90<Half, Float8, Half, AttentionShape<16, 8, 64, 64>, 396, 3>;

// CHECK:      forward tokens 9..64
// CHECK:        lathe_paged_attention{{[A-Za-z0-9_]+}}<<<264, 128, {{[0-9]+}}>>> layer 0
// CHECK:      forward tokens 65..256
// CHECK:        lathe_paged_attention{{[A-Za-z0-9_]+}}<<<396, 128, {{[0-9]+}}>>> layer 0

#symbols = [#lathe.symbol<"tokens", 1, 256>, #lathe.symbol<"sequences", 1, 256>, #lathe.symbol<"offsets", 2, 257>,
            #lathe.symbol<"pages", 1, 64>]
func.func @forward(%q: tensor<?x16x64xf16> {lathe.name = "q", lathe.dims = ["tokens", 16, 64]},
                   %offsets: tensor<?xi32> {lathe.name = "row_offsets", lathe.dims = ["offsets"]},
                   %lengths: tensor<?xi32> {lathe.name = "lengths", lathe.dims = ["sequences"]},
                   %tables: tensor<?x?xi32> {lathe.name = "block_tables", lathe.dims = ["sequences", "pages"]},
                   %kv: !lathe.state<paged, 1x8x128xf16> {lathe.name = "kv"})
    -> (tensor<?x16x64xf16>, !lathe.state<paged, 1x8x128xf16>)
    attributes {lathe.entry = "language_model", lathe.symbols = #symbols} {
  %o = lathe.paged_attention %q, %kv, %offsets, %lengths, %tables layer 0 scale 1.25e-01
      : tensor<?x16x64xf16>, !lathe.state<paged, 1x8x128xf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>
      -> tensor<?x16x64xf16>
  return %o, %kv : tensor<?x16x64xf16>, !lathe.state<paged, 1x8x128xf16>
}
