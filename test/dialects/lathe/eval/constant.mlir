// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @floats
// CHECK: tensor<2x2xf32> = {{\[\[}}1, 1], [1, 1]]
func.func @floats() -> tensor<2x2xf32> {
  %x = lathe.constant dense<1.0> : tensor<2x2xf32>
  return %x : tensor<2x2xf32>
}

// CHECK-LABEL: @integers
// CHECK: tensor<3xi8> = [-128, 127, -1]
// CHECK: tensor<2xui8> = [255, 0]
// CHECK: tensor<2xi1> = [1, 0]
// CHECK: tensor<i64> = -9223372036854775808
// CHECK: tensor<0xi32> = []
func.func @integers() -> (tensor<3xi8>, tensor<2xui8>, tensor<2xi1>, tensor<i64>, tensor<0xi32>) {
  %0 = lathe.constant dense<[-128, 127, -1]> : tensor<3xi8>
  %1 = lathe.constant dense<[255, 0]> : tensor<2xui8>
  %2 = lathe.constant dense<[true, false]> : tensor<2xi1>
  %3 = lathe.constant dense<-9223372036854775808> : tensor<i64>
  %4 = lathe.constant dense<> : tensor<0xi32>
  return %0, %1, %2, %3, %4 : tensor<3xi8>, tensor<2xui8>, tensor<2xi1>, tensor<i64>, tensor<0xi32>
}
