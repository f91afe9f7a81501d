// RUN: cuda-print %s --emit=source,launches --ptx=sm_90a | FileCheck %s
// RUN: cuda-print %s --emit=source | FileCheck %s --check-prefix=PORTABLE --implicit-check-not=Sm90

// Where keys begin with their values, on Hopper all heads of a token meet its pages in one tile, whose steps a cluster
// shares where there are few tiles. Heads of other widths go to the template of all GPUs, on which an item of few heads is
// all that there is.
// CHECK:      using Template = LatentAttentionSm90<Half, Half, Half, AttentionShape<16, 1, 576, 512, true>, 8>;
// CHECK:      extern __shared__ __align__(1024) char smem[];
// CHECK:      .LdQ = 9216, .LdOut = 8192, .PageElements = 9216, .LayerOffset = l0 * 9216
// CHECK:      using Template = PagedAttentionDecode{{(Cluster)?}}<Half, Half, Half, AttentionShape<16, 1, 576, 560, true>
// CHECK:      using Template = LatentAttentionSm90<Half, Half, Half, AttentionShape<16, 1, 576, 512, true>, 1>;

// CHECK:      forward tokens 9..64
// CHECK:        lathe_paged_attention{{[a-z0-9_]+}}<<<{{.*}}, 384, {{[0-9]+}}>>> layer 0

// PORTABLE:   using Template = PagedAttentionDecode<Half, Half, Half, AttentionShape<16, 1, 576, 512, true>

#symbols = [#lathe.symbol<"tokens", 1, 4096>, #lathe.symbol<"sequences", 1, 4>, #lathe.symbol<"offsets", 2, 5>,
            #lathe.symbol<"pages", 1, 512>]
func.func @forward(%q: tensor<?x16x576xf16> {lathe.name = "q", lathe.dims = ["tokens", 16, 576]},
                   %offsets: tensor<?xi32> {lathe.name = "row_offsets", lathe.dims = ["offsets"]},
                   %lengths: tensor<?xi32> {lathe.name = "lengths", lathe.dims = ["sequences"]},
                   %tables: tensor<?x?xi32> {lathe.name = "block_tables", lathe.dims = ["sequences", "pages"]},
                   %kv: !lathe.state<paged, 1x1x576xf16> {lathe.name = "kv"})
    -> (tensor<?x16x512xf16>, tensor<?x16x560xf16>, !lathe.state<paged, 1x1x576xf16>)
    attributes {lathe.entry = "language_model", lathe.symbols = #symbols} {
  %o = lathe.paged_attention %q, %kv, %offsets, %lengths, %tables layer 0 scale 7.2e-02
      : tensor<?x16x576xf16>, !lathe.state<paged, 1x1x576xf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>
      -> tensor<?x16x512xf16>
  %n = lathe.paged_attention %q, %kv, %offsets, %lengths, %tables layer 0 scale 7.2e-02
      : tensor<?x16x576xf16>, !lathe.state<paged, 1x1x576xf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>
      -> tensor<?x16x560xf16>
  return %o, %n, %kv : tensor<?x16x512xf16>, tensor<?x16x560xf16>, !lathe.state<paged, 1x1x576xf16>
}
