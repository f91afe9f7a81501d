// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @rows_of_known_length
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf16>)
func.func @rows_of_known_length(%x: tensor<?x64xf16>) -> tensor<?x64x!lathe.gguf<q8_0>> {
  // CHECK: lathe.quantize %[[X]] : tensor<?x64xf16> -> tensor<?x64x!lathe.gguf<q8_0>>
  %q = lathe.quantize %x : tensor<?x64xf16> -> tensor<?x64x!lathe.gguf<q8_0>>
  return %q : tensor<?x64x!lathe.gguf<q8_0>>
}
