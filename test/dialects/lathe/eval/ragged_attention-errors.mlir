// RUN: not lathe-eval %s 2>&1 | FileCheck %s

// CHECK: error: 'lathe.ragged_attention' op text 1 owns rows 2 to 3 but the query has 2 rows
func.func @beyond_the_rows() -> tensor<2x1x1xf32> {
  %x = lathe.constant dense<1.0> : tensor<2x1x1xf32>
  %offsets = lathe.constant dense<[0, 2, 3]> : tensor<3xi32>
  %o = lathe.ragged_attention %x, %x, %x, %offsets scale 1.0 : tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<2x1x1xf32>,
      tensor<3xi32> -> tensor<2x1x1xf32>
  return %o : tensor<2x1x1xf32>
}
