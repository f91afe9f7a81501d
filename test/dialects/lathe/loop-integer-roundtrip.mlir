// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @integer_matmul
// CHECK: lathe.integer_matmul %{{.*}} zero %{{.*}}, %{{.*}} zero %{{.*}} : (tensor<?x3x64xui8>, tensor<ui8>, tensor<32x64xi8>, tensor<32xi8>)
func.func @integer_matmul(%x: tensor<?x3x64xui8>, %a: tensor<ui8>, %w: tensor<32x64xi8>, %b: tensor<32xi8>)
    -> tensor<?x3x32xi32> {
  %y = lathe.integer_matmul %x zero %a, %w zero %b
      : (tensor<?x3x64xui8>, tensor<ui8>, tensor<32x64xi8>, tensor<32xi8>) -> tensor<?x3x32xi32>
  return %y : tensor<?x3x32xi32>
}
