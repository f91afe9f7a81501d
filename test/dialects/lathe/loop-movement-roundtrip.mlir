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

// CHECK-LABEL: @expand
// CHECK: lathe.expand %{{.*}}
func.func @expand(%x: tensor<1xf32>, %t: tensor<?x?xi64>) -> (tensor<?x?xf32>) {
  %y = lathe.expand %x from %t sizes affine_map<()[s0, s1, s2] -> (s1, s2)>
      : (tensor<1xf32>, tensor<?x?xi64>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// CHECK-LABEL: @concat
// CHECK: lathe.concat %{{.*}}{{.*}}axis 0
func.func @concat(%x: tensor<?x4xf32>, %y: tensor<2x4xf32>) -> (tensor<?x4xf32>) {
  %z = lathe.concat %x, %y axis 0
      : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// CHECK-LABEL: @pad
// CHECK: lathe.pad %{{.*}}
func.func @pad(%x: tensor<4xf32>, %v: tensor<f32>) -> (tensor<6xf32>) {
  %y = lathe.pad %x, %v constant low affine_map<()[s0] -> (1)> sizes affine_map<()[s0] -> (s0 + 2)>
      : (tensor<4xf32>, tensor<f32>) -> tensor<6xf32>
  return %y : tensor<6xf32>
}

// CHECK-LABEL: @iota
// CHECK: lathe.iota from{{.*}}axis 0
func.func @iota(%x: tensor<?xf32>) -> (tensor<?xi64>) {
  %i = lathe.iota from %x axis 0 sizes affine_map<()[s0] -> (s0)>
      : (tensor<?xf32>) -> tensor<?xi64>
  return %i : tensor<?xi64>
}

// CHECK-LABEL: @reshape_to
// CHECK: lathe.reshape_to %{{.*}} from %{{.*}} sizes
func.func @reshape_to(%x: tensor<?xf32>, %t: tensor<?x?xi64>) -> tensor<?x1x?xf32> {
  %y = lathe.reshape_to %x from %t sizes affine_map<()[s0, s1, s2] -> (s1, 1, s2)>
      : (tensor<?xf32>, tensor<?x?xi64>) -> tensor<?x1x?xf32>
  return %y : tensor<?x1x?xf32>
}

// CHECK-LABEL: @write_sizes
// CHECK: lathe.write_sizes from %{{.*}} values
func.func @write_sizes(%x: tensor<?x?xf32>) -> (tensor<2xi64>) {
  %n = lathe.write_sizes from %x values affine_map<()[s0, s1] -> (s0 * s1, s1 - 1)>
      : (tensor<?x?xf32>) -> tensor<2xi64>
  return %n : tensor<2xi64>
}

// CHECK-LABEL: @reverse_sequence
// CHECK: lathe.reverse_sequence %{{.*}}{{.*}}time_axis 0{{.*}}batch_axis 1
func.func @reverse_sequence(%x: tensor<4x?xf32>, %l: tensor<?xi64>) -> (tensor<4x?xf32>) {
  %y = lathe.reverse_sequence %x, %l time_axis 0 batch_axis 1
      : tensor<4x?xf32>, tensor<?xi64>
  return %y : tensor<4x?xf32>
}
