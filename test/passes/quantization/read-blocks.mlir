// RUN: lathe-opt %s --lathe-read-blocks --split-input-file -o %t.read
// RUN: FileCheck %s < %t.read
// RUN: lathe-opt %t.read --lathe-read-blocks --split-input-file | diff %t.read -
// RUN: lathe-opt %s --lathe-read-blocks --split-input-file --remarks-filter=quantization -o %t.read 2>&1 \
// RUN:   | FileCheck %s --check-prefix=MISSED

// Values that are cast from blocks are not read: the blocks are.
// CHECK-LABEL: @cast_blocks
// CHECK: %[[B:.*]] = lathe.weight "w"
// CHECK-NEXT: lathe.matmul %{{.*}}, %[[B]] transpose_rhs
func.func @cast_blocks(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 1152 : tensor<32x64x!lathe.gguf<q4_0>>
  %v = lathe.cast %w : tensor<32x64x!lathe.gguf<q4_0>> -> tensor<32x64xf32>
  %h = lathe.cast %v : tensor<32x64xf32> -> tensor<32x64xf16>
  %f = lathe.cast %h : tensor<32x64xf16> -> tensor<32x64xf32>
  %y = lathe.matmul %x, %f transpose_rhs : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// Blocks along the other dimension that are whole, and values that something else makes of blocks, stay as they are.
// CHECK-LABEL: @blocks_of_columns
// MISSED: blocks are read as floats: they do not run along the dimension that is summed over
// CHECK: lathe.matmul %{{.*}}, %{{.*}} : tensor<?x32xf32>, tensor<32x64xf32>
// CHECK: lathe.matmul %{{.*}}, %{{.*}} transpose_rhs : tensor<?x64xf32>, tensor<32x64xf32>
func.func @blocks_of_columns(%x: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %w = lathe.weight "w" file 0 offset 0 bytes 1152 : tensor<32x64x!lathe.gguf<q4_0>>
  %v = lathe.cast %w : tensor<32x64x!lathe.gguf<q4_0>> -> tensor<32x64xf32>
  %y = lathe.matmul %x, %v : tensor<?x32xf32>, tensor<32x64xf32> -> tensor<?x64xf32>
  %r = lathe.relu %v : tensor<32x64xf32>
  %z = lathe.matmul %y, %r transpose_rhs : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  return %z : tensor<?x32xf32>
}

// -----

// Codes and scales that stand apart are transposed, and the blocks with them.
// CHECK-LABEL: @joined_by_column
// CHECK-DAG: %[[C:.*]] = lathe.transpose %{{.*}} permutation [1, 0] : tensor<64x32xi8> -> tensor<32x64xi8>
// CHECK-DAG: %[[S:.*]] = lathe.transpose %{{.*}} permutation [1, 0] : tensor<1x32xf32> -> tensor<32x1xf32>
// CHECK: %[[B:.*]] = lathe.join_blocks %[[C]], %[[S]] : {{.*}} -> tensor<32x64x!lathe.blocked<i8, block = [1, 64],
// CHECK-NEXT: lathe.matmul %{{.*}}, %[[B]] transpose_rhs
!columns = !lathe.blocked<i8, block = [64, 1], scale = f32, zero = none, outer_scale = none>
func.func @joined_by_column(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %c = lathe.weight "c" file 0 offset 0 bytes 2048 : tensor<64x32xi8>
  %s = lathe.weight "s" file 0 offset 2048 bytes 128 : tensor<1x32xf32>
  %b = lathe.join_blocks %c, %s : (tensor<64x32xi8>, tensor<1x32xf32>) -> tensor<64x32x!columns>
  %w = lathe.cast %b : tensor<64x32x!columns> -> tensor<64x32xf32>
  %y = lathe.matmul %x, %w : tensor<?x64xf32>, tensor<64x32xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// -----

// One scale for all is a scale for each row, whichever way the rows go. A gather reads them as they lie.
// CHECK-LABEL: @one_scale
// CHECK: %[[T:.*]] = lathe.join_blocks %{{.*}}, %{{.*}} -> tensor<32x64x!lathe.blocked<i8, block = [1, 64],
// CHECK: lathe.matmul %{{.*}}, %[[T]] transpose_rhs
// CHECK: lathe.gather %[[B:.*]], %{{.*}} : tensor<64x32x!lathe.blocked<i8, block = [1, 32],
!rows = !lathe.blocked<i8, block = [1, 32], scale = f32, zero = none, outer_scale = none>
func.func @one_scale(%x: tensor<?x64xf32>, %i: tensor<?xi64>) -> (tensor<?x32xf32>, tensor<?x32xf16>) {
  %c = lathe.weight "c" file 0 offset 0 bytes 2048 : tensor<64x32xi8>
  %s = lathe.constant dense<0.5> : tensor<1x1xf32>
  %b = lathe.join_blocks %c, %s : (tensor<64x32xi8>, tensor<1x1xf32>) -> tensor<64x32x!rows>
  %w = lathe.cast %b : tensor<64x32x!rows> -> tensor<64x32xf32>
  %h = lathe.cast %b : tensor<64x32x!rows> -> tensor<64x32xf16>
  %y = lathe.matmul %x, %w : tensor<?x64xf32>, tensor<64x32xf32> -> tensor<?x32xf32>
  %g = lathe.gather %h, %i : tensor<64x32xf16>, tensor<?xi64> -> tensor<?x32xf16>
  return %y, %g : tensor<?x32xf32>, tensor<?x32xf16>
}

// -----

// A scale for each element along the sum is looked up more often than it helps.
// CHECK-LABEL: @scale_of_each_element
// MISSED: blocks are read as floats: its scales change after 1 elements of a row
// CHECK: lathe.matmul %{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<64x32xf32>
!each = !lathe.blocked<i8, block = [1, 32], scale = f32, zero = none, outer_scale = none>
func.func @scale_of_each_element(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %c = lathe.weight "c" file 0 offset 0 bytes 2048 : tensor<64x32xi8>
  %s = lathe.weight "s" file 0 offset 2048 bytes 256 : tensor<64x1xf32>
  %b = lathe.join_blocks %c, %s : (tensor<64x32xi8>, tensor<64x1xf32>) -> tensor<64x32x!each>
  %w = lathe.cast %b : tensor<64x32x!each> -> tensor<64x32xf32>
  %y = lathe.matmul %x, %w : tensor<?x64xf32>, tensor<64x32xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
