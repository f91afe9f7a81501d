// REQUIRES: clang-x86
// Products whose rows and weights are codes of f8E4M3FN, from few rows to many, through their CUDA code on the CPU; rows
// are rounded by a kernel of its own, or by that of the norm they come from. The reference rounds and computes in floats.
// A norm's last bits may round an element to the neighbouring code, 1/16 of it; else codes are the same.
// RUN: rm -rf %t && mkdir %t && lathe-opt %s --lathe-round-rows -o %t/model.mlir
// RUN: %python -c "import random, struct, sys; random.seed(5); open(sys.argv[1], 'wb').write(struct.pack('<40000f', *[random.gauss(0, 0.1) for i in range(40000)]))" %t/weights.bin
// RUN: cd %t
// RUN: cuda-print %t/model.mlir --emit=source > %t/all.cu
// RUN: FileCheck %s < %t/all.cu
// RUN: %emulate %t/all.cu -o %t/all.so
// RUN: cuda-emulate %t/model.mlir --kernels=%t/all.so --symbol n=1 --tolerance=2e-3
// RUN: cuda-emulate %t/model.mlir --kernels=%t/all.so --symbol n=13 --tolerance=2e-3
// RUN: cuda-emulate %t/model.mlir --kernels=%t/all.so --symbol n=70 --tolerance=2e-3
// RUN: not cuda-emulate %t/model.mlir --kernels=%t/all.so --symbol n=13 --tolerance=1e-9

// As a model is compiled: the same kernels.
// RUN: cp %s %t/plain.mlir && cuda-print %t/plain.mlir --activations=fp8 --emit=source | FileCheck %s
// CHECK-DAG: RowReduction<LargestMagnitude, 32, 8>
// CHECK-DAG: RowReduction<SquaresAndLargest, 32, 4, true>
// CHECK-DAG: PackedMatmulFewRows<Float8,
// CHECK-DAG: PackedMatmul<Float8,
module attributes {lathe.files = ["weights.bin"]} {
func.func @forward(%h: tensor<?x200xf16> {lathe.name = "x", lathe.dims = ["n", 200]}) -> (tensor<?x40xf32>, tensor<?x72xf32>, tensor<?x40xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 200>]} {
  %x = lathe.cast %h : tensor<?x200xf16> -> tensor<?x200xf32>
  %a.f = lathe.weight "a" file 0 offset 0 bytes 32000 : tensor<40x200xf32>
  %a = lathe.quantize %a.f : tensor<40x200xf32> -> tensor<40x200x!lathe.blocked<f8E4M3FN, block = [1, 200], scale = f32, zero = none, outer_scale = none>>
  %b.f = lathe.weight "b" file 0 offset 32000 bytes 57600 : tensor<72x200xf32>
  %b = lathe.quantize %b.f : tensor<72x200xf32> -> tensor<72x200x!lathe.blocked<f8E4M3FN, block = [1, 1], scale = none, zero = none, outer_scale = f32>>
  %0 = lathe.matmul %x, %a transpose_rhs : tensor<?x200xf32>, tensor<40x200x!lathe.blocked<f8E4M3FN, block = [1, 200], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  %1 = lathe.matmul %x, %b transpose_rhs : tensor<?x200xf32>, tensor<72x200x!lathe.blocked<f8E4M3FN, block = [1, 1], scale = none, zero = none, outer_scale = f32>> -> tensor<?x72xf32>
  %g = lathe.weight "g" file 0 offset 89600 bytes 800 : tensor<200xf32>
  %n = lathe.rms_norm %x, %g epsilon 1.0e-05 : tensor<?x200xf32>, tensor<200xf32>
  %2 = lathe.matmul %n, %a transpose_rhs : tensor<?x200xf32>, tensor<40x200x!lathe.blocked<f8E4M3FN, block = [1, 200], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  return %0, %1, %2 : tensor<?x40xf32>, tensor<?x72xf32>, tensor<?x40xf32>
}
}
