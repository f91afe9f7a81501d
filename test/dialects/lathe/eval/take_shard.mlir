// RUN: lathe-eval %s | FileCheck %s

// Ranks 0 and 1 have the first half, 2 and 3 the second; what is as rank 0 has it is not printed again.
// CHECK: @halves_of_columns
// CHECK-NEXT: tensor<2x2xf32> = {{\[\[}}0, 1], [4, 5]]
// CHECK-NEXT: rank 2
// CHECK-NEXT: @halves_of_columns
// CHECK-NEXT: tensor<2x2xf32> = {{\[\[}}2, 3], [6, 7]]
// CHECK-NEXT: rank 3
// CHECK-NEXT: @halves_of_columns
// CHECK-NEXT: tensor<2x2xf32> = {{\[\[}}2, 3], [6, 7]]
module attributes {lathe.grid = [{name = "tensor", size = 4 : i64}]} {
  func.func @halves_of_columns() -> tensor<2x2xf32> {
    %x = lathe.constant dense<[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]> : tensor<2x4xf32>
    %y = lathe.take_shard %x dim 1 parts 2 along "tensor" : tensor<2x4xf32> -> tensor<2x2xf32>
    return %y : tensor<2x2xf32>
  }
}
