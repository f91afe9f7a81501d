// RUN: lathe-eval %s | FileCheck %s

// Halves become even, codes stay within 0 to 255 whatever the zero, and what is no number stays none.
// CHECK-LABEL: @one_scale
// CHECK: tensor<6xf32> = [0, 0.5, 1, -64, 63.5, nan]
func.func @one_scale() -> tensor<6xf32> {
  %x = lathe.constant dense<[0.25, 0.375, 0.75, -1000.0, 1000.0, 0x7FC00000]> : tensor<6xf32>
  %s = lathe.constant dense<0.5> : tensor<f32>
  %z = lathe.constant dense<128.0> : tensor<f32>
  %y = lathe.fake_quantize %x, %s, %z from 0 to 255 : (tensor<6xf32>, tensor<f32>, tensor<f32>) -> tensor<6xf32>
  return %y : tensor<6xf32>
}

// CHECK-LABEL: @scale_of_each_column
// CHECK: tensor<2x2xf32> = {{\[\[}}1, 16], [-8, -128]]
func.func @scale_of_each_column() -> tensor<2x2xf32> {
  %x = lathe.constant dense<[[1.2, 17.0], [-100.0, -1000.0]]> : tensor<2x2xf32>
  %s = lathe.constant dense<[[1.0, 16.0]]> : tensor<1x2xf32>
  %z = lathe.constant dense<0.0> : tensor<f32>
  %y = lathe.fake_quantize %x, %s, %z from -8 to 7 : (tensor<2x2xf32>, tensor<1x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}
