// RUN: lathe-opt %s --lathe-propagate-shardings=ranks=2 --split-input-file | FileCheck %s

// A feed-forward layer: hidden columns of gate and up, hidden rows of down.
// CHECK: module attributes {lathe.grid = [{name = "tensor", size = 2 : i64}]
// CHECK-LABEL: @feed_forward
// CHECK: lathe.matmul {{.*}} {lathe.sharding = {{\[}}[{axis = "tensor", dim = 1 : i64, parts = 2 : i64}]]}
// CHECK: lathe.silu {{.*}} {lathe.sharding = {{\[}}[{axis = "tensor", dim = 1 : i64, parts = 2 : i64}]]}
// CHECK: lathe.mul {{.*}} {lathe.sharding = {{\[}}[{axis = "tensor", dim = 1 : i64, parts = 2 : i64}]]}
// CHECK: lathe.matmul {{.*}} {lathe.sharding = {{\[}}[{axis = "tensor", partial = "sum"}]]}
// CHECK: lathe.add
// CHECK-NOT: lathe.sharding
// CHECK: return
func.func @feed_forward(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %wg = lathe.weight "gate" file 0 offset 0 bytes 32768 : tensor<128x64xf32>
  %wu = lathe.weight "up" file 0 offset 32768 bytes 32768 : tensor<128x64xf32>
  %wd = lathe.weight "down" file 0 offset 65536 bytes 32768 : tensor<64x128xf32>
  %g = lathe.matmul %x, %wg transpose_rhs : tensor<?x64xf32>, tensor<128x64xf32> -> tensor<?x128xf32>
  %u = lathe.matmul %x, %wu transpose_rhs : tensor<?x64xf32>, tensor<128x64xf32> -> tensor<?x128xf32>
  %s = lathe.silu %g : tensor<?x128xf32>
  %m = lathe.mul %s, %u : tensor<?x128xf32>, tensor<?x128xf32> -> tensor<?x128xf32>
  %d = lathe.matmul %m, %wd transpose_rhs : tensor<?x128xf32>, tensor<64x128xf32> -> tensor<?x64xf32>
  %r = lathe.add %x, %d : tensor<?x64xf32>, tensor<?x64xf32> -> tensor<?x64xf32>
  return %r : tensor<?x64xf32>
}

// -----

// A norm reads whole rows, so that what is before it is not split, and products in front of it stay whole.
// CHECK-LABEL: @norm_in_between
// CHECK-NOT: lathe.sharding
// CHECK: return
func.func @norm_in_between(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %w = lathe.weight "a" file 0 offset 0 bytes 8192 : tensor<32x64xf32>
  %n = lathe.weight "n" file 0 offset 8192 bytes 128 : tensor<32xf32>
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  %1 = lathe.rms_norm %0, %n epsilon 1.0e-05 : tensor<?x32xf32>, tensor<32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

// Of two products in a row without anything in between, columns of the first and rows of the second: the input is whole.
// CHECK-LABEL: @two_products
// CHECK: lathe.matmul {{.*}}dim = 1
// CHECK: lathe.matmul {{.*}}partial = "sum"
func.func @two_products(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %a = lathe.weight "a" file 0 offset 0 bytes 16384 : tensor<64x64xf32>
  %b = lathe.weight "b" file 0 offset 16384 bytes 16384 : tensor<64x64xf32>
  %0 = lathe.matmul %x, %a transpose_rhs : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
  %1 = lathe.matmul %0, %b transpose_rhs : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}
