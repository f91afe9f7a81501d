// RUN: lathe-opt %s --split-input-file --verify-diagnostics
// One case for each numbered constraint of the operations in the .td file; the messages are complete.

func.func @add_c1(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'lathe.add' op element types are 'f32', 'f16' and 'f32', needed one type}}
  %0 = lathe.add %x, %y : tensor<2xf32>, tensor<2xf16> -> tensor<2xf32>
  return
}

// -----

func.func @add_c2(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{'lathe.add' op operands 'tensor<2x3xf32>' and 'tensor<2xf32>' do not broadcast to 'tensor<2x3xf32>'}}
  %0 = lathe.add %x, %y : tensor<2x3xf32>, tensor<2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @div_c1(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'lathe.div' op element types are 'f32', 'f16' and 'f32', needed one type}}
  %0 = lathe.div %x, %y : tensor<2xf32>, tensor<2xf16> -> tensor<2xf32>
  return
}

// -----

func.func @div_c2(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{'lathe.div' op operands 'tensor<2x3xf32>' and 'tensor<2xf32>' do not broadcast to 'tensor<2x3xf32>'}}
  %0 = lathe.div %x, %y : tensor<2x3xf32>, tensor<2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @fmod_c1(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'lathe.fmod' op element types are 'f32', 'f16' and 'f32', needed one type}}
  %0 = lathe.fmod %x, %y : tensor<2xf32>, tensor<2xf16> -> tensor<2xf32>
  return
}

// -----

func.func @fmod_c2(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{'lathe.fmod' op operands 'tensor<2x3xf32>' and 'tensor<2xf32>' do not broadcast to 'tensor<2x3xf32>'}}
  %0 = lathe.fmod %x, %y : tensor<2x3xf32>, tensor<2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @maximum_c1(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'lathe.maximum' op element types are 'f32', 'f16' and 'f32', needed one type}}
  %0 = lathe.maximum %x, %y : tensor<2xf32>, tensor<2xf16> -> tensor<2xf32>
  return
}

// -----

func.func @maximum_c2(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{'lathe.maximum' op operands 'tensor<2x3xf32>' and 'tensor<2xf32>' do not broadcast to 'tensor<2x3xf32>'}}
  %0 = lathe.maximum %x, %y : tensor<2x3xf32>, tensor<2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @minimum_c1(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'lathe.minimum' op element types are 'f32', 'f16' and 'f32', needed one type}}
  %0 = lathe.minimum %x, %y : tensor<2xf32>, tensor<2xf16> -> tensor<2xf32>
  return
}

// -----

func.func @minimum_c2(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{'lathe.minimum' op operands 'tensor<2x3xf32>' and 'tensor<2xf32>' do not broadcast to 'tensor<2x3xf32>'}}
  %0 = lathe.minimum %x, %y : tensor<2x3xf32>, tensor<2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @mod_c1(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'lathe.mod' op element types are 'f32', 'f16' and 'f32', needed one type}}
  %0 = lathe.mod %x, %y : tensor<2xf32>, tensor<2xf16> -> tensor<2xf32>
  return
}

// -----

func.func @mod_c2(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{'lathe.mod' op operands 'tensor<2x3xf32>' and 'tensor<2xf32>' do not broadcast to 'tensor<2x3xf32>'}}
  %0 = lathe.mod %x, %y : tensor<2x3xf32>, tensor<2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @mul_c1(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'lathe.mul' op element types are 'f32', 'f16' and 'f32', needed one type}}
  %0 = lathe.mul %x, %y : tensor<2xf32>, tensor<2xf16> -> tensor<2xf32>
  return
}

// -----

func.func @mul_c2(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{'lathe.mul' op operands 'tensor<2x3xf32>' and 'tensor<2xf32>' do not broadcast to 'tensor<2x3xf32>'}}
  %0 = lathe.mul %x, %y : tensor<2x3xf32>, tensor<2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @pow_c1(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'lathe.pow' op element types are 'f32', 'f16' and 'f32', needed one type}}
  %0 = lathe.pow %x, %y : tensor<2xf32>, tensor<2xf16> -> tensor<2xf32>
  return
}

// -----

func.func @pow_c2(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{'lathe.pow' op operands 'tensor<2x3xf32>' and 'tensor<2xf32>' do not broadcast to 'tensor<2x3xf32>'}}
  %0 = lathe.pow %x, %y : tensor<2x3xf32>, tensor<2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @sub_c1(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error @below {{'lathe.sub' op element types are 'f32', 'f16' and 'f32', needed one type}}
  %0 = lathe.sub %x, %y : tensor<2xf32>, tensor<2xf16> -> tensor<2xf32>
  return
}

// -----

func.func @sub_c2(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error @below {{'lathe.sub' op operands 'tensor<2x3xf32>' and 'tensor<2xf32>' do not broadcast to 'tensor<2x3xf32>'}}
  %0 = lathe.sub %x, %y : tensor<2x3xf32>, tensor<2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @add_c2_result(%x: tensor<2x3xf32>, %y: tensor<3xf32>) {
  // expected-error @below {{'lathe.add' op operands 'tensor<2x3xf32>' and 'tensor<3xf32>' do not broadcast to 'tensor<2x4xf32>'}}
  %0 = lathe.add %x, %y : tensor<2x3xf32>, tensor<3xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @cast_c1(%x: tensor<2xf32>) {
  // expected-error @below {{'lathe.cast' op input is 'tensor<2xf32>' but the result is 'tensor<?xf16>', needed one shape}}
  %0 = lathe.cast %x : tensor<2xf32> -> tensor<?xf16>
  return
}

// -----

func.func @cast_c2(%x: tensor<2x32x!lathe.gguf<q8_0>>) {
  // expected-error @below {{'lathe.cast' op input has blocks of type '!lathe.gguf<q8_0>' but the result is of type 'i32', needed f32, f16 or bf16}}
  %0 = lathe.cast %x : tensor<2x32x!lathe.gguf<q8_0>> -> tensor<2x32xi32>
  return
}

// -----

func.func @exp_of_integers(%x: tensor<2xi32>) {
  // expected-error @below {{'lathe.exp' op operand #0 must be ranked tensor of 16-bit float or bfloat16 type or 32-bit float or 64-bit float values, but got 'tensor<2xi32>'}}
  %0 = lathe.exp %x : tensor<2xi32>
  return
}
