// Attention of texts over pages, which turns its rows while they are few, and of whole tensors.
#symbols = [#lathe.symbol<"tokens", 1, 32>, #lathe.symbol<"sequences", 1, 4>, #lathe.symbol<"offsets", 2, 5>,
            #lathe.symbol<"pages", 1, 6>]
func.func @forward(%q: tensor<?x2x64xf32> {lathe.name = "q", lathe.dims = ["tokens", 2, 64]},
                   %k: tensor<?x1x64xf32> {lathe.name = "k", lathe.dims = ["tokens", 1, 64]},
                   %v: tensor<?x1x64xf32> {lathe.name = "v", lathe.dims = ["tokens", 1, 64]},
                   %positions: tensor<?x1xi32> {lathe.name = "positions", lathe.dims = ["tokens", 1]},
                   %slots: tensor<?xi32> {lathe.name = "slots", lathe.dims = ["tokens"]},
                   %offsets: tensor<?xi32> {lathe.name = "row_offsets", lathe.dims = ["offsets"]},
                   %lengths: tensor<?xi32> {lathe.name = "lengths", lathe.dims = ["sequences"]},
                   %tables: tensor<?x?xi32> {lathe.name = "block_tables", lathe.dims = ["sequences", "pages"]},
                   %kv: !lathe.state<paged, 2x1x128xf16> {lathe.name = "kv"})
    -> (tensor<?x2x64xf16>, !lathe.state<paged, 2x1x128xf16>)
    attributes {lathe.entry = "language_model", lathe.symbols = #symbols} {
  %0 = lathe.rope %k, %positions halves base 1.0e+04 dimensions 64 : tensor<?x1x64xf32>, tensor<?x1xi32>
  %1 = lathe.append_kv %0, %v, %kv, %slots layer 1 :
      tensor<?x1x64xf32>, tensor<?x1x64xf32>, <paged, 2x1x128xf16>, tensor<?xi32>
  %2 = lathe.rope %q, %positions halves base 1.0e+04 dimensions 64 : tensor<?x2x64xf32>, tensor<?x1xi32>
  %3 = lathe.cast %2 : tensor<?x2x64xf32> -> tensor<?x2x64xf16>
  %4 = lathe.paged_attention %3, %1, %offsets, %lengths, %tables layer 1 scale 0.125 : tensor<?x2x64xf16>,
      <paged, 2x1x128xf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x2x64xf16>
  return %4, %1 : tensor<?x2x64xf16>, !lathe.state<paged, 2x1x128xf16>
}
