// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @rows_of_known_length
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf16>)
func.func @rows_of_known_length(%x: tensor<?x64xf16>) -> tensor<?x64x!lathe.gguf<q8_0>> {
  // CHECK: lathe.quantize %[[X]] : tensor<?x64xf16> -> tensor<?x64x!lathe.gguf<q8_0>>
  %q = lathe.quantize %x : tensor<?x64xf16> -> tensor<?x64x!lathe.gguf<q8_0>>
  return %q : tensor<?x64x!lathe.gguf<q8_0>>
}

// CHECK-LABEL: @join_blocks
// CHECK: lathe.join_blocks %{{.*}}, %{{.*}} : (tensor<4x64xi8>, tensor<4x2xf32>) -> tensor<4x64x!lathe.blocked<i8,
// CHECK: lathe.join_blocks %{{.*}}, %{{.*}}, %{{.*}} : (tensor<4x32xui8>, tensor<1x2xf16>, tensor<4x1xui8>)
func.func @join_blocks(%c: tensor<4x64xi8>, %s: tensor<4x2xf32>, %p: tensor<4x32xui8>, %h: tensor<1x2xf16>, %z: tensor<4x1xui8>) {
  %a = lathe.join_blocks %c, %s : (tensor<4x64xi8>, tensor<4x2xf32>)
      -> tensor<4x64x!lathe.blocked<i8, block = [1, 32], scale = f32, zero = none, outer_scale = none>>
  %b = lathe.join_blocks %p, %h, %z : (tensor<4x32xui8>, tensor<1x2xf16>, tensor<4x1xui8>)
      -> tensor<4x64x!lathe.blocked<ui4, block = [1, 32], scale = f16, zero = ui8, outer_scale = none>>
  return
}

// CHECK-LABEL: @fake_quantize
// CHECK: lathe.fake_quantize %{{.*}}, %{{.*}}, %{{.*}} from -128 to 127 : (tensor<?x4xf32>, tensor<1x4xf32>, tensor<f32>)
func.func @fake_quantize(%x: tensor<?x4xf32>, %s: tensor<1x4xf32>, %z: tensor<f32>) -> tensor<?x4xf32> {
  %y = lathe.fake_quantize %x, %s, %z from -128 to 127
      : (tensor<?x4xf32>, tensor<1x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: @round_rows
// CHECK: lathe.round_rows %{{.*}} : tensor<?x64xf16> -> tensor<?x64xf8E4M3FN>, tensor<?x1xf32>
// CHECK: lathe.round_rows %{{.*}} : tensor<?x64xf16> -> tensor<?x64xi8>, tensor<?x1xf32>
func.func @round_rows(%x: tensor<?x64xf16>) -> (tensor<?x64xf8E4M3FN>, tensor<?x64xi8>) {
  %c, %s = lathe.round_rows %x : tensor<?x64xf16> -> tensor<?x64xf8E4M3FN>, tensor<?x1xf32>
  %i, %t = lathe.round_rows %x : tensor<?x64xf16> -> tensor<?x64xi8>, tensor<?x1xf32>
  return %c, %i : tensor<?x64xf8E4M3FN>, tensor<?x64xi8>
}
