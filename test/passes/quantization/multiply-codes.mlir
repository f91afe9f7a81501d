// RUN: lathe-opt %s --split-input-file --lathe-multiply-codes --remarks-filter=quantization --verify-diagnostics | FileCheck %s

// Rows are rounded once for both products, each with a scale of its own. Weights that the model has as codes stay these; those
// that were quantized here give theirs again.
// CHECK-LABEL: func @rows_rounded_when_it_runs
// CHECK:     %[[MOST:.*]] = lathe.reduce max %{{.*}} axes [1] keep
// CHECK:     %[[SCALE:.*]] = lathe.maximum
// CHECK:     %[[CODES:.*]] = lathe.cast %{{.*}} : tensor<?x64xf32> -> tensor<?x64xi8>
// CHECK-NOT: lathe.reduce
// CHECK:     %[[FACTORS:.*]] = lathe.reshape %{{.*}} shape [40]
// CHECK:     %[[SUMS:.*]] = lathe.integer_matmul %[[CODES]] zero %{{.*}}, %{{.*}} zero %{{.*}}
// CHECK:     %[[FLOATS:.*]] = lathe.cast %[[SUMS]] : tensor<?x40xi32> -> tensor<?x40xf32>
// CHECK:     %[[ONCE:.*]] = lathe.mul %[[FLOATS]], %[[SCALE]]
// CHECK:     lathe.mul %[[ONCE]], %[[FACTORS]]
// CHECK:     lathe.row_scales
// CHECK:     lathe.integer_matmul %[[CODES]]
func.func @rows_rounded_when_it_runs(%x: tensor<?x64xf32> {lathe.name = "x", lathe.dims = ["n", 64]})
    -> (tensor<?x40xf32>, tensor<?x32xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 64>]} {
  %codes = lathe.weight "codes" file 0 offset 0 bytes 2560 : tensor<40x64xi8>
  %scales = lathe.weight "scales" file 0 offset 2560 bytes 160 : tensor<40x1xf32>
  %w = lathe.join_blocks %codes, %scales : (tensor<40x64xi8>, tensor<40x1xf32>)
      -> tensor<40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  // expected-remark @below {{a product multiplies codes of 8 bits, rows rounded each}}
  %y = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf32>,
      tensor<40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  %f = lathe.weight "f" file 0 offset 4096 bytes 8192 : tensor<32x64xf32>
  %q = lathe.quantize %f : tensor<32x64xf32>
      -> tensor<32x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  // expected-remark @below {{a product multiplies codes of 8 bits, rows rounded each}}
  %z = lathe.matmul %x, %q transpose_rhs : tensor<?x64xf32>,
      tensor<32x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x32xf32>
  return %y, %z : tensor<?x40xf32>, tensor<?x32xf32>
}

// -----

