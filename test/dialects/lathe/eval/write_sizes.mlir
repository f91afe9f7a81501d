// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @of_a_tensor
// CHECK: tensor<3xi64> = [6, 1, -3]
func.func @of_a_tensor() -> (tensor<3xi64>) {
  %x = lathe.constant dense<1.0> : tensor<3x2xf32>
  %y = lathe.write_sizes from %x values affine_map<()[s0, s1] -> (s0 * s1, s0 floordiv s1, -s0)>
      : (tensor<3x2xf32>) -> tensor<3xi64>
  return %y : tensor<3xi64>
}

// CHECK-LABEL: @of_sizes_that_were_read
// CHECK: tensor<1xi64> = [10]
func.func @of_sizes_that_were_read() -> (tensor<1xi64>) {
  %c = lathe.constant dense<5> : tensor<1xi64>
  %s = lathe.read_sizes %c min [0] max [8] : tensor<1xi64> -> !lathe.sizes<1>
  %y = lathe.write_sizes from %s values affine_map<()[s0] -> (s0 * 2)> : (!lathe.sizes<1>) -> tensor<1xi64>
  return %y : tensor<1xi64>
}

// CHECK-LABEL: @of_nothing
// CHECK: tensor<2xi64> = [4, 7]
func.func @of_nothing() -> (tensor<2xi64>) {
  %y = lathe.write_sizes values affine_map<() -> (4, 7)> : () -> tensor<2xi64>
  return %y : tensor<2xi64>
}
