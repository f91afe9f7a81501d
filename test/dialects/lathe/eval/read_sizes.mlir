// RUN: lathe-eval %s --verify-diagnostics | FileCheck %s

// CHECK-LABEL: @first_elements
// CHECK: tensor<2xf32> = [1, 2]
func.func @first_elements() -> tensor<?xf32> {
  %x = lathe.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %n = lathe.constant dense<2> : tensor<1xi64>
  %s = lathe.read_sizes %n min [0] max [3] : tensor<1xi64> -> !lathe.sizes<1>
  %y = lathe.slice %x from %s starts affine_map<()[s0, s1] -> (0)> steps [1] sizes affine_map<()[s0, s1] -> (s1)>
      : (tensor<3xf32>, !lathe.sizes<1>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

func.func @beyond_the_bound() {
  %n = lathe.constant dense<[2, 4]> : tensor<2xi64>
  // expected-error @below {{'lathe.read_sizes' op size 1 is 4, needed 0 to 3}}
  %s = lathe.read_sizes %n min [0, 0] max [3, 3] : tensor<2xi64> -> !lathe.sizes<2>
  return
}
