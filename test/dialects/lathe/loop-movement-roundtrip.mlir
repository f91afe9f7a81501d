// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @slice
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[S:.*]]: !lathe.sizes<1>)
func.func @slice(%x: tensor<?x8xf32>, %s: !lathe.sizes<1>) -> tensor<?x4xf32> {
  // CHECK: lathe.slice %[[X]] from %[[S]] starts #{{.*}} steps [1, 2] sizes #{{.*}} :
  // CHECK-SAME: (tensor<?x8xf32>, !lathe.sizes<1>) -> tensor<?x4xf32>
  %y = lathe.slice %x from %s starts affine_map<()[s0, s1, s2] -> (0, 1)> steps [1, 2]
      sizes affine_map<()[s0, s1, s2] -> (s2, 4)> : (tensor<?x8xf32>, !lathe.sizes<1>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
