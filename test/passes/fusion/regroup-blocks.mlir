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
