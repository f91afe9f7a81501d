// Templates fetch weights, and which rows attention has, before the kernels before them have ended. Where another kernel
// of the call writes those they wait first.
// RUN: cuda-print %s --emit=source --ptx=sm_90a | FileCheck %s

// Blocks that are taken apart before a product of many rows.
// CHECK:      using Template = Dequantize<TiledQ4_K, Half>;
// CHECK:      using Template =
// CHECK:        Template::Params params
// CHECK-NEXT:   startNext();
// CHECK-NEXT:   waitForPrevious();
// CHECK-NEXT:   gridTiles
// The gains of a norm.
// CHECK:      using Template = PackedMatmulFewRowsSm90<Half, float, 1, 128, RmsNormalized<float, float>>;
// CHECK:        Template::Params params
// CHECK-NEXT:   startNext();
// CHECK-NEXT:   waitForPrevious();
// CHECK-NEXT:   gridTiles
// Weights and gains as they are in the artifact.
// CHECK:      using Template = PackedMatmulFewRowsSm90<Half, float, 1, 128, RmsNormalized<float, float>>;
// CHECK:        Template::Params params
// CHECK-NEXT:   gridTiles
func.func @blocks(%x: tensor<?x256xf16> {lathe.name = "x", lathe.dims = ["n", 256]}) -> tensor<?x64xf16>
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 65, 512>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 9216 : tensor<64x256x!lathe.gguf<q4_k>>
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x256xf16>, tensor<64x256x!lathe.gguf<q4_k>> -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}

func.func @gains(%x: tensor<1x128xf32> {lathe.name = "x", lathe.dims = [1, 128]},
                 %y: tensor<128xf32> {lathe.name = "y", lathe.dims = [128]})
    -> (tensor<1x64xf32>, tensor<1x32xf32>) attributes {lathe.entry = "tensor"} {
  %g = lathe.weight "g" file 0 offset 0 bytes 512 : tensor<128xf32>
  %w = lathe.weight "w" file 0 offset 512 bytes 16384 : tensor<64x128xf16>
  %u = lathe.weight "u" file 0 offset 16896 bytes 8192 : tensor<32x128xf16>
  %0 = lathe.add %g, %y : tensor<128xf32>, tensor<128xf32> -> tensor<128xf32>
  %1 = lathe.rms_norm %x, %0 epsilon 1.0e-05 : tensor<1x128xf32>, tensor<128xf32>
  %2 = lathe.matmul %1, %w transpose_rhs : tensor<1x128xf32>, tensor<64x128xf16> -> tensor<1x64xf32>
  %3 = lathe.rms_norm %x, %g epsilon 1.0e-06 : tensor<1x128xf32>, tensor<128xf32>
  %4 = lathe.matmul %3, %u transpose_rhs : tensor<1x128xf32>, tensor<32x128xf16> -> tensor<1x32xf32>
  return %2, %4 : tensor<1x64xf32>, tensor<1x32xf32>
}

// Lengths that follow from what comes with the call.
// CHECK:      using Template = PagedAttentionRingsSm90<
// CHECK:        Template::Params params
// CHECK-NEXT:   startNext();
// CHECK-NEXT:   waitForPrevious();
// CHECK-NEXT:   gridTiles
func.func @lengths(%q: tensor<?x2x64xf16> {lathe.name = "q", lathe.dims = ["tokens", 2, 64]},
                   %offsets: tensor<?xi32> {lathe.name = "row_offsets", lathe.dims = ["offsets"]},
                   %before: tensor<?xi32> {lathe.name = "lengths", lathe.dims = ["sequences"]},
                   %tables: tensor<?x?xi32> {lathe.name = "block_tables", lathe.dims = ["sequences", "pages"]},
                   %kv: !lathe.state<paged, 1x1x128xf16> {lathe.name = "kv"})
    -> (tensor<?x2x64xf16>, !lathe.state<paged, 1x1x128xf16>)
    attributes {lathe.entry = "language_model",
                lathe.symbols = [#lathe.symbol<"tokens", 9, 64>, #lathe.symbol<"sequences", 1, 64>,
                                 #lathe.symbol<"offsets", 2, 65>, #lathe.symbol<"pages", 1, 8>]} {
  %lengths = lathe.add %before, %before : tensor<?xi32>, tensor<?xi32> -> tensor<?xi32>
  %o = lathe.paged_attention %q, %kv, %offsets, %lengths, %tables layer 0 scale 1.25e-01
      : tensor<?x2x64xf16>, !lathe.state<paged, 1x1x128xf16>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>
      -> tensor<?x2x64xf16>
  return %o, %kv : tensor<?x2x64xf16>, !lathe.state<paged, 1x1x128xf16>
}
