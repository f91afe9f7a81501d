// RUN: lathe-eval %s | FileCheck %s
// Worked by hand. Integers wrap around.

// CHECK-LABEL: @f32
// CHECK: tensor<5xf32> = [1024, 3, -8, {{-?nan}}, 1]
func.func @f32() -> tensor<5xf32> {
  %x = lathe.constant dense<[2.0, 9.0, -2.0, -8.0, 0.0]> : tensor<5xf32>
  %y = lathe.constant dense<[10.0, 0.5, 3.0, 0.5, 0.0]> : tensor<5xf32>
  %r = lathe.pow %x, %y : tensor<5xf32>, tensor<5xf32> -> tensor<5xf32>
  return %r : tensor<5xf32>
}

// CHECK-LABEL: @i64
// CHECK: tensor<5xi64> = [4052555153018976267, -8, 0, -1, 0]
func.func @i64() -> tensor<5xi64> {
  %x = lathe.constant dense<[3, -2, 2, -1, 0]> : tensor<5xi64>
  %y = lathe.constant dense<[39, 3, -1, -3, -2]> : tensor<5xi64>
  %r = lathe.pow %x, %y : tensor<5xi64>, tensor<5xi64> -> tensor<5xi64>
  return %r : tensor<5xi64>
}

// CHECK-LABEL: @ui8
// CHECK: tensor<2xui8> = [0, 243]
func.func @ui8() -> tensor<2xui8> {
  %x = lathe.constant dense<[2, 3]> : tensor<2xui8>
  %y = lathe.constant dense<[8, 5]> : tensor<2xui8>
  %r = lathe.pow %x, %y : tensor<2xui8>, tensor<2xui8> -> tensor<2xui8>
  return %r : tensor<2xui8>
}
