// REQUIRES: clang-x86
// Every template and every way to broadcast, run on the CPU and held against the reference.
// RUN: cuda-print %s --activations=f32 --emit=source > %t.f32.cu
// RUN: %emulate %t.f32.cu -o %t.f32.so
// RUN: cuda-emulate %s --activations=f32 --kernels=%t.f32.so --symbol n=1 --tolerance=5e-6
// RUN: cuda-emulate %s --activations=f32 --kernels=%t.f32.so --symbol n=70 --tolerance=5e-6

// With f16 operands sums of up to 67 products differ by their order alone: operands are rounded alike in both.
// RUN: cuda-print %s --emit=source > %t.f16.cu
// RUN: %emulate %t.f16.cu -o %t.f16.so
// RUN: cuda-emulate %s --kernels=%t.f16.so --symbol n=33 --tolerance=5e-6

// In tf32 operands are rounded, which the reference does not do.
// RUN: cuda-print %s --activations=tf32 --emit=source > %t.tf32.cu
// RUN: %emulate %t.tf32.cu -o %t.tf32.so
// RUN: cuda-emulate %s --activations=tf32 --kernels=%t.tf32.so --symbol n=70 --tolerance=2e-3
// RUN: not cuda-emulate %s --activations=tf32 --kernels=%t.tf32.so --symbol n=70 --tolerance=5e-6

// The comparison can fail.
// RUN: not cuda-emulate %s --activations=f32 --kernels=%t.f32.so --symbol n=70 --tolerance=1e-12
func.func @forward(%x: tensor<?x67xf32> {lathe.name = "x", lathe.dims = ["n", 67]},
                   %w: tensor<67x10xf32> {lathe.name = "w", lathe.dims = [67, 10]},
                   %v: tensor<9x67xf32> {lathe.name = "v", lathe.dims = [9, 67]},
                   %column: tensor<?x1xf32> {lathe.name = "column", lathe.dims = ["n", 1]},
                   %image: tensor<?x4x7x9xf32> {lathe.name = "image", lathe.dims = ["n", 4, 7, 9]},
                   %filter: tensor<6x2x3x2xf32> {lathe.name = "filter", lathe.dims = [6, 2, 3, 2]},
                   %channels: tensor<6x1x1xf32> {lathe.name = "channels", lathe.dims = [6, 1, 1]},
                   %rows: tensor<7x1xf32> {lathe.name = "rows", lathe.dims = [7, 1]},
                   %ids: tensor<?xi32> {lathe.name = "ids", lathe.dims = ["n"]},
                   %positions: tensor<?x2xi32> {lathe.name = "positions", lathe.dims = ["n", 2]},
                   %heads: tensor<?x3x14xf32> {lathe.name = "heads", lathe.dims = ["n", 3, 14]},
                   %factors: tensor<5xf32> {lathe.name = "factors", lathe.dims = [5]})
    -> (tensor<?x10xf32>, tensor<?x9xf32>, tensor<?x6x3x3xf32>, tensor<9x?x4x7xf32>, tensor<?x67xf32>,
        tensor<?x4x7x9xf32>, tensor<?x67xf32>, tensor<?x3x14xf32>, tensor<?x3x14xf32>, tensor<?x3xi64>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 200>]} {
  // Products: weights along n and along k, a bias for each row, one number, the other product's result.
  %0 = lathe.matmul %x, %w : tensor<?x67xf32>, tensor<67x10xf32> -> tensor<?x10xf32>
  %1 = lathe.add %0, %column : tensor<?x10xf32>, tensor<?x1xf32> -> tensor<?x10xf32>
  %2 = lathe.tanh %1 : tensor<?x10xf32>
  %3 = lathe.matmul %x, %v transpose_rhs : tensor<?x67xf32>, tensor<9x67xf32> -> tensor<?x9xf32>
  %one = lathe.constant dense<[[0.5]]> : tensor<1x1xf32>
  %4 = lathe.maximum %3, %one : tensor<?x9xf32>, tensor<1x1xf32> -> tensor<?x9xf32>
  // Images: groups, dilation, pads, a number for each channel.
  %5 = lathe.conv %image, %filter strides [2, 1] pads [1, 0, 1, 2] dilations [1, 2] groups 2 :
      tensor<?x4x7x9xf32>, tensor<6x2x3x2xf32> -> tensor<?x6x4x9xf32>
  %6 = lathe.mul %5, %channels : tensor<?x6x4x9xf32>, tensor<6x1x1xf32> -> tensor<?x6x4x9xf32>
  %8 = lathe.max_pool %6 window [3, 3] strides [1, 3] pads [1, 0, 0, 0] dilations [1, 1] :
      tensor<?x6x4x9xf32> -> tensor<?x6x3x3xf32>
  // Movement, and a number for each row in the middle of a shape.
  %9 = lathe.transpose %image permutation [3, 0, 1, 2] : tensor<?x4x7x9xf32> -> tensor<9x?x4x7xf32>
  %10 = lathe.neg %9 : tensor<9x?x4x7xf32>
  %11 = lathe.sub %image, %rows : tensor<?x4x7x9xf32>, tensor<7x1xf32> -> tensor<?x4x7x9xf32>
  // Rows: a norm with what follows it, a softmax, a table.
  %scale = lathe.constant dense<0.75> : tensor<67xf32>
  %12 = lathe.rms_norm %x, %scale epsilon 1.0e-05 : tensor<?x67xf32>, tensor<67xf32>
  %13 = lathe.silu %12 : tensor<?x67xf32>
  %14 = lathe.gather %v, %ids : tensor<9x67xf32>, tensor<?xi32> -> tensor<?x67xf32>
  %15 = lathe.div %14, %scale : tensor<?x67xf32>, tensor<67xf32> -> tensor<?x67xf32>
  %16 = lathe.softmax %15 : tensor<?x67xf32>
  // Rotation of 10 of 14 elements, by the first of two positions.
  %17 = lathe.rope %heads, %positions adjacent base 1.0e+04 dimensions 10 : tensor<?x3x14xf32>, tensor<?x2xi32>
  %18 = lathe.rope %heads, %positions factors %factors : tensor<5xf32> halves base 5.0e+02 dimensions 10 :
      tensor<?x3x14xf32>, tensor<?x2xi32>
  // Where the largest element of what is computed before is.
  %19 = lathe.neg %heads : tensor<?x3x14xf32>
  %20 = lathe.arg_max %19 axis 2 : tensor<?x3x14xf32> -> tensor<?x3xi64>
  return %2, %4, %8, %10, %13, %11, %16, %17, %18, %20 : tensor<?x10xf32>, tensor<?x9xf32>, tensor<?x6x3x3xf32>,
      tensor<9x?x4x7xf32>, tensor<?x67xf32>, tensor<?x4x7x9xf32>, tensor<?x67xf32>, tensor<?x3x14xf32>,
      tensor<?x3x14xf32>, tensor<?x3xi64>
}
