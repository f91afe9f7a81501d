// RUN: cuda-print %s --emit=source,launches | FileCheck %s

// Equal shapes: one index. The product of a number and a tensor repeats the number.
// CHECK:      struct Elements {
// CHECK-NEXT:   const float *P0;
// CHECK-NEXT:   const float *P1;
// CHECK-NEXT:   float *P2;
// CHECK-NEXT:   template <int N> __device__ void operator()(int64_t index) const {
// CHECK:          loadVector(P0, index, [[A:v[0-9]+]]);
// CHECK:          loadSplat(P1, 0, [[S:v[0-9]+]]);
// CHECK:          const float [[P:v[0-9]+]] = scalar_mul([[A]][i], [[S]][i]);
// CHECK:          y0[i] = [[P]];
// CHECK:          storeVector(P2, index, y0);
// CHECK:      using Template = Elementwise<4>;
// CHECK:      lathe_elementwise_f32_0(const float *p0, const float *p1, float *p2, int64_t d0)
// CHECK:      .Count = (d0 * 12)

// A bias along the last dimension, one along the first: rows and columns.
// CHECK:        template <int N> __device__ void operator()(int64_t row, int64_t col) const {
// CHECK:          loadVector(P0, row * 12 + col, [[X:v[0-9]+]]);
// CHECK:          loadVector(P1, col, [[B:v[0-9]+]]);
// CHECK:          loadSplat(P2, row, [[C:v[0-9]+]]);
// CHECK:          const float [[T:v[0-9]+]] = scalar_add([[X]][i], [[B]][i]);
// CHECK:          scalar_sub([[T]], [[C]][i]);
// CHECK:      using Template = ElementwiseRows<4>;
// CHECK:      .Rows = d0, .Cols = 12

// Dimensions in another order are read one by one.
// CHECK:        template <int N> __device__ void operator()(int64_t row, int64_t col) const {
// CHECK:          [[Y:v[0-9]+]][i] = toValue(P0[row + (col + i) * 12]);
// CHECK:          y0[i] = [[Y]][i];
// CHECK:          storeVector(P1, row * D0 + col, y0);
// CHECK:      .Rows = 12, .Cols = d0

// CHECK:      forward
// CHECK-NEXT:   lathe_elementwise_f32_0<<<(s0 * 12) ceildiv 1024, 256, 0>>>
// CHECK-NEXT:   lathe_elementwise_f32_1<<<(s0 * 3) ceildiv 256, 256, 0>>>
// CHECK-NEXT:   lathe_transpose_f32_2<<<((s0 ceildiv 4) * 12) ceildiv 256, 256, 0>>>
func.func @forward(%x: tensor<?x12xf32> {lathe.name = "x", lathe.dims = ["n", 12]},
                   %s: tensor<1xf32> {lathe.name = "s", lathe.dims = [1]},
                   %b: tensor<12xf32> {lathe.name = "b", lathe.dims = [12]},
                   %c: tensor<?x1xf32> {lathe.name = "c", lathe.dims = ["n", 1]})
    -> (tensor<?x12xf32>, tensor<?x12xf32>, tensor<12x?xf32>)
    attributes {lathe.entry = "tensor", lathe.symbols = [#lathe.symbol<"n", 1, 64>]} {
  %0 = lathe.mul %x, %s : tensor<?x12xf32>, tensor<1xf32> -> tensor<?x12xf32>
  %1 = lathe.add %x, %b : tensor<?x12xf32>, tensor<12xf32> -> tensor<?x12xf32>
  %2 = lathe.sub %1, %c : tensor<?x12xf32>, tensor<?x1xf32> -> tensor<?x12xf32>
  %3 = lathe.transpose %x permutation [1, 0] : tensor<?x12xf32> -> tensor<12x?xf32>
  return %0, %2, %3 : tensor<?x12xf32>, tensor<?x12xf32>, tensor<12x?xf32>
}
