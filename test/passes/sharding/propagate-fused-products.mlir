// Products whose columns are used in parts.
// RUN: lathe-opt %s --lathe-propagate-shardings="ranks=2" --split-input-file --remarks-filter=sharding 2>%t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// REMARK: 'ffn.weight' is taken apart into 2 products, as its columns are used
// REMARK-NOT: 'read_whole.weight' is taken apart

// Gates and hidden columns in one weight of a file, with a bias: each has its half of each.
// CHECK-LABEL: func @gates_and_columns
// CHECK-DAG: lathe.weight "ffn.weight" file 0 offset 512 bytes 1024 : tensor<64x8xf16>
// CHECK-DAG: lathe.weight "ffn.weight" file 0 offset 1536 bytes 1024 : tensor<64x8xf16>
// CHECK-NOT: tensor<128x8xf16>
// CHECK: %[[GATE:.*]] = lathe.matmul {{.*}} {lathe.sharding = {{.*}}dim = 1 : i64, parts = 2
func.func @gates_and_columns(%x: tensor<?x8xf32> {lathe.dims = ["rows", 8], lathe.name = "x"}) -> tensor<?x8xf32> {
  %w = lathe.weight "ffn.weight" file 0 offset 512 bytes 2048 : tensor<128x8xf16>
  %b = lathe.weight "ffn.bias" file 0 offset 4096 bytes 512 : tensor<128xf32>
  %down = lathe.weight "down.weight" file 0 offset 8192 bytes 2048 : tensor<8x64xf32>
  %p = lathe.matmul %x, %w transpose_rhs : tensor<?x8xf32>, tensor<128x8xf16> -> tensor<?x128xf32>
  %h = lathe.add %p, %b : tensor<?x128xf32>, tensor<128xf32> -> tensor<?x128xf32>
  %gate = lathe.slice %h starts affine_map<()[s0, s1] -> (0, 0)> steps [1, 1] sizes affine_map<()[s0, s1] -> (s0, 64)>
      : (tensor<?x128xf32>) -> tensor<?x64xf32>
  %up = lathe.slice %h starts affine_map<()[s0, s1] -> (0, 64)> steps [1, 1] sizes affine_map<()[s0, s1] -> (s0, 64)>
      : (tensor<?x128xf32>) -> tensor<?x64xf32>
  %act = lathe.silu %gate : tensor<?x64xf32>
  %m = lathe.mul %act, %up : tensor<?x64xf32>, tensor<?x64xf32> -> tensor<?x64xf32>
  %y = lathe.matmul %m, %down transpose_rhs : tensor<?x64xf32>, tensor<8x64xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// What is also read whole stays one product.
// CHECK-LABEL: func @read_whole_too
// CHECK: lathe.matmul {{.*}} -> tensor<?x128xf32>
// CHECK-COUNT-2: lathe.slice
func.func @read_whole_too(%x: tensor<?x8xf32> {lathe.dims = ["rows", 8], lathe.name = "x"})
    -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x128xf32>) {
  %w = lathe.weight "read_whole.weight" file 0 offset 512 bytes 2048 : tensor<128x8xf16>
  %p = lathe.matmul %x, %w transpose_rhs : tensor<?x8xf32>, tensor<128x8xf16> -> tensor<?x128xf32>
  %a = lathe.slice %p starts affine_map<()[s0, s1] -> (0, 0)> steps [1, 1] sizes affine_map<()[s0, s1] -> (s0, 64)>
      : (tensor<?x128xf32>) -> tensor<?x64xf32>
  %b = lathe.slice %p starts affine_map<()[s0, s1] -> (0, 64)> steps [1, 1] sizes affine_map<()[s0, s1] -> (s0, 64)>
      : (tensor<?x128xf32>) -> tensor<?x64xf32>
  return %a, %b, %p : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x128xf32>
}

// -----

// Columns of a weight that is not transposed do not lie together in its file.
// CHECK-LABEL: func @columns_of_rows
// CHECK-COUNT-2: lathe.slice {{.*}}(tensor<8x128xf32>) -> tensor<8x64xf32>
// CHECK-NOT: lathe.slice {{.*}}tensor<?x
func.func @columns_of_rows(%x: tensor<?x8xf32> {lathe.dims = ["rows", 8], lathe.name = "x"})
    -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %w = lathe.weight "rows.weight" file 0 offset 0 bytes 4096 : tensor<8x128xf32>
  %p = lathe.matmul %x, %w : tensor<?x8xf32>, tensor<8x128xf32> -> tensor<?x128xf32>
  %a = lathe.slice %p starts affine_map<()[s0, s1] -> (0, 0)> steps [1, 1] sizes affine_map<()[s0, s1] -> (s0, 64)>
      : (tensor<?x128xf32>) -> tensor<?x64xf32>
  %b = lathe.slice %p starts affine_map<()[s0, s1] -> (0, 64)> steps [1, 1] sizes affine_map<()[s0, s1] -> (s0, 64)>
      : (tensor<?x128xf32>) -> tensor<?x64xf32>
  return %a, %b : tensor<?x64xf32>, tensor<?x64xf32>
}
