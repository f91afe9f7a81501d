// RUN: lathe-eval %s | FileCheck %s
// Worked by hand; NaN on either side gives NaN.

// CHECK-LABEL: @rows_against_one_row
// CHECK: tensor<2x3xf32> = {{\[\[}}1, -1, 3], [-4, -1, 4]]
func.func @rows_against_one_row() -> tensor<2x3xf32> {
  %x = lathe.constant dense<[[1.0, 2.0, 3.0], [-4.0, 0.5, 8.0]]> : tensor<2x3xf32>
  %y = lathe.constant dense<[2.0, -1.0, 4.0]> : tensor<3xf32>
  %z = lathe.minimum %x, %y : tensor<2x3xf32>, tensor<3xf32> -> tensor<2x3xf32>
  return %z : tensor<2x3xf32>
}

// CHECK-LABEL: @column_against_row
// CHECK: tensor<2x2xf32> = {{\[\[}}nan, 1], [nan, nan]]
func.func @column_against_row() -> tensor<2x2xf32> {
  %x = lathe.constant dense<[[1.0], [0x7FC00000]]> : tensor<2x1xf32>
  %y = lathe.constant dense<[[0x7FC00000, 2.0]]> : tensor<1x2xf32>
  %z = lathe.minimum %x, %y : tensor<2x1xf32>, tensor<1x2xf32> -> tensor<2x2xf32>
  return %z : tensor<2x2xf32>
}

// CHECK-LABEL: @f16
// CHECK: tensor<2xf16> = [1, -2]
func.func @f16() -> tensor<2xf16> {
  %x = lathe.constant dense<[1.0, 1.5]> : tensor<2xf16>
  %y = lathe.constant dense<[3.0, -2.0]> : tensor<2xf16>
  %z = lathe.minimum %x, %y : tensor<2xf16>, tensor<2xf16> -> tensor<2xf16>
  return %z : tensor<2xf16>
}

// CHECK-LABEL: @i64
// CHECK: tensor<2xi64> = [9007199254740992, -1]
func.func @i64() -> tensor<2xi64> {
  %x = lathe.constant dense<[9007199254740993, -1]> : tensor<2xi64>
  %y = lathe.constant dense<[9007199254740992, 1]> : tensor<2xi64>
  %r = lathe.minimum %x, %y : tensor<2xi64>, tensor<2xi64> -> tensor<2xi64>
  return %r : tensor<2xi64>
}

// CHECK-LABEL: @ui8
// CHECK: tensor<1xui8> = [1]
func.func @ui8() -> tensor<1xui8> {
  %x = lathe.constant dense<[255]> : tensor<1xui8>
  %y = lathe.constant dense<[1]> : tensor<1xui8>
  %r = lathe.minimum %x, %y : tensor<1xui8>, tensor<1xui8> -> tensor<1xui8>
  return %r : tensor<1xui8>
}
