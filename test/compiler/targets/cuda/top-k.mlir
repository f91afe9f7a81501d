// RUN: cuda-print %s | FileCheck %s
// RUN: cuda-print %s --ptx=sm_90a | FileCheck %s --check-prefix=HOPPER

// The largest of long rows: a block a row, and on GPUs with clusters one of those for rows that are longer still. The
// smallest, and those along another dimension, are the reference's loop.
// CHECK: using Template = TopK<float, 64, 1>;
// CHECK: .X = p0, .Values = p1, .Indices = p2, .Rows = d0, .Cols = 32000
// CHECK: using Template = TopK<Half, 5, 1>;
// CHECK: using Template = LoopKernel<lathe::loops::TopK, Call>;
// CHECK: using Template = LoopKernel<lathe::loops::TopK, Call>;
// HOPPER: using Template = TopK<float, 64, 8>;
// HOPPER: using Template = TopK<Half, 5, 1>;
func.func @forward(%x: tensor<?x32000xf32> {lathe.name = "x", lathe.dims = ["n", 32000]},
                   %h: tensor<?x3x600xf16> {lathe.name = "h", lathe.dims = ["n", 3, 600]})
    -> (tensor<?x64xf32>, tensor<?x64xi64>, tensor<?x3x5xf16>, tensor<?x3x5xi64>, tensor<?x64xf32>, tensor<?x64xi64>,
        tensor<?x2x600xf16>, tensor<?x2x600xi64>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 300>]} {
  %0:2 = lathe.top_k %x axis 1 sizes affine_map<()[s0, s1] -> (s0, 64)> largest true
      : (tensor<?x32000xf32>) -> (tensor<?x64xf32>, tensor<?x64xi64>)
  %1:2 = lathe.top_k %h axis 2 sizes affine_map<()[s0, s1, s2] -> (s0, 3, 5)> largest true
      : (tensor<?x3x600xf16>) -> (tensor<?x3x5xf16>, tensor<?x3x5xi64>)
  %2:2 = lathe.top_k %x axis 1 sizes affine_map<()[s0, s1] -> (s0, 64)> largest false
      : (tensor<?x32000xf32>) -> (tensor<?x64xf32>, tensor<?x64xi64>)
  %3:2 = lathe.top_k %h axis 1 sizes affine_map<()[s0, s1, s2] -> (s0, 2, 600)> largest true
      : (tensor<?x3x600xf16>) -> (tensor<?x2x600xf16>, tensor<?x2x600xi64>)
  return %0#0, %0#1, %1#0, %1#1, %2#0, %2#1, %3#0, %3#1
      : tensor<?x64xf32>, tensor<?x64xi64>, tensor<?x3x5xf16>, tensor<?x3x5xi64>, tensor<?x64xf32>, tensor<?x64xi64>,
        tensor<?x2x600xf16>, tensor<?x2x600xi64>
}
