// RUN: lathe-opt %s --lathe-round-once --split-input-file --remarks-filter=quantization --verify-diagnostics -o %t
// RUN: FileCheck %s < %t
// RUN: lathe-opt %t --lathe-round-once --split-input-file | diff %t -

// A residual sum reads what the product reads.
// CHECK-LABEL: @residual
// CHECK: %[[R:.*]] = lathe.relu
// CHECK-NEXT: %[[N:.*]] = lathe.cast %[[R]] : tensor<?x8xf32> -> tensor<?x8xf16>
// CHECK-NEXT: %[[Y:.*]] = lathe.matmul %[[N]]
// CHECK-NEXT: %[[W:.*]] = lathe.cast %[[N]] : tensor<?x8xf16> -> tensor<?x8xf32>
// CHECK-NEXT: lathe.add %[[W]], %[[Y]]
func.func @residual(%x: tensor<?x8xf32>, %w: tensor<8x8xf16>) -> tensor<?x8xf32> {
  // expected-remark@+1 {{a value is rounded for all of its readers}}
  %r = lathe.relu %x : tensor<?x8xf32>
  %n = lathe.cast %r : tensor<?x8xf32> -> tensor<?x8xf16>
  %y = lathe.matmul %n, %w : tensor<?x8xf16>, tensor<8x8xf16> -> tensor<?x8xf32>
  %z = lathe.add %r, %y : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}

// -----

// Two products that read one value, and nobody else: nothing changes but that they share the cast.
// CHECK-LABEL: @products_alone
// CHECK: %[[N:.*]] = lathe.cast
// CHECK-NEXT: lathe.matmul %[[N]]
// CHECK-NEXT: lathe.matmul %[[N]]
func.func @products_alone(%x: tensor<?x8xf32>, %w: tensor<8x8xf16>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %r = lathe.relu %x : tensor<?x8xf32>
  %n = lathe.cast %r : tensor<?x8xf32> -> tensor<?x8xf16>
  %m = lathe.cast %r : tensor<?x8xf32> -> tensor<?x8xf16>
  %y = lathe.matmul %n, %w : tensor<?x8xf16>, tensor<8x8xf16> -> tensor<?x8xf32>
  %z = lathe.matmul %m, %w : tensor<?x8xf16>, tensor<8x8xf16> -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Of two convolutions whose results meet the first one's is rounded; a third one is not.
// CHECK-LABEL: @branches
// CHECK: %[[A:.*]] = lathe.conv
// CHECK-NEXT: %[[B:.*]] = lathe.add %[[A]]
// CHECK-NEXT: %[[N:.*]] = lathe.cast %[[B]] : tensor<?x4x2x2xf32> -> tensor<?x4x2x2xf16>
// CHECK-NEXT: %[[C:.*]] = lathe.conv
// CHECK-NEXT: %[[W:.*]] = lathe.cast %[[N]]
// CHECK-NEXT: lathe.add %[[W]], %[[C]]
// CHECK-NOT: lathe.cast
func.func @branches(%x: tensor<?x4x2x2xf16>, %f: tensor<4x4x1x1xf16>, %b: tensor<1x4x1x1xf32>) -> tensor<?x4x2x2xf32> {
  %0 = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<?x4x2x2xf16>, tensor<4x4x1x1xf16> -> tensor<?x4x2x2xf32>
  %1 = lathe.add %0, %b : tensor<?x4x2x2xf32>, tensor<1x4x1x1xf32> -> tensor<?x4x2x2xf32>
  %2 = lathe.conv %x, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<?x4x2x2xf16>, tensor<4x4x1x1xf16> -> tensor<?x4x2x2xf32>
  %3 = lathe.add %1, %2 : tensor<?x4x2x2xf32>, tensor<?x4x2x2xf32> -> tensor<?x4x2x2xf32>
  return %3 : tensor<?x4x2x2xf32>
}

// -----

// A max pool of what is rounded chooses as it does before.
// CHECK-LABEL: @max_pool
// CHECK: %[[A:.*]] = lathe.relu
// CHECK: %[[N:.*]] = lathe.cast %[[A]] : tensor<?x4x4x4xf32> -> tensor<?x4x4x4xf16>
// CHECK-NEXT: %[[P:.*]] = lathe.max_pool %[[N]] {{.*}} -> tensor<?x4x2x2xf16>
// CHECK-NEXT: %[[Y:.*]] = lathe.conv %[[P]]
// CHECK-NEXT: %[[W:.*]] = lathe.cast %[[P]]
// CHECK-NEXT: lathe.add %[[Y]], %[[W]]
func.func @max_pool(%x: tensor<?x4x4x4xf32>, %f: tensor<4x4x1x1xf16>) -> tensor<?x4x2x2xf32> {
  %a = lathe.relu %x : tensor<?x4x4x4xf32>
  %p = lathe.max_pool %a window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] :
      tensor<?x4x4x4xf32> -> tensor<?x4x2x2xf32>
  %n = lathe.cast %p : tensor<?x4x2x2xf32> -> tensor<?x4x2x2xf16>
  %y = lathe.conv %n, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 :
      tensor<?x4x2x2xf16>, tensor<4x4x1x1xf16> -> tensor<?x4x2x2xf32>
  %z = lathe.add %y, %p : tensor<?x4x2x2xf32>, tensor<?x4x2x2xf32> -> tensor<?x4x2x2xf32>
  return %z : tensor<?x4x2x2xf32>
}

// -----

