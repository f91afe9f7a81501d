// RUN: lathe-opt %s | lathe-opt | FileCheck %s
// RUN: lathe-opt %s --mlir-print-op-generic | lathe-opt | FileCheck %s

// CHECK-LABEL: @unary_floats
// CHECK-SAME: (%[[X:.*]]: tensor<4x?xf32>)
func.func @unary_floats(%x: tensor<4x?xf32>) -> tensor<4x?xf32> {
  // CHECK: %[[ABS:.*]] = lathe.abs %[[X]] : tensor<4x?xf32>
  %0 = lathe.abs %x : tensor<4x?xf32>
  // CHECK: %[[ACOS:.*]] = lathe.acos %[[ABS]] : tensor<4x?xf32>
  %1 = lathe.acos %0 : tensor<4x?xf32>
  // CHECK: %[[ACOSH:.*]] = lathe.acosh %[[ACOS]] : tensor<4x?xf32>
  %2 = lathe.acosh %1 : tensor<4x?xf32>
  // CHECK: %[[ASIN:.*]] = lathe.asin %[[ACOSH]] : tensor<4x?xf32>
  %3 = lathe.asin %2 : tensor<4x?xf32>
  // CHECK: %[[ASINH:.*]] = lathe.asinh %[[ASIN]] : tensor<4x?xf32>
  %4 = lathe.asinh %3 : tensor<4x?xf32>
  // CHECK: %[[ATAN:.*]] = lathe.atan %[[ASINH]] : tensor<4x?xf32>
  %5 = lathe.atan %4 : tensor<4x?xf32>
  // CHECK: %[[ATANH:.*]] = lathe.atanh %[[ATAN]] : tensor<4x?xf32>
  %6 = lathe.atanh %5 : tensor<4x?xf32>
  // CHECK: %[[CEIL:.*]] = lathe.ceil %[[ATANH]] : tensor<4x?xf32>
  %7 = lathe.ceil %6 : tensor<4x?xf32>
  // CHECK: %[[COS:.*]] = lathe.cos %[[CEIL]] : tensor<4x?xf32>
  %8 = lathe.cos %7 : tensor<4x?xf32>
  // CHECK: %[[COSH:.*]] = lathe.cosh %[[COS]] : tensor<4x?xf32>
  %9 = lathe.cosh %8 : tensor<4x?xf32>
  // CHECK: %[[ERF:.*]] = lathe.erf %[[COSH]] : tensor<4x?xf32>
  %10 = lathe.erf %9 : tensor<4x?xf32>
  // CHECK: %[[EXP:.*]] = lathe.exp %[[ERF]] : tensor<4x?xf32>
  %11 = lathe.exp %10 : tensor<4x?xf32>
  // CHECK: %[[FLOOR:.*]] = lathe.floor %[[EXP]] : tensor<4x?xf32>
  %12 = lathe.floor %11 : tensor<4x?xf32>
  // CHECK: %[[GELU:.*]] = lathe.gelu %[[FLOOR]] : tensor<4x?xf32>
  %13 = lathe.gelu %12 : tensor<4x?xf32>
  // CHECK: %[[GELUTANH:.*]] = lathe.gelu_tanh %[[GELU]] : tensor<4x?xf32>
  %14 = lathe.gelu_tanh %13 : tensor<4x?xf32>
  // CHECK: %[[LOG:.*]] = lathe.log %[[GELUTANH]] : tensor<4x?xf32>
  %15 = lathe.log %14 : tensor<4x?xf32>
  // CHECK: %[[NEG:.*]] = lathe.neg %[[LOG]] : tensor<4x?xf32>
  %16 = lathe.neg %15 : tensor<4x?xf32>
  // CHECK: %[[RECIPROCAL:.*]] = lathe.reciprocal %[[NEG]] : tensor<4x?xf32>
  %17 = lathe.reciprocal %16 : tensor<4x?xf32>
  // CHECK: %[[RELU:.*]] = lathe.relu %[[RECIPROCAL]] : tensor<4x?xf32>
  %18 = lathe.relu %17 : tensor<4x?xf32>
  // CHECK: lathe.round_e4m3 %[[RELU]] : tensor<4x?xf32>
  %e4m3 = lathe.round_e4m3 %18 : tensor<4x?xf32>
  // CHECK: %[[ROUND:.*]] = lathe.round %[[RELU]] : tensor<4x?xf32>
  %19 = lathe.round %18 : tensor<4x?xf32>
  // CHECK: %[[SIGMOID:.*]] = lathe.sigmoid %[[ROUND]] : tensor<4x?xf32>
  %20 = lathe.sigmoid %19 : tensor<4x?xf32>
  // CHECK: %[[SIGN:.*]] = lathe.sign %[[SIGMOID]] : tensor<4x?xf32>
  %21 = lathe.sign %20 : tensor<4x?xf32>
  // CHECK: %[[SILU:.*]] = lathe.silu %[[SIGN]] : tensor<4x?xf32>
  %22 = lathe.silu %21 : tensor<4x?xf32>
  // CHECK: %[[SIN:.*]] = lathe.sin %[[SILU]] : tensor<4x?xf32>
  %23 = lathe.sin %22 : tensor<4x?xf32>
  // CHECK: %[[SINH:.*]] = lathe.sinh %[[SIN]] : tensor<4x?xf32>
  %24 = lathe.sinh %23 : tensor<4x?xf32>
  // CHECK: %[[SOFTPLUS:.*]] = lathe.softplus %[[SINH]] : tensor<4x?xf32>
  %25 = lathe.softplus %24 : tensor<4x?xf32>
  // CHECK: %[[SQRT:.*]] = lathe.sqrt %[[SOFTPLUS]] : tensor<4x?xf32>
  %26 = lathe.sqrt %25 : tensor<4x?xf32>
  // CHECK: %[[TAN:.*]] = lathe.tan %[[SQRT]] : tensor<4x?xf32>
  %27 = lathe.tan %26 : tensor<4x?xf32>
  // CHECK: %[[TANH:.*]] = lathe.tanh %[[TAN]] : tensor<4x?xf32>
  %28 = lathe.tanh %27 : tensor<4x?xf32>
  // CHECK: return %[[TANH]]
  return %28 : tensor<4x?xf32>
}

