// RUN: lathe-eval %s | FileCheck %s
// Worked by hand from the table of arXiv 2209.05433: 1.125 and 1.25 are neighbours, 2^-9 is the least number, 448 the
// largest; ties go to even. blocked.py compares all f16 numbers with ml_dtypes.

// CHECK-LABEL: @f32
// CHECK: tensor<9xf32> = [1.25, 1, -1.25, 448, -448, 0.001953125, -0, 0.0039{{.*}}, nan]
func.func @f32() -> tensor<9xf32> {
  %x = lathe.constant dense<[1.1875, 1.0625, -1.2, 460.0, 0xFF800000, 0.0015, -0.0009765625, 0.0048828125, 0x7FC00000]> : tensor<9xf32>
  %y = lathe.round_e4m3 %x : tensor<9xf32>
  return %y : tensor<9xf32>
}

// By way of f32: 1.0625 + 2^-40 is a tie there.
// CHECK-LABEL: @f64
// CHECK: tensor<2xf64> = [1, 16]
func.func @f64() -> tensor<2xf64> {
  %x = lathe.constant dense<[1.0625000000009095, 17.0]> : tensor<2xf64>
  %y = lathe.round_e4m3 %x : tensor<2xf64>
  return %y : tensor<2xf64>
}
