// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

module attributes {lathe.grid = [{name = "data", size = 3 : i64}, {name = "tensor", size = 2 : i64}]} {
  // CHECK-LABEL: @take_shard
  func.func @take_shard(%x: tensor<4x64xf32>, %w: tensor<4x512x!lathe.gguf<q4_k>>) {
    // CHECK: lathe.take_shard %{{.*}} dim 0 parts 2 along "tensor" : tensor<4x64xf32> -> tensor<2x64xf32>
    %0 = lathe.take_shard %x dim 0 parts 2 along "tensor" : tensor<4x64xf32> -> tensor<2x64xf32>
    // CHECK: lathe.take_shard %{{.*}} dim 1 parts 2 along "tensor" : tensor<4x512x!lathe.gguf<q4_k>>
    %1 = lathe.take_shard %w dim 1 parts 2 along "tensor" :
        tensor<4x512x!lathe.gguf<q4_k>> -> tensor<4x256x!lathe.gguf<q4_k>>
    return
  }

  // CHECK-LABEL: @collectives
  func.func @collectives(%x: tensor<?x64xf16>, %y: tensor<3x?x64xf32>) {
    // CHECK: lathe.all_reduce %{{.*}} along "tensor" : tensor<?x64xf16>
    %0 = lathe.all_reduce %x along "tensor" : tensor<?x64xf16>
    // CHECK: lathe.all_gather %{{.*}} along "data" : tensor<?x64xf16> -> tensor<3x?x64xf16>
    %1 = lathe.all_gather %x along "data" : tensor<?x64xf16> -> tensor<3x?x64xf16>
    // CHECK: lathe.reduce_scatter %{{.*}} along "data" : tensor<3x?x64xf32> -> tensor<?x64xf32>
    %2 = lathe.reduce_scatter %y along "data" : tensor<3x?x64xf32> -> tensor<?x64xf32>
    return
  }
}
