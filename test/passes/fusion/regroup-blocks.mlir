// RUN: lathe-opt %s --lathe-regroup-blocks --split-input-file --remarks-filter=fusion --verify-diagnostics -o %t.once
// RUN: FileCheck %s < %t.once
// RUN: lathe-opt %t.once --lathe-regroup-blocks --split-input-file | diff %t.once -

// A GGUF format holds the values; what a whole row is multiplied with comes behind the sums, in f32 whatever the
// product gives. Both readers share the blocks.
// CHECK-LABEL: func.func @factors
// CHECK: %[[W:.*]] = lathe.weight "w"
// CHECK-DAG: %[[B:.*]] = lathe.pack_blocks %[[W]] : tensor<40x64x!lathe.blocked<{{.*}}>> -> tensor<40x64x!lathe.gguf<q8_0>>
// CHECK-DAG: %[[S:.*]] = lathe.row_scales %[[W]] : tensor<40x64x!lathe.blocked<{{.*}}>> -> tensor<40xf32>
// CHECK: %[[Y:.*]] = lathe.matmul %{{.*}}, %[[B]] transpose_rhs : tensor<?x64xf16>, tensor<40x64x!lathe.gguf<q8_0>> -> tensor<?x40xf32>
// CHECK: %[[M:.*]] = lathe.mul %[[Y]], %[[S]]
// CHECK: %[[Z:.*]] = lathe.matmul %{{.*}}, %[[B]] transpose_rhs : {{.*}} -> tensor<?x40xf32>
// CHECK: %[[N:.*]] = lathe.mul %[[Z]], %[[S]]
// CHECK: %[[H:.*]] = lathe.cast %[[N]] : tensor<?x40xf32> -> tensor<?x40xf16>
// CHECK: return %[[M]], %[[H]]
func.func @factors(%x: tensor<?x64xf16>, %y: tensor<?x64xf16>) -> (tensor<?x40xf32>, tensor<?x40xf16>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 2720 : tensor<40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  // expected-remark @below {{as q8_0, and multiplies with a factor for each row}}
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf16>, tensor<40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  // expected-remark @below {{as q8_0, and multiplies with a factor for each row}}
  %1 = lathe.matmul %y, %w transpose_rhs : tensor<?x64xf16>, tensor<40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf16>
  return %0, %1 : tensor<?x40xf32>, tensor<?x40xf16>
}

// -----

// A table keeps the factors in its blocks; a format without factors is shared by products and gathers.
// CHECK-LABEL: func.func @tables
// CHECK: %[[A:.*]] = lathe.weight "a"
// CHECK: %[[R:.*]] = lathe.pack_blocks %[[A]] : tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 1], {{.*}}>> -> tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
// CHECK: %[[B:.*]] = lathe.weight "b"
// CHECK: %[[Q:.*]] = lathe.pack_blocks %[[B]] : {{.*}} -> tensor<40x64x!lathe.gguf<q4_0>>
// CHECK: lathe.gather %[[R]]
// CHECK: lathe.gather %[[Q]]
// CHECK: lathe.matmul %{{.*}}, %[[Q]]
func.func @tables(%i: tensor<?xi32>, %x: tensor<?x64xf16>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x40xf32>) {
  %a = lathe.weight "a" file 0 offset 0 bytes 2564 : tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 1], scale = none, zero = none, outer_scale = f32>>
  %b = lathe.weight "b" file 0 offset 4096 bytes 1360 : tensor<40x64x!lathe.blocked<i4, block = [1, 64], scale = f16, zero = none, outer_scale = none>>
  // expected-remark @below {{in blocks one row high, each with its scale}}
  %0 = lathe.gather %a, %i : tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 1], scale = none, zero = none, outer_scale = f32>>, tensor<?xi32> -> tensor<?x64xf32>
  // expected-remark @below {{as q4_0}}
  %1 = lathe.gather %b, %i : tensor<40x64x!lathe.blocked<i4, block = [1, 64], scale = f16, zero = none, outer_scale = none>>, tensor<?xi32> -> tensor<?x64xf32>
  // expected-remark @below {{as q4_0}}
  %2 = lathe.matmul %x, %b transpose_rhs : tensor<?x64xf16>, tensor<40x64x!lathe.blocked<i4, block = [1, 64], scale = f16, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  return %0, %1, %2 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x40xf32>
}

// -----

// Blocks that are read as they are; experts read blocks with their scale.
// CHECK-LABEL: func.func @stays
// CHECK-NOT: pack_blocks
// CHECK: lathe.matmul %{{.*}} : tensor<?x64xf16>, tensor<40x64x!lathe.blocked<!lathe.nf4
// CHECK: lathe.expert_matmul %{{.*}} : tensor<?x1x64xf16>, tensor<3x40x64x!lathe.blocked<i8, block = [1, 64], scale = f32
func.func @stays(%x: tensor<?x64xf16>, %y: tensor<?x1x64xf16>, %c: tensor<?x2xi32>) -> (tensor<?x40xf32>, tensor<?x2x40xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 1440 : tensor<40x64x!lathe.blocked<!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  %e = lathe.weight "e" file 0 offset 2048 bytes 8160 : tensor<3x40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  // expected-remark @below {{in blocks one row high, each with its scale}}
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf16>, tensor<40x64x!lathe.blocked<!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  // expected-remark @below {{in blocks one row high, each with its scale}}
  %1 = lathe.expert_matmul %y, %e, %c : tensor<?x1x64xf16>, tensor<3x40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>>, tensor<?x2xi32> -> tensor<?x2x40xf32>
  return %0, %1 : tensor<?x40xf32>, tensor<?x2x40xf32>
}

