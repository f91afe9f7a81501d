// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK: module attributes {lathe.files = ["model.gguf"]}
module attributes {lathe.files = ["model.gguf"]} {
  // CHECK-LABEL: @weight
  func.func @weight() -> tensor<2x256x!lathe.gguf<q4_k>> {
    // CHECK: lathe.weight "blk.0.w" file 0 offset 4096 bytes 288 : tensor<2x256x!lathe.gguf<q4_k>>
    %w = lathe.weight "blk.0.w" file 0 offset 4096 bytes 288 : tensor<2x256x!lathe.gguf<q4_k>>
    return %w : tensor<2x256x!lathe.gguf<q4_k>>
  }

  // CHECK-LABEL: @constant
  func.func @constant() -> tensor<2xi64> {
    // CHECK: lathe.constant dense<[1, -1]> : tensor<2xi64>
    %c = lathe.constant dense<[1, -1]> : tensor<2xi64>
    return %c : tensor<2xi64>
  }

  // CHECK-LABEL: @weight_program
  func.func @weight_program() -> tensor<2x4xf16> {
    // CHECK: lathe.weight_program "w.f16" : tensor<2x4xf16> {
    // CHECK-NEXT: %[[W:.*]] = lathe.weight "w" file 0 offset 0 bytes 32 : tensor<2x4xf32>
    // CHECK-NEXT: %[[C:.*]] = lathe.cast %[[W]] : tensor<2x4xf32> -> tensor<2x4xf16>
    // CHECK-NEXT: lathe.yield %[[C]] : tensor<2x4xf16>
    %w = lathe.weight_program "w.f16" : tensor<2x4xf16> {
      %0 = lathe.weight "w" file 0 offset 0 bytes 32 : tensor<2x4xf32>
      %1 = lathe.cast %0 : tensor<2x4xf32> -> tensor<2x4xf16>
      lathe.yield %1 : tensor<2x4xf16>
    }
    return %w : tensor<2x4xf16>
  }

  // CHECK-LABEL: @fusion
  // CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %[[B:.*]]: tensor<4xf32>)
  func.func @fusion(%x: tensor<4xf32>, %b: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    // CHECK: %[[R:.*]]:2 = lathe.fusion(%[[X]], %[[B]]) kernel <"elementwise", {unroll = 4 : i64}, "no reduction"> :
    // CHECK-SAME: (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    // CHECK-NEXT: ^bb0(%[[A0:.*]]: tensor<4xf32>, %[[A1:.*]]: tensor<4xf32>):
    // CHECK-NEXT: %[[S:.*]] = lathe.add %[[A0]], %[[A1]]
    // CHECK-NEXT: lathe.yield %[[S]], %[[A0]] : tensor<4xf32>, tensor<4xf32>
    %y:2 = lathe.fusion(%x, %b) kernel <"elementwise", {unroll = 4 : i64}, "no reduction"> :
        (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
    ^bb0(%a0: tensor<4xf32>, %a1: tensor<4xf32>):
      %0 = lathe.add %a0, %a1 : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
      lathe.yield %0, %a0 : tensor<4xf32>, tensor<4xf32>
    }
    // CHECK: return %[[R]]#0, %[[R]]#1
    return %y#0, %y#1 : tensor<4xf32>, tensor<4xf32>
  }

  // CHECK-LABEL: @fusion_without_kernel
  // CHECK: lathe.fusion(%{{.*}}) : (tensor<4xf32>) -> tensor<4xf32> {
  func.func @fusion_without_kernel(%x: tensor<4xf32>) -> tensor<4xf32> {
    %y = lathe.fusion(%x) : (tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%a0: tensor<4xf32>):
      lathe.yield %a0 : tensor<4xf32>
    }
    return %y : tensor<4xf32>
  }

  // CHECK-LABEL: @read_sizes
  // CHECK-SAME: (%[[N:.*]]: tensor<2xi64>)
  func.func @read_sizes(%n: tensor<2xi64>) -> !lathe.sizes<2> {
    // CHECK: lathe.read_sizes %[[N]] min [0, 1] max [3, 64] : tensor<2xi64> -> !lathe.sizes<2>
    %s = lathe.read_sizes %n min [0, 1] max [3, 64] : tensor<2xi64> -> !lathe.sizes<2>
    return %s : !lathe.sizes<2>
  }
}
