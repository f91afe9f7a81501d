// RUN: cuda-print %s --emit=source --activations=f32 | FileCheck %s

// Sizes that data gives have bounds as others have: columns of rows that a branch has chosen.
// CHECK: using Template = ElementwiseRows<4>;
func.func @columns(%c: tensor<i1> {lathe.dims = []}, %x: tensor<4x?xf32> {lathe.dims = [4, "n"]}) -> tensor<4x?xf32>
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 3, 16>]} {
  %bias = lathe.constant dense<[[1.0], [2.0], [3.0], [4.0]]> : tensor<4x1xf32>
  %y = lathe.if %c : tensor<i1> -> tensor<4x?xf32> {
    %0 = lathe.slice %x starts affine_map<()[s0, s1] -> (0, 1)> steps [1, 1] sizes affine_map<()[s0, s1] -> (4, 2)>
        : (tensor<4x?xf32>) -> tensor<4x2xf32>
    lathe.yield %0 : tensor<4x2xf32>
  } else {
    lathe.yield %x : tensor<4x?xf32>
  }
  %1 = lathe.add %y, %bias : tensor<4x?xf32>, tensor<4x1xf32> -> tensor<4x?xf32>
  return %1 : tensor<4x?xf32>
}
