// RUN: lathe-eval %s | FileCheck %s
// Worked by hand; 2048 + 1 ties to even in f16.

// CHECK-LABEL: @rows_against_one_row
// CHECK: tensor<2x3xf32> = {{\[\[}}3, 1, 7], [-2, -0.5, 12]]
func.func @rows_against_one_row() -> tensor<2x3xf32> {
  %x = lathe.constant dense<[[1.0, 2.0, 3.0], [-4.0, 0.5, 8.0]]> : tensor<2x3xf32>
  %y = lathe.constant dense<[2.0, -1.0, 4.0]> : tensor<3xf32>
  %z = lathe.add %x, %y : tensor<2x3xf32>, tensor<3xf32> -> tensor<2x3xf32>
  return %z : tensor<2x3xf32>
}

// CHECK-LABEL: @column_against_row
// CHECK: tensor<2x2xf32> = {{\[\[}}11, 21], [12, 22]]
func.func @column_against_row() -> tensor<2x2xf32> {
  %x = lathe.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %y = lathe.constant dense<[[10.0, 20.0]]> : tensor<1x2xf32>
  %z = lathe.add %x, %y : tensor<2x1xf32>, tensor<1x2xf32> -> tensor<2x2xf32>
  return %z : tensor<2x2xf32>
}

// CHECK-LABEL: @f16
// CHECK: tensor<2xf16> = [2048, inf]
func.func @f16() -> tensor<2xf16> {
  %x = lathe.constant dense<[2048.0, 65504.0]> : tensor<2xf16>
  %y = lathe.constant dense<[1.0, 65504.0]> : tensor<2xf16>
  %z = lathe.add %x, %y : tensor<2xf16>, tensor<2xf16> -> tensor<2xf16>
  return %z : tensor<2xf16>
}

// CHECK-LABEL: @wraps_around
// CHECK: tensor<2xi8> = [-128, 127]
func.func @wraps_around() -> tensor<2xi8> {
  %x = lathe.constant dense<[127, -128]> : tensor<2xi8>
  %y = lathe.constant dense<[1, -1]> : tensor<2xi8>
  %r = lathe.add %x, %y : tensor<2xi8>, tensor<2xi8> -> tensor<2xi8>
  return %r : tensor<2xi8>
}

// CHECK-LABEL: @ui64
// CHECK: tensor<1xui64> = [1]
func.func @ui64() -> tensor<1xui64> {
  %x = lathe.constant dense<[18446744073709551615]> : tensor<1xui64>
  %y = lathe.constant dense<[2]> : tensor<1xui64>
  %r = lathe.add %x, %y : tensor<1xui64>, tensor<1xui64> -> tensor<1xui64>
  return %r : tensor<1xui64>
}
