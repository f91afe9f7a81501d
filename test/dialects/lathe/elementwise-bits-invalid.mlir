// RUN: lathe-opt %s --split-input-file --verify-diagnostics
// One case for each numbered constraint of the operations in the .td file; the messages are complete.

func.func @and_c1(%x: tensor<2xi1>, %y: tensor<2xi8>) {
  // expected-error @below {{'lathe.and' op element types are 'i1', 'i8' and 'i1', needed one type}}
  %0 = lathe.and %x, %y : tensor<2xi1>, tensor<2xi8> -> tensor<2xi1>
  return
}

// -----

func.func @and_c2(%x: tensor<2x3xi1>, %y: tensor<2xi1>) {
  // expected-error @below {{'lathe.and' op operands 'tensor<2x3xi1>' and 'tensor<2xi1>' do not broadcast to 'tensor<2x3xi1>'}}
  %0 = lathe.and %x, %y : tensor<2x3xi1>, tensor<2xi1> -> tensor<2x3xi1>
  return
}

// -----

func.func @or_c1(%x: tensor<2xi1>, %y: tensor<2xi8>) {
  // expected-error @below {{'lathe.or' op element types are 'i1', 'i8' and 'i1', needed one type}}
  %0 = lathe.or %x, %y : tensor<2xi1>, tensor<2xi8> -> tensor<2xi1>
  return
}

// -----

func.func @or_c2(%x: tensor<2x3xi1>, %y: tensor<2xi1>) {
  // expected-error @below {{'lathe.or' op operands 'tensor<2x3xi1>' and 'tensor<2xi1>' do not broadcast to 'tensor<2x3xi1>'}}
  %0 = lathe.or %x, %y : tensor<2x3xi1>, tensor<2xi1> -> tensor<2x3xi1>
  return
}

// -----

func.func @shift_left_c1(%x: tensor<2xi8>, %y: tensor<2xi32>) {
  // expected-error @below {{'lathe.shift_left' op element types are 'i8', 'i32' and 'i8', needed one type}}
  %0 = lathe.shift_left %x, %y : tensor<2xi8>, tensor<2xi32> -> tensor<2xi8>
  return
}

// -----

func.func @shift_left_c2(%x: tensor<2x3xi8>, %y: tensor<2xi8>) {
  // expected-error @below {{'lathe.shift_left' op operands 'tensor<2x3xi8>' and 'tensor<2xi8>' do not broadcast to 'tensor<2x3xi8>'}}
  %0 = lathe.shift_left %x, %y : tensor<2x3xi8>, tensor<2xi8> -> tensor<2x3xi8>
  return
}

// -----

func.func @shift_right_c1(%x: tensor<2xi8>, %y: tensor<2xi32>) {
  // expected-error @below {{'lathe.shift_right' op element types are 'i8', 'i32' and 'i8', needed one type}}
  %0 = lathe.shift_right %x, %y : tensor<2xi8>, tensor<2xi32> -> tensor<2xi8>
  return
}

// -----

func.func @shift_right_c2(%x: tensor<2x3xi8>, %y: tensor<2xi8>) {
  // expected-error @below {{'lathe.shift_right' op operands 'tensor<2x3xi8>' and 'tensor<2xi8>' do not broadcast to 'tensor<2x3xi8>'}}
  %0 = lathe.shift_right %x, %y : tensor<2x3xi8>, tensor<2xi8> -> tensor<2x3xi8>
  return
}

// -----

func.func @xor_c1(%x: tensor<2xi1>, %y: tensor<2xi8>) {
  // expected-error @below {{'lathe.xor' op element types are 'i1', 'i8' and 'i1', needed one type}}
  %0 = lathe.xor %x, %y : tensor<2xi1>, tensor<2xi8> -> tensor<2xi1>
  return
}

// -----

func.func @xor_c2(%x: tensor<2x3xi1>, %y: tensor<2xi1>) {
  // expected-error @below {{'lathe.xor' op operands 'tensor<2x3xi1>' and 'tensor<2xi1>' do not broadcast to 'tensor<2x3xi1>'}}
  %0 = lathe.xor %x, %y : tensor<2x3xi1>, tensor<2xi1> -> tensor<2x3xi1>
  return
}

// -----

func.func @equal_c1(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'lathe.equal' op element types are 'f32' and 'f16', needed one type}}
  %0 = lathe.equal %x, %y : tensor<2xf32>, tensor<2xf16> -> tensor<2xi1>
  return
}

// -----

func.func @equal_c2(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{'lathe.equal' op operands 'tensor<2x3xf32>' and 'tensor<2xf32>' do not broadcast to 'tensor<2x3xi1>'}}
  %0 = lathe.equal %x, %y : tensor<2x3xf32>, tensor<2xf32> -> tensor<2x3xi1>
  return
}

// -----

func.func @less_c1(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'lathe.less' op element types are 'f32' and 'f16', needed one type}}
  %0 = lathe.less %x, %y : tensor<2xf32>, tensor<2xf16> -> tensor<2xi1>
  return
}

// -----

func.func @less_c2(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{'lathe.less' op operands 'tensor<2x3xf32>' and 'tensor<2xf32>' do not broadcast to 'tensor<2x3xi1>'}}
  %0 = lathe.less %x, %y : tensor<2x3xf32>, tensor<2xf32> -> tensor<2x3xi1>
  return
}

// -----

func.func @less_equal_c1(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'lathe.less_equal' op element types are 'f32' and 'f16', needed one type}}
  %0 = lathe.less_equal %x, %y : tensor<2xf32>, tensor<2xf16> -> tensor<2xi1>
  return
}

// -----

func.func @less_equal_c2(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{'lathe.less_equal' op operands 'tensor<2x3xf32>' and 'tensor<2xf32>' do not broadcast to 'tensor<2x3xi1>'}}
  %0 = lathe.less_equal %x, %y : tensor<2x3xf32>, tensor<2xf32> -> tensor<2x3xi1>
  return
}

// -----

func.func @less_c1_result(%x: tensor<2xf32>) {
  // expected-error @below {{'lathe.less' op result #0 must be ranked tensor of 1-bit signless integer values, but got 'tensor<2xi8>'}}
  %0 = lathe.less %x, %x : tensor<2xf32>, tensor<2xf32> -> tensor<2xi8>
  return
}

// -----

func.func @select_c1(%c: tensor<2xi1>, %x: tensor<2xf32>, %y: tensor<2xi32>) {
  // expected-error @below {{'lathe.select' op element types are 'f32', 'i32' and 'f32', needed one type}}
  %0 = lathe.select %c, %x, %y : tensor<2xi1>, tensor<2xf32>, tensor<2xi32> -> tensor<2xf32>
  return
}

// -----

func.func @select_c2(%c: tensor<3xi1>, %x: tensor<2xf32>) {
  // expected-error @below {{'lathe.select' op operands 'tensor<3xi1>', 'tensor<2xf32>' and 'tensor<2xf32>' do not broadcast to 'tensor<2xf32>'}}
  %0 = lathe.select %c, %x, %x : tensor<3xi1>, tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
  return
}
