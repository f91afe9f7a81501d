// RUN: lathe-opt %s --lathe-join-products=target=cuda --split-input-file --remarks-filter=fusion --verify-diagnostics -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-join-products=target=cuda --split-input-file | diff %t.once -
// RUN: not lathe-opt %s --lathe-join-products=target=tpu --split-input-file 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: target is 'tpu', needed cpu or cuda

// Sums stay in the block, so that the result may have any type.
// CHECK-LABEL: @narrow_result
// CHECK: lathe.fusion(%{{.*}}, %{{.*}}, %{{.*}}) : (tensor<2x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf16>
// CHECK-NOT: lathe.fusion
// CHECK: lathe.matmul
// CHECK-NEXT: lathe.matmul
// CHECK: return
func.func @narrow_result(%x: tensor<2x8xf32>, %u: tensor<4x8xf32>, %g: tensor<4x8xf32>) -> tensor<2x4xf16> {
  // expected-remark @below {{two products of one operand became one kernel}}
  %0 = lathe.fusion(%x, %u) : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x8xf32>, %b: tensor<4x8xf32>):
    %2 = lathe.matmul %a, %b transpose_rhs : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
    lathe.yield %2 : tensor<2x4xf32>
  }
  %1 = lathe.fusion(%x, %g, %0) : (tensor<2x8xf32>, tensor<4x8xf32>, tensor<2x4xf32>) -> tensor<2x4xf16> {
  ^bb0(%a: tensor<2x8xf32>, %b: tensor<4x8xf32>, %c: tensor<2x4xf32>):
    %2 = lathe.matmul %a, %b transpose_rhs : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
    %3 = lathe.mul %2, %c : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    %4 = lathe.cast %3 : tensor<2x4xf32> -> tensor<2x4xf16>
    lathe.yield %4 : tensor<2x4xf16>
  }
  return %1 : tensor<2x4xf16>
}

// -----

// Weights of two types have two templates, with tiles of different sizes.
// CHECK-LABEL: @other_weights
// CHECK-COUNT-2: lathe.fusion
func.func @other_weights(%x: tensor<2x8xf32>, %u: tensor<4x8xf16>, %g: tensor<4x8xf32>) -> tensor<2x4xf32> {
  %0 = lathe.fusion(%x, %u) : (tensor<2x8xf32>, tensor<4x8xf16>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x8xf32>, %b: tensor<4x8xf16>):
    %2 = lathe.matmul %a, %b transpose_rhs : tensor<2x8xf32>, tensor<4x8xf16> -> tensor<2x4xf32>
    lathe.yield %2 : tensor<2x4xf32>
  }
  // expected-remark @below {{stay two kernels: they have different shapes or weights of different kinds}}
  %1 = lathe.fusion(%x, %g, %0) : (tensor<2x8xf32>, tensor<4x8xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x8xf32>, %b: tensor<4x8xf32>, %c: tensor<2x4xf32>):
    %2 = lathe.matmul %a, %b transpose_rhs : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
    %3 = lathe.mul %2, %c : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    lathe.yield %3 : tensor<2x4xf32>
  }
  return %1 : tensor<2x4xf32>
}
