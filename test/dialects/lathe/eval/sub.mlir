// RUN: lathe-eval %s | FileCheck %s
// Worked by hand; 2050 - 1 ties to even in f16.

// CHECK-LABEL: @rows_against_one_row
// CHECK: tensor<2x3xf32> = {{\[\[}}-1, 3, -1], [-6, 1.5, 4]]
func.func @rows_against_one_row() -> tensor<2x3xf32> {
  %x = lathe.constant dense<[[1.0, 2.0, 3.0], [-4.0, 0.5, 8.0]]> : tensor<2x3xf32>
  %y = lathe.constant dense<[2.0, -1.0, 4.0]> : tensor<3xf32>
  %z = lathe.sub %x, %y : tensor<2x3xf32>, tensor<3xf32> -> tensor<2x3xf32>
  return %z : tensor<2x3xf32>
}

// CHECK-LABEL: @column_against_row
// CHECK: tensor<2x2xf32> = {{\[\[}}-9, -19], [-8, -18]]
func.func @column_against_row() -> tensor<2x2xf32> {
  %x = lathe.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %y = lathe.constant dense<[[10.0, 20.0]]> : tensor<1x2xf32>
  %z = lathe.sub %x, %y : tensor<2x1xf32>, tensor<1x2xf32> -> tensor<2x2xf32>
  return %z : tensor<2x2xf32>
}

// CHECK-LABEL: @f16
// CHECK: tensor<2xf16> = [2048, -0.5]
func.func @f16() -> tensor<2xf16> {
  %x = lathe.constant dense<[2050.0, 1.5]> : tensor<2xf16>
  %y = lathe.constant dense<[1.0, 2.0]> : tensor<2xf16>
  %z = lathe.sub %x, %y : tensor<2xf16>, tensor<2xf16> -> tensor<2xf16>
  return %z : tensor<2xf16>
}

// CHECK-LABEL: @wraps_around
// CHECK: tensor<2xui8> = [255, 2]
func.func @wraps_around() -> tensor<2xui8> {
  %x = lathe.constant dense<[0, 5]> : tensor<2xui8>
  %y = lathe.constant dense<[1, 3]> : tensor<2xui8>
  %r = lathe.sub %x, %y : tensor<2xui8>, tensor<2xui8> -> tensor<2xui8>
  return %r : tensor<2xui8>
}