// Results of the entry point, and what a reduction reads, stay f32 beside their casts.
// CHECK-LABEL: @kept
// CHECK-COUNT-2: lathe.cast
// CHECK-NOT: lathe.cast
func.func @kept(%x: tensor<?x8xf32>, %w: tensor<8x8xf16>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  // expected-remark@+1 {{a value is kept in f32 too: it is a result}}
  %r = lathe.relu %x : tensor<?x8xf32>
  // expected-remark@+1 {{a value is kept in f32 too: a kernel that is no elementwise one reads it}}
  %s = lathe.silu %x : tensor<?x8xf32>
  %n = lathe.cast %r : tensor<?x8xf32> -> tensor<?x8xf16>
  %m = lathe.cast %s : tensor<?x8xf32> -> tensor<?x8xf16>
  %y = lathe.matmul %n, %w : tensor<?x8xf16>, tensor<8x8xf16> -> tensor<?x8xf32>
  %z = lathe.matmul %m, %w : tensor<?x8xf16>, tensor<8x8xf16> -> tensor<?x8xf32>
  %t = lathe.softmax %s : tensor<?x8xf32>
  return %r, %y, %z, %t : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Two 16-bit types, an input, a language model: not done.
// CHECK-LABEL: @two_types
// CHECK-COUNT-2: lathe.cast
// CHECK-NOT: lathe.cast
func.func @two_types(%x: tensor<?x8xf32>, %w: tensor<8x8xf16>, %v: tensor<8x8xbf16>) -> tensor<?x8xf32> {
  %r = lathe.relu %x : tensor<?x8xf32>
  %n = lathe.cast %r : tensor<?x8xf32> -> tensor<?x8xf16>
  %m = lathe.cast %r : tensor<?x8xf32> -> tensor<?x8xbf16>
  %y = lathe.matmul %n, %w : tensor<?x8xf16>, tensor<8x8xf16> -> tensor<?x8xf32>
  %z = lathe.matmul %m, %v : tensor<?x8xbf16>, tensor<8x8xbf16> -> tensor<?x8xf32>
  %a = lathe.add %r, %y : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %b = lathe.add %a, %z : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %b : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: @input
// CHECK-COUNT-1: lathe.cast
// CHECK-NOT: lathe.cast
func.func @input(%x: tensor<?x8xf32>, %w: tensor<8x8xf16>) -> tensor<?x8xf32> {
  %n = lathe.cast %x : tensor<?x8xf32> -> tensor<?x8xf16>
  %y = lathe.matmul %n, %w : tensor<?x8xf16>, tensor<8x8xf16> -> tensor<?x8xf32>
  %a = lathe.add %x, %y : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %a : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: @language_model
// CHECK-COUNT-1: lathe.cast
// CHECK-NOT: lathe.cast
func.func @language_model(%x: tensor<?x8xf32>, %w: tensor<8x8xf16>) -> tensor<?x8xf32>
    attributes {lathe.entry = "language_model"} {
  %r = lathe.relu %x : tensor<?x8xf32>
  %n = lathe.cast %r : tensor<?x8xf32> -> tensor<?x8xf16>
  %y = lathe.matmul %n, %w : tensor<?x8xf16>, tensor<8x8xf16> -> tensor<?x8xf32>
  %a = lathe.add %r, %y : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %a : tensor<?x8xf32>
}

// -----

// A sum that only a norm reads is rounded, not what comes of the norm; with another reader it is not.
// CHECK-LABEL: @norm
// CHECK: %[[S:.*]] = lathe.add
// CHECK-NEXT: %[[N:.*]] = lathe.cast %[[S]] : tensor<?x8xf32> -> tensor<?x8xf16>
// CHECK-NEXT: %[[L:.*]] = lathe.layer_norm %[[N]] scale %{{.*}} : tensor<8xf32> axis 1 {{.*}} : tensor<?x8xf16>
// CHECK-NEXT: %[[Y:.*]] = lathe.matmul %[[L]]
// CHECK-NEXT: %[[T:.*]] = lathe.add %[[Y]]
// CHECK-NEXT: %[[R:.*]] = lathe.rms_norm %[[T]]
// CHECK-NEXT: lathe.cast %[[R]]
func.func @norm(%x: tensor<?x8xf32>, %w: tensor<8x8xf16>, %g: tensor<8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %s = lathe.add %x, %x : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark@+1 {{a norm reads 16 bits}}
  %l = lathe.layer_norm %s scale %g : tensor<8xf32> axis 1 epsilon 1.0e-05 : tensor<?x8xf32>
  %n = lathe.cast %l : tensor<?x8xf32> -> tensor<?x8xf16>
  %y = lathe.matmul %n, %w : tensor<?x8xf16>, tensor<8x8xf16> -> tensor<?x8xf32>
  %t = lathe.add %y, %x : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  // expected-remark@+1 {{a norm reads f32: what it reads has other readers}}
  %r = lathe.rms_norm %t, %g epsilon 1.0e-05 : tensor<?x8xf32>, tensor<8xf32>
  %m = lathe.cast %r : tensor<?x8xf32> -> tensor<?x8xf16>
  %z = lathe.matmul %m, %w : tensor<?x8xf16>, tensor<8x8xf16> -> tensor<?x8xf32>
  return %t, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Not done: a norm of an input.
// CHECK-LABEL: @norm_of_input
// CHECK: lathe.layer_norm %{{.*}} : tensor<?x8xf32>
func.func @norm_of_input(%x: tensor<?x8xf32>, %w: tensor<8x8xf16>) -> tensor<?x8xf32> {
  %l = lathe.layer_norm %x axis 1 epsilon 1.0e-05 : tensor<?x8xf32>
  %n = lathe.cast %l : tensor<?x8xf32> -> tensor<?x8xf16>
  %y = lathe.matmul %n, %w : tensor<?x8xf16>, tensor<8x8xf16> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
