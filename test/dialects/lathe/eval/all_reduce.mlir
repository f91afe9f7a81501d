// RUN: lathe-eval %s | FileCheck %s

// With two axes the groups are those that differ along one alone: ranks 0 and 1 add up, and ranks 2 and 3.
// CHECK: @groups_of_neighbours
// CHECK-NEXT: tensor<1xf32> = [3]
// CHECK-NEXT: rank 2
// CHECK-NEXT: @groups_of_neighbours
// CHECK-NEXT: tensor<1xf32> = [12]
// CHECK-NEXT: rank 3
// CHECK-NEXT: @groups_of_neighbours
// CHECK-NEXT: tensor<1xf32> = [12]
module attributes {lathe.grid = [{name = "data", size = 2 : i64}, {name = "tensor", size = 2 : i64}]} {
  func.func @groups_of_neighbours() -> tensor<1xf32> {
    %x = lathe.constant dense<[1.0, 2.0, 4.0, 8.0]> : tensor<4xf32>
    %pair = lathe.take_shard %x dim 0 parts 2 along "data" : tensor<4xf32> -> tensor<2xf32>
    %own = lathe.take_shard %pair dim 0 parts 2 along "tensor" : tensor<2xf32> -> tensor<1xf32>
    %y = lathe.all_reduce %own along "tensor" : tensor<1xf32>
    return %y : tensor<1xf32>
  }
}