// -----

// Rows that fill no granule become values: of the rows' type in a product, f32 in a table.
// CHECK-LABEL: func.func @odd
// CHECK-DAG: lathe.cast %{{.*}} : tensor<8x40x!lathe.blocked<{{.*}}>> -> tensor<8x40xf16>
// CHECK-DAG: lathe.cast %{{.*}} : tensor<8x40x!lathe.blocked<{{.*}}>> -> tensor<8x40xf32>
func.func @odd(%x: tensor<?x40xf16>, %i: tensor<?xi32>) -> (tensor<?x8xf32>, tensor<?x40xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 324 : tensor<8x40x!lathe.blocked<f8E4M3FN, block = [1, 1], scale = none, zero = none, outer_scale = f32>>
  // expected-remark @below {{rows of 40 do not fill granules of 32, or no kernel unpacks its codes}}
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x40xf16>, tensor<8x40x!lathe.blocked<f8E4M3FN, block = [1, 1], scale = none, zero = none, outer_scale = f32>> -> tensor<?x8xf32>
  // expected-remark @below {{rows of 40 do not fill granules of 32, or no kernel unpacks its codes}}
  %1 = lathe.gather %w, %i : tensor<8x40x!lathe.blocked<f8E4M3FN, block = [1, 1], scale = none, zero = none, outer_scale = f32>>, tensor<?xi32> -> tensor<?x40xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<?x40xf32>
}

// -----

// Blocks that are no weights.
// CHECK-LABEL: func.func @input
// CHECK-NOT: pack_blocks
func.func @input(%x: tensor<?x64xf16>, %w: tensor<40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>>) -> tensor<?x40xf32> {
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x64xf16>, tensor<40x64x!lathe.blocked<i8, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  return %0 : tensor<?x40xf32>
}

// -----

// Rows that were rounded to f8E4M3FN: codes are multiplied, their scales with the sums. Two readers share the codes, and
// what is rounded comes in 16 bits, but for a norm, which the same kernel computes.
// CHECK-LABEL: func.func @codes
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>
// CHECK: %[[W:.*]] = lathe.weight "w"
// CHECK-DAG: %[[B:.*]] = lathe.pack_blocks %[[W]] : tensor<40x64x!lathe.blocked<{{.*}}>> -> tensor<40x64xf8E4M3FN>
// CHECK-DAG: %[[F:.*]] = lathe.row_scales %[[W]]
// CHECK-NOT: lathe.abs
// CHECK: %[[N:.*]] = lathe.cast %[[X]] : tensor<?x64xf32> -> tensor<?x64xf16>
// CHECK: %[[A:.*]], %[[S:.*]] = lathe.round_rows %[[N]] : tensor<?x64xf16> -> tensor<?x64xf8E4M3FN>, tensor<?x1xf32>
// CHECK: %[[Y:.*]] = lathe.matmul %[[A]], %[[B]] transpose_rhs : tensor<?x64xf8E4M3FN>, tensor<40x64xf8E4M3FN> -> tensor<?x40xf32>
// CHECK: %[[R:.*]] = lathe.mul %[[Y]], %[[S]] : tensor<?x40xf32>, tensor<?x1xf32> -> tensor<?x40xf32>
// CHECK: %[[Z:.*]] = lathe.mul %[[R]], %[[F]]
// CHECK: lathe.matmul %[[A]], %[[B]]
// CHECK: %[[M:.*]] = lathe.rms_norm
// CHECK: lathe.round_rows %[[M]] : tensor<?x64xf32>
// CHECK: return %[[Z]]
func.func @codes(%x: tensor<?x64xf32>, %g: tensor<64xf32>) -> (tensor<?x40xf32>, tensor<?x40xf16>, tensor<?x40xf32>) {
  %w = lathe.weight "w" file 0 offset 0 bytes 2720 : tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  %share = lathe.constant dense<0.00223214296> : tensor<f32>
  %least = lathe.constant dense<7.88860905E-31> : tensor<f32>
  %a = lathe.abs %x : tensor<?x64xf32>
  %m = lathe.reduce max %a axes [1] keep : tensor<?x64xf32> -> tensor<?x1xf32>
  %e = lathe.mul %m, %share : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
  %s = lathe.maximum %e, %least : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
  %i = lathe.reciprocal %s : tensor<?x1xf32>
  %u = lathe.mul %x, %i : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>
  %q = lathe.round_e4m3 %u : tensor<?x64xf32>
  %r = lathe.mul %q, %s : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>
  %h = lathe.cast %r : tensor<?x64xf32> -> tensor<?x64xf16>
  // expected-remark @below {{multiplies codes of f8E4M3FN on both sides}}
  %0 = lathe.matmul %h, %w transpose_rhs : tensor<?x64xf16>, tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  // expected-remark @below {{multiplies codes of f8E4M3FN on both sides}}
  %1 = lathe.matmul %h, %w transpose_rhs : tensor<?x64xf16>, tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf16>
  %n = lathe.rms_norm %x, %g epsilon 1.0e-05 : tensor<?x64xf32>, tensor<64xf32>
  %na = lathe.abs %n : tensor<?x64xf32>
  %nm = lathe.reduce max %na axes [1] keep : tensor<?x64xf32> -> tensor<?x1xf32>
  %ne = lathe.mul %nm, %share : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
  %ns = lathe.maximum %ne, %least : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
  %ni = lathe.reciprocal %ns : tensor<?x1xf32>
  %nu = lathe.mul %n, %ni : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>
  %nq = lathe.round_e4m3 %nu : tensor<?x64xf32>
  %nr = lathe.mul %nq, %ns : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>
  %nh = lathe.cast %nr : tensor<?x64xf32> -> tensor<?x64xf16>
  // expected-remark @below {{multiplies codes of f8E4M3FN on both sides}}
  %2 = lathe.matmul %nh, %w transpose_rhs : tensor<?x64xf16>, tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  return %0, %1, %2 : tensor<?x40xf32>, tensor<?x40xf16>, tensor<?x40xf32>
}

