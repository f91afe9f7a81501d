// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @lstm
// CHECK: lathe.lstm %{{.*}}{{.*}}clip 0.0{{.*}}input_forget false
func.func @lstm(%x: tensor<5x1x3xf32>, %w: tensor<1x8x3xf32>, %r: tensor<1x8x2xf32>, %b: tensor<1x16xf32>, %l: tensor<1xi32>, %h0: tensor<1x1x2xf32>, %c0: tensor<1x1x2xf32>, %p: tensor<1x6xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>) {
  %y, %h, %c = lathe.lstm %x, %w, %r, %b, %l, %h0, %c0, %p forward clip 0.0 input_forget false
      : (tensor<5x1x3xf32>, tensor<1x8x3xf32>, tensor<1x8x2xf32>, tensor<1x16xf32>, tensor<1xi32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x6xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>)
  return %y, %h, %c : tensor<5x1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>
}

// CHECK-LABEL: @gru
// CHECK: lathe.gru %{{.*}}{{.*}}clip 0.0{{.*}}linear_before_reset false
func.func @gru(%x: tensor<5x1x3xf32>, %w: tensor<1x6x3xf32>, %r: tensor<1x6x2xf32>, %b: tensor<1x12xf32>, %l: tensor<1xi32>, %h0: tensor<1x1x2xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>) {
  %y, %h = lathe.gru %x, %w, %r, %b, %l, %h0 forward clip 0.0 linear_before_reset false
      : (tensor<5x1x3xf32>, tensor<1x6x3xf32>, tensor<1x6x2xf32>, tensor<1x12xf32>, tensor<1xi32>, tensor<1x1x2xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>)
  return %y, %h : tensor<5x1x1x2xf32>, tensor<1x1x2xf32>
}

// CHECK-LABEL: @rnn
// CHECK: lathe.rnn %{{.*}}{{.*}}clip 0.0
func.func @rnn(%x: tensor<5x1x3xf32>, %w: tensor<1x2x3xf32>, %r: tensor<1x2x2xf32>, %b: tensor<1x4xf32>, %l: tensor<1xi32>, %h0: tensor<1x1x2xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>) {
  %y, %h = lathe.rnn %x, %w, %r, %b, %l, %h0 forward clip 0.0 tanh
      : (tensor<5x1x3xf32>, tensor<1x2x3xf32>, tensor<1x2x2xf32>, tensor<1x4xf32>, tensor<1xi32>, tensor<1x1x2xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>)
  return %y, %h : tensor<5x1x1x2xf32>, tensor<1x1x2xf32>
}
