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
// FORTRAN: lathe-eval: {{.*}}fortran.npy: the array is in column-major order
// COMPLEX: lathe-eval: {{.*}}complex.npy: the elements are '<c8'
// TYPE: lathe-eval: argument 'n' has elements of type i64, needed i32
// CUT: lathe-eval: {{.*}}cut.npy: the shape needs 16 bytes but the file has 12
// FORMAT: lathe-eval: {{.*}}inputs.mlir: not a NumPy file
// KIND: lathe-eval: argument 'x' has elements of type i32, needed f32
// NAME: lathe-eval: 'z' is no argument of 'main'
// SHAPE: error: 'func.func' op argument 0 of 'main' has shape [2, 3], needed 'tensor<?x2xf32>'
func.func @main(%x: tensor<?x2xf32> {lathe.name = "x", lathe.dims = ["rows", 2]},
                %n: tensor<2xi32> {lathe.name = "n", lathe.dims = [2]}) -> (tensor<2x2xf32> {lathe.name = "y"})
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"rows", 1, 12>]} {
  %y = lathe.gather %x, %n : tensor<?x2xf32>, tensor<2xi32> -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}
