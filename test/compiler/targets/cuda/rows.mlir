// RUN: cuda-print %s | FileCheck %s

// A norm takes in what is computed before it and gives both results: the sum for the next layer, the norm for this one.
// Its weight, which no kernel writes, is fetched before the kernels before have ended.
#rows = affine_map<()[s0] -> (s0, 512)>
#width = affine_map<()[s0] -> (512)>
// CHECK:        template <int N> __device__ void load(int64_t row, int64_t col, float (&x)[N]) const {
// CHECK:          const float [[S:v[0-9]+]] = scalar_add([[A:v[0-9]+]][i], [[B:v[0-9]+]][i]);
// CHECK:          x[i] = [[S]];
// CHECK:        __device__ Row finish(const SumOfSquares::Summary &s, int64_t, bool) const { return {rsqrtf(s.Sum / float(512) + 9.99999975e-06f)}; }
// CHECK:        template <int N> __device__ void store(int64_t row, int64_t col, const float (&x)[N], const float (&gains)[N], const Row &r) const {
// CHECK:          y0[i] = x[i];
// CHECK:          y1[i] = (x[i] * r.Scale * gains[i]);
// CHECK:          storeVector(P3, row * 512 + col, y0);
// CHECK:          storeVector(P4, row * 512 + col, y1);
// CHECK:      using Template = RowReduction<SumOfSquares, 32, 4, true>;
// CHECK:      lathe_rms_norm_f32_f16_0(const float *p0, const float *p1, const float *p2, float *p3, Half *p4, int64_t d0)
// CHECK:      .Rows = d0, .Cols = 512

// CHECK:          y0[i] = (expf(x[i] - r.Max) * r.Scale);
// CHECK:      using Template = RowReduction<SoftmaxSum, 128>;
// CHECK-NEXT: static_assert(Template::Threads == 128 && Template::SharedBytes == 32);
// CHECK:      .Rows = (d0 * 3), .Cols = 2000

// The first of the largest elements: one thread a row writes its place.
// CHECK:        static constexpr bool Stores = false;
// CHECK:        __device__ Row finish(const ArgMaxReduction::Summary &s, int64_t row, bool leader) const {
// CHECK-NEXT:     if (leader)
// CHECK-NEXT:       P1[row] = s.Index < 0 ? 0 : s.Index;
// CHECK:      using Template = RowReduction<ArgMaxReduction, 128>;
// CHECK-NEXT: static_assert(Template::Threads == 128 && Template::SharedBytes == 32);
// CHECK:      lathe_arg_max_f32_i64_2(const float *p0, int64_t *p1, int64_t d0)
plan.program @forward "tensor" symbols [#lathe.symbol<"n", 1, 64>]
    inputs [#plan.port<"x", "tensor", f32, ()[s0] -> (s0, 512)>, #plan.port<"y", "tensor", f32, ()[s0] -> (s0, 512)>,
            #plan.port<"w", "tensor", f32, ()[s0] -> (512)>, #plan.port<"z", "tensor", f32, ()[s0] -> (s0, 3, 2000)>]
    outputs [#plan.port<"s", "tensor", f32, ()[s0] -> (s0, 512)>, #plan.port<"r", "tensor", f16, ()[s0] -> (s0, 512)>,
             #plan.port<"p", "tensor", f32, ()[s0] -> (s0, 3, 2000)>, #plan.port<"i", "tensor", i64, ()[s0] -> (s0, 3)>]
    states [] {
^bb0(%x: !plan.buffer, %y: !plan.buffer, %w: !plan.buffer, %z: !plan.buffer, %s: !plan.buffer, %r: !plan.buffer,
     %p: !plan.buffer, %i: !plan.buffer):
  plan.clone range [] arena affine_map<()[s0] -> (0)> {
    plan.launch <"rms_norm", {}, "rows"> ins(%x, %y, %w) outs(%s, %r) shapes [#rows, #rows, #width, #rows, #rows] {
    ^bb0(%a0: tensor<?x512xf32>, %a1: tensor<?x512xf32>, %a2: tensor<512xf32>):
      %0 = lathe.add %a0, %a1 : tensor<?x512xf32>, tensor<?x512xf32> -> tensor<?x512xf32>
      %1 = lathe.rms_norm %0, %a2 epsilon 1.0e-05 : tensor<?x512xf32>, tensor<512xf32>
      %2 = lathe.cast %1 : tensor<?x512xf32> -> tensor<?x512xf16>
      lathe.yield %0, %2 : tensor<?x512xf32>, tensor<?x512xf16>
    }
    plan.launch <"softmax", {}, "rows"> ins(%z) outs(%p)
        shapes [affine_map<()[s0] -> (s0, 3, 2000)>, affine_map<()[s0] -> (s0, 3, 2000)>] {
    ^bb0(%a0: tensor<?x3x2000xf32>):
      %0 = lathe.softmax %a0 : tensor<?x3x2000xf32>
      lathe.yield %0 : tensor<?x3x2000xf32>
    }
    plan.launch <"arg_max", {}, "rows"> ins(%z) outs(%i)
        shapes [affine_map<()[s0] -> (s0, 3, 2000)>, affine_map<()[s0] -> (s0, 3)>] {
    ^bb0(%a0: tensor<?x3x2000xf32>):
      %0 = lathe.arg_max %a0 axis 2 : tensor<?x3x2000xf32> -> tensor<?x3xi64>
      lathe.yield %0 : tensor<?x3xi64>
    }
  }
}
