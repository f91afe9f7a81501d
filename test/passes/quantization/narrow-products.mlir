// RUN: lathe-opt %s --lathe-narrow-products="activations=f16 kv=bf16" --cse --split-input-file -o %t.f16
// RUN: FileCheck %s < %t.f16
// RUN: lathe-opt %s --lathe-narrow-products="activations=f32" --cse --split-input-file | FileCheck %s --check-prefix=F32
// RUN: lathe-opt %s --lathe-narrow-products="activations=tf32" --cse --split-input-file | FileCheck %s --check-prefix=TF32
// RUN: lathe-opt %t.f16 --lathe-narrow-products="activations=f16 kv=bf16" --cse --split-input-file | diff %t.f16 -

// Operands are cast, the result stays f32 and keeps its readers.
// CHECK-LABEL: @product
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>
// CHECK: %[[W:.*]] = lathe.weight "w"
// CHECK-DAG: %[[X16:.*]] = lathe.cast %[[X]] : tensor<?x64xf32> -> tensor<?x64xf16>
// CHECK-DAG: %[[W16:.*]] = lathe.cast %[[W]] : tensor<32x64xf32> -> tensor<32x64xf16>
// CHECK: %[[Y:.*]] = lathe.matmul %[[X16]], %[[W16]] transpose_rhs {{.*}} -> tensor<?x32xf32>
// CHECK: lathe.relu %[[Y]] : tensor<?x32xf32>
// F32-LABEL: @product
// F32-NOT: lathe.cast
// F32: return
func.func @product(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 8192 : tensor<32x64xf32>
  %y = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  %z = lathe.relu %y : tensor<?x32xf32>
  return %z : tensor<?x32xf32>
}

// -----

// Two products that read one value share its cast.
// CHECK-LABEL: @second_product
// CHECK-COUNT-3: lathe.cast
// CHECK-NOT: lathe.cast
// CHECK: return
func.func @second_product(%x: tensor<2x4xf32>, %v: tensor<4x4xf32>, %w: tensor<4x4xf32>)
    -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %0 = lathe.matmul %x, %v : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
  %1 = lathe.matmul %x, %w : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
  return %0, %1 : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Weights of 16 bits that an importer widened are read as they are in the file.
