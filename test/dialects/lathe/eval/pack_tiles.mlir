// RUN: lathe-eval %s | FileCheck %s
// Within a tile the eight pieces of a row are in another order: the second row's first two have changed places.

// CHECK-LABEL: @matrix
// CHECK: tensor<1x1x64x64xf16> =
// CHECK-SAME: {{\[\[\[\[}}0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, {{.*}}], [18, 19, 0, 0, 0, 0, 0, 0, 10, 11, 12, 13, 14, 15, 16, 17, 0, {{.*}}], [0, 0, {{.*}}0]]]]
func.func @matrix() -> tensor<1x1x64x64xf16> {
  %x = lathe.constant dense<[[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
                             [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0]]> : tensor<2x10xf16>
  %y = lathe.pack_tiles %x : tensor<2x10xf16> -> tensor<1x1x64x64xf16>
  return %y : tensor<1x1x64x64xf16>
}

// 65 columns take a second tile.
// CHECK-LABEL: @two_tiles
// CHECK: tensor<1x65xf32> = {{\[\[}}1, 1, {{.*}}, 1]]
func.func @two_tiles() -> tensor<1x65xf32> {
  %x = lathe.constant dense<1.0> : tensor<1x65xbf16>
  %w = lathe.constant dense<0.015380859375> : tensor<65x65xbf16>
  %p = lathe.pack_tiles %w : tensor<65x65xbf16> -> tensor<2x2x64x64xbf16>
  %y = lathe.tile_matmul %x, %p : tensor<1x65xbf16>, tensor<2x2x64x64xbf16> -> tensor<1x65xf32>
  %s = lathe.round %y : tensor<1x65xf32>
  return %s : tensor<1x65xf32>
}

// Pieces of f32 are of four elements, rounded to tf32: ties away from zero.
// CHECK-LABEL: @rounded
// CHECK: tensor<1x1x64x32xf32> =
// CHECK-SAME: {{\[\[\[\[}}1, 1.0009766, 1.0009766, -1.0009766, 2, 0, {{.*}}], [0, 0, 0, 0, 3, 3, 3, 3, 0, {{.*}}], [0, {{.*}}0]]]]
func.func @rounded() -> tensor<1x1x64x32xf32> {
  %x = lathe.constant dense<[[1.0001, 1.00048828125, 1.0009765625, -1.00048828125, 2.0],
                             [3.0, 3.0, 3.0, 3.0, 0.0]]> : tensor<2x5xf32>
  %y = lathe.pack_tiles %x : tensor<2x5xf32> -> tensor<1x1x64x32xf32>
  return %y : tensor<1x1x64x32xf32>
}

// Pieces of f8E4M3FN are of sixteen elements; a product of codes.
// CHECK-LABEL: @codes
// CHECK: tensor<1x1x64x128xf8E4M3FN> =
// CHECK-SAME: {{\[\[\[\[}}1, 2, 0, {{.*}}], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 0, {{.*}}0]]]]
// CHECK: tensor<1x2xf32> = {{\[\[}}5, 11]]
func.func @codes() -> (tensor<1x1x64x128xf8E4M3FN>, tensor<1x2xf32>) {
  %w = lathe.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %c = lathe.cast %w : tensor<2x2xf32> -> tensor<2x2xf8E4M3FN>
  %p = lathe.pack_tiles %c : tensor<2x2xf8E4M3FN> -> tensor<1x1x64x128xf8E4M3FN>
  %x = lathe.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %a = lathe.cast %x : tensor<1x2xf32> -> tensor<1x2xf8E4M3FN>
  %y = lathe.tile_matmul %a, %p : tensor<1x2xf8E4M3FN>, tensor<1x1x64x128xf8E4M3FN> -> tensor<1x2xf32>
  return %p, %y : tensor<1x1x64x128xf8E4M3FN>, tensor<1x2xf32>
}
