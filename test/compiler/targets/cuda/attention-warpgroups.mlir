// RUN: cuda-print %s --emit=source,launches --ptx=sm_90a | FileCheck %s
// RUN: cuda-print %s --emit=source | FileCheck %s --check-prefix=PORTABLE --implicit-check-not=Sm90

// On Hopper steps of up to 256 tokens, most of which are single rows, read pages through rings. More go to products of
// warpgroups, where queries and cache have one 16-bit type. A scale that is not
// positive would turn the largest score into the smallest there.
// CHECK:      using Template = PagedAttentionRingsSm90<Half, Half, Half, AttentionShape<4, 2, 128, 64>, 264, 2>;
// CHECK:      extern __shared__ __align__(1024) char smem[];
// CHECK:      .Sinks = p5, .Tokens = d0, .Sequences = d2, .Pages = d3, .LdQ = 512, .LdOut = 256, .PageElements = 6144, .LayerOffset = l0 * 6144, .Scale = 0.125f, .SoftCap = 0.0f, .Window = 32}
// CHECK:      using Template = PagedAttentionRingsSm90<
// CHECK:      .Scale = -0.125f
// CHECK:      using Template = PagedAttentionPrefillSm90<Half, Half, AttentionShape<4, 2, 128, 64>, 132>;
// CHECK:      .Scale = 0.125f
// CHECK:      using Template = PagedAttentionPrefill<Half, Half, Half, AttentionShape<4, 2, 128, 64>, false>;
// CHECK:      .Scale = -0.125f

// CHECK:      forward tokens 9..64
// CHECK:        [[RINGS:lathe_paged_attention[a-z0-9_]+]]<<<132, 128, 106880>>> layer 0
// CHECK:      forward tokens 65..256
// CHECK:        [[RINGS]]<<<144, 128, 106880>>> layer 0
// CHECK:      forward tokens 257..512
// CHECK:        lathe_paged_attention{{[a-z0-9_]+}}<<<132, 384, 229632>>> layer 0
// CHECK:        lathe_paged_attention{{[a-z0-9_]+}}<<<{{.*}}, 128, {{[0-9]+}}>>> layer 0

// Where sequences have many rows each, rings' warps take longer over a page than memory does, and warpgroups do not.
// RUN: sed 's/"sequences", 1, 64/"sequences", 1, 4/; s/"offsets", 2, 65/"offsets", 2, 5/' %s | cuda-print - --emit=source,launches --ptx=sm_90a | FileCheck %s --check-prefix=FEW
// FEW:        forward tokens 9..64
// FEW-NEXT:     lathe_paged_attention{{[a-z0-9_]+}}<<<10, 384, 229632>>> layer 0
// FEW-NEXT:     lathe_paged_attention{{[a-z0-9_]+}}<<<12, 128, 106880>>> layer 0

// PORTABLE:   using Template = PagedAttentionPrefill<Half, Half, Half, AttentionShape<4, 2, 128, 64>, true>;

#symbols = [#lathe.symbol<"tokens", 1, 512>, #lathe.symbol<"sequences", 1, 64>, #lathe.symbol<"offsets", 2, 65>,
            #lathe.symbol<"pages", 1, 8>]
func.func @forward(%q: tensor<?x4x128xf16> {lathe.name = "q", lathe.dims = ["tokens", 4, 128]},
                   %offsets: tensor<?xi32> {lathe.name = "row_offsets", lathe.dims = ["offsets"]},
                   %lengths: tensor<?xi32> {lathe.name = "lengths", lathe.dims = ["sequences"]},
                   %tables: tensor<?x?xi32> {lathe.name = "block_tables", lathe.dims = ["sequences", "pages"]},
                   %sinks: tensor<4xf32> {lathe.name = "sinks", lathe.dims = [4]},
                   %kv: !lathe.state<paged, 1x2x192xf16> {lathe.name = "kv"})
    -> (tensor<?x4x64xf16>, tensor<?x4x64xf16>, !lathe.state<paged, 1x2x192xf16>)
    attributes {lathe.entry = "language_model", lathe.symbols = #symbols} {
  %o = lathe.paged_attention %q, %kv, %offsets, %lengths, %tables sinks %sinks : tensor<4xf32> layer 0 scale 1.25e-01
      window 32 : tensor<?x4x128xf16>, !lathe.state<paged, 1x2x192xf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>
      -> tensor<?x4x64xf16>
  %n = lathe.paged_attention %q, %kv, %offsets, %lengths, %tables layer 0 scale -1.25e-01
      : tensor<?x4x128xf16>, !lathe.state<paged, 1x2x192xf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>
      -> tensor<?x4x64xf16>
  return %o, %n, %kv : tensor<?x4x64xf16>, tensor<?x4x64xf16>, !lathe.state<paged, 1x2x192xf16>
}
