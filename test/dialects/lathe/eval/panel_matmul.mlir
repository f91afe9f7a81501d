// RUN: lathe-eval %s | FileCheck %s
// Worked by hand; the third column is the first one of neither panel.

// CHECK-LABEL: @rows_of_a_batch
// CHECK: tensor<2x1x3xf32> = {{\[\[\[}}58, 64, 7]], {{\[\[}}139, 154, 19]]]
func.func @rows_of_a_batch() -> tensor<2x1x3xf32> {
  %x = lathe.constant dense<[[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]]> : tensor<2x1x3xf32>
  %w = lathe.constant dense<[[7.0, 8.0, 2.0], [9.0, 10.0, 1.0], [11.0, 12.0, 1.0]]> : tensor<3x3xf32>
  %p = lathe.pack_columns %w : tensor<3x3xf32> -> tensor<1x3x16xf32>
  %z = lathe.panel_matmul %x, %p : tensor<2x1x3xf32>, tensor<1x3x16xf32> -> tensor<2x1x3xf32>
  return %z : tensor<2x1x3xf32>
}

// Column 16 lies in the second panel.
// CHECK-LABEL: @second_panel
// CHECK: tensor<1x17xf32> = {{\[\[}}0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32]]
func.func @second_panel() -> tensor<1x17xf32> {
  %x = lathe.constant dense<2.0> : tensor<1x1xf32>
  %w = lathe.constant dense<[[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]]>
      : tensor<1x17xf32>
  %p = lathe.pack_columns %w : tensor<1x17xf32> -> tensor<2x1x16xf32>
  %z = lathe.panel_matmul %x, %p : tensor<1x1xf32>, tensor<2x1x16xf32> -> tensor<1x17xf32>
  return %z : tensor<1x17xf32>
}
