// The products of matmul.cuh against a loop in f64.
#include "KernelTest.h"
#include "matmul.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

struct Sizes {
  int64_t M, N, K, Batch = 1;
  int64_t Pad = 0;  ///< elements between rows beyond the row
  size_t Shift = 0; ///< elements that the operands are off alignment
};

/// acc * 1.5 + bias[col] - row, rows counted over batches: wrong indices show.
struct BiasAndRow {
  const float *Bias;
  __device__ float operator()(float acc, int64_t row, int64_t col) const {
    return acc * 1.5f + Bias[col] - 0.125f * float(row);
  }
};

/// The sum over k in f64 and the sum of magnitudes, [Batch, M, N].
template <class A, class W>
void product(const Sizes &s, Rhs layout, const std::vector<A> &a, const std::vector<W> &w, std::vector<double> &sum,
             std::vector<double> &size) {
  int64_t ldA = s.K + s.Pad, ldW = (layout == Rhs::NK ? s.K : s.N) + s.Pad, rowsW = layout == Rhs::NK ? s.N : s.K;
  sum.assign(s.Batch * s.M * s.N, 0);
  size.assign(s.Batch * s.M * s.N, 0);
  std::vector<double> left(s.K), right(rowsW * ldW);
  for (int64_t b = 0; b < s.Batch; ++b) {
    for (int64_t i = 0; i < rowsW * ldW; ++i)
      right[i] = number(w[b * rowsW * ldW + i]);
    for (int64_t m = 0; m < s.M; ++m) {
      for (int64_t k = 0; k < s.K; ++k)
        left[k] = number(a[(b * s.M + m) * ldA + k]);
      for (int64_t n = 0; n < s.N; ++n) {
        double total = 0, magnitude = 0;
        for (int64_t k = 0; k < s.K; ++k) {
          double term = left[k] * (layout == Rhs::NK ? right[n * ldW + k] : right[k * ldW + n]);
          total += term;
          magnitude += std::fabs(term);
        }
        sum[(b * s.M + m) * s.N + n] = total;
        size[(b * s.M + m) * s.N + n] = magnitude;
      }
    }
  }
}

/// Operands as a product in tf32 takes them.
std::vector<float> roundToTf32(std::vector<float> values) {
  for (float &value : values)
    value = std::bit_cast<float>(tf32Bits(std::bit_cast<uint32_t>(value)));
  return values;
}

template <class Kernel, class A, class W, class Output, Rhs Layout, bool Rounds = false>
void runCase(Suite &suite, const std::string &kernel, const Sizes &s) {
  int64_t ldA = s.K + s.Pad, ldW = (Layout == Rhs::NK ? s.K : s.N) + s.Pad, rowsW = Layout == Rhs::NK ? s.N : s.K;
  auto a = randomVector<A>(s.Batch * s.M * ldA);
  auto w = randomVector<W>(s.Batch * rowsW * ldW);
  auto bias = randomVector<float>(s.N);
  Buffer<A> deviceA(a, s.Shift);
  Buffer<W> deviceW(w, s.Shift);
  Buffer<float> deviceBias(bias);
  auto out = Buffer<Output>::poisoned(s.Batch * s.M * s.N, s.Shift);
  typename Kernel::Params params{};
  params.A = deviceA.data();
  params.W = deviceW.data();
  params.C = out.data();
  params.M = s.M;
  params.N = s.N;
  params.K = s.K;
  params.LdA = ldA;
  params.LdW = ldW;
  params.LdC = s.N;
  if constexpr (requires { params.Batch; }) {
    params.Batch = s.Batch;
    params.StrideA = s.M * ldA;
    params.StrideW = rowsW * ldW;
    params.StrideC = s.M * s.N;
  }
  std::string title = kernel + " " + std::to_string(s.Batch) + "x" + std::to_string(s.M) + "x" + std::to_string(s.N) +
                      "x" + std::to_string(s.K) + " pad " + std::to_string(s.Pad) + " shift " + std::to_string(s.Shift);
  auto got =
      suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, BiasAndRow{deviceBias.data()}, blocks); });
  std::vector<double> want, size;
  if constexpr (Rounds)
    product(s, Layout, roundToTf32(a), roundToTf32(w), want, size);
  else
    product(s, Layout, a, w, want, size);
  for (size_t i = 0; i < want.size(); ++i) {
    size[i] = 1.5 * size[i] * accumulation(s.K) + 4 * Rounding<float> * (std::fabs(want[i]) + 1 + i / s.N);
    want[i] = want[i] * 1.5 + number(bias[i % s.N]) - 0.125 * static_cast<double>(i / s.N);
  }
  suite.compare(title, got, want, size);
}

const Sizes TileSizes[] = {
    {1, 1, 1},       {3, 5, 7},          {9, 17, 33},           {63, 63, 31},          {64, 64, 32},
    {65, 65, 65},    {127, 127, 64},     {128, 128, 96},        {129, 129, 130},       {16, 136, 200, 1, 8},
    {33, 40, 56, 3}, {20, 72, 64, 2, 3}, {70, 66, 72, 1, 0, 1}, {5, 300, 264, 1, 0, 8}};

