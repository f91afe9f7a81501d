// RUN: lathe-eval %s | FileCheck %s
// Worked by hand. The sign is that of the dividend.

// CHECK-LABEL: @f32
// CHECK: tensor<4xf32> = [1.5, -1.5, 1.5, {{-?nan}}]
func.func @f32() -> tensor<4xf32> {
  %x = lathe.constant dense<[7.5, -7.5, 7.5, 1.0]> : tensor<4xf32>
  %y = lathe.constant dense<[2.0, 2.0, -2.0, 0.0]> : tensor<4xf32>
  %r = lathe.fmod %x, %y : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: @i32
// CHECK: tensor<5xi32> = [1, -1, 1, 0, 0]
func.func @i32() -> tensor<5xi32> {
  %x = lathe.constant dense<[7, -7, 7, 5, -2147483648]> : tensor<5xi32>
  %y = lathe.constant dense<[3, 3, -3, 0, -1]> : tensor<5xi32>
  %r = lathe.fmod %x, %y : tensor<5xi32>, tensor<5xi32> -> tensor<5xi32>
  return %r : tensor<5xi32>
}

// CHECK-LABEL: @ui8
// CHECK: tensor<2xui8> = [15, 0]
func.func @ui8() -> tensor<2xui8> {
  %x = lathe.constant dense<[255, 7]> : tensor<2xui8>
  %y = lathe.constant dense<[16, 0]> : tensor<2xui8>
  %r = lathe.fmod %x, %y : tensor<2xui8>, tensor<2xui8> -> tensor<2xui8>
  return %r : tensor<2xui8>
}
