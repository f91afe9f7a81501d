// REQUIRES: clang-x86
// Products, gathers and experts on every kind of blocked weights, from few rows to many, through their CUDA code on the
// CPU. The reference computes with the values of the blocks as they were before the passes.
// RUN: rm -rf %t && mkdir %t && cp %s %t/model.mlir
// RUN: %python -c "import random, struct, sys; random.seed(3); open(sys.argv[1], 'wb').write(struct.pack('<16384f', *[random.gauss(0, 0.1) for i in range(16384)]))" %t/weights.bin
// RUN: cd %t
// RUN: cuda-print %t/model.mlir --activations=f32 --emit=source > %t/f32.cu
// RUN: %emulate %t/f32.cu -o %t/f32.so
// RUN: cuda-emulate %t/model.mlir --activations=f32 --kernels=%t/f32.so --symbol n=1 --tolerance=2e-6
// RUN: cuda-emulate %t/model.mlir --activations=f32 --kernels=%t/f32.so --symbol n=13 --tolerance=2e-6
// RUN: not cuda-emulate %t/model.mlir --activations=f32 --kernels=%t/f32.so --symbol n=13 --tolerance=1e-9

// In f16 weights are rounded on their way to tensor cores.
// RUN: cuda-print %t/model.mlir --emit=source > %t/f16.cu
// RUN: FileCheck %s < %t/f16.cu
// RUN: FileCheck %s --check-prefix=F32 < %t/f32.cu
// RUN: %emulate %t/f16.cu -o %t/f16.so
// RUN: cuda-emulate %t/model.mlir --kernels=%t/f16.so --symbol n=1 --tolerance=1e-3
// RUN: cuda-emulate %t/model.mlir --kernels=%t/f16.so --symbol n=13 --tolerance=1e-3
// RUN: cuda-emulate %t/model.mlir --kernels=%t/f16.so --symbol n=70 --tolerance=1e-3
// CHECK-DAG: QuantizedMatmul<TiledUINT4_G32, Half, float, SmallTile>
// CHECK-DAG: QuantizedMatmul<TiledNF4, Half, float, MediumTile>
// CHECK-DAG: QuantizedMatmul<TiledNVFP4, Half, float, SmallTile>
// CHECK-DAG: Gather<Blocked<E2M1Code, 16, float>, int32_t, float>
// CHECK-DAG: Dequantize<TiledE4M3, Half>
// F32-DAG: QuantizedMatmulFewRows<Blocked<UnsignedCode<4>, 32, Half, int8_t>, float, float, 1>
module attributes {lathe.files = ["weights.bin"]} {
func.func @forward(%x: tensor<?x128xf32> {lathe.name = "x", lathe.dims = ["n", 128]},
                   %z: tensor<?x40xf32> {lathe.name = "z", lathe.dims = ["n", 40]},
                   %rows: tensor<?x1x128xf32> {lathe.name = "rows", lathe.dims = ["n", 1, 128]},
                   %ids: tensor<?xi32> {lathe.name = "ids", lathe.dims = ["n"]},
                   %many: tensor<264x128xf32> {lathe.name = "many", lathe.dims = [264, 128]})
    -> (tensor<264x128xf32>, tensor<264x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x128xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x128xf32>, tensor<?x128xf32>, tensor<?x128xf32>, tensor<?x128xf32>, tensor<?x2x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 200>]} {
  %single = lathe.constant dense<[[2, 0]]> : tensor<1x2xi64>
  %chosen = lathe.expand %single from %rows sizes affine_map<()[s0, s1, s2, s3, s4] -> (s2, 2)>
      : (tensor<1x2xi64>, tensor<?x1x128xf32>) -> tensor<?x2xi64>
  %int8.f = lathe.weight "int8" file 0 offset 0 bytes 20480 : tensor<40x128xf32>
  %int8 = lathe.quantize %int8.f : tensor<40x128xf32> -> tensor<40x128x!lathe.blocked<i8, block = [1, 128], scale = f32, zero = none, outer_scale = none>>
  %int8.y = lathe.matmul %x, %int8 transpose_rhs : tensor<?x128xf32>, tensor<40x128x!lathe.blocked<i8, block = [1, 128], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  %one.f = lathe.weight "one" file 0 offset 0 bytes 20480 : tensor<40x128xf32>
  %one = lathe.quantize %one.f : tensor<40x128xf32> -> tensor<40x128x!lathe.blocked<i8, block = [1, 1], scale = none, zero = none, outer_scale = f32>>
  %one.y = lathe.matmul %x, %one transpose_rhs : tensor<?x128xf32>, tensor<40x128x!lathe.blocked<i8, block = [1, 1], scale = none, zero = none, outer_scale = f32>> -> tensor<?x40xf32>
  %groups.f = lathe.weight "groups" file 0 offset 0 bytes 20480 : tensor<40x128xf32>
  %groups = lathe.quantize %groups.f : tensor<40x128xf32> -> tensor<40x128x!lathe.blocked<i8, block = [1, 64], scale = f16, zero = none, outer_scale = none>>
  %groups.y = lathe.matmul %x, %groups transpose_rhs : tensor<?x128xf32>, tensor<40x128x!lathe.blocked<i8, block = [1, 64], scale = f16, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  %nibbles.f = lathe.weight "nibbles" file 0 offset 0 bytes 20480 : tensor<40x128xf32>
  %nibbles = lathe.quantize %nibbles.f : tensor<40x128xf32> -> tensor<40x128x!lathe.blocked<i4, block = [1, 128], scale = f16, zero = none, outer_scale = none>>
  %nibbles.y = lathe.matmul %x, %nibbles transpose_rhs : tensor<?x128xf32>, tensor<40x128x!lathe.blocked<i4, block = [1, 128], scale = f16, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  %zeros.f = lathe.weight "zeros" file 0 offset 0 bytes 20480 : tensor<40x128xf32>
  %zeros = lathe.quantize %zeros.f : tensor<40x128xf32> -> tensor<40x128x!lathe.blocked<ui4, block = [1, 32], scale = f16, zero = i8, outer_scale = none>>
  %zeros.y = lathe.matmul %x, %zeros transpose_rhs : tensor<?x128xf32>, tensor<40x128x!lathe.blocked<ui4, block = [1, 32], scale = f16, zero = i8, outer_scale = none>> -> tensor<?x40xf32>
  %three.f = lathe.weight "three" file 0 offset 0 bytes 20480 : tensor<40x128xf32>
  %three = lathe.quantize %three.f : tensor<40x128xf32> -> tensor<40x128x!lathe.blocked<i3, block = [1, 32], scale = f16, zero = none, outer_scale = none>>
  %three.y = lathe.matmul %x, %three transpose_rhs : tensor<?x128xf32>, tensor<40x128x!lathe.blocked<i3, block = [1, 32], scale = f16, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  %three_zeros.f = lathe.weight "three_zeros" file 0 offset 0 bytes 20480 : tensor<40x128xf32>
  %three_zeros = lathe.quantize %three_zeros.f : tensor<40x128xf32> -> tensor<40x128x!lathe.blocked<ui3, block = [1, 64], scale = f16, zero = i8, outer_scale = none>>
  %three_zeros.y = lathe.matmul %x, %three_zeros transpose_rhs : tensor<?x128xf32>, tensor<40x128x!lathe.blocked<ui3, block = [1, 64], scale = f16, zero = i8, outer_scale = none>> -> tensor<?x40xf32>
  %e4m3.f = lathe.weight "e4m3" file 0 offset 0 bytes 20480 : tensor<40x128xf32>
  %e4m3 = lathe.quantize %e4m3.f : tensor<40x128xf32> -> tensor<40x128x!lathe.blocked<f8E4M3FN, block = [1, 128], scale = f32, zero = none, outer_scale = none>>
  %e4m3.y = lathe.matmul %x, %e4m3 transpose_rhs : tensor<?x128xf32>, tensor<40x128x!lathe.blocked<f8E4M3FN, block = [1, 128], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  %e4m3_blocks.f = lathe.weight "e4m3_blocks" file 0 offset 0 bytes 65536 : tensor<128x128xf32>
  %e4m3_blocks = lathe.quantize %e4m3_blocks.f : tensor<128x128xf32> -> tensor<128x128x!lathe.blocked<f8E4M3FN, block = [128, 128], scale = f32, zero = none, outer_scale = none>>
  %e4m3_blocks.y = lathe.matmul %x, %e4m3_blocks transpose_rhs : tensor<?x128xf32>, tensor<128x128x!lathe.blocked<f8E4M3FN, block = [128, 128], scale = f32, zero = none, outer_scale = none>> -> tensor<?x128xf32>
  %e5m2.f = lathe.weight "e5m2" file 0 offset 0 bytes 20480 : tensor<40x128xf32>
  %e5m2 = lathe.quantize %e5m2.f : tensor<40x128xf32> -> tensor<40x128x!lathe.blocked<f8E5M2, block = [1, 1], scale = none, zero = none, outer_scale = f32>>
  %e5m2.y = lathe.matmul %x, %e5m2 transpose_rhs : tensor<?x128xf32>, tensor<40x128x!lathe.blocked<f8E5M2, block = [1, 1], scale = none, zero = none, outer_scale = f32>> -> tensor<?x40xf32>
  %nf4.f = lathe.weight "nf4" file 0 offset 0 bytes 20480 : tensor<40x128xf32>
  %nf4 = lathe.quantize %nf4.f : tensor<40x128xf32> -> tensor<40x128x!lathe.blocked<!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  %nf4.y = lathe.matmul %x, %nf4 transpose_rhs : tensor<?x128xf32>, tensor<40x128x!lathe.blocked<!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  %double.f = lathe.weight "double" file 0 offset 0 bytes 20480 : tensor<40x128xf32>
  %double = lathe.quantize %double.f : tensor<40x128xf32> -> tensor<40x128x!lathe.blocked<!lathe.nf4, block = [1, 64], scale = !lathe.blocked<ui8, block = [10, 2], scale = f32, zero = none, outer_scale = none>, zero = none, outer_scale = none>>
  %double.y = lathe.matmul %x, %double transpose_rhs : tensor<?x128xf32>, tensor<40x128x!lathe.blocked<!lathe.nf4, block = [1, 64], scale = !lathe.blocked<ui8, block = [10, 2], scale = f32, zero = none, outer_scale = none>, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  %mx.f = lathe.weight "mx" file 0 offset 0 bytes 20480 : tensor<40x128xf32>
  %mx = lathe.quantize %mx.f : tensor<40x128xf32> -> tensor<40x128x!lathe.blocked<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU, zero = none, outer_scale = none>>
  %mx.y = lathe.matmul %x, %mx transpose_rhs : tensor<?x128xf32>, tensor<40x128x!lathe.blocked<f4E2M1FN, block = [1, 32], scale = f8E8M0FNU, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  %nv.f = lathe.weight "nv" file 0 offset 0 bytes 20480 : tensor<40x128xf32>
  %nv = lathe.quantize %nv.f : tensor<40x128xf32> -> tensor<40x128x!lathe.blocked<f4E2M1FN, block = [1, 16], scale = f8E4M3FN, zero = none, outer_scale = f32>>
  %nv.y = lathe.matmul %x, %nv transpose_rhs : tensor<?x128xf32>, tensor<40x128x!lathe.blocked<f4E2M1FN, block = [1, 16], scale = f8E4M3FN, zero = none, outer_scale = f32>> -> tensor<?x40xf32>
  %zeros.g = lathe.gather %zeros, %ids : tensor<40x128x!lathe.blocked<ui4, block = [1, 32], scale = f16, zero = i8, outer_scale = none>>, tensor<?xi32> -> tensor<?x128xf32>
  %nv.g = lathe.gather %nv, %ids : tensor<40x128x!lathe.blocked<f4E2M1FN, block = [1, 16], scale = f8E4M3FN, zero = none, outer_scale = f32>>, tensor<?xi32> -> tensor<?x128xf32>
  %nibbles.g = lathe.gather %nibbles, %ids : tensor<40x128x!lathe.blocked<i4, block = [1, 128], scale = f16, zero = none, outer_scale = none>>, tensor<?xi32> -> tensor<?x128xf32>
  %e4m3_blocks.g = lathe.gather %e4m3_blocks, %ids : tensor<128x128x!lathe.blocked<f8E4M3FN, block = [128, 128], scale = f32, zero = none, outer_scale = none>>, tensor<?xi32> -> tensor<?x128xf32>
  %ex.f = lathe.weight "ex" file 0 offset 0 bytes 61440 : tensor<3x40x128xf32>
  %ex = lathe.quantize %ex.f : tensor<3x40x128xf32> -> tensor<3x40x128x!lathe.blocked<!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none>>
  %ex.y = lathe.expert_matmul %rows, %ex, %chosen : tensor<?x1x128xf32>, tensor<3x40x128x!lathe.blocked<!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none>>, tensor<?x2xi64> -> tensor<?x2x40xf32>
  // Rows that fill no granule are unpacked when they are packed.
  %odd.f = lathe.weight "odd" file 0 offset 0 bytes 6400 : tensor<40x40xf32>
  %odd = lathe.quantize %odd.f : tensor<40x40xf32> -> tensor<40x40x!lathe.blocked<f8E5M2, block = [1, 40], scale = f32, zero = none, outer_scale = none>>
  %odd.y = lathe.matmul %z, %odd transpose_rhs : tensor<?x40xf32>, tensor<40x40x!lathe.blocked<f8E5M2, block = [1, 40], scale = f32, zero = none, outer_scale = none>> -> tensor<?x40xf32>
  %odd.g = lathe.gather %odd, %ids : tensor<40x40x!lathe.blocked<f8E5M2, block = [1, 40], scale = f32, zero = none, outer_scale = none>>, tensor<?xi32> -> tensor<?x40xf32>
  // Many rows are worth unpacking weights to memory.
  %e4m3_blocks.m = lathe.matmul %many, %e4m3_blocks transpose_rhs : tensor<264x128xf32>, tensor<128x128x!lathe.blocked<f8E4M3FN, block = [128, 128], scale = f32, zero = none, outer_scale = none>> -> tensor<264x128xf32>
  %nf4.m = lathe.matmul %many, %nf4 transpose_rhs : tensor<264x128xf32>, tensor<40x128x!lathe.blocked<!lathe.nf4, block = [1, 64], scale = f32, zero = none, outer_scale = none>> -> tensor<264x40xf32>
  return %e4m3_blocks.m, %nf4.m, %int8.y, %one.y, %groups.y, %nibbles.y, %zeros.y, %three.y, %three_zeros.y, %e4m3.y, %e4m3_blocks.y, %e5m2.y, %nf4.y, %double.y, %mx.y, %nv.y, %zeros.g, %nv.g, %nibbles.g, %e4m3_blocks.g, %ex.y, %odd.y, %odd.g : tensor<264x128xf32>, tensor<264x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x128xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>, tensor<?x128xf32>, tensor<?x128xf32>, tensor<?x128xf32>, tensor<?x128xf32>, tensor<?x2x40xf32>, tensor<?x40xf32>, tensor<?x40xf32>
}
}
