// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @last_one_stays
// CHECK: tensor<3xf32> = [30, 2, 20]
func.func @last_one_stays() -> (tensor<3xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %a1 = lathe.constant dense<[0, -1, 0]> : tensor<3xi64>
  %a2 = lathe.constant dense<[10.0, 20.0, 30.0]> : tensor<3xf32>
  %y = lathe.scatter_elements %a0, %a1, %a2 none axis 0
      : tensor<3xf32>, tensor<3xi64>, tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: @sums
// CHECK: tensor<3xf32> = [41, 2, 23]
func.func @sums() -> (tensor<3xf32>) {
  %a0 = lathe.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %a1 = lathe.constant dense<[0, -1, 0]> : tensor<3xi64>
  %a2 = lathe.constant dense<[10.0, 20.0, 30.0]> : tensor<3xf32>
  %y = lathe.scatter_elements %a0, %a1, %a2 add axis 0
      : tensor<3xf32>, tensor<3xi64>, tensor<3xf32>
  return %y : tensor<3xf32>
}

// CHECK-LABEL: @largest_of_integers
// CHECK: tensor<2xi8> = [5, 4]
func.func @largest_of_integers() -> (tensor<2xi8>) {
  %a0 = lathe.constant dense<[5, -7]> : tensor<2xi8>
  %a1 = lathe.constant dense<[0, 1]> : tensor<2xi64>
  %a2 = lathe.constant dense<[3, 4]> : tensor<2xi8>
  %y = lathe.scatter_elements %a0, %a1, %a2 max axis 0
      : tensor<2xi8>, tensor<2xi64>, tensor<2xi8>
  return %y : tensor<2xi8>
}
