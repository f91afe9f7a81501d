// RUN: cuda-print %s --emit=source | FileCheck %s

// Angles of positions that come with the call are found before the kernels before have ended, those of others are not.
// CHECK:      using Template = Rope<float, float, Pairing::Half, true>;
// CHECK:      .X = p0, .Out = p2, .Positions = p1,
// CHECK:      using Template = Rope<float, float, Pairing::Half>;
// CHECK:      .X = p0, .Out = p2, .Positions = p1,
func.func @forward(%x: tensor<?x4x16xf32> {lathe.name = "x", lathe.dims = ["n", 4, 16]},
                   %positions: tensor<?x1xi32> {lathe.name = "positions", lathe.dims = ["n", 1]}) -> tensor<?x4x16xf32>
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 64>]} {
  %0 = lathe.rope %x, %positions halves base 1.0e+04 dimensions 16 : tensor<?x4x16xf32>, tensor<?x1xi32>
  %1 = lathe.add %positions, %positions : tensor<?x1xi32>, tensor<?x1xi32> -> tensor<?x1xi32>
  %2 = lathe.rope %0, %1 halves base 1.0e+04 dimensions 16 : tensor<?x4x16xf32>, tensor<?x1xi32>
  return %2 : tensor<?x4x16xf32>
}
