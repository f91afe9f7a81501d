// RUN: lathe-eval %s | FileCheck %s

// A quarter turn and a half turn; the last element passes through.
// CHECK-LABEL: @halves
// CHECK: tensor<1x5xf32> = {{\[\[}}-3, -2, 1, -4, 5]]
func.func @halves() -> tensor<1x5xf32> {
  %x = lathe.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0]]> : tensor<1x5xf32>
  %c = lathe.constant dense<[0.0, -1.0]> : tensor<2xf32>
  %s = lathe.constant dense<[1.0, 0.0]> : tensor<2xf32>
  %y = lathe.rotate_pairs %x, %c, %s halves dimensions 4
      : (tensor<1x5xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x5xf32>
  return %y : tensor<1x5xf32>
}

// Each row has its own angle, each element its own place in the tables.
// CHECK-LABEL: @adjacent
// CHECK: tensor<2x1x2xf16> = {{\[\[\[}}-2, 1]], {{\[\[}}6, 12]]]
func.func @adjacent() -> tensor<2x1x2xf16> {
  %x = lathe.constant dense<[[[1.0, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf16>
  %c = lathe.constant dense<[[[0.0, 0.0]], [[2.0, 3.0]]]> : tensor<2x1x2xf32>
  %s = lathe.constant dense<[[[1.0, 1.0]], [[0.0, 0.0]]]> : tensor<2x1x2xf32>
  %y = lathe.rotate_pairs %x, %c, %s adjacent dimensions 2
      : (tensor<2x1x2xf16>, tensor<2x1x2xf32>, tensor<2x1x2xf32>) -> tensor<2x1x2xf16>
  return %y : tensor<2x1x2xf16>
}
