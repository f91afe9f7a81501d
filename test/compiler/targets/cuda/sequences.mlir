// RUN: cuda-print %s --emit=source,launches | FileCheck %s

// Two layers of one shape share their kernels; the layer is a parameter behind the sizes.
// CHECK:      using Template = Gather<Half, int32_t, float>;
// CHECK:      .Data = p0, .Indices = p1, .Out = p2, .Rows = d0, .Cols = 64, .TableRows = 32, .LdTable = 64, .LdOut = 64
// CHECK:      using Template = AppendKv<float, Half, AttentionShape<2, 2, 16, 8>>;
// CHECK:      const float *p0, const float *p1, const Half *p2, const int32_t *p3, Half *p4, int64_t d0, int64_t l0)
// CHECK:      .K = p0, .V = p1, .Pool = p4, .Slots = p3, .Tokens = d0, .LdK = 32, .LdV = 16, .PageElements = 1536, .LayerOffset = l0 * 768
// CHECK:      using Template = Rope<float, Half, Pairing::Half, true>;
// CHECK:      .X = p0, .Out = p2, .Positions = p1, .Factors = nullptr, .Tokens = d0, .Heads = 4, .Width = 16, .Dims = 16, .LdX = 64, .LdOut = 64, .PositionStride = 1, .Base = 10000.0f
// CHECK:      using Template = PagedAttention<Half, Half, float, AttentionShape<4, 2, 16, 8>>;
// CHECK:      .Tokens = d0, .Sequences = d2, .Pages = d3, .LdQ = 64, .LdOut = 32, .PageElements = 1536, .LayerOffset = l0 * 768, .Scale = 0.25f

// CHECK:      forward tokens 1..1
// CHECK:        lathe_gather_f16_i32_f32_0<<<(s0 * 8) ceildiv 256, 256, 0>>>
// CHECK:        [[APPEND:lathe_append_kv[a-z0-9_]+]]<<<s0, 128, 0>>> layer 0
// CHECK:        [[ROPE:lathe_rope[a-z0-9_]+]]<<<s0, 256, 4096>>>
// CHECK:        [[ATTENTION:lathe_paged_attention[a-z0-9_]+]]<<<s0 * 2, 128, {{[0-9]+}}>>> layer 0
// CHECK:        [[APPEND]]<<<s0, 128, 0>>> layer 1
// CHECK:        [[ATTENTION]]<<<s0 * 2, 128, {{[0-9]+}}>>> layer 1
// CHECK:      forward tokens 2..8
// CHECK:        [[APPEND]]<<<
// CHECK:        [[ROPE]]<<<

#symbols = [#lathe.symbol<"tokens", 1, 64>, #lathe.symbol<"sequences", 1, 4>, #lathe.symbol<"offsets", 2, 5>,
            #lathe.symbol<"pages", 1, 8>]
func.func @forward(%tokens: tensor<?xi32> {lathe.name = "tokens", lathe.dims = ["tokens"]},
                   %positions: tensor<?x1xi32> {lathe.name = "positions", lathe.dims = ["tokens", 1]},
                   %offsets: tensor<?xi32> {lathe.name = "row_offsets", lathe.dims = ["offsets"]},
                   %lengths: tensor<?xi32> {lathe.name = "lengths", lathe.dims = ["sequences"]},
                   %tables: tensor<?x?xi32> {lathe.name = "block_tables", lathe.dims = ["sequences", "pages"]},
                   %slots: tensor<?xi32> {lathe.name = "slots", lathe.dims = ["tokens"]},
                   %kv: !lathe.state<paged, 2x2x24xf32> {lathe.name = "kv"})
    -> (tensor<?x4x8xf32>, tensor<?x4x8xf32>, !lathe.state<paged, 2x2x24xf32>)
    attributes {lathe.entry = "language_model", lathe.symbols = #symbols} {
  %table = lathe.weight "table" file 0 offset 0 bytes 4096 : tensor<32x64xf16>
  %k = lathe.weight "k" file 0 offset 4096 bytes 8192 : tensor<32x64xf32>
  %v = lathe.weight "v" file 0 offset 12288 bytes 4096 : tensor<16x64xf32>
  %0 = lathe.gather %table, %tokens : tensor<32x64xf16>, tensor<?xi32> -> tensor<?x64xf32>
  %1 = lathe.reshape %0 shape [0, 4, 16] : tensor<?x64xf32> -> tensor<?x4x16xf32>
  %q = lathe.rope %1, %positions halves base 1.0e+04 dimensions 16 : tensor<?x4x16xf32>, tensor<?x1xi32>
  %2 = lathe.matmul %0, %k transpose_rhs : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  %3 = lathe.matmul %0, %v transpose_rhs : tensor<?x64xf32>, tensor<16x64xf32> -> tensor<?x16xf32>
  %keys = lathe.reshape %2 shape [0, 2, 16] : tensor<?x32xf32> -> tensor<?x2x16xf32>
  %values = lathe.reshape %3 shape [0, 2, 8] : tensor<?x16xf32> -> tensor<?x2x8xf32>
  %kv0 = lathe.append_kv %keys, %values, %kv, %slots layer 0 : tensor<?x2x16xf32>, tensor<?x2x8xf32>,
      !lathe.state<paged, 2x2x24xf32>, tensor<?xi32>
  %o0 = lathe.paged_attention %q, %kv0, %offsets, %lengths, %tables layer 0 scale 2.5e-01 : tensor<?x4x16xf32>,
      !lathe.state<paged, 2x2x24xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x4x8xf32>
  %kv1 = lathe.append_kv %keys, %values, %kv0, %slots layer 1 : tensor<?x2x16xf32>, tensor<?x2x8xf32>,
      !lathe.state<paged, 2x2x24xf32>, tensor<?xi32>
  %o1 = lathe.paged_attention %q, %kv1, %offsets, %lengths, %tables layer 1 scale 2.5e-01 : tensor<?x4x16xf32>,
      !lathe.state<paged, 2x2x24xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x4x8xf32>
  return %o0, %o1, %kv1 : tensor<?x4x8xf32>, tensor<?x4x8xf32>, !lathe.state<paged, 2x2x24xf32>
}
