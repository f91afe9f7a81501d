// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @rotate_pairs
// CHECK: lathe.rotate_pairs %{{.*}}, %{{.*}}, %{{.*}} halves dimensions 4 : (tensor<?x2x?x6xf16>, tensor<?x4xf32>, tensor<?x4xf32>)
// CHECK: lathe.rotate_pairs %{{.*}}, %{{.*}}, %{{.*}} adjacent dimensions 4 :
func.func @rotate_pairs(%x: tensor<?x2x?x6xf16>, %c: tensor<?x4xf32>, %s: tensor<?x4xf32>, %p: tensor<?x1x1x2xf32>)
    -> tensor<?x2x?x6xf16> {
  %y = lathe.rotate_pairs %x, %c, %s halves dimensions 4
      : (tensor<?x2x?x6xf16>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x2x?x6xf16>
  %z = lathe.rotate_pairs %y, %p, %p adjacent dimensions 4
      : (tensor<?x2x?x6xf16>, tensor<?x1x1x2xf32>, tensor<?x1x1x2xf32>) -> tensor<?x2x?x6xf16>
  return %z : tensor<?x2x?x6xf16>
}
