// RUN: lathe-eval %s | FileCheck %s
// Worked by hand: with base 1 every angle is the position, cos 1 = 0.54030231, sin 1 = 0.84147098, and the heads hold
// unit vectors. compare.test compares other bases with NumPy.

// CHECK-LABEL: @adjacent
// CHECK: tensor<2x1x4xf32> = {{\[\[\[}}1, 0, 0, 1]], {{\[\[}}0.5403023{{[0-9]*}}, 0.84147{{[0-9]*}}, -0.84147{{[0-9]*}}, 0.5403023{{[0-9]*}}]]]
func.func @adjacent() -> tensor<2x1x4xf32> {
  %x = lathe.constant dense<[[[1.0, 0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0, 1.0]]]> : tensor<2x1x4xf32>
  %p = lathe.constant dense<[[0], [1]]> : tensor<2x1xi32>
  %y = lathe.rope %x, %p adjacent base 1.0 dimensions 4 : tensor<2x1x4xf32>, tensor<2x1xi32>
  return %y : tensor<2x1x4xf32>
}

// Elements 0 and 2 turn, and 1 and 3; the fifth passes through. f16 rounds once.
// CHECK-LABEL: @halves_leave_the_rest
// CHECK: tensor<1x1x5xf16> = {{\[\[\[}}0.54052734, -0.8413086, 0.8413086, 0.54052734, 7]]]
func.func @halves_leave_the_rest() -> tensor<1x1x5xf16> {
  %x = lathe.constant dense<[[[1.0, 0.0, 0.0, 1.0, 7.0]]]> : tensor<1x1x5xf16>
  %p = lathe.constant dense<[[1]]> : tensor<1x1xi32>
  %y = lathe.rope %x, %p halves base 1.0 dimensions 4 : tensor<1x1x5xf16>, tensor<1x1xi32>
  return %y : tensor<1x1x5xf16>
}

// Factors 2 and 4 divide the angles: position 2 turns the first pair by 1 and the second by 0.5 (cos 0.87758256, sin
// 0.47942554). Columns of `positions` after the first do not count.
// CHECK-LABEL: @factors_divide_angles
// CHECK: tensor<1x1x4xf32> = {{\[\[\[}}0.5403023{{[0-9]*}}, 0.84147{{[0-9]*}}, 0.877582{{[0-9]*}}, 0.479425{{[0-9]*}}]]]
func.func @factors_divide_angles() -> tensor<1x1x4xf32> {
  %x = lathe.constant dense<[[[1.0, 0.0, 1.0, 0.0]]]> : tensor<1x1x4xf32>
  %p = lathe.constant dense<[[2, 99]]> : tensor<1x2xi32>
  %f = lathe.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %y = lathe.rope %x, %p factors %f : tensor<2xf32> adjacent base 1.0 dimensions 4 :
      tensor<1x1x4xf32>, tensor<1x2xi32>
  return %y : tensor<1x1x4xf32>
}

// What turns is doubled, what passes through is not.
// CHECK-LABEL: @magnitude
// CHECK: tensor<1x1x3xf32> = {{\[\[\[}}2, 4, 5]]]
func.func @magnitude() -> tensor<1x1x3xf32> {
  %x = lathe.constant dense<[[[1.0, 2.0, 5.0]]]> : tensor<1x1x3xf32>
  %p = lathe.constant dense<[[0]]> : tensor<1x1xi32>
  %y = lathe.rope %x, %p halves base 1.0 dimensions 2 magnitude 2.0 : tensor<1x1x3xf32>, tensor<1x1xi32>
  return %y : tensor<1x1x3xf32>
}
