// REQUIRES: clang-x86
// Products whose rows and weights are integers of 8 bits, few rows and many, through their CUDA code on the CPU; rows are
// rounded by a kernel of its own, or by that of the norm they come from, whose last bits may round an element to the
// neighbouring code: 3 / 127 times a weight of 0.1.
// RUN: rm -rf %t && mkdir %t && cp %s %t/model.mlir
// RUN: %python -c "import random, struct, sys; random.seed(5); open(sys.argv[1], 'wb').write(struct.pack('<40000f', *[random.gauss(0, 0.1) for i in range(40000)]))" %t/weights.bin
// RUN: cd %t
// RUN: cuda-print %t/model.mlir --activations=int8 --emit=source > %t/all.cu
// RUN: FileCheck %s < %t/all.cu
// RUN: %emulate %t/all.cu -o %t/all.so
// RUN: cuda-emulate %t/model.mlir --activations=int8 --kernels=%t/all.so --symbol n=1 --tolerance=3e-3
// RUN: cuda-emulate %t/model.mlir --activations=int8 --kernels=%t/all.so --symbol n=13 --tolerance=3e-3

// CHECK-DAG: RowReduction<LargestMagnitude, 32>
// CHECK-DAG: RowReduction<SquaresAndLargest, 32, 4, true>
// CHECK-DAG: IntegerMatmul{{(FewRows)?}}<int8_t, int8_t, float, {{.*}}Operands
// CHECK-NOT: LoopKernel
module attributes {lathe.files = ["weights.bin"]} {
func.func @forward(%h: tensor<?x192xf16> {lathe.name = "x", lathe.dims = ["n", 192]}) -> (tensor<?x40xf32>, tensor<?x72xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 200>]} {
  %x = lathe.cast %h : tensor<?x192xf16> -> tensor<?x192xf32>
  %a.f = lathe.weight "a" file 0 offset 0 bytes 30720 : tensor<40x192xf32>
  %a = lathe.quantize %a.f : tensor<40x192xf32> -> tensor<40x192x!lathe.blocked<i8, block = [1, 192], scale = f32, zero = none, outer_scale = none>>
  %b.f = lathe.weight "b" file 0 offset 32000 bytes 55296 : tensor<72x192xf32>
  %b = lathe.quantize %b.f : tensor<72x192xf32> -> tensor<72x192x!lathe.blocked<i8, block = [1, 1], scale = none, zero = none, outer_scale = f32>>
  %0 = lathe.matmul %x, %a transpose_rhs : tensor<?x192xf32>, tensor<40x192x!lathe.blocked<i8, block = [1, 192], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  %gain = lathe.weight "gain" file 0 offset 96000 bytes 768 : tensor<192xf32>
  %normed = lathe.rms_norm %x, %gain epsilon 1.0e-05 : tensor<?x192xf32>, tensor<192xf32>
  %1 = lathe.matmul %normed, %b transpose_rhs : tensor<?x192xf32>, tensor<72x192x!lathe.blocked<i8, block = [1, 1], scale = none, zero = none, outer_scale = f32>> -> tensor<?x72xf32>
  return %0, %1 : tensor<?x40xf32>, tensor<?x72xf32>
}
}
