// RUN: lathe-eval %s | FileCheck %s

// CHECK-LABEL: @sorted
// CHECK: tensor<4xf32> = [1, 2, 3, 0]
// CHECK-NEXT: tensor<4xi64> = [1, 3, 0, 0]
// CHECK-NEXT: tensor<4xi64> = [2, 0, 2, 1]
// CHECK-NEXT: tensor<4xi64> = [1, 1, 2, 0]
// CHECK-NEXT: tensor<1xi64> = [3]
func.func @sorted() -> (tensor<4xf32>, tensor<4xi64>, tensor<4xi64>, tensor<4xi64>, tensor<1xi64>) {
  %a0 = lathe.constant dense<[3.0, 1.0, 3.0, 2.0]> : tensor<4xf32>
  %y:5 = lathe.unique %a0 axis 0 sorted true
      : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xi64>, tensor<4xi64>, tensor<4xi64>, tensor<1xi64>)
  return %y#0, %y#1, %y#2, %y#3, %y#4 : tensor<4xf32>, tensor<4xi64>, tensor<4xi64>, tensor<4xi64>, tensor<1xi64>
}

// CHECK-LABEL: @in_order_of_appearance
// CHECK: tensor<4xf32> = [3, 1, 2, 0]
// CHECK-NEXT: tensor<4xi64> = [0, 1, 3, 0]
// CHECK-NEXT: tensor<4xi64> = [0, 1, 0, 2]
// CHECK-NEXT: tensor<4xi64> = [2, 1, 1, 0]
// CHECK-NEXT: tensor<1xi64> = [3]
func.func @in_order_of_appearance() -> (tensor<4xf32>, tensor<4xi64>, tensor<4xi64>, tensor<4xi64>, tensor<1xi64>) {
  %a0 = lathe.constant dense<[3.0, 1.0, 3.0, 2.0]> : tensor<4xf32>
  %y:5 = lathe.unique %a0 axis 0 sorted false
      : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xi64>, tensor<4xi64>, tensor<4xi64>, tensor<1xi64>)
  return %y#0, %y#1, %y#2, %y#3, %y#4 : tensor<4xf32>, tensor<4xi64>, tensor<4xi64>, tensor<4xi64>, tensor<1xi64>
}

// CHECK-LABEL: @rows
// CHECK: tensor<3x2xi32> = {{\[\[}}0, 5], [1, 2], [0, 0]]
// CHECK-NEXT: tensor<3xi64> = [1, 0, 0]
// CHECK-NEXT: tensor<3xi64> = [1, 0, 1]
// CHECK-NEXT: tensor<3xi64> = [1, 2, 0]
// CHECK-NEXT: tensor<1xi64> = [2]
func.func @rows() -> (tensor<3x2xi32>, tensor<3xi64>, tensor<3xi64>, tensor<3xi64>, tensor<1xi64>) {
  %a0 = lathe.constant dense<[[1, 2], [0, 5], [1, 2]]> : tensor<3x2xi32>
  %y:5 = lathe.unique %a0 axis 0 sorted true
      : (tensor<3x2xi32>) -> (tensor<3x2xi32>, tensor<3xi64>, tensor<3xi64>, tensor<3xi64>, tensor<1xi64>)
  return %y#0, %y#1, %y#2, %y#3, %y#4 : tensor<3x2xi32>, tensor<3xi64>, tensor<3xi64>, tensor<3xi64>, tensor<1xi64>
}
