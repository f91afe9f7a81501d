// RUN: lathe-eval %s | FileCheck %s
// Worked by hand.

// CHECK-LABEL: @broadcasts_all_three
// CHECK: tensor<2x2xf32> = {{\[\[}}1, 2], [9, 9]]
func.func @broadcasts_all_three() -> tensor<2x2xf32> {
  %c = lathe.constant dense<[[true], [false]]> : tensor<2x1xi1>
  %a = lathe.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %b = lathe.constant dense<9.0> : tensor<f32>
  %r = lathe.select %c, %a, %b : tensor<2x1xi1>, tensor<2xf32>, tensor<f32> -> tensor<2x2xf32>
  return %r : tensor<2x2xf32>
}

// CHECK-LABEL: @i64
// CHECK: tensor<2xi64> = [9007199254740993, -1]
func.func @i64() -> tensor<2xi64> {
  %c = lathe.constant dense<[true, false]> : tensor<2xi1>
  %a = lathe.constant dense<9007199254740993> : tensor<2xi64>
  %b = lathe.constant dense<-1> : tensor<2xi64>
  %r = lathe.select %c, %a, %b : tensor<2xi1>, tensor<2xi64>, tensor<2xi64> -> tensor<2xi64>
  return %r : tensor<2xi64>
}
