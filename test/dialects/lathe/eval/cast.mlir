// RUN: lathe-eval %s | FileCheck %s
// Worked by hand from the formats' last bits: f16 keeps 11 significant bits, bf16 8; ties go to even.

// CHECK-LABEL: @f32_to_f16
// CHECK: tensor<6xf16> = [2048, 2052, 0.099975586, inf, -0, 5.9604645e-08]
func.func @f32_to_f16() -> tensor<6xf16> {
  %x = lathe.constant dense<[2049.0, 2051.0, 0.1, 65520.0, -1.0e-08, 3.0e-08]> : tensor<6xf32>
  %y = lathe.cast %x : tensor<6xf32> -> tensor<6xf16>
  return %y : tensor<6xf16>
}

// CHECK-LABEL: @f32_to_bf16
// CHECK: tensor<4xbf16> = [256, 260, 0.100097656, inf]
func.func @f32_to_bf16() -> tensor<4xbf16> {
  %x = lathe.constant dense<[257.0, 259.0, 0.1, 3.4e+38]> : tensor<4xf32>
  %y = lathe.cast %x : tensor<4xf32> -> tensor<4xbf16>
  return %y : tensor<4xbf16>
}

// CHECK-LABEL: @f16_to_bf16
// CHECK: tensor<2xbf16> = [1, 1.0078125]
func.func @f16_to_bf16() -> tensor<2xbf16> {
  %x = lathe.constant dense<[1.001, 1.005]> : tensor<2xf16>
  %y = lathe.cast %x : tensor<2xf16> -> tensor<2xbf16>
  return %y : tensor<2xbf16>
}

// CHECK-LABEL: @f32_to_i8
// CHECK: tensor<5xi8> = [1, -1, 127, -128, 0]
func.func @f32_to_i8() -> tensor<5xi8> {
  %x = lathe.constant dense<[1.9, -1.9, 1000.0, -1000.0, 0x7FC00000]> : tensor<5xf32>
  %r = lathe.cast %x : tensor<5xf32> -> tensor<5xi8>
  return %r : tensor<5xi8>
}

// CHECK-LABEL: @f64_to_ui64
// CHECK: tensor<3xui64> = [0, 9007199254740994, 18446744073709551615]
func.func @f64_to_ui64() -> tensor<3xui64> {
  %x = lathe.constant dense<[-1.0, 9007199254740994.0, 1.0e+30]> : tensor<3xf64>
  %r = lathe.cast %x : tensor<3xf64> -> tensor<3xui64>
  return %r : tensor<3xui64>
}

// CHECK-LABEL: @i32_to_i8
// CHECK: tensor<2xi8> = [44, 127]
func.func @i32_to_i8() -> tensor<2xi8> {
  %x = lathe.constant dense<[300, -129]> : tensor<2xi32>
  %r = lathe.cast %x : tensor<2xi32> -> tensor<2xi8>
  return %r : tensor<2xi8>
}

// CHECK-LABEL: @ui8_to_f32
// CHECK: tensor<2xf32> = [255, 0]
func.func @ui8_to_f32() -> tensor<2xf32> {
  %x = lathe.constant dense<[255, 0]> : tensor<2xui8>
  %r = lathe.cast %x : tensor<2xui8> -> tensor<2xf32>
  return %r : tensor<2xf32>
}

// CHECK-LABEL: @i64_to_f32
// CHECK: tensor<2xf32> = [1048577, -3]
func.func @i64_to_f32() -> tensor<2xf32> {
  %x = lathe.constant dense<[1048577, -3]> : tensor<2xi64>
  %r = lathe.cast %x : tensor<2xi64> -> tensor<2xf32>
  return %r : tensor<2xf32>
}

// CHECK-LABEL: @f32_to_i1
// CHECK: tensor<4xi1> = [0, 0, 1, 1]
func.func @f32_to_i1() -> tensor<4xi1> {
  %x = lathe.constant dense<[0.0, -0.0, 0.25, 0x7FC00000]> : tensor<4xf32>
  %r = lathe.cast %x : tensor<4xf32> -> tensor<4xi1>
  return %r : tensor<4xi1>
}

// CHECK-LABEL: @i1_to_f16
// CHECK: tensor<2xf16> = [1, 0]
func.func @i1_to_f16() -> tensor<2xf16> {
  %x = lathe.constant dense<[true, false]> : tensor<2xi1>
  %r = lathe.cast %x : tensor<2xi1> -> tensor<2xf16>
  return %r : tensor<2xf16>
}

// CHECK-LABEL: @i1_to_i32
// CHECK: tensor<2xi32> = [1, 0]
func.func @i1_to_i32() -> tensor<2xi32> {
  %x = lathe.constant dense<[true, false]> : tensor<2xi1>
  %r = lathe.cast %x : tensor<2xi1> -> tensor<2xi32>
  return %r : tensor<2xi32>
}

// Numbers of 4 significant bits up to 448, which is what larger ones become.
// CHECK-LABEL: @f32_to_f8
// CHECK: tensor<4xf32> = [1.25, 448, -448, 16]
func.func @f32_to_f8() -> tensor<4xf32> {
  %x = lathe.constant dense<[1.1875, 1000.0, -464.0, 17.0]> : tensor<4xf32>
  %r = lathe.cast %x : tensor<4xf32> -> tensor<4xf8E4M3FN>
  %y = lathe.cast %r : tensor<4xf8E4M3FN> -> tensor<4xf32>
  return %y : tensor<4xf32>
}