// CHECK-LABEL: @weight_f16
// CHECK: %[[W:.*]] = lathe.weight
// CHECK: lathe.matmul %{{.*}}, %[[W]] transpose_rhs : tensor<?x4xf16>, tensor<2x4xf16> -> tensor<?x2xf32>
// F32-LABEL: @weight_f16
// F32: %[[W:.*]] = lathe.weight
// F32-NOT: lathe.cast
// F32: lathe.matmul %{{.*}}, %[[W]] transpose_rhs : tensor<?x4xf32>, tensor<2x4xf16> -> tensor<?x2xf32>
func.func @weight_f16(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 16 : tensor<2x4xf16>
  %f = lathe.cast %w : tensor<2x4xf16> -> tensor<2x4xf32>
  %y = lathe.matmul %x, %f transpose_rhs : tensor<?x4xf32>, tensor<2x4xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// The other 16-bit type is cast, straight from what is in the file.
// CHECK-LABEL: @weight_bf16
// CHECK: %[[W:.*]] = lathe.weight
// CHECK: %[[W16:.*]] = lathe.cast %[[W]] : tensor<2x4xbf16> -> tensor<2x4xf16>
// CHECK: lathe.matmul %{{.*}}, %[[W16]]
// TF32-LABEL: @weight_bf16
// TF32: lathe.matmul {{.*}} : tensor<?x4xf32>, tensor<2x4xf32> -> tensor<?x2xf32>
// F32-LABEL: @weight_bf16
// F32: lathe.matmul {{.*}} : tensor<?x4xf32>, tensor<2x4xbf16> -> tensor<?x2xf32>
func.func @weight_bf16(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 16 : tensor<2x4xbf16>
  %f = lathe.cast %w : tensor<2x4xbf16> -> tensor<2x4xf32>
  %y = lathe.matmul %x, %f transpose_rhs : tensor<?x4xf32>, tensor<2x4xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Quantized weights keep their blocks.
// CHECK-LABEL: @quantized
// CHECK: lathe.matmul {{.*}} : tensor<?x32xf16>, tensor<2x32x!lathe.gguf<q8_0>> -> tensor<?x2xf32>
func.func @quantized(%x: tensor<?x32xf32>, %w: tensor<2x32x!lathe.gguf<q8_0>>) -> tensor<?x2xf32> {
  %y = lathe.matmul %x, %w transpose_rhs : tensor<?x32xf32>, tensor<2x32x!lathe.gguf<q8_0>> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// A convolution in f32 has one type: its filter stays cast.
// CHECK-LABEL: @convolution
// CHECK: lathe.conv {{.*}} : tensor<?x1x4x4xf16>, tensor<1x1x3x3xf16> -> tensor<?x1x2x2xf32>
// F32-LABEL: @convolution
// F32: %[[F:.*]] = lathe.cast
// F32: lathe.conv %{{.*}}, %[[F]]
func.func @convolution(%x: tensor<?x1x4x4xf32>) -> tensor<?x1x2x2xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 18 : tensor<1x1x3x3xf16>
  %f = lathe.cast %w : tensor<1x1x3x3xf16> -> tensor<1x1x3x3xf32>
  %y = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<?x1x4x4xf32>, tensor<1x1x3x3xf32> -> tensor<?x1x2x2xf32>
  return %y : tensor<?x1x2x2xf32>
}

// -----

// The query is narrowed, the result goes back to f32, and the state gets its own type, everywhere.
// CHECK-LABEL: @attention
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<?x1x2xf32>, %[[KV:[a-z0-9]+]]: !lathe.state<paged, 1x1x4xbf16>
// CHECK-SAME: -> (tensor<?x1x2xf32>, !lathe.state<paged, 1x1x4xbf16>)
// CHECK: %[[KV1:.*]] = lathe.append_kv
// CHECK: %[[Q16:.*]] = lathe.cast %[[Q]]
// CHECK: %[[A:.*]] = lathe.paged_attention %[[Q16]], %[[KV1]]
// CHECK: %[[A32:.*]] = lathe.cast %[[A]] : tensor<?x1x2xf16> -> tensor<?x1x2xf32>
// CHECK: return %[[A32]], %[[KV1]]
// F32-LABEL: @attention
// F32-NOT: lathe.cast
// F32: !lathe.state<paged, 1x1x4xf32>
!kv = !lathe.state<paged, 1x1x4xf32>
func.func @attention(%q: tensor<?x1x2xf32>, %kv: !kv, %o: tensor<?xi32>, %l: tensor<?xi32>, %t: tensor<?x?xi32>,
    %slots: tensor<?xi32>) -> (tensor<?x1x2xf32>, !kv) {
  %1 = lathe.append_kv %q, %q, %kv, %slots layer 0 : tensor<?x1x2xf32>, tensor<?x1x2xf32>, !kv, tensor<?xi32>
  %0 = lathe.paged_attention %q, %1, %o, %l, %t layer 0 scale 1.0 : tensor<?x1x2xf32>, !kv, tensor<?xi32>,
      tensor<?xi32>, tensor<?x?xi32> -> tensor<?x1x2xf32>
  return %0, %1 : tensor<?x1x2xf32>, !kv
}

// -----

// Attention within texts reads the narrow type and gives f32.
// CHECK-LABEL: @ragged
// CHECK: lathe.ragged_attention {{.*}} : tensor<?x1x2xf16>, tensor<?x1x2xf16>, tensor<?x1x2xf16>, tensor<?xi32> -> tensor<?x1x2xf32>
// F32-LABEL: @ragged
// F32-NOT: lathe.cast
func.func @ragged(%q: tensor<?x1x2xf32>, %o: tensor<?xi32>) -> tensor<?x1x2xf32> {
  %0 = lathe.ragged_attention %q, %q, %q, %o scale 1.0 : tensor<?x1x2xf32>, tensor<?x1x2xf32>, tensor<?x1x2xf32>,
      tensor<?xi32> -> tensor<?x1x2xf32>
  return %0 : tensor<?x1x2xf32>
}

// -----

// So does attention over tensors; its mask stays as it is.
// CHECK-LABEL: @tensors
// CHECK: lathe.attention {{.*}} mask %{{.*}} : tensor<1x1x1x?xf32> {{.*}} : tensor<1x2x?x8xf16>, tensor<1x2x?x8xf16>, tensor<1x2x?x8xf16> -> tensor<1x2x?x8xf32>
// F32-LABEL: @tensors
// F32-NOT: lathe.cast
func.func @tensors(%q: tensor<1x2x?x8xf32>, %m: tensor<1x1x1x?xf32>) -> tensor<1x2x?x8xf32> {
  %0 = lathe.attention %q, %q, %q mask %m : tensor<1x1x1x?xf32> scale 1.0 : tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>,
      tensor<1x2x?x8xf32> -> tensor<1x2x?x8xf32>
  return %0 : tensor<1x2x?x8xf32>
}

// -----

// A result that is neither of the narrow type nor f32 is rounded from f32.
// CHECK-LABEL: @rounded
// CHECK: %[[A:.*]] = lathe.attention {{.*}} -> tensor<1x2x?x8xf32>
// CHECK: lathe.cast %[[A]] : tensor<1x2x?x8xf32> -> tensor<1x2x?x8xbf16>
// F32-LABEL: @rounded
// F32: %[[A:.*]] = lathe.attention {{.*}} : tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32> -> tensor<1x2x?x8xf32>
// F32: lathe.cast %[[A]] : tensor<1x2x?x8xf32> -> tensor<1x2x?x8xbf16>
func.func @rounded(%q: tensor<1x2x?x8xbf16>) -> tensor<1x2x?x8xbf16> {
  %0 = lathe.attention %q, %q, %q scale 1.0 : tensor<1x2x?x8xbf16>, tensor<1x2x?x8xbf16>, tensor<1x2x?x8xbf16>
      -> tensor<1x2x?x8xbf16>
  return %0 : tensor<1x2x?x8xbf16>
}

// -----

// What is reshaped is cast before; the f32 value, which nobody else reads, goes away.
// CHECK-LABEL: @reshaped
// CHECK-SAME: %[[X:.*]]: tensor<?x4x16xf32>
// CHECK: %[[S:.*]] = lathe.silu %[[X]]
// CHECK: %[[C:.*]] = lathe.cast %[[S]] : tensor<?x4x16xf32> -> tensor<?x4x16xf16>
// CHECK-NEXT: %[[R:.*]] = lathe.reshape %[[C]] shape [0, 64] : tensor<?x4x16xf16> -> tensor<?x64xf16>
// CHECK: lathe.matmul %[[R]]
// CHECK-NOT: lathe.reshape
// CHECK: return
// F32-LABEL: @reshaped
// F32-NOT: lathe.cast
// F32: return
func.func @reshaped(%x: tensor<?x4x16xf32>, %w: tensor<8x64xf16>) -> tensor<?x8xf32> {
  %s = lathe.silu %x : tensor<?x4x16xf32>
  %r = lathe.reshape %s shape [0, 64] : tensor<?x4x16xf32> -> tensor<?x64xf32>
  %f = lathe.cast %w : tensor<8x64xf16> -> tensor<8x64xf32>
  %y = lathe.matmul %r, %f transpose_rhs : tensor<?x64xf32>, tensor<8x64xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
