// RUN: lathe-eval %s | FileCheck %s

// Rank 0 has [[1, 2], [3, 4]] and rank 1 [[5, 6], [7, 8]].
// CHECK: @rows_of_the_sum
// CHECK-NEXT: tensor<2xf32> = [6, 8]
// CHECK-NEXT: rank 1
// CHECK-NEXT: @rows_of_the_sum
// CHECK-NEXT: tensor<2xf32> = [10, 12]
module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]} {
  func.func @rows_of_the_sum() -> tensor<2xf32> {
    %x = lathe.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>
    %own = lathe.take_shard %x dim 0 parts 2 along "tensor" : tensor<4x2xf32> -> tensor<2x2xf32>
    %y = lathe.reduce_scatter %own along "tensor" : tensor<2x2xf32> -> tensor<2xf32>
    return %y : tensor<2xf32>
  }
}
