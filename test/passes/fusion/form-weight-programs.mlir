// RUN: lathe-opt %s --lathe-form-weight-programs --split-input-file -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-form-weight-programs --split-input-file | diff %t.once -

// Operations on weights alone become one program, and the weight that nobody else reads goes.
// CHECK-LABEL: @chain
// CHECK-NEXT: %[[P:.*]] = lathe.weight_program "b:cast:reshape" : tensor<1x8xf32> {
// CHECK-NEXT: %[[W:.*]] = lathe.weight "b"
// CHECK-NEXT: %[[C:.*]] = lathe.cast %[[W]]
// CHECK-NEXT: %[[R:.*]] = lathe.reshape %[[C]]
// CHECK-NEXT: lathe.yield %[[R]]
// CHECK: return %[[P]]
func.func @chain() -> tensor<1x8xf32> {
  %w = lathe.weight "b" file 0 offset 0 bytes 16 : tensor<8xf16>
  %c = lathe.cast %w : tensor<8xf16> -> tensor<8xf32>
  %r = lathe.reshape %c shape [1, 8] : tensor<8xf32> -> tensor<1x8xf32>
  return %r : tensor<1x8xf32>
}

// -----

// A second reader keeps the first program beside the second.
// CHECK-LABEL: @second_reader
// CHECK: %[[A:.*]] = lathe.weight_program "b:neg"
// CHECK: %[[B:.*]] = lathe.weight_program "b:neg:relu"
// CHECK: lathe.neg
// CHECK: lathe.relu
// CHECK: return %[[A]], %[[B]]
func.func @second_reader() -> (tensor<8xf32>, tensor<8xf32>) {
  %w = lathe.weight "b" file 0 offset 0 bytes 32 : tensor<8xf32>
  %a = lathe.neg %w : tensor<8xf32>
  %b = lathe.relu %a : tensor<8xf32>
  return %a, %b : tensor<8xf32>, tensor<8xf32>
}

// -----

// A weight and a constant together; nothing of them is left outside.
// CHECK-LABEL: @weight_and_constant
// CHECK-NEXT: %[[P:.*]] = lathe.weight_program "w:mul" : tensor<2xf32> {
// CHECK: %[[W:.*]] = lathe.weight "w"
// CHECK: %[[C:.*]] = lathe.constant
// CHECK: %[[M:.*]] = lathe.mul %[[W]], %[[C]]
// CHECK: lathe.yield %[[M]]
// CHECK: }
// CHECK-NEXT: return %[[P]]
func.func @weight_and_constant() -> tensor<2xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 8 : tensor<2xf32>
  %c = lathe.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %m = lathe.mul %w, %c : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
  return %m : tensor<2xf32>
}

// -----

// What also reads an argument stays, and so does a weight that is read as it is.
// CHECK-LABEL: @argument
// CHECK-SAME: %[[X:.*]]: tensor<?x2xf32>
// CHECK-NEXT: %[[W:.*]] = lathe.weight "w"
// CHECK-NEXT: lathe.add %[[X]], %[[W]]
// CHECK-NOT: lathe.weight_program
func.func @argument(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 8 : tensor<2xf32>
  %s = lathe.add %x, %w : tensor<?x2xf32>, tensor<2xf32> -> tensor<?x2xf32>
  return %s : tensor<?x2xf32>
}

// -----

// A result of dynamic shape stays: the artifact could not say its size.
// CHECK-LABEL: @dynamic_shape
// CHECK-NOT: lathe.weight_program
// CHECK: lathe.reshape
func.func @dynamic_shape() -> tensor<?x2xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 16 : tensor<4xf32>
  %r = lathe.reshape %w shape [-1, 2] : tensor<4xf32> -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}
