// RUN: cuda-print %s --emit=source --ptx=sm_90a | FileCheck %s

// Of a product behind one that normalizes its rows no two blocks share a multiprocessor: it takes a little more than
// half of the shared memory. The next one has others beside it again.
// CHECK:      using Template = PackedMatmulFewRowsSm90<Half, Half, 1, 256, RmsNormalized<float, float>>;
// CHECK-NEXT: SharedBytes == 100096);
// CHECK:      using Template = PackedMatmulFewRowsSm90<Half, Half, 1, 192, AsIs, true>;
// CHECK-NEXT: SharedBytes == 115840);
// CHECK:      using Template = PackedMatmulFewRowsSm90<Half, float, 1, 128>;
// CHECK-NEXT: SharedBytes == 99840);
func.func @forward(%x: tensor<1x256xf32> {lathe.name = "x", lathe.dims = [1, 256]}) -> tensor<1x64xf32>
    attributes {lathe.entry = "tensor"} {
  %g = lathe.weight "g" file 0 offset 0 bytes 1024 : tensor<256xf32>
  %w0 = lathe.weight "w0" file 0 offset 1024 bytes 98304 : tensor<192x256xf16>
  %w1 = lathe.weight "w1" file 0 offset 99328 bytes 49152 : tensor<128x192xf16>
  %w2 = lathe.weight "w2" file 0 offset 148480 bytes 16384 : tensor<64x128xf16>
  %0 = lathe.rms_norm %x, %g epsilon 1.0e-05 : tensor<1x256xf32>, tensor<256xf32>
  %1 = lathe.matmul %0, %w0 transpose_rhs : tensor<1x256xf32>, tensor<192x256xf16> -> tensor<1x192xf32>
  %2 = lathe.matmul %1, %w1 transpose_rhs : tensor<1x192xf32>, tensor<128x192xf16> -> tensor<1x128xf32>
  %3 = lathe.matmul %2, %w2 transpose_rhs : tensor<1x128xf32>, tensor<64x128xf16> -> tensor<1x64xf32>
  return %3 : tensor<1x64xf32>
}
