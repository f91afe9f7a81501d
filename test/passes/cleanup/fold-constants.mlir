// RUN: lathe-opt %s --lathe-fold-constants --split-input-file --remarks-filter=cleanup --verify-diagnostics \
// RUN:   | FileCheck %s
// Twice gives the same.
// RUN: lathe-opt %s --lathe-fold-constants --split-input-file > %t.1
// RUN: lathe-opt %t.1 --lathe-fold-constants --split-input-file | diff - %t.1

// A chain folds from front to back, and what only it read goes.
// CHECK-LABEL: @chain
// CHECK-NEXT: %[[C:.*]] = lathe.constant dense<{{\[}}[-3.000000e+00, -6.000000e+00]]> : tensor<1x2xf32>
// CHECK-NEXT: return %[[C]]
func.func @chain() -> tensor<1x2xf32> {
  %a = lathe.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %b = lathe.constant dense<3.0> : tensor<f32>
  %0 = lathe.mul %a, %b : tensor<2xf32>, tensor<f32> -> tensor<2xf32>
  %1 = lathe.neg %0 : tensor<2xf32>
  %2 = lathe.reshape %1 shape [1, 2] : tensor<2xf32> -> tensor<1x2xf32>
  return %2 : tensor<1x2xf32>
}

// -----

// CHECK-LABEL: @integers_keep_their_bits
// CHECK: lathe.constant dense<{{\[}}[-1, 2], [127, -128]]> : tensor<2x2xi8>
// CHECK: lathe.constant dense<{{\[}}[true], [false]]> : tensor<2x1xi1>
func.func @integers_keep_their_bits() -> (tensor<2x2xi8>, tensor<2x1xi1>) {
  %a = lathe.constant dense<[[-1, 127], [2, -128]]> : tensor<2x2xi8>
  %0 = lathe.transpose %a permutation [1, 0] : tensor<2x2xi8> -> tensor<2x2xi8>
  %b = lathe.constant dense<[true, false]> : tensor<2xi1>
  %1 = lathe.reshape %b shape [2, 1] : tensor<2xi1> -> tensor<2x1xi1>
  return %0, %1 : tensor<2x2xi8>, tensor<2x1xi1>
}

// -----

// The constant has a second user that does not fold.
// CHECK-LABEL: @second_user
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>)
// CHECK-DAG: %[[A:.*]] = lathe.constant dense<2.000000e+00> : tensor<1xf32>
// CHECK-DAG: %[[B:.*]] = lathe.constant dense<-2.000000e+00> : tensor<1xf32>
// CHECK: %[[Y:.*]] = lathe.add %[[X]], %[[A]]
// CHECK: return %[[B]], %[[Y]]
func.func @second_user(%x: tensor<?xf32>) -> (tensor<1xf32>, tensor<?xf32>) {
  %a = lathe.constant dense<2.0> : tensor<1xf32>
  %0 = lathe.neg %a : tensor<1xf32>
  %1 = lathe.add %x, %a : tensor<?xf32>, tensor<1xf32> -> tensor<?xf32>
  return %0, %1 : tensor<1xf32>, tensor<?xf32>
}

// -----

// CHECK-LABEL: @dynamic_result
// CHECK: lathe.reshape
func.func @dynamic_result() -> tensor<?xf32> {
  %a = lathe.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = lathe.reshape %a shape [2] : tensor<2xf32> -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// CHECK-LABEL: @large
// CHECK: lathe.neg
// CHECK-NOT: lathe.neg
func.func @large() -> (tensor<16385xf32>, tensor<16384xf32>) {
  %a = lathe.constant dense<1.0> : tensor<16385xf32>
  // expected-remark @below {{an operand or result takes more than 65536 bytes}}
  %0 = lathe.neg %a : tensor<16385xf32>
  %b = lathe.constant dense<1.0> : tensor<16384xf32>
  %1 = lathe.neg %b : tensor<16384xf32>
  return %0, %1 : tensor<16385xf32>, tensor<16384xf32>
}

// -----

// CHECK-LABEL: @index_outside
// CHECK: lathe.gather
func.func @index_outside() -> tensor<1x1xf32> {
  %t = lathe.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %i = lathe.constant dense<2> : tensor<1xi32>
  // expected-remark @below {{'lathe.gather' op index 0 is 2 but the table has 2 rows}}
  %0 = lathe.gather %t, %i : tensor<2x1xf32>, tensor<1xi32> -> tensor<1x1xf32>
  return %0 : tensor<1x1xf32>
}

// -----

// CHECK-LABEL: @bodies_stay
// CHECK: lathe.weight_program
// CHECK: lathe.neg
func.func @bodies_stay() -> tensor<1xf32> {
  %0 = lathe.weight_program "w" : tensor<1xf32> {
    %1 = lathe.constant dense<1.0> : tensor<1xf32>
    %2 = lathe.neg %1 : tensor<1xf32>
    lathe.yield %2 : tensor<1xf32>
  }
  return %0 : tensor<1xf32>
}

// -----

// CHECK-LABEL: @every_type
// CHECK-DAG: lathe.constant dense<[true, false]> : tensor<2xi1>
// CHECK-DAG: lathe.constant dense<[255, 2]> : tensor<2xui8>
// CHECK-DAG: lathe.constant dense<[1.000000e+00, 1.600000e+01]> : tensor<2xf64>
// CHECK-DAG: lathe.constant dense<9007199254740995> : tensor<i64>
// CHECK-NOT: lathe.less
func.func @every_type() -> (tensor<2xi1>, tensor<2xui8>, tensor<2xf64>, tensor<i64>) {
  %a = lathe.constant dense<[-1, 4]> : tensor<2xi8>
  %b = lathe.constant dense<[2, 2]> : tensor<2xi8>
  %less = lathe.less %a, %b : tensor<2xi8>, tensor<2xi8> -> tensor<2xi1>
  %u = lathe.constant dense<[0, 3]> : tensor<2xui8>
  %one = lathe.constant dense<1> : tensor<1xui8>
  %sub = lathe.sub %u, %one : tensor<2xui8>, tensor<1xui8> -> tensor<2xui8>
  %wide = lathe.cast %a : tensor<2xi8> -> tensor<2xf64>
  %square = lathe.mul %wide, %wide : tensor<2xf64>, tensor<2xf64> -> tensor<2xf64>
  %i = lathe.constant dense<[9007199254740993, 2]> : tensor<2xi64>
  %sum = lathe.reduce sum %i axes [0] : tensor<2xi64> -> tensor<i64>
  return %less, %sub, %square, %sum : tensor<2xi1>, tensor<2xui8>, tensor<2xf64>, tensor<i64>
}
