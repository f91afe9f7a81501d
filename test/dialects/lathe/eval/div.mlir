// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @rows_against_one_row
// CHECK: tensor<2x3xf32> = {{\[\[}}0.5, -2, 0.75], [-2, -0.5, 2]]
func.func @rows_against_one_row() -> tensor<2x3xf32> {
  %x = lathe.constant dense<[[1.0, 2.0, 3.0], [-4.0, 0.5, 8.0]]> : tensor<2x3xf32>
  %y = lathe.constant dense<[2.0, -1.0, 4.0]> : tensor<3xf32>
  %z = lathe.div %x, %y : tensor<2x3xf32>, tensor<3xf32> -> tensor<2x3xf32>
  return %z : tensor<2x3xf32>
}

// CHECK-LABEL: @column_against_row
// CHECK: tensor<2x2xf32> = {{\[\[}}0.5, inf], [1.5, inf]]
func.func @column_against_row() -> tensor<2x2xf32> {
  %x = lathe.constant dense<[[1.0], [3.0]]> : tensor<2x1xf32>
  %y = lathe.constant dense<[[2.0, 0.0]]> : tensor<1x2xf32>
  %z = lathe.div %x, %y : tensor<2x1xf32>, tensor<1x2xf32> -> tensor<2x2xf32>
  return %z : tensor<2x2xf32>
}

// CHECK-LABEL: @f16
// CHECK: tensor<2xf16> = [0.333251{{[0-9]*}}, 0.75]
func.func @f16() -> tensor<2xf16> {
  %x = lathe.constant dense<[1.0, 1.5]> : tensor<2xf16>
  %y = lathe.constant dense<[3.0, 2.0]> : tensor<2xf16>
  %z = lathe.div %x, %y : tensor<2xf16>, tensor<2xf16> -> tensor<2xf16>
  return %z : tensor<2xf16>
}

// CHECK-LABEL: @i32
// CHECK: tensor<4xi32> = [3, -3, 0, -2147483648]
func.func @i32() -> tensor<4xi32> {
  %x = lathe.constant dense<[7, -7, 5, -2147483648]> : tensor<4xi32>
  %y = lathe.constant dense<[2, 2, 0, -1]> : tensor<4xi32>
  %r = lathe.div %x, %y : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>
  return %r : tensor<4xi32>
}

// CHECK-LABEL: @ui8
// CHECK: tensor<2xui8> = [127, 0]
func.func @ui8() -> tensor<2xui8> {
  %x = lathe.constant dense<[255, 7]> : tensor<2xui8>
  %y = lathe.constant dense<[2, 0]> : tensor<2xui8>
  %r = lathe.div %x, %y : tensor<2xui8>, tensor<2xui8> -> tensor<2xui8>
  return %r : tensor<2xui8>
}
