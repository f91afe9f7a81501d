// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @dft
// CHECK: lathe.dft %{{.*}}{{.*}}inverse false
func.func @dft(%x: tensor<1x8x1xf32>) -> (tensor<1x5x2xf32>) {
  %y = lathe.dft %x length affine_map<()[s0, s1, s2] -> (s1)> inverse false sizes affine_map<()[s0, s1, s2] -> (s0, s1 floordiv 2 + 1, 2)>
      : (tensor<1x8x1xf32>) -> tensor<1x5x2xf32>
  return %y : tensor<1x5x2xf32>
}
