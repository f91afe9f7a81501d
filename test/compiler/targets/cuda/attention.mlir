// RUN: cuda-print %s --emit=source,launches | FileCheck %s

// Attention over a cache of f16: few tokens go to the kernel that reads pages once, more to the one that has tiles for
// sequences with many rows. Which of the two generations is printed decides whether pages are spread over a cluster.
// CHECK:      using Template = PagedAttentionDecode{{(Cluster)?}}<Half, Half, float, AttentionShape<4, 2, 64, 32>, 4
// CHECK:      .Sinks = p5, .Tokens = d0, .Sequences = d2, .Pages = d3, .LdQ = 256, .LdOut = 128, .PageElements = 3072, .LayerOffset = l0 * 3072, .Scale = 0.125f, .SoftCap = 0.0f, .Window = 32}
// CHECK:      using Template = PagedAttentionPrefill<Half, Half, float, AttentionShape<4, 2, 64, 32>, {{true|false}}>;
// CHECK:      .Sinks = p5

// CHECK:      forward tokens 1..1
// CHECK:        lathe_paged_attention{{[a-z0-9_]+}}<<<{{.*}}, 128, {{[0-9]+}}>>> layer 0
// CHECK:      forward tokens 9..64
// CHECK:        lathe_paged_attention{{[a-z0-9_]+}}<<<{{.*}}, 128, {{[0-9]+}}>>> layer 0

#symbols = [#lathe.symbol<"tokens", 1, 64>, #lathe.symbol<"sequences", 1, 4>, #lathe.symbol<"offsets", 2, 5>,
            #lathe.symbol<"pages", 1, 512>]
func.func @forward(%q: tensor<?x4x64xf32> {lathe.name = "q", lathe.dims = ["tokens", 4, 64]},
                   %offsets: tensor<?xi32> {lathe.name = "row_offsets", lathe.dims = ["offsets"]},
                   %lengths: tensor<?xi32> {lathe.name = "lengths", lathe.dims = ["sequences"]},
                   %tables: tensor<?x?xi32> {lathe.name = "block_tables", lathe.dims = ["sequences", "pages"]},
                   %sinks: tensor<4xf32> {lathe.name = "sinks", lathe.dims = [4]},
                   %kv: !lathe.state<paged, 1x2x96xf16> {lathe.name = "kv"})
    -> (tensor<?x4x32xf32>, !lathe.state<paged, 1x2x96xf16>)
    attributes {lathe.entry = "language_model", lathe.symbols = #symbols} {
  %o = lathe.paged_attention %q, %kv, %offsets, %lengths, %tables sinks %sinks : tensor<4xf32> layer 0 scale 1.25e-01
      window 32 : tensor<?x4x64xf32>, !lathe.state<paged, 1x2x96xf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>
      -> tensor<?x4x32xf32>
  return %o, %kv : tensor<?x4x32xf32>, !lathe.state<paged, 1x2x96xf16>
}
