// RUN: lathe-opt %s --split-input-file --verify-diagnostics

func.func @integer_matmul_c1(%x: tensor<64xi8>, %w: tensor<32x64xi8>, %z: tensor<i8>) {
  // expected-error @below {{'lathe.integer_matmul' op lhs is 'tensor<64xi8>', rhs 'tensor<32x64xi8>' and result 'tensor<1x32xi32>', needed rank 2 or more and leading dimensions that broadcast}}
  %y = lathe.integer_matmul %x zero %z, %w zero %z
      : (tensor<64xi8>, tensor<i8>, tensor<32x64xi8>, tensor<i8>) -> tensor<1x32xi32>
  return
}

// -----

func.func @integer_matmul_c2(%x: tensor<2x64xi8>, %w: tensor<64x32xi8>, %z: tensor<i8>) {
  // expected-error @below {{'lathe.integer_matmul' op sizes of lhs 'tensor<2x64xi8>', rhs 'tensor<64x32xi8>' and result 'tensor<2x32xi32>' do not fit}}
  %y = lathe.integer_matmul %x zero %z, %w zero %z
      : (tensor<2x64xi8>, tensor<i8>, tensor<64x32xi8>, tensor<i8>) -> tensor<2x32xi32>
  return
}

// -----

func.func @integer_matmul_c3(%x: tensor<2x64xi8>, %w: tensor<32x64xi8>, %z: tensor<3xi8>) {
  // expected-error @below {{'lathe.integer_matmul' op has zeros 'tensor<3xi8>' of 'tensor<2x64xi8>', needed one of the same type for all, for each row, or for each row of each matrix}}
  %y = lathe.integer_matmul %x zero %z, %w zero %z
      : (tensor<2x64xi8>, tensor<3xi8>, tensor<32x64xi8>, tensor<3xi8>) -> tensor<2x32xi32>
  return
}
