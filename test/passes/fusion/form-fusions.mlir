// RUN: lathe-opt %s --lathe-form-fusions --split-input-file --remarks-filter=fusion --verify-diagnostics | FileCheck %s
// RUN: lathe-opt %s --lathe-form-fusions --split-input-file -o %t.once
// RUN: lathe-opt %t.once --lathe-form-fusions --split-input-file | diff %t.once -
// RUN: lathe-opt %s --lathe-form-fusions=target=cuda --split-input-file | FileCheck %s --check-prefix=CUDA

// Elementwise operations join the product that feeds them.
// CHECK-LABEL: @product_with_epilogue
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<32x64xf32>, %[[B:.*]]: tensor<32xf32>
// CHECK: %[[R:.*]] = lathe.fusion(%[[X]], %[[W]], %[[B]])
// CHECK: ^bb0(%[[X0:.*]]: tensor<?x64xf32>, %[[W0:.*]]: tensor<32x64xf32>, %[[B0:.*]]: tensor<32xf32>):
// CHECK: %[[P:.*]] = lathe.matmul %[[X0]], %[[W0]] transpose_rhs
// CHECK: %[[S:.*]] = lathe.add %[[P]], %[[B0]]
// CHECK: %[[Y:.*]] = lathe.relu %[[S]]
// CHECK: lathe.yield %[[Y]]
// CHECK: return %[[R]]
func.func @product_with_epilogue(%x: tensor<?x64xf32>, %w: tensor<32x64xf32>, %b: tensor<32xf32>) -> tensor<?x32xf32> {
  // expected-remark-re @below {{[Passed] FormFusions{{.*}}3 operations became one kernel}}
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  %1 = lathe.add %0, %b : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
  %2 = lathe.relu %1 : tensor<?x32xf32>
  return %2 : tensor<?x32xf32>
}

// -----

