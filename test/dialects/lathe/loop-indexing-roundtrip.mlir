// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @gather_along
// CHECK: lathe.gather_along %{{.*}}{{.*}}axis 1
func.func @gather_along(%x: tensor<?x8xf32>, %i: tensor<2x3xi64>) -> (tensor<?x2x3xf32>) {
  %y = lathe.gather_along %x, %i axis 1
      : (tensor<?x8xf32>, tensor<2x3xi64>) -> tensor<?x2x3xf32>
  return %y : tensor<?x2x3xf32>
}

// CHECK-LABEL: @gather_elements
// CHECK: lathe.gather_elements %{{.*}}{{.*}}axis 0
func.func @gather_elements(%x: tensor<4x2xf32>, %i: tensor<3x2xi64>) -> (tensor<3x2xf32>) {
  %y = lathe.gather_elements %x, %i axis 0
      : (tensor<4x2xf32>, tensor<3x2xi64>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// CHECK-LABEL: @gather_nd
// CHECK: lathe.gather_nd %{{.*}}{{.*}}batch_dims 0
func.func @gather_nd(%x: tensor<4x2x8xf32>, %i: tensor<3x2xi64>) -> (tensor<3x8xf32>) {
  %y = lathe.gather_nd %x, %i batch_dims 0
      : (tensor<4x2x8xf32>, tensor<3x2xi64>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// CHECK-LABEL: @scatter_elements
// CHECK: lathe.scatter_elements %{{.*}}{{.*}}axis 0
func.func @scatter_elements(%x: tensor<4xf32>, %i: tensor<2xi64>, %u: tensor<2xf32>) -> (tensor<4xf32>) {
  %y = lathe.scatter_elements %x, %i, %u none axis 0
      : tensor<4xf32>, tensor<2xi64>, tensor<2xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: @scatter_nd
// CHECK: lathe.scatter_nd %{{.*}}
func.func @scatter_nd(%x: tensor<4x8xf32>, %i: tensor<2x1xi64>, %u: tensor<2x8xf32>) -> (tensor<4x8xf32>) {
  %y = lathe.scatter_nd %x, %i, %u none
      : tensor<4x8xf32>, tensor<2x1xi64>, tensor<2x8xf32>
  return %y : tensor<4x8xf32>
}

// CHECK-LABEL: @nonzero
// CHECK: lathe.nonzero %{{.*}}
func.func @nonzero(%x: tensor<4x?xf32>) -> (tensor<2x?xi64>, tensor<1xi64>) {
  %i, %n = lathe.nonzero %x
      : (tensor<4x?xf32>) -> (tensor<2x?xi64>, tensor<1xi64>)
  return %i, %n : tensor<2x?xi64>, tensor<1xi64>
}
