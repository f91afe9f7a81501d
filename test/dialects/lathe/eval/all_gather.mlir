// RUN: lathe-eval %s | FileCheck %s

// CHECK: @in_the_order_of_ranks
// CHECK-NEXT: tensor<3x2xi64> = {{\[\[}}1, 2], [3, 4], [5, 6]]
// CHECK-NOT: rank
module attributes {lathe.grid = [{name = "tensor", size = 3 : i64}]} {
  func.func @in_the_order_of_ranks() -> tensor<3x2xi64> {
    %x = lathe.constant dense<[1, 2, 3, 4, 5, 6]> : tensor<6xi64>
    %own = lathe.take_shard %x dim 0 parts 3 along "tensor" : tensor<6xi64> -> tensor<2xi64>
    %y = lathe.all_gather %own along "tensor" : tensor<2xi64> -> tensor<3x2xi64>
    return %y : tensor<3x2xi64>
  }
}
