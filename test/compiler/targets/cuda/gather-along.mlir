// Rows of a table are gathered by the template that language models have for it, anything else by a loop.
// RUN: cuda-print %s --activations=f32 --emit=source,launches | FileCheck %s

// CHECK:      using Template = Gather<float, int64_t, float>;
// CHECK:      .Rows = (d0 * 3), .Cols = 40, .TableRows = 9, .LdTable = 40, .LdOut = 40
// CHECK:      gridTiles<Template>(params, smem, StoreAsIs{});

// Rows too short, integers, another axis.
// CHECK-COUNT-3: using Template = LoopKernel<lathe::loops::GatherAlong, Call>;

// CHECK:      <<<(s0 * 15) ceildiv 256, 256, 0>>>
func.func @forward(%i: tensor<?x3xi64> {lathe.name = "i", lathe.dims = ["n", 3]},
                   %x: tensor<9x40xf32> {lathe.name = "x", lathe.dims = [9, 40]},
                   %y: tensor<9x7xf32> {lathe.name = "y", lathe.dims = [9, 7]},
                   %z: tensor<9x40xi32> {lathe.name = "z", lathe.dims = [9, 40]})
    -> (tensor<?x3x40xf32>, tensor<?x3x7xf32>, tensor<?x3x40xi32>, tensor<9x?x3xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 8>]} {
  %0 = lathe.gather_along %x, %i axis 0 : (tensor<9x40xf32>, tensor<?x3xi64>) -> tensor<?x3x40xf32>
  %1 = lathe.gather_along %y, %i axis 0 : (tensor<9x7xf32>, tensor<?x3xi64>) -> tensor<?x3x7xf32>
  %2 = lathe.gather_along %z, %i axis 0 : (tensor<9x40xi32>, tensor<?x3xi64>) -> tensor<?x3x40xi32>
  %3 = lathe.gather_along %x, %i axis 1 : (tensor<9x40xf32>, tensor<?x3xi64>) -> tensor<9x?x3xf32>
  return %0, %1, %2, %3 : tensor<?x3x40xf32>, tensor<?x3x7xf32>, tensor<?x3x40xi32>, tensor<9x?x3xf32>
}
