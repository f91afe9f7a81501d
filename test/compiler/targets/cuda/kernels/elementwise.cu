// Elementwise and ElementwiseRows of elementwise.cuh against plain loops.
#include "KernelTest.h"
#include "elementwise.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

/// y = a * s + b, and z = a as Half: two results of different types.
template <class A> struct ScaleAdd {
  const A *Left;
  const float *Right;
  const float *Scale;
  float *Y;
  Half *Z;
  template <int N> __device__ void operator()(int64_t index) const {
    float a[N], b[N], s[N], y[N];
    loadVector(Left, index, a);
    loadVector(Right, index, b);
    loadSplat(Scale, 0, s);
#pragma unroll
    for (int i = 0; i < N; ++i)
      y[i] = a[i] * s[i] + b[i];
    storeVector(Y, index, y);
    storeVector(Z, index, a);
  }
};

template <class A, int Vector> void flat(Suite &suite, const std::string &name, int64_t count, size_t shift) {
  auto a = randomVector<A>(count);
  auto b = randomVector<float>(count);
  Buffer<A> left(a, shift);
  Buffer<float> right(b, shift), scale(std::vector<float>{1.75f});
  auto y = Buffer<float>::poisoned(count, shift);
  auto z = Buffer<Half>::poisoned(count, shift);
  using Kernel = Elementwise<Vector>;
  ScaleAdd<A> body{left.data(), right.data(), scale.data(), y.data(), z.data()};
  std::string title = name + " " + std::to_string(count) + " shift " + std::to_string(shift);
  auto got = suite.twice(title, y, [&](int64_t blocks) { launch<Kernel>({count}, body, blocks); });
  auto second = suite.twice(title, z, [&](int64_t blocks) { launch<Kernel>({count}, body, blocks); });
  std::vector<double> want(count), slack(count), copy(count);
  for (int64_t i = 0; i < count; ++i) {
    copy[i] = number(a[i]);
    want[i] = copy[i] * 1.75 + b[i];
    slack[i] = Rounding<float> * 1.75; // one rounding of the product where it is not fused
  }
  suite.compare(title, got, want, slack);
  suite.compare(title + " second", second, copy, std::vector<double>(count));
}

/// An integer result: value types other than float stay what they are.
struct AddIndex {
  const int64_t *A;
  int64_t *Y;
  template <int N> __device__ void operator()(int64_t index) const {
    int64_t a[N];
    loadVector(A, index, a);
#pragma unroll
    for (int i = 0; i < N; ++i)
      a[i] += (index + i) * (int64_t(1) << 40);
    storeVector(Y, index, a);
  }
};

void integers(Suite &suite, int64_t count) {
  auto a = randomVector<int64_t>(count, -1e15, 1e15);
  Buffer<int64_t> in(a);
  auto out = Buffer<int64_t>::poisoned(count);
  std::string title = "int64 " + std::to_string(count);
  auto got = suite.twice(
      title, out, [&](int64_t blocks) { launch<Elementwise<2>>({count}, AddIndex{in.data(), out.data()}, blocks); });
  bool good = !got.empty();
  for (int64_t i = 0; i < count && good; ++i)
    good = got[i] == a[i] + i * (int64_t(1) << 40);
  suite.report(title, good, "an element differs");
}

struct RowsAndCols {
  const Half *A;
  const float *Bias;
  const float *Scale;
  Half *Y;
  int64_t Cols;
  template <int N> __device__ void operator()(int64_t row, int64_t col) const {
    float a[N], b[N], s[N];
    loadVector(A, row * Cols + col, a);
    loadVector(Bias, col, b);
    loadSplat(Scale, row, s);
#pragma unroll
    for (int i = 0; i < N; ++i)
      a[i] = (a[i] + b[i]) * s[i];
    storeVector(Y, row * Cols + col, a);
  }
};

template <int Vector> void rows(Suite &suite, int64_t rows, int64_t cols, size_t shift) {
  auto a = randomVector<Half>(rows * cols);
  auto bias = randomVector<float>(cols), scale = randomVector<float>(rows);
  Buffer<Half> in(a, shift);
  Buffer<float> deviceBias(bias, shift), deviceScale(scale);
  auto out = Buffer<Half>::poisoned(rows * cols, shift);
  RowsAndCols body{in.data(), deviceBias.data(), deviceScale.data(), out.data(), cols};
  std::string title = "rows " + std::to_string(rows) + "x" + std::to_string(cols) + " shift " + std::to_string(shift);
  auto got =
      suite.twice(title, out, [&](int64_t blocks) { launch<ElementwiseRows<Vector>>({rows, cols}, body, blocks); });
  std::vector<double> want(rows * cols), slack(rows * cols, 4 * Rounding<float>);
  for (int64_t i = 0; i < rows * cols; ++i)
    want[i] = (number(a[i]) + bias[i % cols]) * scale[i / cols];
  suite.compare(title, got, want, slack);
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("elementwise", argc, argv);
  for (int64_t count : {int64_t(1), int64_t(7), int64_t(1023), int64_t(1024), int64_t(1025), large(10000019, 20011)})
    for (size_t shift : {0, 1}) {
      flat<float, 4>(suite, "f32 by 4", count, shift);
      flat<BFloat16, 8>(suite, "bf16 by 8", count, shift);
    }
  for (int64_t count : {1, 2, 511, 513})
    integers(suite, count);
  for (int64_t count : {int64_t(1), int64_t(3), int64_t(129), large(4099, 131)})
    for (int64_t cols : {1, 5, 8, 16, 577, 2048})
      for (size_t shift : {0, 3})
        rows<8>(suite, count, cols, shift);
  if (suite.Time) {
    int64_t count = 64 << 20;
    Buffer<float> a(std::vector<float>(count, 1)), b(std::vector<float>(count, 2)), s(std::vector<float>{2});
    auto y = Buffer<float>::poisoned(count);
    auto z = Buffer<Half>::poisoned(count);
    ScaleAdd<float> body{a.data(), b.data(), s.data(), y.data(), z.data()};
    suite.time("f32 by 4, 14 bytes an element, 64 Mi", 1, 14.0 * double(count), 2.0 * double(count),
               [&](int) { launch<Elementwise<4>>({count}, body); });
  }
  return suite.finish();
}
