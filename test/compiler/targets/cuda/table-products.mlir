// RUN: cuda-print %s --emit=source | FileCheck %s
// RUN: cuda-print %s --emit=source --ptx=sm_90a | FileCheck %s --check-prefix=HOPPER

// Blocks whose codes are places in a table are tuned formats: products of one left side are one launch, on Hopper one
// template, for each clone of the function.
// CHECK:       using Template = Together<QuantizedMatmul<TiledMXFP4, Half, Half, SmallTile>, QuantizedMatmul<TiledNVFP4, Half, Half, SmallTile>, QuantizedMatmul<TiledIQ4_NL, Half, Half, SmallTile>>;
// CHECK:       using Template = Together<QuantizedMatmul<TiledMXFP4, Half, Half, MediumTile>, QuantizedMatmul<TiledNVFP4, Half, Half, MediumTile>, QuantizedMatmul<TiledIQ4_NL, Half, Half, MediumTile>>;
// HOPPER:      using Template = QuantizedFewRowsSm90<Half, Joined<Half, Half, Half>, 1, 256, TiledMXFP4, TiledNVFP4, TiledIQ4_NL>;
// HOPPER-NEXT: static_assert(Template::Threads == 320 && Template::SharedBytes == 113536);
// HOPPER:      using Template = QuantizedFewRowsSm90<Half, Joined<Half, Half, Half>, 8, 256, TiledMXFP4, TiledNVFP4, TiledIQ4_NL>;
// HOPPER-NEXT: static_assert(Template::Threads == 576 && Template::SharedBytes == 205472);
// HOPPER:      using Template = QuantizedWideSm90<Joined<Half, Half, Half>, 64, 2, TiledMXFP4, TiledNVFP4, TiledIQ4_NL>;
// HOPPER-NEXT: static_assert(Template::Threads == 384 && Template::SharedBytes == 138240);
func.func @tables(%x: tensor<?x256xf16> {lathe.name = "x", lathe.dims = ["n", 256]})
    -> (tensor<?x64xf16>, tensor<?x64xf16>, tensor<?x64xf16>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 64>]} {
  %m = lathe.weight "m" file 0 offset 0 bytes 8704 : tensor<64x256x!lathe.gguf<mxfp4>>
  %n = lathe.weight "n" file 0 offset 8704 bytes 9216 : tensor<64x256x!lathe.gguf<nvfp4>>
  %i = lathe.weight "i" file 0 offset 17920 bytes 9216 : tensor<64x256x!lathe.gguf<iq4_nl>>
  %0 = lathe.matmul %x, %m transpose_rhs : tensor<?x256xf16>, tensor<64x256x!lathe.gguf<mxfp4>> -> tensor<?x64xf16>
  %1 = lathe.matmul %x, %n transpose_rhs : tensor<?x256xf16>, tensor<64x256x!lathe.gguf<nvfp4>> -> tensor<?x64xf16>
  %2 = lathe.matmul %x, %i transpose_rhs : tensor<?x256xf16>, tensor<64x256x!lathe.gguf<iq4_nl>> -> tensor<?x64xf16>
  return %0, %1, %2 : tensor<?x64xf16>, tensor<?x64xf16>, tensor<?x64xf16>
}

// Many rows are worth unpacking them to memory.
// CHECK: using Template = Dequantize<TiledMXFP4, Half>;
func.func @many(%x: tensor<600x256xf16> {lathe.name = "x", lathe.dims = [600, 256]}) -> tensor<600x64xf16>
    attributes {lathe.entry = "tensor"} {
  %m = lathe.weight "m" file 0 offset 0 bytes 8704 : tensor<64x256x!lathe.gguf<mxfp4>>
  %0 = lathe.matmul %x, %m transpose_rhs : tensor<600x256xf16>, tensor<64x256x!lathe.gguf<mxfp4>> -> tensor<600x64xf16>
  return %0 : tensor<600x64xf16>
}