// CHECK-LABEL: @unary_integers
// CHECK-SAME: (%[[X:.*]]: tensor<4x?xi32>)
func.func @unary_integers(%x: tensor<4x?xi32>) -> tensor<4x?xi32> {
  // CHECK: %[[ABS:.*]] = lathe.abs %[[X]] : tensor<4x?xi32>
  %0 = lathe.abs %x : tensor<4x?xi32>
  // CHECK: %[[NEG:.*]] = lathe.neg %[[ABS]] : tensor<4x?xi32>
  %1 = lathe.neg %0 : tensor<4x?xi32>
  // CHECK: %[[NOT:.*]] = lathe.not %[[NEG]] : tensor<4x?xi32>
  %2 = lathe.not %1 : tensor<4x?xi32>
  // CHECK: %[[RELU:.*]] = lathe.relu %[[NOT]] : tensor<4x?xi32>
  %3 = lathe.relu %2 : tensor<4x?xi32>
  // CHECK: %[[SIGN:.*]] = lathe.sign %[[RELU]] : tensor<4x?xi32>
  %4 = lathe.sign %3 : tensor<4x?xi32>
  // CHECK: return %[[SIGN]]
  return %4 : tensor<4x?xi32>
}

// CHECK-LABEL: @binary_floats
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf16>, %[[Y:.*]]: tensor<4xf16>)
func.func @binary_floats(%x: tensor<?x4xf16>, %y: tensor<4xf16>) -> tensor<?x4xf16> {
  // CHECK: %[[ADD:.*]] = lathe.add %[[X]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %0 = lathe.add %x, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: %[[DIV:.*]] = lathe.div %[[ADD]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %1 = lathe.div %0, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: %[[FMOD:.*]] = lathe.fmod %[[DIV]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %2 = lathe.fmod %1, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: %[[MAXIMUM:.*]] = lathe.maximum %[[FMOD]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %3 = lathe.maximum %2, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: %[[MINIMUM:.*]] = lathe.minimum %[[MAXIMUM]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %4 = lathe.minimum %3, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: %[[MOD:.*]] = lathe.mod %[[MINIMUM]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %5 = lathe.mod %4, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: %[[MUL:.*]] = lathe.mul %[[MOD]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %6 = lathe.mul %5, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: %[[POW:.*]] = lathe.pow %[[MUL]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %7 = lathe.pow %6, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: %[[SUB:.*]] = lathe.sub %[[POW]], %[[Y]] : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  %8 = lathe.sub %7, %y : tensor<?x4xf16>, tensor<4xf16> -> tensor<?x4xf16>
  // CHECK: return %[[SUB]]
  return %8 : tensor<?x4xf16>
}

