// RUN: cuda-print %s --emit=source,launches | FileCheck %s
// RUN: cuda-print %s --emit=source,launches --ptx=sm_90a | FileCheck %s --check-prefix=HOPPER

// The largest elements of long rows: a block a row, and on GPUs with clusters one of those, larger for few rows. Rows
// that are more, or shorter, keep to a block.
// CHECK: using Template = RowReduction<ArgMaxReduction, 1024>;
// CHECK-NOT: Cluster
// HOPPER: using Template = RowReductionCluster<ArgMaxReduction, 8>;
// HOPPER-NEXT: static_assert(Template::Threads == 512 && Template::SharedBytes == 128);
// HOPPER: using Template = RowReductionCluster<ArgMaxReduction, 4>;
// HOPPER: using Template = RowReduction<ArgMaxReduction, 1024>;
// HOPPER: using Template = RowReduction<ArgMaxReduction, 512>;
// HOPPER: lathe_arg_max_f32_i64_0<<<s0 * 8, 512, 128>>>
// HOPPER: lathe_arg_max_f32_i64_1<<<s0 * 16, 512, 128>>>
func.func @forward(%x: tensor<?x32000xf32> {lathe.name = "x", lathe.dims = ["n", 32000]},
                   %y: tensor<?x4x32000xf32> {lathe.name = "y", lathe.dims = ["n", 4, 32000]},
                   %z: tensor<?x40x32000xf32> {lathe.name = "z", lathe.dims = ["n", 40, 32000]},
                   %w: tensor<?x8000xf32> {lathe.name = "w", lathe.dims = ["n", 8000]})
    -> (tensor<?xi64>, tensor<?x4xi64>, tensor<?x40xi64>, tensor<?xi64>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 16>]} {
  %0 = lathe.arg_max %x axis 1 : tensor<?x32000xf32> -> tensor<?xi64>
  %1 = lathe.arg_max %y axis 2 : tensor<?x4x32000xf32> -> tensor<?x4xi64>
  %2 = lathe.arg_max %z axis 2 : tensor<?x40x32000xf32> -> tensor<?x40xi64>
  %3 = lathe.arg_max %w axis 1 : tensor<?x8000xf32> -> tensor<?xi64>
  return %0, %1, %2, %3 : tensor<?xi64>, tensor<?x4xi64>, tensor<?x40xi64>, tensor<?xi64>
}
