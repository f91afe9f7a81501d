// REQUIRES: clang-x86
// Products of codes on tensor cores: zeros that are one, or one for each row, of an operand or of each of its matrices;
// batches that broadcast; what follows a product in its kernel, as integers where the model adds them so.
// RUN: cuda-print %s --activations=f32 --emit=source > %t.cu
// RUN: FileCheck %s < %t.cu
// RUN: %emulate %t.cu -o %t.so
// RUN: cuda-emulate %s --activations=f32 --kernels=%t.so --symbol n=1 --tolerance=1e-6
// RUN: cuda-emulate %s --activations=f32 --kernels=%t.so --symbol n=37 --tolerance=1e-6

// CHECK:     struct Operands {
// CHECK:       __device__ const int8_t *right(int64_t batch) const
// CHECK:     struct Epilogue {
// CHECK:       __device__ int8_t operator()(int32_t acc, int64_t row, int64_t col) const
// CHECK:     using Template = IntegerMatmul<uint8_t, int8_t, int8_t, MediumTile, Operands>;
// CHECK:     using Template = IntegerMatmulFewRows<int8_t, uint8_t, int32_t, Operands>;
// CHECK-NOT: LoopKernel
func.func @forward(%x: tensor<?x33xui8> {lathe.name = "x", lathe.dims = ["n", 33]},
                   %w: tensor<20x33xi8> {lathe.name = "w", lathe.dims = [20, 33]},
                   %bias: tensor<20xi32> {lathe.name = "bias", lathe.dims = [20]},
                   %factor: tensor<20xf32> {lathe.name = "factor", lathe.dims = [20]},
                   %left: tensor<3x1x5x48xi8> {lathe.name = "left", lathe.dims = [3, 1, 5, 48]},
                   %right: tensor<2x7x48xui8> {lathe.name = "right", lathe.dims = [2, 7, 48]},
                   %zeros: tensor<3x1x5x1xi8> {lathe.name = "zeros", lathe.dims = [3, 1, 5, 1]},
                   %columns: tensor<7xui8> {lathe.name = "columns", lathe.dims = [7]},
                   %stack: tensor<2x?x33xi8> {lathe.name = "stack", lathe.dims = [2, "n", 33]},
                   %places: tensor<?xi8> {lathe.name = "places", lathe.dims = ["n"]})
    -> (tensor<?x20xi8>, tensor<3x2x5x7xi32>, tensor<2x?x20xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 200>]} {
  %a = lathe.constant dense<7> : tensor<ui8>
  %none = lathe.constant dense<0> : tensor<i8>
  // One zero on the left, and a bias in i32.
  %0 = lathe.integer_matmul %x zero %a, %w zero %none
      : (tensor<?x33xui8>, tensor<ui8>, tensor<20x33xi8>, tensor<i8>) -> tensor<?x20xi32>
  %1 = lathe.add %0, %bias : tensor<?x20xi32>, tensor<20xi32> -> tensor<?x20xi32>
  %2 = lathe.cast %1 : tensor<?x20xi32> -> tensor<?x20xf32>
  %3 = lathe.mul %2, %factor : tensor<?x20xf32>, tensor<20xf32> -> tensor<?x20xf32>
  %4 = lathe.round %3 : tensor<?x20xf32>
  %5 = lathe.cast %4 : tensor<?x20xf32> -> tensor<?x20xi8>
  // Batches that broadcast; a zero for each row of each matrix, and for each row of the other operand.
  %6 = lathe.integer_matmul %left zero %zeros, %right zero %columns
      : (tensor<3x1x5x48xi8>, tensor<3x1x5x1xi8>, tensor<2x7x48xui8>, tensor<7xui8>) -> tensor<3x2x5x7xi32>
  // One matrix on the right; a zero for each row of all matrices on the left.
  %7 = lathe.integer_matmul %stack zero %places, %w zero %none
      : (tensor<2x?x33xi8>, tensor<?xi8>, tensor<20x33xi8>, tensor<i8>) -> tensor<2x?x20xi32>
  %8 = lathe.cast %7 : tensor<2x?x20xi32> -> tensor<2x?x20xf32>
  return %5, %6, %8 : tensor<?x20xi8>, tensor<3x2x5x7xi32>, tensor<2x?x20xf32>
}
