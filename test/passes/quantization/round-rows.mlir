// RUN: lathe-opt %s --lathe-round-rows --split-input-file --remarks-filter=quantization --verify-diagnostics | FileCheck %s

// Products of one row share what it is rounded to.
// CHECK-LABEL: func.func @shared
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>
// CHECK: %[[A:.*]] = lathe.abs %[[X]]
// CHECK: %[[M:.*]] = lathe.reduce max %[[A]] axes [1] keep : tensor<?x64xf32> -> tensor<?x1xf32>
// CHECK: %[[E:.*]] = lathe.mul %[[M]], %{{.*}} : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
// CHECK: %[[S:.*]] = lathe.maximum %[[E]], %{{.*}} : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
// CHECK: %[[I:.*]] = lathe.reciprocal %[[S]]
// CHECK: %[[U:.*]] = lathe.mul %[[X]], %[[I]]
// CHECK: %[[Q:.*]] = lathe.round_e4m3 %[[U]] : tensor<?x64xf32>
// CHECK: %[[R:.*]] = lathe.mul %[[Q]], %[[S]]
// CHECK-NOT: round_e4m3
// CHECK: lathe.matmul %[[R]], %{{.*}} : tensor<?x64xf32>, tensor<40x64x
// CHECK: lathe.matmul %[[R]], %{{.*}} : tensor<?x64xf32>, tensor<8x64x
func.func @shared(%x: tensor<?x64xf32>) -> (tensor<?x40xf32>, tensor<?x8xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 2720 : tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  %v = lathe.weight "v" file 0 offset 4096 bytes 516 : tensor<8x64x!lathe.blocked<f8E4M3FN, block = [1, 1], scale = none, zero = none, outer_scale = f32>>
  // expected-remark @below {{a product rounds its rows to f8E4M3FN}}
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf32>, tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  // expected-remark @below {{a product rounds its rows to f8E4M3FN}}
  %1 = lathe.matmul %x, %v transpose_rhs : tensor<?x64xf32>, tensor<8x64x!lathe.blocked<f8E4M3FN, block = [1, 1], scale = none, zero = none, outer_scale = f32>> -> tensor<?x8xf32>
  return %0, %1 : tensor<?x40xf32>, tensor<?x8xf32>
}

// -----

// Other weights, blocks with several scales a row, and what is no weight meet rows as they are.
// CHECK-LABEL: func.func @stays
// CHECK-COUNT-1: lathe.round_e4m3
// CHECK: lathe.matmul %{{.*}} : tensor<?x128xf32>, tensor<8x128xf32>
// CHECK: lathe.matmul %{{.*}} : tensor<?x128xf32>, tensor<128x128x
// CHECK: lathe.matmul %{{.*}} : tensor<?x128xf32>, tensor<8x128x
func.func @stays(%x: tensor<?x128xf32>, %y: tensor<?x128xf32>, %c: tensor<8x128x!lathe.blocked<f8E4M3FN, block = [1, 128], scale = f32, zero = none, outer_scale = none>>)
    -> (tensor<?x8xf32>, tensor<?x128xf32>, tensor<?x8xf32>, tensor<?x8xf32>) {
  %f = lathe.weight "f" file 0 offset 0 bytes 4096 : tensor<8x128xf32>
  %b = lathe.weight "b" file 0 offset 4096 bytes 16388 : tensor<128x128x!lathe.blocked<f8E4M3FN, block = [128, 128], scale = f32, zero = none, outer_scale = none>>
  %w = lathe.weight "w" file 0 offset 32768 bytes 1056 : tensor<8x128x!lathe.blocked<f8E4M3FN, block = [1, 128], scale = f32, zero = none, outer_scale = none>>
  // expected-remark @below {{a product rounds its rows to f8E4M3FN}}
  %3 = lathe.matmul %y, %w transpose_rhs : tensor<?x128xf32>, tensor<8x128x!lathe.blocked<f8E4M3FN, block = [1, 128], scale = f32, zero = none, outer_scale = none>> -> tensor<?x8xf32>
  // expected-remark @below {{a product reads rows as they are: its weights are not f8E4M3FN}}
  %0 = lathe.matmul %x, %f transpose_rhs : tensor<?x128xf32>, tensor<8x128xf32> -> tensor<?x8xf32>
  // expected-remark @below {{its weights are not f8E4M3FN with a scale for each row or one for all}}
  %1 = lathe.matmul %x, %b transpose_rhs : tensor<?x128xf32>, tensor<128x128x!lathe.blocked<f8E4M3FN, block = [128, 128], scale = f32, zero = none, outer_scale = none>> -> tensor<?x128xf32>
  // expected-remark @below {{its right operand is not made of weights alone}}
  %2 = lathe.matmul %x, %c transpose_rhs : tensor<?x128xf32>, tensor<8x128x!lathe.blocked<f8E4M3FN, block = [1, 128], scale = f32, zero = none, outer_scale = none>> -> tensor<?x8xf32>
  return %0, %1, %2, %3 : tensor<?x8xf32>, tensor<?x128xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// expected-error @below {{has no product whose rows FP8 weights would let be rounded to FP8; quantize to fp8_e4m3 or fp8_e4m3_tensor, or choose other activations}}
module {
}
