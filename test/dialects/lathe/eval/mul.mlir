// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @rows_against_one_row
// CHECK: tensor<2x3xf32> = {{\[\[}}2, -2, 12], [-8, -0.5, 32]]
func.func @rows_against_one_row() -> tensor<2x3xf32> {
  %x = lathe.constant dense<[[1.0, 2.0, 3.0], [-4.0, 0.5, 8.0]]> : tensor<2x3xf32>
  %y = lathe.constant dense<[2.0, -1.0, 4.0]> : tensor<3xf32>
  %z = lathe.mul %x, %y : tensor<2x3xf32>, tensor<3xf32> -> tensor<2x3xf32>
  return %z : tensor<2x3xf32>
}

// CHECK-LABEL: @column_against_row
// CHECK: tensor<2x2xf32> = {{\[\[}}10, 20], [20, 40]]
func.func @column_against_row() -> tensor<2x2xf32> {
  %x = lathe.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %y = lathe.constant dense<[[10.0, 20.0]]> : tensor<1x2xf32>
  %z = lathe.mul %x, %y : tensor<2x1xf32>, tensor<1x2xf32> -> tensor<2x2xf32>
  return %z : tensor<2x2xf32>
}

// CHECK-LABEL: @f16
// CHECK: tensor<2xf16> = [inf, 3]
func.func @f16() -> tensor<2xf16> {
  %x = lathe.constant dense<[300.0, 1.5]> : tensor<2xf16>
  %y = lathe.constant dense<[300.0, 2.0]> : tensor<2xf16>
  %z = lathe.mul %x, %y : tensor<2xf16>, tensor<2xf16> -> tensor<2xf16>
  return %z : tensor<2xf16>
}

// CHECK-LABEL: @wraps_around
// CHECK: tensor<2xi32> = [0, -21]
func.func @wraps_around() -> tensor<2xi32> {
  %x = lathe.constant dense<[65536, -3]> : tensor<2xi32>
  %y = lathe.constant dense<[65536, 7]> : tensor<2xi32>
  %r = lathe.mul %x, %y : tensor<2xi32>, tensor<2xi32> -> tensor<2xi32>
  return %r : tensor<2xi32>
}

// CHECK-LABEL: @ui16
// CHECK: tensor<1xui16> = [1]
func.func @ui16() -> tensor<1xui16> {
  %x = lathe.constant dense<[65535]> : tensor<1xui16>
  %y = lathe.constant dense<[65535]> : tensor<1xui16>
  %r = lathe.mul %x, %y : tensor<1xui16>, tensor<1xui16> -> tensor<1xui16>
  return %r : tensor<1xui16>
}
