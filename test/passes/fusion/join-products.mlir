// RUN: lathe-opt %s --lathe-join-products --split-input-file --remarks-filter=fusion --verify-diagnostics -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-join-products --split-input-file | diff %t.once -

// The gate of a feed-forward layer: both products in one kernel.
// CHECK-LABEL: @gate
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>, %[[U:.*]]: tensor<4x8xf32>, %[[G:.*]]: tensor<4x8xf32>
// CHECK-NEXT: %[[R:.*]] = lathe.fusion(%[[X]], %[[U]], %[[G]])
// CHECK-NEXT: ^bb0(%[[X0:.*]]: tensor<?x8xf32>, %[[U0:.*]]: tensor<4x8xf32>, %[[G0:.*]]: tensor<4x8xf32>):
// CHECK-NEXT: %[[UP:.*]] = lathe.matmul %[[X0]], %[[U0]]
// CHECK-NEXT: %[[GATE:.*]] = lathe.matmul %[[X0]], %[[G0]]
// CHECK-NEXT: %[[S:.*]] = lathe.silu %[[GATE]]
// CHECK-NEXT: %[[Y:.*]] = lathe.mul %[[S]], %[[UP]]
// CHECK-NEXT: lathe.yield %[[Y]]
// CHECK: return %[[R]]
func.func @gate(%x: tensor<?x8xf32>, %u: tensor<4x8xf32>, %g: tensor<4x8xf32>) -> tensor<?x4xf32> {
  // expected-remark @below {{two products of one operand became one kernel}}
  %0 = lathe.fusion(%x, %u) : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<4x8xf32>):
    %2 = lathe.matmul %a, %b transpose_rhs : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
    lathe.yield %2 : tensor<?x4xf32>
  }
  %1 = lathe.fusion(%x, %g, %0) : (tensor<?x8xf32>, tensor<4x8xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<4x8xf32>, %c: tensor<?x4xf32>):
    %2 = lathe.matmul %a, %b transpose_rhs : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
    %3 = lathe.silu %2 : tensor<?x4xf32>
    %4 = lathe.mul %3, %c : tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
    lathe.yield %4 : tensor<?x4xf32>
  }
  return %1 : tensor<?x4xf32>
}

// -----

// The first product is a result of the function as well.
// CHECK-LABEL: @second_reader
// CHECK-COUNT-2: lathe.fusion
func.func @second_reader(%x: tensor<2x8xf32>, %u: tensor<8x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %0 = lathe.fusion(%x, %u) : (tensor<2x8xf32>, tensor<8x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x8xf32>, %b: tensor<8x4xf32>):
    %2 = lathe.matmul %a, %b : tensor<2x8xf32>, tensor<8x4xf32> -> tensor<2x4xf32>
    lathe.yield %2 : tensor<2x4xf32>
  }
  // expected-remark @below {{two products of one operand stay two kernels: others read the first of them too}}
  %1 = lathe.fusion(%x, %u, %0) : (tensor<2x8xf32>, tensor<8x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x8xf32>, %b: tensor<8x4xf32>, %c: tensor<2x4xf32>):
    %2 = lathe.matmul %a, %b : tensor<2x8xf32>, tensor<8x4xf32> -> tensor<2x4xf32>
    %3 = lathe.mul %2, %c : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    lathe.yield %3 : tensor<2x4xf32>
  }
  return %0, %1 : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// One product is a column that repeats.
// CHECK-LABEL: @other_shape
// CHECK-COUNT-2: lathe.fusion
func.func @other_shape(%x: tensor<2x8xf32>, %u: tensor<8x1xf32>, %g: tensor<8x4xf32>) -> tensor<2x4xf32> {
  %0 = lathe.fusion(%x, %u) : (tensor<2x8xf32>, tensor<8x1xf32>) -> tensor<2x1xf32> {
  ^bb0(%a: tensor<2x8xf32>, %b: tensor<8x1xf32>):
    %2 = lathe.matmul %a, %b : tensor<2x8xf32>, tensor<8x1xf32> -> tensor<2x1xf32>
    lathe.yield %2 : tensor<2x1xf32>
  }
  // expected-remark @below {{stay two kernels: they have different shapes or weights of different kinds}}
  %1 = lathe.fusion(%x, %g, %0) : (tensor<2x8xf32>, tensor<8x4xf32>, tensor<2x1xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x8xf32>, %b: tensor<8x4xf32>, %c: tensor<2x1xf32>):
    %2 = lathe.matmul %a, %b : tensor<2x8xf32>, tensor<8x4xf32> -> tensor<2x4xf32>
    %3 = lathe.mul %2, %c : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
    lathe.yield %3 : tensor<2x4xf32>
  }
  return %1 : tensor<2x4xf32>
}

// -----

// A result in f16 has no room for the first product.
// CHECK-LABEL: @narrow_result
// CHECK-COUNT-2: lathe.fusion
func.func @narrow_result(%x: tensor<2x8xf32>, %u: tensor<8x4xf32>, %g: tensor<8x4xf32>) -> tensor<2x4xf16> {
  %0 = lathe.fusion(%x, %u) : (tensor<2x8xf32>, tensor<8x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x8xf32>, %b: tensor<8x4xf32>):
    %2 = lathe.matmul %a, %b : tensor<2x8xf32>, tensor<8x4xf32> -> tensor<2x4xf32>
    lathe.yield %2 : tensor<2x4xf32>
  }
  // expected-remark @below {{stay two kernels: there is not one result of their shape in f32}}
  %1 = lathe.fusion(%x, %g, %0) : (tensor<2x8xf32>, tensor<8x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf16> {
  ^bb0(%a: tensor<2x8xf32>, %b: tensor<8x4xf32>, %c: tensor<2x4xf32>):
    %2 = lathe.matmul %a, %b : tensor<2x8xf32>, tensor<8x4xf32> -> tensor<2x4xf32>
    %3 = lathe.mul %2, %c : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    %4 = lathe.cast %3 : tensor<2x4xf32> -> tensor<2x4xf16>
    lathe.yield %4 : tensor<2x4xf16>
  }
  return %1 : tensor<2x4xf16>
}

// -----

// The second kernel reads the first product transposed, when not all of it is there.
// CHECK-LABEL: @other_place
// CHECK-COUNT-2: lathe.fusion
func.func @other_place(%x: tensor<4x8xf32>, %u: tensor<8x4xf32>, %g: tensor<8x4xf32>) -> tensor<4x4xf32> {
  %0 = lathe.fusion(%x, %u) : (tensor<4x8xf32>, tensor<8x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: tensor<4x8xf32>, %b: tensor<8x4xf32>):
    %2 = lathe.matmul %a, %b : tensor<4x8xf32>, tensor<8x4xf32> -> tensor<4x4xf32>
    lathe.yield %2 : tensor<4x4xf32>
  }
  // expected-remark @below {{stay two kernels: one is read at other places than the other}}
  %1 = lathe.fusion(%x, %g, %0) : (tensor<4x8xf32>, tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%a: tensor<4x8xf32>, %b: tensor<8x4xf32>, %c: tensor<4x4xf32>):
    %2 = lathe.matmul %a, %b : tensor<4x8xf32>, tensor<8x4xf32> -> tensor<4x4xf32>
    %3 = lathe.transpose %c permutation [1, 0] : tensor<4x4xf32> -> tensor<4x4xf32>
    %4 = lathe.mul %2, %3 : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
    lathe.yield %4 : tensor<4x4xf32>
  }
  return %1 : tensor<4x4xf32>
}
