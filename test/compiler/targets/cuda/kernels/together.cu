// Parts of one launch, and two products whose sums meet, against loops in f64.
#include "KernelTest.h"
#include "matmul.cuh"
#include "together.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

struct PlusRow {
  __device__ float operator()(float sum, int64_t row, int64_t) const { return sum + float(row); }
};

/// first * 0.5 - second + col: exchanged sums and wrong indices show.
struct Both {
  __device__ float operator()(float first, float second, int64_t, int64_t col) const {
    return first * 0.5f - second + 0.25f * float(col);
  }
};

/// Sums over k of a [m, k] and w [n, k], and of their magnitudes.
template <class A, class W>
void product(int64_t m, int64_t n, int64_t k, const std::vector<A> &a, const std::vector<W> &w,
             std::vector<double> &sum, std::vector<double> &size) {
  sum.assign(m * n, 0);
  size.assign(m * n, 0);
  for (int64_t row = 0; row < m; ++row)
    for (int64_t col = 0; col < n; ++col)
      for (int64_t i = 0; i < k; ++i) {
        double term = number(a[row * k + i]) * number(w[col * k + i]);
        sum[row * n + col] += term;
        size[row * n + col] += std::fabs(term);
      }
}

/// What every product of matmul.cuh takes.
template <class Kernel, class A, class W, class C>
typename Kernel::Params makeParams(const A *a, const W *w, C *c, int64_t m, int64_t n, int64_t k) {
  typename Kernel::Params params{};
  params.A = a, params.W = w, params.C = c, params.M = m, params.N = n, params.K = k;
  params.LdA = k, params.LdW = k, params.LdC = n;
  if constexpr (requires { params.Batch; })
    params.Batch = 1;
  return params;
}

template <class First, class Second, class A, class W, class Output>
void dualCase(Suite &suite, const std::string &name, int64_t m, int64_t n, int64_t k) {
  auto a = randomVector<A>(m * k);
  auto v = randomVector<W>(n * k), w = randomVector<W>(n * k);
  Buffer<A> deviceA(a);
  Buffer<W> deviceV(v), deviceW(w);
  auto out = Buffer<Output>::poisoned(m * n);
  using Kernel = MeetingProducts<First, Second>;
  typename Kernel::Params params{
      makeParams<First>(deviceA.data(), deviceV.data(), static_cast<Nothing *>(nullptr), m, n, k),
      makeParams<Second>(deviceA.data(), deviceW.data(), out.data(), m, n, k)};
  std::string title = name + " " + std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, Both{}, blocks); });
  std::vector<double> first, second, firstSize, secondSize;
  product(m, n, k, a, v, first, firstSize);
  product(m, n, k, a, w, second, secondSize);
  for (size_t i = 0; i < first.size(); ++i) {
    double col = 0.25 * double(i % n);
    firstSize[i] = (0.5 * firstSize[i] + secondSize[i]) * accumulation(k) +
                   4 * Rounding<float> * (std::fabs(first[i]) + std::fabs(second[i]) + col);
    first[i] = 0.5 * first[i] - second[i] + col;
  }
  suite.compare(title, got, first, firstSize);
}

/// Three products of one left operand in one launch, with results of different widths, types and epilogues.
template <class A, class... Kernels>
void togetherCase(Suite &suite, const std::string &name, int64_t m, const int64_t (&n)[3], int64_t k) {
  auto a = randomVector<A>(m * k);
  Buffer<A> deviceA(a);
  std::vector<A> w[3];
  std::vector<Buffer<A>> deviceW;
  for (int i = 0; i < 3; ++i)
    deviceW.emplace_back(w[i] = randomVector<A>(n[i] * k));
  using Kernel = Together<Kernels...>;
  auto c0 = Buffer<float>::poisoned(m * n[0]), c2 = Buffer<float>::poisoned(m * n[2]);
  auto c1 = Buffer<Half>::poisoned(m * n[1]);
  using List = Parts<Kernels...>;
  using First = decltype(List::Head);
  using Second = decltype(decltype(List::Tail)::Head);
  using Third = decltype(decltype(decltype(List::Tail)::Tail)::Head);
  typename Kernel::Params params{makeParams<First>(deviceA.data(), deviceW[0].data(), c0.data(), m, n[0], k),
                                 {makeParams<Second>(deviceA.data(), deviceW[1].data(), c1.data(), m, n[1], k),
                                  {makeParams<Third>(deviceA.data(), deviceW[2].data(), c2.data(), m, n[2], k), {}}}};
  auto work = [&](int64_t blocks) { launch<Kernel>(params, together(StoreAsIs{}, PlusRow{}, StoreAsIs{}), blocks); };
  auto check = [&](auto &out, int part, double row) {
    std::string title = name + " " + std::to_string(m) + "x" + std::to_string(k) + " part " + std::to_string(part);
    auto got = suite.twice(title, out, work);
    std::vector<double> want, size;
    product(m, n[part], k, a, w[part], want, size);
    for (size_t i = 0; i < want.size(); ++i) {
      want[i] += row * double(i / n[part]);
      size[i] = size[i] * accumulation(k) + 2 * Rounding<float> * std::fabs(want[i]);
    }
    suite.compare(title, got, want, size);
  };
  check(c0, 0, 0);
  check(c1, 1, 1);
  check(c2, 2, 0);
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("together", argc, argv);
  for (int64_t n : {1, 5, 64, 65, 130}) {
    dualCase<MatmulFewRows<Half, Half, Nothing, 1>, MatmulFewRows<Half, Half, Half, 1>, Half, Half, Half>(
        suite, "f16 few", 1, n, 264);
    dualCase<MatmulFewRows<float, float, Nothing, 4>, MatmulFewRows<float, float, float, 4>, float, float, float>(
        suite, "f32 few", 3, n, 67);
    dualCase<Matmul<Half, Nothing, SmallTile>, Matmul<Half, Half, SmallTile>, Half, Half, Half>(suite, "f16 small", 17,
                                                                                                n, 136);
    dualCase<Matmul<BFloat16, Nothing, MediumTile>, Matmul<BFloat16, float, MediumTile>, BFloat16, BFloat16, float>(
        suite, "bf16 medium", 65, n, 72);
    dualCase<MatmulSimt<float, float, Nothing>, MatmulSimt<float, float, float>, float, float, float>(suite, "simt", 33,
                                                                                                      n, 40);
  }
  togetherCase<Half, MatmulFewRows<Half, Half, float, 2>, MatmulFewRows<Half, Half, Half, 2>,
               MatmulFewRows<Half, Half, float, 2>>(suite, "few", 2, {9, 4, 1}, 136);
  togetherCase<Half, Matmul<Half, float, MediumTile>, Matmul<Half, Half, MediumTile>, Matmul<Half, float, MediumTile>>(
      suite, "medium", 70, {130, 64, 3}, 136);
  return suite.finish();
}