// -----

// What comes in 16 bits, as attention gives it, is read so, whatever shape it has.
// CHECK-LABEL: func.func @widened
// CHECK-SAME: %[[X:.*]]: tensor<?x4x16xf16>
// CHECK: %[[R:.*]] = lathe.reshape %[[X]] shape [0, 64] : tensor<?x4x16xf16> -> tensor<?x64xf16>
// CHECK: lathe.round_rows %[[R]] : tensor<?x64xf16>
// CHECK-NOT: lathe.cast
// CHECK: return
func.func @widened(%x: tensor<?x4x16xf16>) -> tensor<?x40xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 2720 : tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  %share = lathe.constant dense<0.00223214296> : tensor<f32>
  %least = lathe.constant dense<7.88860905E-31> : tensor<f32>
  %f = lathe.cast %x : tensor<?x4x16xf16> -> tensor<?x4x16xf32>
  %t = lathe.reshape %f shape [0, 64] : tensor<?x4x16xf32> -> tensor<?x64xf32>
  %a = lathe.abs %t : tensor<?x64xf32>
  %m = lathe.reduce max %a axes [1] keep : tensor<?x64xf32> -> tensor<?x1xf32>
  %e = lathe.mul %m, %share : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
  %s = lathe.maximum %e, %least : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
  %i = lathe.reciprocal %s : tensor<?x1xf32>
  %u = lathe.mul %t, %i : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>
  %q = lathe.round_e4m3 %u : tensor<?x64xf32>
  %r = lathe.mul %q, %s : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>
  %h = lathe.cast %r : tensor<?x64xf32> -> tensor<?x64xf16>
  // expected-remark @below {{multiplies codes of f8E4M3FN on both sides}}
  %0 = lathe.matmul %h, %w transpose_rhs : tensor<?x64xf16>, tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  return %0 : tensor<?x40xf32>
}

// -----

// What only looks like rounded rows, with another factor, is read as it is.
// CHECK-LABEL: func.func @no_codes
// CHECK-NOT: round_rows
// CHECK: lathe.matmul %{{.*}} : tensor<?x64xf16>
func.func @no_codes(%x: tensor<?x64xf32>) -> tensor<?x40xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 2720 : tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  %share = lathe.constant dense<0.004> : tensor<f32>
  %least = lathe.constant dense<7.88860905E-31> : tensor<f32>
  %a = lathe.abs %x : tensor<?x64xf32>
  %m = lathe.reduce max %a axes [1] keep : tensor<?x64xf32> -> tensor<?x1xf32>
  %e = lathe.mul %m, %share : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
  %s = lathe.maximum %e, %least : tensor<?x1xf32>, tensor<f32> -> tensor<?x1xf32>
  %i = lathe.reciprocal %s : tensor<?x1xf32>
  %u = lathe.mul %x, %i : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>
  %q = lathe.round_e4m3 %u : tensor<?x64xf32>
  %r = lathe.mul %q, %s : tensor<?x64xf32>, tensor<?x1xf32> -> tensor<?x64xf32>
  %h = lathe.cast %r : tensor<?x64xf32> -> tensor<?x64xf16>
  // expected-remark @below {{in blocks one row high}}
  %0 = lathe.matmul %h, %w transpose_rhs : tensor<?x64xf16>, tensor<40x64x!lathe.blocked<f8E4M3FN, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  return %0 : tensor<?x40xf32>
}
