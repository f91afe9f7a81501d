// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @far_apart
// CHECK: tensor<6x3xi64> = {{\[\[}}0, 0, 3], [0, 0, 0], [0, 0, 5], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
// CHECK-NEXT: tensor<1xi64> = [3]
func.func @far_apart() -> (tensor<6x3xi64>, tensor<1xi64>) {
  %a0 = lathe.constant dense<[[[0.0, 0.0, 1.0, 1.0], [0.0, 0.10000000149011612, 1.0, 1.100000023841858], [0.0, -0.10000000149011612, 1.0, 0.8999999761581421], [0.0, 10.0, 1.0, 11.0], [0.0, 10.100000381469727, 1.0, 11.100000381469727], [0.0, 100.0, 1.0, 101.0]]]> : tensor<1x6x4xf32>
  %a1 = lathe.constant dense<[[[0.8999999761581421, 0.75, 0.6000000238418579, 0.949999988079071, 0.5, 0.30000001192092896]]]> : tensor<1x1x6xf32>
  %a2 = lathe.constant dense<3> : tensor<i64>
  %a3 = lathe.constant dense<0.5> : tensor<f32>
  %a4 = lathe.constant dense<0.0> : tensor<f32>
  %y:2 = lathe.nms %a0, %a1, %a2, %a3, %a4 center false
      : (tensor<1x6x4xf32>, tensor<1x1x6xf32>, tensor<i64>, tensor<f32>, tensor<f32>) -> (tensor<6x3xi64>, tensor<1xi64>)
  return %y#0, %y#1 : tensor<6x3xi64>, tensor<1xi64>
}
