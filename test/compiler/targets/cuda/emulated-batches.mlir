// REQUIRES: clang-x86
// Products of batches, of chosen experts, and attention over tensors: masks that broadcast, key heads that several heads
// share, tokens first, causal.
// RUN: cuda-print %s --activations=f32 --emit=source > %t.f32.cu
// RUN: %emulate %t.f32.cu -o %t.f32.so
// RUN: cuda-emulate %s --activations=f32 --kernels=%t.f32.so --symbol n=1 --tolerance=5e-6
// RUN: cuda-emulate %s --activations=f32 --kernels=%t.f32.so --symbol n=41 --tolerance=5e-6

// Heads of 16 and 48 elements in f16 go to tensor cores, heads of 13 do not.
// In f16 a sum that differs in its last bit may round to a neighbour, 1e-3 away.
// RUN: cuda-print %s --emit=source > %t.f16.cu
// RUN: %emulate %t.f16.cu -o %t.f16.so
// RUN: cuda-emulate %s --kernels=%t.f16.so --symbol n=13 --tolerance=2e-3
func.func @forward(%x: tensor<2x3x?x20xf32> {lathe.name = "x", lathe.dims = [2, 3, "n", 20]},
                   %w: tensor<2x3x20x9xf32> {lathe.name = "w", lathe.dims = [2, 3, 20, 9]},
                   %v: tensor<9x20xf32> {lathe.name = "v", lathe.dims = [9, 20]},
                   %one: tensor<1x1x9x20xf32> {lathe.name = "one", lathe.dims = [1, 1, 9, 20]},
                   %rows: tensor<?x1x35xf32> {lathe.name = "rows", lathe.dims = ["n", 1, 35]},
                   %experts: tensor<4x18x35xf32> {lathe.name = "experts", lathe.dims = [4, 18, 35]},
                   %query: tensor<2x4x?x16xf32> {lathe.name = "query", lathe.dims = [2, 4, "n", 16]},
                   %key: tensor<2x2x?x16xf32> {lathe.name = "key", lathe.dims = [2, 2, "n", 16]},
                   %value: tensor<2x2x?x48xf32> {lathe.name = "value", lathe.dims = [2, 2, "n", 48]},
                   %mask: tensor<2x1x1x?xf32> {lathe.name = "mask", lathe.dims = [2, 1, 1, "n"]},
                   %tokens: tensor<2x?x4x13xf32> {lathe.name = "tokens", lathe.dims = [2, "n", 4, 13]})
    -> (tensor<2x3x?x9xf32>, tensor<2x3x?x9xf32>, tensor<2x3x?x9xf32>, tensor<?x2x18xf32>, tensor<2x4x?x48xf32>,
        tensor<2x?x4x13xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 200>]} {
  %0 = lathe.matmul %x, %w : tensor<2x3x?x20xf32>, tensor<2x3x20x9xf32> -> tensor<2x3x?x9xf32>
  %1 = lathe.relu %0 : tensor<2x3x?x9xf32>
  %2 = lathe.matmul %x, %v transpose_rhs : tensor<2x3x?x20xf32>, tensor<9x20xf32> -> tensor<2x3x?x9xf32>
  %3 = lathe.matmul %x, %one transpose_rhs : tensor<2x3x?x20xf32>, tensor<1x1x9x20xf32> -> tensor<2x3x?x9xf32>
  // An expert that does not exist gives zeros.
  %single = lathe.constant dense<[[3, 0]]> : tensor<1x2xi64>
  %chosen = lathe.expand %single from %rows sizes affine_map<()[s0, s1, s2, s3, s4] -> (s2, 2)>
      : (tensor<1x2xi64>, tensor<?x1x35xf32>) -> tensor<?x2xi64>
  %4 = lathe.expert_matmul %rows, %experts, %chosen
      : tensor<?x1x35xf32>, tensor<4x18x35xf32>, tensor<?x2xi64> -> tensor<?x2x18xf32>
  %5 = lathe.attention %query, %key, %value mask %mask : tensor<2x1x1x?xf32> scale 2.5e-01 :
      tensor<2x4x?x16xf32>, tensor<2x2x?x16xf32>, tensor<2x2x?x48xf32> -> tensor<2x4x?x48xf32>
  %6 = lathe.attention %tokens, %tokens, %tokens scale 2.5e-01 causal tokens_first :
      tensor<2x?x4x13xf32>, tensor<2x?x4x13xf32>, tensor<2x?x4x13xf32> -> tensor<2x?x4x13xf32>
  return %1, %2, %3, %4, %5, %6 : tensor<2x3x?x9xf32>, tensor<2x3x?x9xf32>, tensor<2x3x?x9xf32>, tensor<?x2x18xf32>,
      tensor<2x4x?x48xf32>, tensor<2x?x4x13xf32>
}
