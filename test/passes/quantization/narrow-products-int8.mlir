// RUN: lathe-opt %s --lathe-narrow-products=activations=int8 --split-input-file --remarks-filter=quantization \
// RUN:   --verify-diagnostics -o %t
// RUN: FileCheck %s < %t
// RUN: lathe-opt %t --lathe-narrow-products=activations=int8 --split-input-file | diff %t -

// Weights in blocks meet rows of 8 bits; what is around the product stays f32.
// CHECK-LABEL: @blocks
// CHECK: %[[W:.*]] = lathe.weight
// CHECK: %[[Y:.*]] = lathe.int8_matmul %{{.*}}, %[[W]] : tensor<?x32xf32>, tensor<2x32x!lathe.gguf<q8_0>> -> tensor<?x2xf32>
// CHECK: lathe.relu %[[Y]] : tensor<?x2xf32>
func.func @blocks(%x: tensor<?x32xf32>) -> tensor<?x2xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 68 : tensor<2x32x!lathe.gguf<q8_0>>
  // expected-remark @below {{a product rounds its rows to 8 bits}}
  %y = lathe.matmul %x, %w transpose_rhs : tensor<?x32xf32>, tensor<2x32x!lathe.gguf<q8_0>> -> tensor<?x2xf32>
  %z = lathe.relu %y : tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// -----

// Formats without such a product are read in f32, and so are other weights.
// CHECK-LABEL: @other_formats
// CHECK-NOT: int8_matmul
// CHECK: return
func.func @other_formats(%x: tensor<?x32xf32>, %v: tensor<2x32x!lathe.gguf<q8_0>>)
    -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 44 : tensor<2x32x!lathe.gguf<q5_0>>
  %h = lathe.weight "h" file 0 offset 44 bytes 128 : tensor<2x32xf16>
  // expected-remark @below {{a product reads f32: its weights are q5_0, for which there is no product with 8-bit rows}}
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x32xf32>, tensor<2x32x!lathe.gguf<q5_0>> -> tensor<?x2xf32>
  // expected-remark @below {{a product reads f32: its weights are not in blocks}}
  %1 = lathe.matmul %x, %h transpose_rhs : tensor<?x32xf32>, tensor<2x32xf16> -> tensor<?x2xf32>
  // expected-remark @below {{a product reads f32: its right operand is not one matrix of the model's file}}
  %2 = lathe.matmul %x, %v transpose_rhs : tensor<?x32xf32>, tensor<2x32x!lathe.gguf<q8_0>> -> tensor<?x2xf32>
  return %0, %1, %2 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// Paged state is f32 when nothing else is asked for.
// CHECK-LABEL: @state
// CHECK-SAME: !lathe.state<paged, 1x1x64xf32>
func.func @state(%s: !lathe.state<paged, 1x1x64xf32>) -> !lathe.state<paged, 1x1x64xf32> {
  return %s : !lathe.state<paged, 1x1x64xf32>
}
