// RUN: lathe-opt %s --lathe-recognize-gelu --split-input-file --remarks-filter=cleanup --verify-diagnostics | FileCheck %s
// Twice gives the same.
// RUN: lathe-opt %s --lathe-recognize-gelu --split-input-file > %t.1
// RUN: lathe-opt %t.1 --lathe-recognize-gelu --split-input-file | diff - %t.1

// Factors behind and in front; the size is not known.
// CHECK-LABEL: @orders
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>)
// CHECK-NEXT: %[[Y:.*]] = lathe.gelu %[[X]]
// CHECK-NEXT: %[[Z:.*]] = lathe.gelu %[[Y]]
// CHECK-NEXT: return %[[Z]]
func.func @orders(%x: tensor<?xf32>) -> tensor<?xf32> {
  %root = lathe.constant dense<1.41421354> : tensor<f32>
  %inverse = lathe.constant dense<0.707106769> : tensor<f32>
  %one = lathe.constant dense<1.0> : tensor<f32>
  %half = lathe.constant dense<0.5> : tensor<f32>
  %0 = lathe.div %x, %root : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %1 = lathe.erf %0 : tensor<?xf32>
  %2 = lathe.add %1, %one : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %3 = lathe.mul %x, %2 : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  // expected-remark @below {{a gelu}}
  %y = lathe.mul %3, %half : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %4 = lathe.mul %y, %inverse : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %5 = lathe.erf %4 : tensor<?xf32>
  %6 = lathe.mul %5, %half : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %7 = lathe.add %half, %6 : tensor<f32>, tensor<?xf32> -> tensor<?xf32>
  // expected-remark @below {{a gelu}}
  %z = lathe.mul %7, %y : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  return %z : tensor<?xf32>
}

// -----

// With a power and with products; others read the hyperbolic tangent, which stays.
// CHECK-LABEL: @tanh_and_second_user
// CHECK-SAME: (%[[X:.*]]: tensor<8xf32>)
// CHECK: %[[T:.*]] = lathe.tanh
// CHECK: %[[Y:.*]] = lathe.gelu_tanh %[[X]]
// CHECK-NEXT: %[[Z:.*]] = lathe.gelu_tanh %[[Y]]
// CHECK-NEXT: return %[[T]], %[[Z]]
func.func @tanh_and_second_user(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %three = lathe.constant dense<3.0> : tensor<f32>
  %small = lathe.constant dense<0.044715> : tensor<f32>
  %root = lathe.constant dense<0.797884583> : tensor<f32>
  %one = lathe.constant dense<1.0> : tensor<f32>
  %half = lathe.constant dense<0.5> : tensor<f32>
  %0 = lathe.pow %x, %three : tensor<8xf32>, tensor<f32> -> tensor<8xf32>
  %1 = lathe.mul %0, %small : tensor<8xf32>, tensor<f32> -> tensor<8xf32>
  %2 = lathe.add %x, %1 : tensor<8xf32>, tensor<8xf32> -> tensor<8xf32>
  %3 = lathe.mul %2, %root : tensor<8xf32>, tensor<f32> -> tensor<8xf32>
  %t = lathe.tanh %3 : tensor<8xf32>
  %4 = lathe.add %t, %one : tensor<8xf32>, tensor<f32> -> tensor<8xf32>
  %5 = lathe.mul %x, %half : tensor<8xf32>, tensor<f32> -> tensor<8xf32>
  // expected-remark @below {{a gelu by a hyperbolic tangent}}
  %y = lathe.mul %5, %4 : tensor<8xf32>, tensor<8xf32> -> tensor<8xf32>
  %6 = lathe.mul %y, %y : tensor<8xf32>, tensor<8xf32> -> tensor<8xf32>
  %7 = lathe.mul %6, %small : tensor<8xf32>, tensor<f32> -> tensor<8xf32>
  %8 = lathe.add %one, %7 : tensor<f32>, tensor<8xf32> -> tensor<8xf32>
  %9 = lathe.mul %y, %root : tensor<8xf32>, tensor<f32> -> tensor<8xf32>
  %10 = lathe.mul %9, %8 : tensor<8xf32>, tensor<8xf32> -> tensor<8xf32>
  %11 = lathe.tanh %10 : tensor<8xf32>
  %12 = lathe.add %11, %one : tensor<8xf32>, tensor<f32> -> tensor<8xf32>
  %13 = lathe.mul %half, %12 : tensor<f32>, tensor<8xf32> -> tensor<8xf32>
  // expected-remark @below {{a gelu by a hyperbolic tangent}}
  %z = lathe.mul %13, %y : tensor<8xf32>, tensor<8xf32> -> tensor<8xf32>
  return %t, %z : tensor<8xf32>, tensor<8xf32>
}

// -----

// The quick form stays a sigmoid, and an erf of something else what it is.
// CHECK-LABEL: @others
// CHECK-NOT: lathe.gelu
func.func @others(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %quick = lathe.constant dense<1.702> : tensor<f32>
  %one = lathe.constant dense<1.0> : tensor<f32>
  %half = lathe.constant dense<0.5> : tensor<f32>
  %0 = lathe.mul %x, %quick : tensor<8xf32>, tensor<f32> -> tensor<8xf32>
  %1 = lathe.sigmoid %0 : tensor<8xf32>
  %y = lathe.mul %x, %1 : tensor<8xf32>, tensor<8xf32> -> tensor<8xf32>
  // expected-remark @below {{this erf is not part of x / 2 * (1 + erf(x / sqrt(2)))}}
  %2 = lathe.erf %x : tensor<8xf32>
  %3 = lathe.add %2, %one : tensor<8xf32>, tensor<f32> -> tensor<8xf32>
  %4 = lathe.mul %x, %3 : tensor<8xf32>, tensor<8xf32> -> tensor<8xf32>
  %z = lathe.mul %4, %half : tensor<8xf32>, tensor<f32> -> tensor<8xf32>
  return %y, %z : tensor<8xf32>, tensor<8xf32>
}
