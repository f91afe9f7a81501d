// Which tiles convolutions of images with channels last take.
// RUN: cuda-print %s --emit=source,launches --ptx=sm_90a | FileCheck %s
// RUN: cuda-print %s --emit=source --ptx=compute_80 | FileCheck %s --check-prefix=PORTABLE

// Few channels, from a patch of the picture, on all GPUs.
// CHECK:      ConvolutionFewChannels<Half, Half, FewChannelsWindow<7, 7, 2, 2, 1, 56, 3>>
// CHECK:      .KH = 7, .KW = 7, .OH = 112, .OW = 112, {{.*}}.Blocks = 132
// Few filters: narrow tiles, two blocks a multiprocessor. So are products with few columns or little depth, which are
// convolutions of images of one place.
// CHECK:      ConvolutionSm90<Half, Half, ConvolutionNarrowSm90, 1>
// CHECK:      .N = d0, .C = 64, .H = 56, .W = 56, .O = 64, .KH = 3, .KW = 3
// CHECK:      ConvolutionSm90<Half, Half, ConvolutionNarrowSm90, 1>
// CHECK:      .N = (d0 * 3136), .C = 64, .H = 1, .W = 1, .O = 64, .KH = 1, .KW = 1, .OH = 1, .OW = 1,
// A tile of 192 places is one for each multiprocessor here.
// CHECK:      ConvolutionSm90<Half, float, ConvolutionHighSm90, 1>
// CHECK:      .C = 64, .H = 56, .W = 56, .O = 128, .KH = 3, .KW = 3, .OH = 28, .OW = 28,
// Few places, and so much depth that blocks of a cluster share it.
// CHECK:      ConvolutionSm90<Half, float, ConvolutionSquareSm90, 2>
// CHECK:      .C = 512, .H = 7, .W = 7, .O = 512
// Channels that are no multiple of 8 are gathered one by one.
// CHECK:      ConvolutionTiles<Half, float, ConvolutionTallTile, 1>
// CHECK:      lathe_tile_conv_{{.*}}<<<264, 512, 99584>>>
// CHECK:      lathe_tile_conv_{{.*}}<<<131, 640, 206592>>>
// CHECK:      lathe_tile_conv_{{.*}}<<<((s0 * 49) ceildiv 128) * 8, 512, 197888>>>

// PORTABLE:     ConvolutionFewChannels<Half, Half, FewChannelsWindow<7, 7, 2, 2, 1, 56, 2>>
// PORTABLE:     ConvolutionTiles<Half, Half, ConvolutionTallTile, 1>
// PORTABLE:     PackedMatmul<Half, Half, PackedLargeTile>
// PORTABLE-NOT: Sm90
func.func @forward(%x: tensor<?x3x224x224xf32> {lathe.name = "x", lathe.dims = ["n", 3, 224, 224]},
                   %z: tensor<?x512x7x7xf32> {lathe.name = "z", lathe.dims = ["n", 512, 7, 7]},
                   %v: tensor<?x12x56x56xf32> {lathe.name = "v", lathe.dims = ["n", 12, 56, 56]})
    -> (tensor<?x128x28x28xf32>, tensor<?x512x7x7xf32>, tensor<?x64x56x56xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 32, 32>]} {
  %f = lathe.weight "f" file 0 offset 0 bytes 37632 : tensor<64x3x7x7xf32>
  %g = lathe.weight "g" file 0 offset 37632 bytes 147456 : tensor<64x64x3x3xf32>
  %h = lathe.weight "h" file 0 offset 185088 bytes 16384 : tensor<64x64x1x1xf32>
  %i = lathe.weight "i" file 0 offset 201472 bytes 294912 : tensor<128x64x3x3xf32>
  %j = lathe.weight "j" file 0 offset 496384 bytes 9437184 : tensor<512x512x3x3xf32>
  %k = lathe.weight "k" file 0 offset 9933568 bytes 27648 : tensor<64x12x3x3xf32>
  %0 = lathe.conv %x, %f strides [2, 2] pads [3, 3, 3, 3] dilations [1, 1] groups 1 :
      tensor<?x3x224x224xf32>, tensor<64x3x7x7xf32> -> tensor<?x64x112x112xf32>
  %1 = lathe.max_pool %0 window [3, 3] strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] :
      tensor<?x64x112x112xf32> -> tensor<?x64x56x56xf32>
  %2 = lathe.conv %1, %g strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
      tensor<?x64x56x56xf32>, tensor<64x64x3x3xf32> -> tensor<?x64x56x56xf32>
  %3 = lathe.conv %2, %h strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<?x64x56x56xf32>, tensor<64x64x1x1xf32> -> tensor<?x64x56x56xf32>
  %4 = lathe.conv %3, %i strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
      tensor<?x64x56x56xf32>, tensor<128x64x3x3xf32> -> tensor<?x128x28x28xf32>
  %5 = lathe.conv %z, %j strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
      tensor<?x512x7x7xf32>, tensor<512x512x3x3xf32> -> tensor<?x512x7x7xf32>
  %6 = lathe.conv %v, %k strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 :
      tensor<?x12x56x56xf32>, tensor<64x12x3x3xf32> -> tensor<?x64x56x56xf32>
  return %4, %5, %6 : tensor<?x128x28x28xf32>, tensor<?x512x7x7xf32>, tensor<?x64x56x56xf32>
}
