// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @sum_of_inner
// CHECK: tensor<2xf32> = [6, 15]
func.func @sum_of_inner() -> tensor<2xf32> {
  %x = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %y = lathe.reduce sum %x axes [1] : tensor<2x3xf32> -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: @mean_of_outer
// CHECK: tensor<1x3xf32> = {{\[\[}}2.5, 3.5, 4.5]]
func.func @mean_of_outer() -> tensor<1x3xf32> {
  %x = lathe.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %y = lathe.reduce mean %x axes [0] keep : tensor<2x3xf32> -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}

// CHECK-LABEL: @mean_of_integers
// CHECK: tensor<2xi8> = [-1, 100]
func.func @mean_of_integers() -> tensor<2xi8> {
  %x = lathe.constant dense<[[-1, -2], [100, 101]]> : tensor<2x2xi8>
  %y = lathe.reduce mean %x axes [1] : tensor<2x2xi8> -> tensor<2xi8>
  return %y : tensor<2xi8>
}

// CHECK-LABEL: @first_and_last
// CHECK: tensor<2xi32> = [14, 22]
func.func @first_and_last() -> tensor<2xi32> {
  %x = lathe.constant dense<[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]> : tensor<2x2x2xi32>
  %y = lathe.reduce sum %x axes [0, 2] : tensor<2x2x2xi32> -> tensor<2xi32>
  return %y : tensor<2xi32>
}

// CHECK-LABEL: @wraps_around
// CHECK: tensor<ui8> = 0
func.func @wraps_around() -> tensor<ui8> {
  %x = lathe.constant dense<[16, 16]> : tensor<2xui8>
  %y = lathe.reduce prod %x axes [0] : tensor<2xui8> -> tensor<ui8>
  return %y : tensor<ui8>
}

// CHECK-LABEL: @nan
// CHECK: tensor<2xf32> = [{{-?nan}}, 3]
func.func @nan() -> tensor<2xf32> {
  %x = lathe.constant dense<[[1.0, 0x7FC00000, 2.0], [1.0, 3.0, 2.0]]> : tensor<2x3xf32>
  %y = lathe.reduce max %x axes [1] : tensor<2x3xf32> -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// CHECK-LABEL: @empty
// CHECK: tensor<2xf32> = [0, 0]
// CHECK: tensor<2xf32> = [1, 1]
// CHECK: tensor<2xf32> = [-inf, -inf]
// CHECK: tensor<2xi8> = [127, 127]
// CHECK: tensor<2xf32> = [{{-?nan}}, {{-?nan}}]
func.func @empty() -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xi8>, tensor<2xf32>) {
  %x = lathe.constant dense<> : tensor<2x0xf32>
  %i = lathe.constant dense<> : tensor<2x0xi8>
  %0 = lathe.reduce sum %x axes [1] : tensor<2x0xf32> -> tensor<2xf32>
  %1 = lathe.reduce prod %x axes [1] : tensor<2x0xf32> -> tensor<2xf32>
  %2 = lathe.reduce max %x axes [1] : tensor<2x0xf32> -> tensor<2xf32>
  %3 = lathe.reduce min %i axes [1] : tensor<2x0xi8> -> tensor<2xi8>
  %4 = lathe.reduce mean %x axes [1] : tensor<2x0xf32> -> tensor<2xf32>
  return %0, %1, %2, %3, %4 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xi8>, tensor<2xf32>
}

// CHECK-LABEL: @bits
// CHECK: tensor<2xi1> = [0, 1]
// CHECK: tensor<i32> = 15
func.func @bits() -> (tensor<2xi1>, tensor<i32>) {
  %x = lathe.constant dense<[[true, false], [true, true]]> : tensor<2x2xi1>
  %y = lathe.constant dense<[5, 10]> : tensor<2xi32>
  %0 = lathe.reduce and %x axes [1] : tensor<2x2xi1> -> tensor<2xi1>
  %1 = lathe.reduce or %y axes [0] : tensor<2xi32> -> tensor<i32>
  return %0, %1 : tensor<2xi1>, tensor<i32>
}
