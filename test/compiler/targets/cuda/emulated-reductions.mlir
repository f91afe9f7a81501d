// REQUIRES: clang-x86
// Norms and reductions: over the last, inner and outer dimensions and several at once, by one thread, a warp and a block a
// result, of floats and integers, with what follows them in the same kernel.
// RUN: cuda-print %s --activations=f32 --emit=source > %t.cu
// RUN: FileCheck %s < %t.cu
// RUN: %emulate %t.cu -o %t.so
// RUN: cuda-emulate %s --activations=f32 --kernels=%t.so --symbol n=1 --tolerance=1e-5
// RUN: cuda-emulate %s --activations=f32 --kernels=%t.so --symbol n=70 --tolerance=1e-5

// CHECK-DAG: Reduce<reductions::Mean<float>, float, float, 1, 32>
// CHECK-DAG: Reduce<reductions::Max<float>, float, float, 1, 1>
// CHECK-DAG: Reduce<reductions::Sum<float>, float, float, {{.*}}, 256>
// CHECK-DAG: Reduce<reductions::ArgMax<true>::Of<float>, float, int64_t, 1, {{.*}}>
func.func @forward(%x: tensor<?x67xf32> {lathe.name = "x", lathe.dims = ["n", 67]},
                   %cube: tensor<5x?x33x4xf32> {lathe.name = "cube", lathe.dims = [5, "n", 33, 4]},
                   %small: tensor<?x19xf32> {lathe.name = "small", lathe.dims = ["n", 19]},
                   %scale: tensor<67xf32> {lathe.name = "scale", lathe.dims = [67]},
                   %plane: tensor<33x4xf32> {lathe.name = "plane", lathe.dims = [33, 4]})
    -> (tensor<?x67xf32>, tensor<5x?x33x4xf32>, tensor<?xf32>, tensor<5x33x4xf32>, tensor<?x4xf32>, tensor<?xi32>,
        tensor<19xi32>, tensor<?xi64>, tensor<5x1x33x4xi64>, tensor<f32>, tensor<?xf64>, tensor<?x19xi64>, tensor<33x4xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 200>]} {
  %0 = lathe.layer_norm %x scale %scale : tensor<67xf32> bias %scale : tensor<67xf32> axis 1 epsilon 1.0e-05
      : tensor<?x67xf32>
  %1 = lathe.gelu %0 : tensor<?x67xf32>
  %2 = lathe.layer_norm %cube scale %plane : tensor<33x4xf32> axis 2 epsilon 1.0e-03 : tensor<5x?x33x4xf32>
  %3 = lathe.reduce mean %x axes [1] : tensor<?x67xf32> -> tensor<?xf32>
  %4 = lathe.reduce max %cube axes [1] : tensor<5x?x33x4xf32> -> tensor<5x33x4xf32>
  %5 = lathe.reduce prod %cube axes [0, 2] : tensor<5x?x33x4xf32> -> tensor<?x4xf32>
  %forty = lathe.constant dense<40.0> : tensor<f32>
  %large = lathe.mul %small, %forty : tensor<?x19xf32>, tensor<f32> -> tensor<?x19xf32>
  %ints = lathe.cast %large : tensor<?x19xf32> -> tensor<?x19xi32>
  %6 = lathe.reduce sum %ints axes [1] : tensor<?x19xi32> -> tensor<?xi32>
  %7 = lathe.reduce min %ints axes [0] : tensor<?x19xi32> -> tensor<19xi32>
  %8 = lathe.arg_max %x axis 1 select_last : tensor<?x67xf32> -> tensor<?xi64>
  %9 = lathe.arg_min %cube axis 1 keep : tensor<5x?x33x4xf32> -> tensor<5x1x33x4xi64>
  %10 = lathe.reduce sum %cube axes [0, 1, 2, 3] : tensor<5x?x33x4xf32> -> tensor<f32>
  %wide = lathe.cast %x : tensor<?x67xf32> -> tensor<?x67xf64>
  %11 = lathe.reduce mean %wide axes [1] : tensor<?x67xf64> -> tensor<?xf64>
  %half = lathe.constant dense<0.5> : tensor<f32>
  %float = lathe.cast %ints : tensor<?x19xi32> -> tensor<?x19xf32>
  %12 = lathe.mul %float, %half : tensor<?x19xf32>, tensor<f32> -> tensor<?x19xf32>
  %13 = lathe.cast %12 : tensor<?x19xf32> -> tensor<?x19xi64>
  // All of a tensor as one row.
  %14 = lathe.layer_norm %plane scale %plane : tensor<33x4xf32> axis 0 epsilon 1.0e-03 : tensor<33x4xf32>
  return %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %13, %14 : tensor<?x67xf32>, tensor<5x?x33x4xf32>, tensor<?xf32>,
      tensor<5x33x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<19xi32>, tensor<?xi64>, tensor<5x1x33x4xi64>, tensor<f32>,
      tensor<?xf64>, tensor<?x19xi64>, tensor<33x4xf32>
}
