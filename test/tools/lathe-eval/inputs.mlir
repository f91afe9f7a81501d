// REQUIRES: python-numpy
// RUN: rm -rf %t && mkdir %t && %python %S/Inputs/arrays.py %t
// RUN: lathe-eval %s --input x=%t/x.npy --input n=%t/n.npy | FileCheck %s
// RUN: lathe-eval %s --input x=%t/half.npy --random 1 | FileCheck %s --check-prefix=HALF
// RUN: not lathe-eval %s --random 1 --input x=%t/fortran.npy 2>&1 | FileCheck %s --check-prefix=FORTRAN
// RUN: not lathe-eval %s --random 1 --input x=%t/complex.npy 2>&1 | FileCheck %s --check-prefix=COMPLEX
// RUN: not lathe-eval %s --random 1 --input n=%t/long.npy 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: not lathe-eval %s --random 1 --input x=%t/cut.npy 2>&1 | FileCheck %s --check-prefix=CUT
// RUN: not lathe-eval %s --random 1 --input x=%s 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not lathe-eval %s --random 1 --input x=%t/n.npy 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not lathe-eval %s --random 1 --input z=%t/x.npy 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not lathe-eval %s --random 1 --input x=%t/wide.npy 2>&1 | FileCheck %s --check-prefix=SHAPE

// CHECK: y: tensor<2x2xf32> = {{\[\[}}3, 4], [1, 2]]
// HALF: y: tensor<2x2xf32>
// FORTRAN: fortran.npy: elements are in Fortran order, needed C order; save numpy.ascontiguousarray(x)
// COMPLEX: complex.npy: type is '<c8', needed one of f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1, little-endian
// TYPE: lathe-eval: n: has elements of type i8, needed i32
// CUT: cut.npy: has 12 bytes of data, which its shape and type do not take
// FORMAT: inputs.mlir: is not an .npy file of version 1 or 2
// KIND: lathe-eval: x: has elements of type i4, needed f32
// NAME: lathe-eval: 'z' is no argument of 'main'
// SHAPE: error: 'func.func' op argument 0 of 'main' has shape [2, 3], needed 'tensor<?x2xf32>'
func.func @main(%x: tensor<?x2xf32> {lathe.name = "x", lathe.dims = ["rows", 2]},
                %n: tensor<2xi32> {lathe.name = "n", lathe.dims = [2]}) -> (tensor<2x2xf32> {lathe.name = "y"})
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"rows", 1, 12>]} {
  %y = lathe.gather %x, %n : tensor<?x2xf32>, tensor<2xi32> -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}
