// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @unary
// CHECK-SAME: (%[[X:.*]]: tensor<4x?xf32>)
func.func @unary(%x: tensor<4x?xf32>) -> tensor<4x?xf32> {
  // CHECK: %[[EXP:.*]] = lathe.exp %[[X]] : tensor<4x?xf32>
  %0 = lathe.exp %x : tensor<4x?xf32>
  // CHECK: %[[NEG:.*]] = lathe.neg %[[EXP]] : tensor<4x?xf32>
  %1 = lathe.neg %0 : tensor<4x?xf32>
  // CHECK: %[[RELU:.*]] = lathe.relu %[[NEG]] : tensor<4x?xf32>
  %2 = lathe.relu %1 : tensor<4x?xf32>
  // CHECK: %[[SIGMOID:.*]] = lathe.sigmoid %[[RELU]] : tensor<4x?xf32>
  %3 = lathe.sigmoid %2 : tensor<4x?xf32>
  // CHECK: %[[SILU:.*]] = lathe.silu %[[SIGMOID]] : tensor<4x?xf32>
  %4 = lathe.silu %3 : tensor<4x?xf32>
  // CHECK: %[[TANH:.*]] = lathe.tanh %[[SILU]] : tensor<4x?xf32>
  %5 = lathe.tanh %4 : tensor<4x?xf32>
  // CHECK: return %[[TANH]]
  return %5 : tensor<4x?xf32>
}

// CHECK-LABEL: @binary
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf16>, %[[Y:.*]]: tensor<4xf16>)
func.func @binary(%x: tensor<?x4xf16>, %y: tensor<4xf16>) -> tensor<?x4xf16> {
  // CHECK: %[[ADD:.*]] = lathe.add %[[X]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %0 = lathe.add %x, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: %[[SUB:.*]] = lathe.sub %[[ADD]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %1 = lathe.sub %0, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: %[[MUL:.*]] = lathe.mul %[[Y]], %[[SUB]] : tensor<4xf16>, tensor<?x4xf16> -> tensor<?x4xf16>
  %2 = lathe.mul %y, %1 : tensor<4xf16>, tensor<?x4xf16> -> tensor<?x4xf16>
  // CHECK: %[[DIV:.*]] = lathe.div %[[MUL]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %3 = lathe.div %2, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: %[[MAX:.*]] = lathe.maximum %[[DIV]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %4 = lathe.maximum %3, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: %[[MIN:.*]] = lathe.minimum %[[MAX]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %5 = lathe.minimum %4, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: return %[[MIN]]
  return %5 : tensor<?x4xf16>
}

// CHECK-LABEL: @cast
// CHECK-SAME: (%[[X:.*]]: tensor<?x32x!lathe.gguf<q8_0>>)
func.func @cast(%x: tensor<?x32x!lathe.gguf<q8_0>>) -> tensor<?x32xbf16> {
  // CHECK: lathe.cast %[[X]] : tensor<?x32x!lathe.gguf<q8_0>> -> tensor<?x32xbf16>
  %y = lathe.cast %x : tensor<?x32x!lathe.gguf<q8_0>> -> tensor<?x32xbf16>
  return %y : tensor<?x32xbf16>
}
