// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @top_k
// CHECK: lathe.top_k %{{.*}}{{.*}}axis 0{{.*}}largest true
func.func @top_k(%x: tensor<4xf32>) -> (tensor<2xf32>, tensor<2xi64>) {
  %v, %i = lathe.top_k %x axis 0 sizes affine_map<()[s0] -> (2)> largest true
      : (tensor<4xf32>) -> (tensor<2xf32>, tensor<2xi64>)
  return %v, %i : tensor<2xf32>, tensor<2xi64>
}

// CHECK-LABEL: @unique
// CHECK: lathe.unique %{{.*}}{{.*}}axis 0
func.func @unique(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xi64>, tensor<4xi64>, tensor<4xi64>, tensor<1xi64>) {
  %v, %f, %i, %c, %n = lathe.unique %x axis 0 sorted true
      : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xi64>, tensor<4xi64>, tensor<4xi64>, tensor<1xi64>)
  return %v, %f, %i, %c, %n : tensor<4xf32>, tensor<4xi64>, tensor<4xi64>, tensor<4xi64>, tensor<1xi64>
}

// CHECK-LABEL: @cumulative
// CHECK: lathe.cumulative %{{.*}}{{.*}}axis 0{{.*}}exclusive false{{.*}}reverse false
func.func @cumulative(%x: tensor<4xf32>) -> (tensor<4xf32>) {
  %y = lathe.cumulative %x sum axis 0 exclusive false reverse false
      : tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: @nms
// CHECK: lathe.nms %{{.*}}{{.*}}center false
func.func @nms(%b: tensor<1x6x4xf32>, %p: tensor<1x2x6xf32>, %m: tensor<i64>, %i: tensor<f32>, %t: tensor<f32>) -> (tensor<12x3xi64>, tensor<1xi64>) {
  %s, %n = lathe.nms %b, %p, %m, %i, %t center false
      : (tensor<1x6x4xf32>, tensor<1x2x6xf32>, tensor<i64>, tensor<f32>, tensor<f32>) -> (tensor<12x3xi64>, tensor<1xi64>)
  return %s, %n : tensor<12x3xi64>, tensor<1xi64>
}
