// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @reduce
// CHECK-SAME: (%[[X:.*]]: tensor<?x4x8xf32>)
func.func @reduce(%x: tensor<?x4x8xf32>) -> (tensor<?xf32>, tensor<?x1x8xf32>, tensor<?x4x8xf32>) {
  // CHECK: lathe.reduce sum %[[X]] axes [1, 2] : tensor<?x4x8xf32> -> tensor<?xf32>
  %0 = lathe.reduce sum %x axes [1, 2] : tensor<?x4x8xf32> -> tensor<?xf32>
  // CHECK: lathe.reduce max %[[X]] axes [1] keep : tensor<?x4x8xf32> -> tensor<?x1x8xf32>
  %1 = lathe.reduce max %x axes [1] keep : tensor<?x4x8xf32> -> tensor<?x1x8xf32>
  // CHECK: lathe.reduce mean %[[X]] axes [] : tensor<?x4x8xf32> -> tensor<?x4x8xf32>
  %2 = lathe.reduce mean %x axes [] : tensor<?x4x8xf32> -> tensor<?x4x8xf32>
  return %0, %1, %2 : tensor<?xf32>, tensor<?x1x8xf32>, tensor<?x4x8xf32>
}

// CHECK-LABEL: @bits
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xi1>, %[[Y:.*]]: tensor<?x4xui8>)
func.func @bits(%x: tensor<?x4xi1>, %y: tensor<?x4xui8>) -> (tensor<?xi1>, tensor<?xui8>) {
  // CHECK: lathe.reduce and %[[X]] axes [1] : tensor<?x4xi1> -> tensor<?xi1>
  %0 = lathe.reduce and %x axes [1] : tensor<?x4xi1> -> tensor<?xi1>
  // CHECK: lathe.reduce or %[[Y]] axes [1] : tensor<?x4xui8> -> tensor<?xui8>
  %1 = lathe.reduce or %y axes [1] : tensor<?x4xui8> -> tensor<?xui8>
  return %0, %1 : tensor<?xi1>, tensor<?xui8>
}

// CHECK-LABEL: @arg
// CHECK-SAME: (%[[X:.*]]: tensor<?x10xf16>)
func.func @arg(%x: tensor<?x10xf16>) -> (tensor<?xi64>, tensor<?x1xi64>) {
  // CHECK: lathe.arg_max %[[X]] axis 1 : tensor<?x10xf16> -> tensor<?xi64>
  %0 = lathe.arg_max %x axis 1 : tensor<?x10xf16> -> tensor<?xi64>
  // CHECK: lathe.arg_min %[[X]] axis 1 select_last keep : tensor<?x10xf16> -> tensor<?x1xi64>
  %1 = lathe.arg_min %x axis 1 select_last keep : tensor<?x10xf16> -> tensor<?x1xi64>
  return %0, %1 : tensor<?xi64>, tensor<?x1xi64>
}
