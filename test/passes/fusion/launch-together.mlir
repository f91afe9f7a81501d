// RUN: lathe-opt %s --lathe-launch-together --split-input-file --remarks-filter=fusion --verify-diagnostics -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-launch-together --split-input-file | diff %t.once -

// Two products of one operand are two parts of one launch, whatever their shapes; what needs both comes after it.
// CHECK-LABEL: @two_products
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>, %[[V:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<8x2xf32>
// CHECK-NEXT: %[[R:.*]]:2 = lathe.fusion(%[[X]], %[[V]], %[[W]])
// CHECK: lathe.matmul
// CHECK: lathe.matmul
// CHECK-NEXT: lathe.yield
// CHECK: lathe.fusion(%[[R]]#0)
// CHECK: lathe.softmax
// CHECK: return %{{.*}}, %[[R]]#1
func.func @two_products(%x: tensor<?x8xf32>, %v: tensor<4x8xf32>, %w: tensor<8x2xf32>) -> (tensor<?x4xf32>, tensor<?x2xf32>) {
  // expected-remark @below {{2 kernels became one launch}}
  %0 = lathe.fusion(%x, %v) : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<4x8xf32>):
    %3 = lathe.matmul %a, %b transpose_rhs : tensor<?x8xf32>, tensor<4x8xf32> -> tensor<?x4xf32>
    lathe.yield %3 : tensor<?x4xf32>
  }
  %1 = lathe.fusion(%0) : (tensor<?x4xf32>) -> tensor<?x4xf32> {
  ^bb0(%a: tensor<?x4xf32>):
    %3 = lathe.softmax %a : tensor<?x4xf32>
    lathe.yield %3 : tensor<?x4xf32>
  }
  %2 = lathe.fusion(%x, %w) : (tensor<?x8xf32>, tensor<8x2xf32>) -> tensor<?x2xf32> {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<8x2xf32>):
    %3 = lathe.matmul %a, %b : tensor<?x8xf32>, tensor<8x2xf32> -> tensor<?x2xf32>
    lathe.yield %3 : tensor<?x2xf32>
  }
  return %1, %2 : tensor<?x4xf32>, tensor<?x2xf32>
}

// -----

// The second product needs the first.
// CHECK-LABEL: @chain
// CHECK-COUNT-2: lathe.fusion
func.func @chain(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = lathe.fusion(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %2 = lathe.matmul %a, %a : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    lathe.yield %2 : tensor<8x8xf32>
  }
  // expected-remark @below {{'lathe.matmul' is a launch of its own: it needs what another that reads the same computes}}
  %1 = lathe.fusion(%x, %0) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>, %b: tensor<8x8xf32>):
    %2 = lathe.matmul %a, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    lathe.yield %2 : tensor<8x8xf32>
  }
  return %1 : tensor<8x8xf32>
}

// -----

// Other templates, elementwise kernels, and kernels that share nothing but a weight.
// CHECK-LABEL: @unlike
// CHECK-COUNT-5: lathe.fusion
func.func @unlike(%x: tensor<8x8xf32>, %y: tensor<8x8xf32>)
    -> (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 256 : tensor<8x8xf32>
  %0 = lathe.fusion(%x, %w) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>, %b: tensor<8x8xf32>):
    %5 = lathe.matmul %a, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    lathe.yield %5 : tensor<8x8xf32>
  }
  %1 = lathe.fusion(%y, %w) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>, %b: tensor<8x8xf32>):
    %5 = lathe.matmul %a, %b : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    lathe.yield %5 : tensor<8x8xf32>
  }
  %2 = lathe.fusion(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %5 = lathe.softmax %a : tensor<8x8xf32>
    lathe.yield %5 : tensor<8x8xf32>
  }
  %3 = lathe.fusion(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %5 = lathe.relu %a : tensor<8x8xf32>
    lathe.yield %5 : tensor<8x8xf32>
  }
  %4 = lathe.fusion(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %5 = lathe.tanh %a : tensor<8x8xf32>
    lathe.yield %5 : tensor<8x8xf32>
  }
  return %0, %1, %2, %3, %4 : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
}

// -----

// Nine kernels are in between: memory for both results would be held all the while.
// CHECK-LABEL: @far_apart
// CHECK-COUNT-11: lathe.fusion
func.func @far_apart(%x: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = lathe.fusion(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %11 = lathe.matmul %a, %a : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    lathe.yield %11 : tensor<8x8xf32>
  }
  %1 = lathe.fusion(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %11 = lathe.softmax %a : tensor<8x8xf32>
    lathe.yield %11 : tensor<8x8xf32>
  }
  %2 = lathe.fusion(%1) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %11 = lathe.softmax %a : tensor<8x8xf32>
    lathe.yield %11 : tensor<8x8xf32>
  }
  %3 = lathe.fusion(%2) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %11 = lathe.softmax %a : tensor<8x8xf32>
    lathe.yield %11 : tensor<8x8xf32>
  }
  %4 = lathe.fusion(%3) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %11 = lathe.softmax %a : tensor<8x8xf32>
    lathe.yield %11 : tensor<8x8xf32>
  }
  %5 = lathe.fusion(%4) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %11 = lathe.softmax %a : tensor<8x8xf32>
    lathe.yield %11 : tensor<8x8xf32>
  }
  %6 = lathe.fusion(%5) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %11 = lathe.softmax %a : tensor<8x8xf32>
    lathe.yield %11 : tensor<8x8xf32>
  }
  %7 = lathe.fusion(%6) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %11 = lathe.softmax %a : tensor<8x8xf32>
    lathe.yield %11 : tensor<8x8xf32>
  }
  %8 = lathe.fusion(%7) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %11 = lathe.softmax %a : tensor<8x8xf32>
    lathe.yield %11 : tensor<8x8xf32>
  }
  %9 = lathe.fusion(%8) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %11 = lathe.softmax %a : tensor<8x8xf32>
    lathe.yield %11 : tensor<8x8xf32>
  }
  // expected-remark @below {{'lathe.matmul' is a launch of its own: it is far behind another that reads the same}}
  %10 = lathe.fusion(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32> {
  ^bb0(%a: tensor<8x8xf32>):
    %11 = lathe.matmul %a, %a : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    lathe.yield %11 : tensor<8x8xf32>
  }
  return %0, %9, %10 : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
}
