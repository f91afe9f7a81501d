// RUN: cuda-print %s --emit=source --ptx=sm_90a | FileCheck %s
// RUN: cuda-print %s --emit=source --ptx=sm_90a --batch-invariant | FileCheck %s --check-prefix=INVARIANT --implicit-check-not=DecodeCluster

// Heads too wide for tiles. Few of them are spread over clusters, whose blocks each add a part; where no bit may depend on
// the batch, every number of tokens has one block for all that a row sees.
// CHECK:     PagedAttentionDecodeCluster<Half, Half, float, AttentionShape<2, 1, 272, 272>, 4, 8
// CHECK:     PagedAttentionDecode<Half, Half, float, AttentionShape<2, 1, 272, 272>, 4
// INVARIANT: PagedAttentionDecode<Half, Half, float, AttentionShape<2, 1, 272, 272>, 4

#symbols = [#lathe.symbol<"tokens", 1, 512>, #lathe.symbol<"sequences", 1, 4>, #lathe.symbol<"offsets", 2, 5>,
            #lathe.symbol<"pages", 1, 512>]
func.func @forward(%q: tensor<?x2x272xf32> {lathe.name = "q", lathe.dims = ["tokens", 2, 272]},
                   %offsets: tensor<?xi32> {lathe.name = "row_offsets", lathe.dims = ["offsets"]},
                   %lengths: tensor<?xi32> {lathe.name = "lengths", lathe.dims = ["sequences"]},
                   %tables: tensor<?x?xi32> {lathe.name = "block_tables", lathe.dims = ["sequences", "pages"]},
                   %kv: !lathe.state<paged, 1x1x544xf16> {lathe.name = "kv"})
    -> (tensor<?x2x272xf32>, !lathe.state<paged, 1x1x544xf16>)
    attributes {lathe.entry = "language_model", lathe.symbols = #symbols} {
  %o = lathe.paged_attention %q, %kv, %offsets, %lengths, %tables layer 0 scale 1.25e-01
      : tensor<?x2x272xf32>, !lathe.state<paged, 1x1x544xf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>
      -> tensor<?x2x272xf32>
  return %o, %kv : tensor<?x2x272xf32>, !lathe.state<paged, 1x1x544xf16>
}