template <class Element, class Output, class Tile> void tileCases(Suite &suite, const std::string &name) {
  for (const Sizes &s : TileSizes) {
    runCase<Matmul<Element, Output, Tile, Rhs::NK>, Element, Element, Output, Rhs::NK>(suite, name + " nk", s);
    runCase<Matmul<Element, Output, Tile, Rhs::KN>, Element, Element, Output, Rhs::KN>(suite, name + " kn", s);
  }
}

/// Matrices that repeat along a part of a batch [2, 3, 2] give what copies of them give.
void repetitions(Suite &suite) {
  const int64_t m = 5, n = 7, k = 9, batch = 12;
  auto a = randomVector<float>(batch * m * k), w = randomVector<float>(batch * n * k);
  struct Part {
    BatchStride Stride;
    int64_t Outer, Middle, Inner; ///< the number of the matrix from the coordinates
  };
  const Part parts[] = {
      {{1}, 6, 2, 1}, {{0}, 0, 0, 0}, {{1, 3, 2}, 2, 0, 1}, {{1, 2, 6}, 0, 2, 1}, {{1, 6, 1}, 1, 0, 0}};
  using Kernel = MatmulSimt<float, float, float, Rhs::NK>;
  auto run = [&](const std::vector<float> &lhs, const std::vector<float> &rhs, BatchStride first, BatchStride second) {
    Buffer<float> left(lhs), right(rhs);
    auto out = Buffer<float>::poisoned(batch * m * n);
    launch<Kernel>({left.data(), right.data(), out.data(), m, n, k, k, k, n, batch, first, second, m * n}, StoreAsIs{});
    synchronize();
    return out.read();
  };
  auto copies = [&](const std::vector<float> &from, const Part &part, int64_t size) {
    std::vector<float> result;
    for (int64_t b = 0; b < batch; ++b) {
      int64_t matrix = b / 6 * part.Outer + b / 2 % 3 * part.Middle + b % 2 * part.Inner;
      result.insert(result.end(), from.begin() + matrix * size, from.begin() + (matrix + 1) * size);
    }
    return result;
  };
  auto scaled = [](BatchStride stride, int64_t size) {
    return BatchStride(stride.Stride * size, stride.Repeats, stride.Inner);
  };
  for (const Part &first : parts)
    for (const Part &second : parts)
      suite.report("repeated " + std::to_string(&first - parts) + " " + std::to_string(&second - parts),
                   run(a, w, scaled(first.Stride, m * k), scaled(second.Stride, n * k)) ==
                       run(copies(a, first, m * k), copies(w, second, n * k), m * k, n * k));
}

template <class Output, class Tile> void tf32Cases(Suite &suite, const std::string &name) {
  for (const Sizes &s : TileSizes) {
    runCase<Matmul<Tf32, Output, Tile, Rhs::NK>, float, float, Output, Rhs::NK, true>(suite, name + " nk", s);
    runCase<Matmul<Tf32, Output, Tile, Rhs::KN>, float, float, Output, Rhs::KN, true>(suite, name + " kn", s);
  }
}

/// What rounding operands costs of random terms, the root mean square of errors over that of results.
void tf32Accuracy(Suite &suite) {
  const Sizes s{64, 64, 512};
  auto a = randomVector<float>(s.M * s.K), w = randomVector<float>(s.N * s.K);
  std::vector<double> exact, rounded, size;
  product(s, Rhs::NK, a, w, exact, size);
  product(s, Rhs::NK, roundToTf32(a), roundToTf32(w), rounded, size);
  double error = 0, whole = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    error += (exact[i] - rounded[i]) * (exact[i] - rounded[i]);
    whole += exact[i] * exact[i];
  }
  double relative = std::sqrt(error / whole);
  suite.report("what tf32 loses", relative < 5e-4, std::to_string(relative));
}

template <class W, class A, class Output, int Rows> void fewRowsCases(Suite &suite, const std::string &name) {
  const Sizes sizes[] = {
      {1, 1, 1},        {Rows, 5, 7},         {Rows, 3, 1023},         {(Rows + 1) / 2, 4, 1024},
      {Rows, 33, 1032}, {Rows, 6, 260, 1, 4}, {Rows, 9, 512, 1, 0, 3}, {Rows, large(4096, 64), large(4096, 2048)}};
  for (const Sizes &s : sizes)
    runCase<MatmulFewRows<W, A, Output, Rows>, A, W, Output, Rhs::NK>(suite, name + std::to_string(Rows), s);
}

template <class A, class W, class Output> void simtCases(Suite &suite, const std::string &name) {
  for (const Sizes &s : TileSizes) {
    runCase<MatmulSimt<A, W, Output, Rhs::NK>, A, W, Output, Rhs::NK>(suite, name + " nk", s);
    runCase<MatmulSimt<A, W, Output, Rhs::KN>, A, W, Output, Rhs::KN>(suite, name + " kn", s);
  }
}

