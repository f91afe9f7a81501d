// RUN: cuda-print %s --emit=source | FileCheck %s
// RUN: cuda-print %s --emit=source --ptx=sm_90a | FileCheck %s --check-prefix=HOPPER
// RUN: cuda-print %s --emit=source --ptx=sm_90a --activations=bf16 | FileCheck %s --check-prefix=BF16

// Blocks one row high have tiles of their own: products of one left side are one launch, on Hopper one template. One row
// is kept in the forms that they take: halves of 8 bits, pairs of f16 for floats, or both.
// CHECK:       using Template = Together<QuantizedMatmul<TiledNF4, Half, Half, SmallTile>, QuantizedMatmul<TiledUINT4_G64, Half, Half, SmallTile>, QuantizedMatmul<TiledE4M3, Half, Half, SmallTile>>;
// HOPPER:      using Template = QuantizedFewRowsSm90<Half, Joined<Half, Half, Half>, 1, 256, TiledNF4, TiledUINT4_G64, TiledE4M3>;
// HOPPER-NEXT: static_assert(Template::Threads == 320 && Template::SharedBytes == 114048);
// HOPPER:      using Template = QuantizedFewRowsSm90<Half, Half, 1, 256, TiledE4M3>;
// HOPPER-NEXT: static_assert(Template::Threads == 320 && Template::SharedBytes == 121216);
// BF16:        using Template = QuantizedFewRowsSm90<BFloat16, Half, 1, 256, TiledE4M3>;
!nf4 = !lathe.blocked<!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none>
!uint4 = !lathe.blocked<ui4, block = [1, 64], scale = f16, zero = i8, outer_scale = none>
!e4m3 = !lathe.blocked<f8E4M3FN, block = [1, 256], scale = f32, zero = none, outer_scale = none>
func.func @rows(%x: tensor<1x256xf16> {lathe.name = "x", lathe.dims = [1, 256]},
                %y: tensor<1x256xbf16> {lathe.name = "y", lathe.dims = [1, 256]})
    -> (tensor<1x64xf16>, tensor<1x64xf16>, tensor<1x64xf16>, tensor<1x64xf16>) attributes {lathe.entry = "tensor"} {
  %n = lathe.weight "n" file 0 offset 0 bytes 9216 : tensor<64x256x!nf4>
  %u = lathe.weight "u" file 0 offset 9216 bytes 8960 : tensor<64x256x!uint4>
  %e = lathe.weight "e" file 0 offset 18176 bytes 16640 : tensor<64x256x!e4m3>
  %0 = lathe.matmul %x, %n transpose_rhs : tensor<1x256xf16>, tensor<64x256x!nf4> -> tensor<1x64xf16>
  %1 = lathe.matmul %x, %u transpose_rhs : tensor<1x256xf16>, tensor<64x256x!uint4> -> tensor<1x64xf16>
  %2 = lathe.matmul %x, %e transpose_rhs : tensor<1x256xf16>, tensor<64x256x!e4m3> -> tensor<1x64xf16>
  %3 = lathe.matmul %y, %e transpose_rhs : tensor<1x256xbf16>, tensor<64x256x!e4m3> -> tensor<1x64xf16>
  return %0, %1, %2, %3 : tensor<1x64xf16>, tensor<1x64xf16>, tensor<1x64xf16>, tensor<1x64xf16>
}
