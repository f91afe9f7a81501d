// RUN: cuda-print %s --activations=f32 --emit=source,launches | FileCheck %s

// A bias for each channel: the row of an epilogue counts images and channels, the column the places of an image.
// CHECK:          toValue(P2[row % 8]);
// CHECK:      using Template = Convolution<float, float, float>;
// CHECK:      .N = d0, .C = 1, .H = 8, .W = 6, .O = 8, .KH = 3, .KW = 2, .OH = 4, .OW = 7, .Groups = 1, .StrideH = 2, .StrideW = 1, .PadTop = 1, .PadLeft = 1, .DilationH = 1, .DilationW = 1

// CHECK:      using Template = Pooling<float, float, Pool::Max>;
// CHECK:      .Planes = (d0 * 8), .H = 4, .W = 7, .KH = 2, .KW = 3, .OH = 2, .OW = 5, .StrideH = 2, .StrideW = 1

// CHECK:        lathe_conv_f32_0<<<(s0 * 224) ceildiv 256, 256, 0>>>
// CHECK-NEXT:   lathe_max_pool_f32_1<<<(s0 * 80) ceildiv 256, 256, 0>>>
func.func @forward(%x: tensor<?x1x8x6xf32> {lathe.name = "x", lathe.dims = ["n", 1, 8, 6]}) -> tensor<?x8x2x5xf32>
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 64>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 192 : tensor<8x1x3x2xf32>
  %b = lathe.weight "b" file 0 offset 192 bytes 32 : tensor<8x1x1xf32>
  %0 = lathe.conv %x, %w strides [2, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
      tensor<?x1x8x6xf32>, tensor<8x1x3x2xf32> -> tensor<?x8x4x7xf32>
  %1 = lathe.add %0, %b : tensor<?x8x4x7xf32>, tensor<8x1x1xf32> -> tensor<?x8x4x7xf32>
  %2 = lathe.max_pool %1 window [2, 3] strides [2, 1] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<?x8x4x7xf32> -> tensor<?x8x2x5xf32>
  return %2 : tensor<?x8x2x5xf32>
}