template <class Kernel, class A, class W, class Output>
void timeCase(Suite &suite, const char *title, int64_t m, int64_t n, int64_t k) {
  double bytes = double(m * k) * sizeof(A) + double(n * k) * sizeof(W) + double(m * n) * sizeof(Output);
  int copies = int(300e6 / bytes) + 1; // five times the L2 of an H200
  Buffer<A> a(randomVector<A>(m * k));
  Buffer<Output> c = Buffer<Output>::poisoned(m * n);
  std::vector<W> values = randomVector<W>(n * k);
  std::vector<Buffer<W>> w;
  for (int i = 0; i < copies; ++i)
    w.emplace_back(values);
  typename Kernel::Params params{};
  params.A = a.data(), params.C = c.data(), params.M = m, params.N = n, params.K = k;
  params.LdA = k, params.LdW = k, params.LdC = n;
  if constexpr (requires { params.Batch; })
    params.Batch = 1;
  suite.time(title, copies, bytes, 2.0 * double(m) * double(n) * double(k), [&](int i) {
    params.W = w[i].data();
    launch<Kernel>(params, StoreAsIs{});
  });
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("matmul", argc, argv);
  tileCases<Half, Half, LargeTile>(suite, "f16 large");
  tileCases<BFloat16, float, MediumTile>(suite, "bf16 medium");
  tileCases<Half, float, SmallTile>(suite, "f16 small");
  tf32Cases<float, Tf32LargeTile>(suite, "tf32 large");
  tf32Cases<float, Tf32MediumTile>(suite, "tf32 medium");
  tf32Cases<Half, Tf32SmallTile>(suite, "tf32 small");
  tf32Accuracy(suite);
  fewRowsCases<Half, Half, float, 1>(suite, "f16 few ");
  fewRowsCases<Half, float, Half, 2>(suite, "f16*f32 few ");
  fewRowsCases<float, float, float, 4>(suite, "f32 few ");
  fewRowsCases<BFloat16, BFloat16, BFloat16, 8>(suite, "bf16 few ");
  simtCases<float, float, float>(suite, "f32 simt");
  simtCases<float, Half, Half>(suite, "f32*f16 simt");
  if constexpr (!Emulated) {
    runCase<Matmul<Half, float, LargeTile>, Half, Half, float, Rhs::NK>(suite, "f16 large", {257, 1031, 4096});
    runCase<MatmulSimt<float, float, float>, float, float, float, Rhs::NK>(suite, "f32 simt", {257, 515, 2048});
    runCase<Matmul<Tf32, float, Tf32LargeTile>, float, float, float, Rhs::NK, true>(suite, "tf32", {257, 515, 2048});
  }
  if (suite.Time) {
    timeCase<MatmulFewRows<Half, Half, float, 1>, Half, Half, float>(suite, "f16 1x14336x4096", 1, 14336, 4096);
    timeCase<MatmulFewRows<Half, Half, float, 1>, Half, Half, float>(suite, "f16 1x4096x14336", 1, 4096, 14336);
    timeCase<MatmulFewRows<BFloat16, BFloat16, float, 8>, BFloat16, BFloat16, float>(suite, "bf16 8x14336x4096", 8,
                                                                                     14336, 4096);
    timeCase<MatmulFewRows<float, float, float, 1>, float, float, float>(suite, "f32 1x4096x4096", 1, 4096, 4096);
    timeCase<Matmul<Half, float, SmallTile>, Half, Half, float>(suite, "f16 small 16x14336x4096", 16, 14336, 4096);
    timeCase<Matmul<Half, float, MediumTile>, Half, Half, float>(suite, "f16 medium 64x14336x4096", 64, 14336, 4096);
    timeCase<Matmul<Half, Half, LargeTile>, Half, Half, Half>(suite, "f16 large 512x14336x4096", 512, 14336, 4096);
    timeCase<Matmul<Half, Half, LargeTile>, Half, Half, Half>(suite, "f16 large 4096x4096x4096", 4096, 4096, 4096);
    timeCase<MatmulSimt<float, float, float>, float, float, float>(suite, "f32 simt 512x4096x4096", 512, 4096, 4096);
    timeCase<Matmul<Tf32, float, Tf32LargeTile>, float, float, float>(suite, "tf32 large 512x4096x4096", 512, 4096,
                                                                      4096);
    timeCase<Matmul<Tf32, float, Tf32LargeTile>, float, float, float>(suite, "tf32 large 4096x4096x4096", 4096, 4096,
                                                                      4096);
    timeCase<Matmul<Tf32, float, Tf32MediumTile>, float, float, float>(suite, "tf32 medium 128x4096x4096", 128, 4096,
                                                                       4096);
    timeCase<Matmul<Tf32, float, Tf32SmallTile>, float, float, float>(suite, "tf32 small 16x4096x4096", 16, 4096, 4096);
  }
  repetitions(suite);
  return suite.finish();
}
