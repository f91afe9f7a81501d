// RUN: lathe-opt %s --lathe-test-plant-bug=kind=swap | FileCheck %s --check-prefix=SWAP
// RUN: lathe-opt %s --lathe-test-plant-bug=kind=scale | FileCheck %s --check-prefix=SCALE
// RUN: lathe-opt %s --lathe-test-plant-bug=kind=epsilon | FileCheck %s --check-prefix=EPSILON
// RUN: lathe-opt %s --lathe-test-plant-bug=kind=epilogue | FileCheck %s --check-prefix=EPILOGUE
// RUN: lathe-opt %s --lathe-test-plant-bug | FileCheck %s --check-prefix=SCALE
// RUN: not lathe-opt %s --lathe-test-plant-bug=kind=rope 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not lathe-opt %s --lathe-test-plant-bug=kind=order 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: error: nothing of kind '{{rope|order}}' to alter

// The first operation of each kind changes, no other.
// SWAP: %[[C:.*]] = lathe.constant dense<1.000000e+00>
// SWAP: lathe.sub %[[C]], %{{.*}} :
// SWAP: lathe.sub %{{.*}}, %[[C]] :
// SCALE: lathe.constant dense<1.010000e+00>
// EPSILON: lathe.rms_norm {{.*}} epsilon 0.0100
// EPSILON: lathe.rms_norm {{.*}} epsilon 9.99999974E-6
// EPILOGUE: lathe.fusion
// EPILOGUE: %[[E:.*]] = lathe.exp
// EPILOGUE-NEXT: lathe.yield %[[E]]
func.func @forward(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %c = lathe.constant dense<1.0> : tensor<2x4xf32>
  %w = lathe.weight "w" file 0 offset 0 bytes 16 : tensor<4xf32>
  %0 = lathe.sub %x, %c : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %1 = lathe.rms_norm %0, %w epsilon 1.0e-05 : tensor<2x4xf32>, tensor<4xf32>
  %2 = lathe.sub %1, %c : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %3 = lathe.rms_norm %2, %w epsilon 1.0e-05 : tensor<2x4xf32>, tensor<4xf32>
  %4 = lathe.fusion(%3) : (tensor<2x4xf32>) -> tensor<2x4xf32> {
  ^bb0(%a: tensor<2x4xf32>):
    %5 = lathe.exp %a : tensor<2x4xf32>
    %6 = lathe.neg %5 : tensor<2x4xf32>
    lathe.yield %6 : tensor<2x4xf32>
  }
  return %4 : tensor<2x4xf32>
}
