// RUN: lathe-opt %s --canonicalize --cse | FileCheck %s

// Equal constants become one; unused ones go.
// CHECK-LABEL: @constants
// CHECK-NEXT: %[[C:.*]] = lathe.constant dense<1.000000e+00> : tensor<2xf32>
// CHECK-NEXT: return %[[C]], %[[C]]
func.func @constants() -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = lathe.constant dense<1.0> : tensor<2xf32>
  %1 = lathe.constant dense<1.0> : tensor<2xf32>
  %2 = lathe.constant dense<3.0> : tensor<2xf32>
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}
