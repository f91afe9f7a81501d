// RUN: lathe-eval %s | FileCheck %s
// What is a multiple of d = 1 stays, what is between becomes the nearest. The second block has nothing but zeros.

// CHECK-LABEL: @values
// CHECK: tensor<2x32xf32> = {{\[\[}}127, 3, -3, {{(-?0, )*-?0}}], [0, {{(0, )*}}0]]
func.func @values() -> tensor<2x32xf32> {
  %x = lathe.constant dense<[[127.0, 3.0, -3.0, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
                              0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                             [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
                              0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
      : tensor<2x32xf32>
  %q = lathe.quantize %x : tensor<2x32xf32> -> tensor<2x32x!lathe.gguf<q8_0>>
  %v = lathe.cast %q : tensor<2x32x!lathe.gguf<q8_0>> -> tensor<2x32xf32>
  return %v : tensor<2x32xf32>
}

// f16 and bf16 are taken as f32. A value that is not finite makes its block NaN, and no other.
// CHECK-LABEL: @halves
// CHECK: tensor<64xf16> = [nan, {{.*}}nan, 1, {{(1, )*}}1]
func.func @halves() -> tensor<64xf16> {
  %i = lathe.constant dense<0x7C00> : tensor<1xf16>
  %z = lathe.constant dense<0.0> : tensor<31xf16>
  %o = lathe.constant dense<1.0> : tensor<32xf16>
  %x = lathe.concat %i, %z, %o axis 0 : (tensor<1xf16>, tensor<31xf16>, tensor<32xf16>) -> tensor<64xf16>
  %q = lathe.quantize %x : tensor<64xf16> -> tensor<64x!lathe.gguf<q8_0>>
  %v = lathe.cast %q : tensor<64x!lathe.gguf<q8_0>> -> tensor<64xf16>
  return %v : tensor<64xf16>
}
