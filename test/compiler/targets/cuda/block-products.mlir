// RUN: cuda-print %s --emit=source,launches | FileCheck %s
// RUN: cuda-print %s --emit=source,launches --ptx=sm_90a | FileCheck %s --check-prefix=HOPPER
// RUN: cuda-print %s --emit=source --ptx=sm_90a --batch-invariant \
// RUN:   | FileCheck %s --check-prefix=INVARIANT --implicit-check-not=QuantizedRowsSm90

// Products of one left side, whose weights are blocks of different formats, are one launch: on Hopper one template, on
// others one for each.
// CHECK:      using Template = Together<QuantizedMatmul<TiledQ4_K, Half, float, SmallTile>, QuantizedMatmul<TiledQ6_K, Half, Half, SmallTile>>;
// CHECK-NEXT: static_assert(Template::Threads == 128 && Template::SharedBytes == 24576);
// CHECK:      .Head = {.A = p0, .W = p1, .C = p3, .M = 1, .N = 40, .K = 256, .LdA = 256, .LdC = 40}
// HOPPER:      using Template = QuantizedFewRowsSm90<Half, Joined<float, Half>, 1, 256, TiledQ4_K, TiledQ6_K>;
// HOPPER-NEXT: static_assert(Template::Threads == 320 && Template::SharedBytes == 217984);
// HOPPER:      .A = p0, .M = 1, .LdA = 256, .Blocks = 132, .Parts = {{[{][{]}}.W = {p1}, .C = p3, .N = 40, .LdC = 40}, {.W = {p2}, .C = p4, .N = 16, .LdC = 16}}};
// HOPPER:      joinEpilogues(StoreAsIs{}, StoreAsIs{})

// Two products that meet share an epilogue.
// CHECK:      float operator()(float first, float second, int64_t row, int64_t col) const
// CHECK:      using Template = MeetingProducts<QuantizedMatmul<TiledQ8_0, Half, Nothing, SmallTile>, QuantizedMatmul<TiledQ8_0, Half, float, SmallTile>>;
// HOPPER:      using Template = QuantizedFewRowsSm90<Half, Dual<float>, 1, 256, TiledQ8_0>;
// HOPPER-NEXT: static_assert(Template::Threads == 320 && Template::SharedBytes == 109440);
// HOPPER:      .Parts = {{[{][{]}}.W = {p1, p2}, .C = p3, .N = 24, .LdC = 24}}};

// Eight rows so long that no ring fits beside them go four at a time; more take tiles of warpgroups, whose
// columns of A a cluster shares where there are few of them.
// HOPPER: using Template = QuantizedFewRowsSm90<Half, float, 4, 14336, TiledQ4_K>;
// HOPPER: using Template = QuantizedRowsSm90<float, 16, 4, TiledQ4_K>;
// HOPPER-NEXT: static_assert(Template::Threads == 384 && Template::SharedBytes == 229632);

// Where no bit may depend on the batch one block gives each sum, however few there are.
// INVARIANT: QuantizedRowsSm90<Joined<float, Half>, 16, 1, TiledQ4_K, TiledQ6_K>;
// INVARIANT: QuantizedRowsSm90<Dual<float>, 16, 1, TiledQ8_0>;
// INVARIANT: QuantizedRowsSm90<float, 16, 1, TiledQ4_K>;
// INVARIANT: QuantizedRowsSm90<float, 16, 1, TiledQ4_K>;

// CHECK:      one
// CHECK-NEXT:   lathe_
// CHECK-NEXT:   lathe_tile_matmul_f16_q4_k_q6_k_f32_{{[0-9]+}}<<<2, 128, 24576>>>
// CHECK-NEXT:   lathe_tile_matmul_f16_q8_0_f32_{{[0-9]+}}<<<1, 128, 28672>>>
// HOPPER:      one
// HOPPER-NEXT:   lathe_
// HOPPER-NEXT:   lathe_tile_matmul_f16_q4_k_q6_k_f32_{{[0-9]+}}<<<4, 320, 217984>>>
// HOPPER-NEXT:   lathe_tile_matmul_f16_q8_0_f32_{{[0-9]+}}<<<2, 320, 109440>>>
func.func @one(%x: tensor<1x256xf32> {lathe.name = "x", lathe.dims = [1, 256]})
    -> (tensor<1x40xf32>, tensor<1x16xf16>, tensor<1x24xf32>) attributes {lathe.entry = "tensor"} {
  %q = lathe.weight "q" file 0 offset 0 bytes 5760 : tensor<40x256x!lathe.gguf<q4_k>>
  %v = lathe.weight "v" file 0 offset 5760 bytes 3360 : tensor<16x256x!lathe.gguf<q6_k>>
  %g = lathe.weight "g" file 0 offset 9120 bytes 6528 : tensor<24x256x!lathe.gguf<q8_0>>
  %u = lathe.weight "u" file 0 offset 15648 bytes 6528 : tensor<24x256x!lathe.gguf<q8_0>>
  %0 = lathe.matmul %x, %q transpose_rhs : tensor<1x256xf32>, tensor<40x256x!lathe.gguf<q4_k>> -> tensor<1x40xf32>
  %1 = lathe.matmul %x, %v transpose_rhs : tensor<1x256xf32>, tensor<16x256x!lathe.gguf<q6_k>> -> tensor<1x16xf32>
  %2 = lathe.cast %1 : tensor<1x16xf32> -> tensor<1x16xf16>
  %3 = lathe.matmul %x, %g transpose_rhs : tensor<1x256xf32>, tensor<24x256x!lathe.gguf<q8_0>> -> tensor<1x24xf32>
  %4 = lathe.silu %3 : tensor<1x24xf32>
  %5 = lathe.matmul %x, %u transpose_rhs : tensor<1x256xf32>, tensor<24x256x!lathe.gguf<q8_0>> -> tensor<1x24xf32>
  %6 = lathe.mul %4, %5 : tensor<1x24xf32>, tensor<1x24xf32> -> tensor<1x24xf32>
  return %0, %2, %6 : tensor<1x40xf32>, tensor<1x16xf16>, tensor<1x24xf32>
}

func.func @long(%x: tensor<?x14336xf32> {lathe.name = "x", lathe.dims = ["n", 14336]},
                %y: tensor<9x14336xf32> {lathe.name = "y", lathe.dims = [9, 14336]})
    -> (tensor<?x16xf32>, tensor<9x16xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 2, 8>]} {
  %w = lathe.weight "w" file 0 offset 0 bytes 129024 : tensor<16x14336x!lathe.gguf<q4_k>>
  %0 = lathe.matmul %x, %w transpose_rhs : tensor<?x14336xf32>, tensor<16x14336x!lathe.gguf<q4_k>> -> tensor<?x16xf32>
  %1 = lathe.matmul %y, %w transpose_rhs : tensor<9x14336xf32>, tensor<16x14336x!lathe.gguf<q4_k>> -> tensor<9x16xf32>
  return %0, %1 : tensor<?x16xf32>, tensor<9x16xf32>
}
