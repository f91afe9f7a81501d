// RUN: lathe-eval %s | FileCheck %s
// 17 columns fill one panel and begin a second one.

// CHECK-LABEL: @rows
// CHECK: tensor<2x1x16xf32> =
// CHECK-SAME: {{\[\[\[}}0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]],
// CHECK-SAME: {{\[\[}}16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]]
func.func @rows() -> tensor<2x1x16xf32> {
  %x = lathe.constant dense<[[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]]>
      : tensor<1x17xf32>
  %y = lathe.pack_columns %x : tensor<1x17xf32> -> tensor<2x1x16xf32>
  return %y : tensor<2x1x16xf32>
}

// Two matrices of two columns, three steps of k each.
// CHECK-LABEL: @transposed_batch
// CHECK: tensor<2x1x3x16xf16> =
// CHECK-SAME: {{\[\[\[\[}}1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [2, 5, {{.*}}], [3, 6, {{.*}}]]],
// CHECK-SAME: {{\[\[\[}}7, 10, {{.*}}], [8, 11, {{.*}}], [9, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]]]
func.func @transposed_batch() -> tensor<2x1x3x16xf16> {
  %x = lathe.constant dense<[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[7.0, 8.0, 9.0], [10.0, 11.0, 12.0]]]>
      : tensor<2x2x3xf16>
  %y = lathe.pack_columns %x transposed : tensor<2x2x3xf16> -> tensor<2x1x3x16xf16>
  return %y : tensor<2x1x3x16xf16>
}
