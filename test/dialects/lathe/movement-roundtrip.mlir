// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @reshape
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>)
func.func @reshape(%x: tensor<?x64xf32>) -> tensor<?x4x16xf32> {
  // CHECK: lathe.reshape %[[X]] shape [0, 4, -1] : tensor<?x64xf32> -> tensor<?x4x16xf32>
  %y = lathe.reshape %x shape [0, 4, -1] : tensor<?x64xf32> -> tensor<?x4x16xf32>
  return %y : tensor<?x4x16xf32>
}

// CHECK-LABEL: @transpose
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xi8>)
func.func @transpose(%x: tensor<?x64xi8>) -> tensor<64x?xi8> {
  // CHECK: lathe.transpose %[[X]] permutation [1, 0] : tensor<?x64xi8> -> tensor<64x?xi8>
  %y = lathe.transpose %x permutation [1, 0] : tensor<?x64xi8> -> tensor<64x?xi8>
  return %y : tensor<64x?xi8>
}

// CHECK-LABEL: @gather
// CHECK-SAME: (%[[T:.*]]: tensor<512x256x!lathe.gguf<q4_k>>, %[[I:.*]]: tensor<?xi32>)
func.func @gather(%t: tensor<512x256x!lathe.gguf<q4_k>>, %i: tensor<?xi32>) -> tensor<?x256xf32> {
  // CHECK: lathe.gather %[[T]], %[[I]] :
  // CHECK-SAME: tensor<512x256x!lathe.gguf<q4_k>>, tensor<?xi32> -> tensor<?x256xf32>
  %y = lathe.gather %t, %i : tensor<512x256x!lathe.gguf<q4_k>>, tensor<?xi32> -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}