// CHECK-LABEL: @binary_integers
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xui8>, %[[Y:.*]]: tensor<4xui8>)
func.func @binary_integers(%x: tensor<?x4xui8>, %y: tensor<4xui8>) -> tensor<?x4xui8> {
  // CHECK: %[[AND:.*]] = lathe.and %[[X]], %[[Y]] : tensor<?x4xui8>, tensor<4xui8> -> tensor<?x4xui8>
  %0 = lathe.and %x, %y : tensor<?x4xui8>, tensor<4xui8> -> tensor<?x4xui8>
  // CHECK: %[[OR:.*]] = lathe.or %[[AND]], %[[Y]] : tensor<?x4xui8>, tensor<4xui8> -> tensor<?x4xui8>
  %1 = lathe.or %0, %y : tensor<?x4xui8>, tensor<4xui8> -> tensor<?x4xui8>
  // CHECK: %[[SHIFTLEFT:.*]] = lathe.shift_left %[[OR]], %[[Y]] : tensor<?x4xui8>, tensor<4xui8> -> tensor<?x4xui8>
  %2 = lathe.shift_left %1, %y : tensor<?x4xui8>, tensor<4xui8> -> tensor<?x4xui8>
  // CHECK: %[[SHIFTRIGHT:.*]] = lathe.shift_right %[[SHIFTLEFT]], %[[Y]] : tensor<?x4xui8>, tensor<4xui8> -> tensor<?x4xui8>
  %3 = lathe.shift_right %2, %y : tensor<?x4xui8>, tensor<4xui8> -> tensor<?x4xui8>
  // CHECK: %[[XOR:.*]] = lathe.xor %[[SHIFTRIGHT]], %[[Y]] : tensor<?x4xui8>, tensor<4xui8> -> tensor<?x4xui8>
  %4 = lathe.xor %3, %y : tensor<?x4xui8>, tensor<4xui8> -> tensor<?x4xui8>
  // CHECK: return %[[XOR]]
  return %4 : tensor<?x4xui8>
}

// CHECK-LABEL: @predicates
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf64>)
func.func @predicates(%x: tensor<?x4xf64>) -> tensor<?x4xi1> {
  // CHECK: %[[INF:.*]] = lathe.is_inf %[[X]] : tensor<?x4xf64>
  %0 = lathe.is_inf %x : tensor<?x4xf64>
  // CHECK: %[[NAN:.*]] = lathe.is_nan %[[X]] : tensor<?x4xf64>
  %1 = lathe.is_nan %x : tensor<?x4xf64>
  // CHECK: %[[BOTH:.*]] = lathe.or %[[INF]], %[[NAN]] : tensor<?x4xi1>, tensor<?x4xi1> -> tensor<?x4xi1>
  %2 = lathe.or %0, %1 : tensor<?x4xi1>, tensor<?x4xi1> -> tensor<?x4xi1>
  // CHECK: return %[[BOTH]]
  return %2 : tensor<?x4xi1>
}

// CHECK-LABEL: @comparisons
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xi64>, %[[Y:.*]]: tensor<i64>)
func.func @comparisons(%x: tensor<?x4xi64>, %y: tensor<i64>) -> tensor<?x4xi64> {
  // CHECK: %[[EQUAL:.*]] = lathe.equal %[[X]], %[[Y]] : tensor<?x4xi64>, tensor<i64> -> tensor<?x4xi1>
  %equal = lathe.equal %x, %y : tensor<?x4xi64>, tensor<i64> -> tensor<?x4xi1>
  // CHECK: %[[LESS:.*]] = lathe.less %[[X]], %[[Y]] : tensor<?x4xi64>, tensor<i64> -> tensor<?x4xi1>
  %less = lathe.less %x, %y : tensor<?x4xi64>, tensor<i64> -> tensor<?x4xi1>
  // CHECK: %[[LESSEQUAL:.*]] = lathe.less_equal %[[X]], %[[Y]] : tensor<?x4xi64>, tensor<i64> -> tensor<?x4xi1>
  %less_equal = lathe.less_equal %x, %y : tensor<?x4xi64>, tensor<i64> -> tensor<?x4xi1>
  // CHECK: %[[SELECT:.*]] = lathe.select %[[LESS]], %[[X]], %[[Y]] : tensor<?x4xi1>, tensor<?x4xi64>, tensor<i64> -> tensor<?x4xi64>
  %z = lathe.select %less, %x, %y : tensor<?x4xi1>, tensor<?x4xi64>, tensor<i64> -> tensor<?x4xi64>
  // CHECK: return %[[SELECT]]
  return %z : tensor<?x4xi64>
}

// CHECK-LABEL: @cast
// CHECK-SAME: (%[[X:.*]]: tensor<?x32x!lathe.gguf<q8_0>>)
func.func @cast(%x: tensor<?x32x!lathe.gguf<q8_0>>) -> tensor<?x32xbf16> {
  // CHECK: lathe.cast %[[X]] : tensor<?x32x!lathe.gguf<q8_0>> -> tensor<?x32xbf16>
  %y = lathe.cast %x : tensor<?x32x!lathe.gguf<q8_0>> -> tensor<?x32xbf16>
  return %y : tensor<?x32xbf16>
}

// CHECK-LABEL: @cast_of_bool
// CHECK-SAME: (%[[X:.*]]: tensor<?xi1>)
func.func @cast_of_bool(%x: tensor<?xi1>) -> tensor<?xui64> {
  // CHECK: lathe.cast %[[X]] : tensor<?xi1> -> tensor<?xui64>
  %y = lathe.cast %x : tensor<?xi1> -> tensor<?xui64>
  return %y : tensor<?xui64>
}
