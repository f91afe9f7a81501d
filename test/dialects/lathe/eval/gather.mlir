// RUN: lathe-eval %s --verify-diagnostics | FileCheck %s

// CHECK-LABEL: @repeated_rows
// CHECK: tensor<3x2xf32> = {{\[\[}}5, 6], [1, 2], [5, 6]]
func.func @repeated_rows() -> tensor<3x2xf32> {
  %t = lathe.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %i = lathe.constant dense<[2, 0, 2]> : tensor<3xi32>
  %y = lathe.gather %t, %i : tensor<3x2xf32>, tensor<3xi32> -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// CHECK-LABEL: @widened
// CHECK: tensor<1x2xf32> = {{\[\[}}0.099975586, 2]]
func.func @widened() -> tensor<1x2xf32> {
  %t = lathe.constant dense<[[0.1, 2.0]]> : tensor<1x2xf16>
  %i = lathe.constant dense<[0]> : tensor<1xi64>
  %y = lathe.gather %t, %i : tensor<1x2xf16>, tensor<1xi64> -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

func.func @index_beyond_the_table() -> tensor<2x1xf32> {
  %t = lathe.constant dense<[[1.0], [3.0]]> : tensor<2x1xf32>
  %i = lathe.constant dense<[1, 2]> : tensor<2xi32>
  // expected-error @below {{'lathe.gather' op index 1 is 2 but the table has 2 rows}}
  %y = lathe.gather %t, %i : tensor<2x1xf32>, tensor<2xi32> -> tensor<2x1xf32>
  return %y : tensor<2x1xf32>
}
