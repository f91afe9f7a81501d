// What may stand after the phases before fusion: a model in named operations.
// RUN: lathe-opt %s --legal-after=import --split-input-file --verify-diagnostics
// RUN: lathe-opt %s --legal-after=cleanup --split-input-file --verify-diagnostics
// RUN: lathe-opt %s --legal-after=quantize --split-input-file --verify-diagnostics
// RUN: lathe-opt %s --legal-after=shard --split-input-file --verify-diagnostics

func.func @model(%x: tensor<2x32xf32>, %c: index) -> tensor<2x2xf32> {
  %one = arith.constant 1 : index
  %w = lathe.weight "w" file 0 offset 0 bytes 68 : tensor<2x32x!lathe.gguf<q8_0>>
  %y = lathe.matmul %x, %w transpose_rhs : tensor<2x32xf32>, tensor<2x32x!lathe.gguf<q8_0>> -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// -----

// expected-error-re @below {{'plan.data' op is not legal after phase '{{.*}}'}}
plan.data @memory "w" offset 0 : tensor<2xf32> {
  %0 = lathe.weight "w" file 0 offset 0 bytes 8 : tensor<2xf32>
  lathe.yield %0 : tensor<2xf32>
}

// -----

// 16 of 32 columns: through the middle of a block.
func.func @blocks_cut(%w: tensor<2x32x!lathe.gguf<q8_0>>) {
  // expected-error @below {{'tensor.extract_slice' op touches quantized blocks, which only 'lathe' operations may read}}
  // expected-error-re @below {{'tensor.extract_slice' op is not legal after phase '{{.*}}'}}
  %0 = tensor.extract_slice %w[0, 0] [2, 16] [1, 1] :
      tensor<2x32x!lathe.gguf<q8_0>> to tensor<2x16x!lathe.gguf<q8_0>>
  return
}

// -----

// The same in a kernel.
func.func @blocks_cut_in_kernel(%w: tensor<2x32x!lathe.gguf<q8_0>>) -> tensor<2x16xf32> {
  %0 = lathe.fusion(%w) : (tensor<2x32x!lathe.gguf<q8_0>>) -> tensor<2x16xf32> {
  ^bb0(%a: tensor<2x32x!lathe.gguf<q8_0>>):
    // expected-error @below {{'tensor.extract_slice' op touches quantized blocks}}
    // expected-error-re @below {{'tensor.extract_slice' op is not legal after phase '{{.*}}'}}
    %1 = tensor.extract_slice %a[0, 0] [2, 16] [1, 1] :
        tensor<2x32x!lathe.gguf<q8_0>> to tensor<2x16x!lathe.gguf<q8_0>>
    %2 = lathe.cast %1 : tensor<2x16x!lathe.gguf<q8_0>> -> tensor<2x16xf32>
    lathe.yield %2 : tensor<2x16xf32>
  }
  return %0 : tensor<2x16xf32>
}