// The model's own scale: what it has rounded are the codes. So in a convolution, and in a product of two such operands.
// CHECK-LABEL: func @rows_rounded_by_the_model
// CHECK-NOT: lathe.reduce
// CHECK:     %[[CODES:.*]] = lathe.cast %{{.*}} : tensor<?x2x4x4xf32> -> tensor<?x2x4x4xui8>
// CHECK:     %[[FILTER:.*]] = lathe.reshape %{{.*}} shape [3, 2, 2, 2] : tensor<3x8xi8> -> tensor<3x2x2x2xi8>
// CHECK:     lathe.integer_conv %[[CODES]] zero %{{.*}}, %[[FILTER]] zero %{{.*}} strides [1, 1] pads [0, 0]
// CHECK:     lathe.integer_matmul %{{.*}} : (tensor<?x2x4x4xui8>, tensor<ui8>, tensor<?x2x4x4xui8>, tensor<ui8>)
func.func @rows_rounded_by_the_model(%x: tensor<?x2x4x4xf32> {lathe.name = "x", lathe.dims = ["n", 2, 4, 4]})
    -> (tensor<?x3x3x3xf32>, tensor<?x2x4x4xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 64>]} {
  %scale = lathe.constant dense<0.125> : tensor<f32>
  %zero = lathe.constant dense<9.0> : tensor<f32>
  %low = lathe.constant dense<0.0> : tensor<f32>
  %high = lathe.constant dense<255.0> : tensor<f32>
  %0 = lathe.div %x, %scale : tensor<?x2x4x4xf32>, tensor<f32> -> tensor<?x2x4x4xf32>
  %1 = lathe.round %0 : tensor<?x2x4x4xf32>
  %2 = lathe.add %1, %zero : tensor<?x2x4x4xf32>, tensor<f32> -> tensor<?x2x4x4xf32>
  %3 = lathe.maximum %2, %low : tensor<?x2x4x4xf32>, tensor<f32> -> tensor<?x2x4x4xf32>
  %4 = lathe.minimum %3, %high : tensor<?x2x4x4xf32>, tensor<f32> -> tensor<?x2x4x4xf32>
  %5 = lathe.sub %4, %zero : tensor<?x2x4x4xf32>, tensor<f32> -> tensor<?x2x4x4xf32>
  %6 = lathe.mul %5, %scale : tensor<?x2x4x4xf32>, tensor<f32> -> tensor<?x2x4x4xf32>
  %codes = lathe.weight "codes" file 0 offset 0 bytes 24 : tensor<3x8xi8>
  %scales = lathe.weight "scales" file 0 offset 24 bytes 12 : tensor<3x1xf32>
  %w = lathe.join_blocks %codes, %scales : (tensor<3x8xi8>, tensor<3x1xf32>)
      -> tensor<3x8x!lathe.blocked<i8, block = [1, 8], scale = f32, zero = none, outer_scale = none>>
  %v = lathe.cast %w : tensor<3x8x!lathe.blocked<i8, block = [1, 8], scale = f32, zero = none, outer_scale = none>>
      -> tensor<3x8xf32>
  %f = lathe.reshape %v shape [3, 2, 2, 2] : tensor<3x8xf32> -> tensor<3x2x2x2xf32>
  // expected-remark @below {{a convolution multiplies codes of 8 bits}}
  %y = lathe.conv %6, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
      : tensor<?x2x4x4xf32>, tensor<3x2x2x2xf32> -> tensor<?x3x3x3xf32>
  // expected-remark @below {{a product multiplies codes of 8 bits, rows with the model's scale}}
  %z = lathe.matmul %6, %6 transpose_rhs : tensor<?x2x4x4xf32>, tensor<?x2x4x4xf32> -> tensor<?x2x4x4xf32>
  return %y, %z : tensor<?x3x3x3xf32>, tensor<?x2x4x4xf32>
}

// -----

// Groups of a row, and rows that are not made of weights.
// CHECK-LABEL: func @products_that_read_floats
// CHECK-NOT: lathe.integer_matmul
func.func @products_that_read_floats(%x: tensor<?x64xf32> {lathe.name = "x", lathe.dims = ["n", 64]})
    -> (tensor<?x40xf32>, tensor<?x?xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 64>]} {
  %f = lathe.weight "f" file 0 offset 0 bytes 10240 : tensor<40x64xf32>
  %q = lathe.quantize %f : tensor<40x64xf32>
      -> tensor<40x64x!lathe.blocked<i8, block = [1, 32], scale = f16, zero = none, outer_scale = none>>
  // expected-remark @below {{a product reads floats: its rows have several scales, or no multiple of 32 elements}}
  %y = lathe.matmul %x, %q transpose_rhs : tensor<?x64xf32>,
      tensor<40x64x!lathe.blocked<i8, block = [1, 32], scale = f16, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  // expected-remark @below {{a product reads floats: its weights are not integers of 8 bits}}
  %z = lathe.matmul %x, %x transpose_rhs : tensor<?x64xf32>, tensor<?x64xf32> -> tensor<?x?xf32>
  return %y, %z : tensor<?x40xf32>, tensor<?x?xf32>
}