// What somebody else reads too is a second result.
// CHECK-LABEL: @second_reader
// CHECK: %[[R:.*]]:2 = lathe.fusion
// CHECK: %[[P:.*]] = lathe.matmul
// CHECK: %[[Y:.*]] = lathe.relu %[[P]]
// CHECK: lathe.yield %[[P]], %[[Y]]
// CHECK: return %[[R]]#0, %[[R]]#1
// CUDA-LABEL: @second_reader
// CUDA-COUNT-2: lathe.fusion
func.func @second_reader(%x: tensor<2x4xf32>, %w: tensor<4x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  // expected-remark-re @below {{[Passed] FormFusions{{.*}}2 operations became one kernel with 2 results}}
  %0 = lathe.matmul %x, %w : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
  %1 = lathe.relu %0 : tensor<2x4xf32>
  return %0, %1 : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// The difference also needs what another kernel makes of the product, so it cannot be part of the product's.
// CHECK-LABEL: @parted
// CHECK-COUNT-3: lathe.fusion
func.func @parted(%x: tensor<2x4xf32>, %w: tensor<4x4xf32>, %v: tensor<4x1xf32>) -> tensor<2x4xf32> {
  %0 = lathe.matmul %x, %w : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
  %1 = lathe.matmul %0, %v : tensor<2x4xf32>, tensor<4x1xf32> -> tensor<2x1xf32>
  // expected-remark-re @below {{[Missed] FormFusions{{.*}}'lathe.sub' starts a kernel of its own: what else it reads needs that kernel's result}}
  %2 = lathe.sub %1, %0 : tensor<2x1xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  return %2 : tensor<2x4xf32>
}

// -----

// One reader that reads twice is one reader.
// CHECK-LABEL: @square
// CHECK: lathe.fusion
// CHECK: %[[P:.*]] = lathe.matmul
// CHECK: lathe.mul %[[P]], %[[P]]
func.func @square(%x: tensor<2x4xf32>, %w: tensor<4x4xf32>) -> tensor<2x4xf32> {
  // expected-remark-re @below {{[Passed] FormFusions{{.*}}2 operations became one kernel}}
  %0 = lathe.matmul %x, %w : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
  %1 = lathe.mul %0, %0 : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}

// -----

// What takes long to compute is not repeated.
// CHECK-LABEL: @repeated_exp
// CHECK-COUNT-2: lathe.fusion
func.func @repeated_exp(%x: tensor<4xf32>, %y: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = lathe.exp %x : tensor<4xf32>
  // expected-remark-re @below {{[Missed] FormFusions{{.*}}'lathe.mul' starts a kernel of its own: shapes differ}}
  %1 = lathe.mul %0, %y : tensor<4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----

// What costs nothing is.
// CHECK-LABEL: @repeated_neg
// CHECK: lathe.fusion
// CHECK-NEXT: ^bb0
// CHECK-NEXT: lathe.neg
// CHECK-NEXT: lathe.mul
// CHECK-NEXT: lathe.transpose
func.func @repeated_neg(%x: tensor<4xf32>, %y: tensor<?x4xf32>) -> tensor<4x?xf32> {
  // expected-remark-re @below {{[Passed] FormFusions{{.*}}3 operations became one kernel}}
  %0 = lathe.neg %x : tensor<4xf32>
  %1 = lathe.mul %0, %y : tensor<4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  %2 = lathe.transpose %1 permutation [1, 0] : tensor<?x4xf32> -> tensor<4x?xf32>
  return %2 : tensor<4x?xf32>
}

// -----

// Producers of both operands and what reads the sum reshaped are one kernel; the sum itself is a result as well.
// CHECK-LABEL: @two_producers
// CHECK: %[[R:.*]]:2 = lathe.fusion
// CHECK: lathe.exp
// CHECK: lathe.tanh
// CHECK: %[[S:.*]] = lathe.add
// CHECK: lathe.reshape %[[S]]
// CHECK: %[[N:.*]] = lathe.neg
// CHECK: lathe.yield %[[S]], %[[N]]
// CUDA-LABEL: @two_producers
// CUDA: %[[A:.*]] = lathe.fusion
// CUDA: lathe.exp
// CUDA: %[[B:.*]] = lathe.fusion({{.*}}, %[[A]])
// CUDA: lathe.tanh
// CUDA: lathe.add
// CUDA: %[[R:.*]] = lathe.reshape %[[B]]
// CUDA: lathe.fusion(%[[R]])
// CUDA: lathe.neg
func.func @two_producers(%x: tensor<2x2xf32>, %y: tensor<2x2xf32>) -> (tensor<4xf32>, tensor<2x2xf32>) {
  // expected-remark-re @below {{[Passed] FormFusions{{.*}}5 operations became one kernel with 2 results}}
  %0 = lathe.exp %x : tensor<2x2xf32>
  %1 = lathe.tanh %y : tensor<2x2xf32>
  %2 = lathe.add %0, %1 : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2x2xf32>
  %3 = lathe.reshape %2 shape [4] : tensor<2x2xf32> -> tensor<4xf32>
  %4 = lathe.neg %3 : tensor<4xf32>
  return %4, %2 : tensor<4xf32>, tensor<2x2xf32>
}

// -----

// Attention reads the state before the next write to it: the whole kernel comes before.
// CHECK-LABEL: @state_replaced_in_between
// CHECK: lathe.paged_attention
// CHECK-NEXT: lathe.cast
// CHECK-NEXT: lathe.yield
// CHECK: lathe.append_kv
!kv = !lathe.state<paged, 1x1x4xf16>
func.func @state_replaced_in_between(%q: tensor<?x1x2xf16>, %kv: !kv, %o: tensor<?xi32>, %l: tensor<?xi32>,
    %t: tensor<?x?xi32>, %slots: tensor<?xi32>) -> (tensor<?x1x2xf32>, !kv) {
  // expected-remark-re @below {{[Passed] FormFusions{{.*}}2 operations became one kernel}}
  %0 = lathe.paged_attention %q, %kv, %o, %l, %t layer 0 scale 1.0 : tensor<?x1x2xf16>, !kv, tensor<?xi32>,
      tensor<?xi32>, tensor<?x?xi32> -> tensor<?x1x2xf16>
  %1 = lathe.append_kv %q, %q, %kv, %slots layer 0 : tensor<?x1x2xf16>, tensor<?x1x2xf16>, !kv, tensor<?xi32>
  %2 = lathe.cast %0 : tensor<?x1x2xf16> -> tensor<?x1x2xf32>
  return %2, %1 : tensor<?x1x2xf32>, !kv
}

// -----

// Weights and constants are read by kernels, not computed by them.
// CHECK-LABEL: @constant_operand
// CHECK: %[[C:.*]] = lathe.constant
// CHECK: lathe.fusion(%{{.*}}, %[[C]])
func.func @constant_operand(%x: tensor<2xf32>) -> tensor<2xf32> {
  %c = lathe.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = lathe.add %x, %c : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// What chooses reads the same reshaped value as what is chosen from, so the choice cannot join the kernel that computes it.
// CHECK-LABEL: @chosen_by_the_reshaped
// CHECK: lathe.exp
// CHECK-NEXT: lathe.yield
// CHECK: lathe.reduce max
// CHECK-NEXT: lathe.yield
// CHECK: lathe.equal
// CHECK-NEXT: lathe.select
func.func @chosen_by_the_reshaped(%x: tensor<?x6xf32>, %none: tensor<f32>) -> tensor<?x2x3xf32> {
  %0 = lathe.exp %x : tensor<?x6xf32>
  %1 = lathe.reshape %0 shape [0, 2, 3] : tensor<?x6xf32> -> tensor<?x2x3xf32>
  %2 = lathe.reduce max %1 axes [2] keep : tensor<?x2x3xf32> -> tensor<?x2x1xf32>
  // expected-remark-re @below {{[Missed] FormFusions{{.*}}'lathe.equal' starts a kernel of its own: shapes differ}}
  // expected-remark-re @below {{[Passed] FormFusions{{.*}}2 operations became one kernel}}
  %3 = lathe.equal %1, %2 : tensor<?x2x3xf32>, tensor<?x2x1xf32> -> tensor<?x2x3xi1>
  %4 = lathe.select %3, %1, %none : tensor<?x2x3xi1>, tensor<?x2x3xf32>, tensor<f32> -> tensor<?x2x3xf32>
  return %4 : tensor<?x2x3xf32>
}

// -----

// A norm reads memory: what is added before it is not computed in its kernel, though what comes behind it reads that too.
// CHECK-LABEL: @residual_around_a_norm
// CHECK: lathe.fusion
// CHECK: lathe.add
// CHECK-NEXT: lathe.yield
// CHECK: lathe.fusion
// CHECK: lathe.rms_norm
// CHECK-NEXT: lathe.add
// CHECK-NEXT: lathe.yield
func.func @residual_around_a_norm(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = lathe.add %x, %y : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  // expected-remark-re @below {{[Passed] FormFusions{{.*}}2 operations became one kernel}}
  %1 = lathe.rms_norm %0, %w epsilon 1.0e-05 : tensor<4x8xf32>, tensor<8xf32>
  %2 = lathe.add %0, %1 : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

// CHECK-LABEL: @reduced_to_as_many
// CHECK: lathe.select
// CHECK-NEXT: lathe.yield
// CHECK: lathe.reduce max
// CHECK-NEXT: lathe.add
// CHECK-NEXT: lathe.yield
func.func @reduced_to_as_many(%c: tensor<1xi1>, %x: tensor<1xi64>, %y: tensor<1xi64>) -> tensor<1xi64> {
  %0 = lathe.select %c, %x, %y : tensor<1xi1>, tensor<1xi64>, tensor<1xi64> -> tensor<1xi64>
  // expected-remark-re @below {{[Passed] FormFusions{{.*}}2 operations became one kernel}}
  %1 = lathe.reduce max %0 axes [0] keep : tensor<1xi64> -> tensor<1xi64>
  %2 = lathe.add %0, %1 : tensor<1xi64>, tensor<1xi64> -> tensor<1xi64>
  return %2 : tensor<1xi64>
}

// -----

// For CUDA too a kernel widens what it reads for its epilogue, unless others read what was widened.
// CHECK-LABEL: @widened_residual
// CUDA-LABEL: @widened_residual
// CUDA: lathe.fusion
// CUDA: lathe.cast
// CUDA-NEXT: lathe.yield
// CUDA: lathe.fusion
// CUDA: lathe.matmul
// CUDA-NEXT: lathe.cast
// CUDA-NEXT: lathe.add
// CUDA-NEXT: lathe.add
// CUDA-NEXT: lathe.yield
// CUDA-NOT: lathe.fusion
// CUDA: return
func.func @widened_residual(%x: tensor<4x8xf16>, %y: tensor<4x8xf16>, %w: tensor<8x8xf16>)
    -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  // expected-remark-re @below {{[Passed] FormFusions{{.*}}5 operations became one kernel with 2 results}}
  %0 = lathe.matmul %x, %w : tensor<4x8xf16>, tensor<8x8xf16> -> tensor<4x8xf32>
  %1 = lathe.cast %x : tensor<4x8xf16> -> tensor<4x8xf32>
  %2 = lathe.cast %y : tensor<4x8xf16> -> tensor<4x8xf32>
  %3 = lathe.add %0, %1 : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  %4 = lathe.add %3, %2 : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  return %4, %2 : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// What is rounded for memory is written so, though its one reader widens it: the reader's kernel does.
// CHECK-LABEL: @rounded_between_kernels
// CUDA-LABEL: @rounded_between_kernels
// CUDA: %[[A:.*]] = lathe.fusion
// CUDA-SAME: -> tensor<4x8xf16>
// CUDA: %{{.*}} = lathe.fusion(%{{.*}}, %{{.*}}, %[[A]])
// CUDA: lathe.matmul
// CUDA-NEXT: lathe.cast
// CUDA-NEXT: lathe.add
// CUDA-NOT: lathe.fusion
// CUDA: return
func.func @rounded_between_kernels(%x: tensor<4x8xf16>, %v: tensor<8x8xf16>, %w: tensor<8x8xf16>) -> tensor<4x8xf32> {
  // expected-remark-re @below {{[Passed] FormFusions{{.*}}operations became one kernel}}
  %0 = lathe.matmul %x, %v : tensor<4x8xf16>, tensor<8x8xf16> -> tensor<4x8xf32>
  %1 = lathe.cast %0 : tensor<4x8xf32> -> tensor<4x8xf16>
  %2 = lathe.matmul %x, %w : tensor<4x8xf16>, tensor<8x8xf16> -> tensor<4x8xf32>
  %3 = lathe.cast %1 : tensor<4x8xf16> -> tensor<4x8xf32>
  %4 = lathe.add %3, %2 : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  return %4 : tensor<4x8xf32>
}
