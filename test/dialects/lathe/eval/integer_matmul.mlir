// RUN: lathe-eval %s | FileCheck %s

// A zero for all of the left operand, one for each row of the right one: (250 - 128) * (-128 - 3) * 2 + ... by hand.
// CHECK-LABEL: @zeros
// CHECK: tensor<2x3xi32> = {{\[\[}}-31964, 366, -122], [33536, -384, 128]]
func.func @zeros() -> tensor<2x3xi32> {
  %x = lathe.constant dense<[[250, 250], [0, 0]]> : tensor<2x2xui8>
  %a = lathe.constant dense<128> : tensor<ui8>
  %w = lathe.constant dense<[[-128, -128], [4, 1], [-1, 0]]> : tensor<3x2xi8>
  %b = lathe.constant dense<[3, 1, 0]> : tensor<3xi8>
  %y = lathe.integer_matmul %x zero %a, %w zero %b
      : (tensor<2x2xui8>, tensor<ui8>, tensor<3x2xi8>, tensor<3xi8>) -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
}

// One right matrix meets all of a batch; each row has its zero.
// CHECK-LABEL: @batch
// CHECK: tensor<2x1x2xi32> = {{\[\[}}[3, 7]], {{\[}}[-1, -3]]]
func.func @batch() -> tensor<2x1x2xi32> {
  %x = lathe.constant dense<[[[2, 2]], [[1, 2]]]> : tensor<2x1x2xi8>
  %a = lathe.constant dense<[[[1]], [[2]]]> : tensor<2x1x1xi8>
  %w = lathe.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xui8>
  %b = lathe.constant dense<0> : tensor<ui8>
  %y = lathe.integer_matmul %x zero %a, %w zero %b
      : (tensor<2x1x2xi8>, tensor<2x1x1xi8>, tensor<2x2xui8>, tensor<ui8>) -> tensor<2x1x2xi32>
  return %y : tensor<2x1x2xi32>
}
