// The products of packed_matmul.cuh and its forms for sm_90a against a loop in f64.
#include "KernelTest.h"
#include "packed_matmul.cuh"
#include "packed_matmul_batch_sm90.cuh"
#include "packed_matmul_few_sm90.cuh"
#include "packed_matmul_sm90.cuh"
#include "packed_matmul_wide_sm90.cuh"
#include <tuple>

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

struct Sizes {
  int64_t M, N, K;
  int64_t Pad = 0;  ///< elements between rows of A beyond the row
  size_t Shift = 0; ///< elements that A and C are off alignment
};

/// W [N, K] packed as packed_matmul.cuh says.
template <class Element>
std::vector<InMemory<Element>> pack(const std::vector<InMemory<Element>> &w, int64_t n, int64_t k) {
  constexpr int64_t Width = PackedDepth<Element>, Chunk = ChunkSize<Element>;
  int64_t depth = (k + Width - 1) / Width;
  std::vector<InMemory<Element>> packed((n + 63) / 64 * depth * 64 * Width);
  for (int64_t row = 0; row < n; ++row)
    for (int64_t col = 0; col < k; ++col) {
      int64_t tile = row / 64 * depth + col / Width, chunk = (col % Width / Chunk) ^ (row & 7);
      packed[(tile * 64 + row % 64) * Width + chunk * Chunk + col % Chunk] = w[row * k + col];
    }
  return packed;
}

/// By what a warpgroup's sum of f8 may be off. Of a step, 32 products and the sum so far, all are aligned to the
/// largest of them and cut 13 bits below it, towards zero (arXiv 2412.19437, 3.3.2), so that an addend loses its rest
/// beyond that place, and the sum no more than any rest. What products lose is known, as is its sign; what else may be,
/// a sum that begins at another place as blocks share it among it, is the standard deviation.
class Float8Sum {
public:
  /// `sum`: that of the terms before.
  void add(double term, double sum) {
    if (Count == 0)
      begin(sum);
    Terms[Count++] = term;
    if (Count == Step)
      finishStep();
  }
  /// None of the millions of sums of a run is further off but once in thousands of runs.
  double finish(double sum) {
    finishStep();
    begin(sum);
    finishStep(); // the result is cut as well
    return std::fabs(Lost) + 6.5 * std::sqrt(Variance);
  }

private:
  static constexpr int Step = 32, Bits = 13;
  double Terms[Step], Low = 0, High = 0, Before = 0, Lost = 0, Variance = 0;
  int Count = 0;

  /// The largest that a sum up to here may be, wherever it began.
  void begin(double sum) {
    Low = std::min(Low, sum);
    High = std::max(High, sum);
    Before = std::max(sum - Low, High - sum);
  }
  void finishStep() {
    double largest = Before;
    for (int i = 0; i < Count; ++i)
      largest = std::max(largest, std::fabs(Terms[i]));
    if (largest > 0) {
      double place = std::ldexp(1, std::ilogb(largest) - Bits), squares = Before > 0 ? 1.0 / 3 : 0; // of any rest
      for (int i = 0; i < Count; ++i) {
        double places = Terms[i] * (1 / place), rest = places - static_cast<int>(places);
        Lost += rest * place;
        squares += rest * rest;
      }
      Variance += squares * place * place;
    }
    Count = 0;
    Before = 0;
  }
};

/// What a sum of `count` products may be off by, of magnitudes that add up to `size`. What else multiplies f8 is as
/// exact as f16, and so is the emulation.
template <class Element> double sumRounding(int64_t count, double size, double float8) {
  return size * accumulation(count) + (!Emulated && IsSame<Element, Float8> ? float8 : 0);
}

/// What a product takes of numbers in memory.
template <class Element> std::vector<InMemory<Element>> roundForProduct(std::vector<InMemory<Element>> values) {
  if constexpr (IsSame<Element, Tf32>)
    for (float &value : values)
      value = std::bit_cast<float>(tf32Bits(std::bit_cast<uint32_t>(value)));
  return values;
}

/// acc * scale + bias[col] - row: wrong indices and a wrong part's epilogue show.
struct BiasAndRow {
  const float *Bias;
  float Scale;
  __device__ float operator()(float acc, int64_t row, int64_t col) const { return (*this)(acc, fetch(row, col)); }
  struct Fetched {
    float Value;
  };
  __device__ Fetched fetch(int64_t row, int64_t col) const { return {Bias[col] - 0.125f * float(row)}; }
  __device__ float operator()(float acc, const Fetched &fetched) const { return acc * Scale + fetched.Value; }
};

/// Not symmetric in its two sums.
struct Gate {
  const float *Bias;
  __device__ float operator()(float gate, float up, int64_t row, int64_t col) const {
    return (gate + Bias[col]) * (up - 0.125f * float(row));
  }
};

/// A product's weights and result on the device, and the sums that it should have.
template <class Element, class Output> struct Product {
  int64_t M, N, K;
  std::vector<InMemory<Element>> W;
  std::vector<float> Bias;
  Buffer<InMemory<Element>> Packed;
  Buffer<float> DeviceBias;
  Buffer<Output> C;
  std::vector<double> Sum, Size, Cut; ///< the last of f8 alone

  Product(const std::vector<InMemory<Element>> &rows, const Sizes &s, int64_t n)
      : M(s.M), N(n), K(s.K), W(roundForProduct<Element>(randomVector<InMemory<Element>>(n * s.K))),
        Bias(randomVector<float>(n)), Packed(pack<Element>(W, n, s.K)), DeviceBias(Bias),
        C(Buffer<Output>::poisoned(s.M * n, s.Shift)), Sum(M * N), Size(M * N), Cut(M * N) {
    std::vector<double> left(M * K), right(N * K);
    std::vector<InMemory<Element>> a = roundForProduct<Element>(rows);
    for (int64_t m = 0; m < M; ++m)
      for (int64_t k = 0; k < K; ++k)
        left[m * K + k] = number(a[m * (K + s.Pad) + k]);
    for (int64_t i = 0; i < N * K; ++i)
      right[i] = number(W[i]);
    for (int64_t m = 0; m < M; ++m)
      for (int64_t i = 0; i < N; ++i) {
        Float8Sum float8;
        for (int64_t k = 0; k < K; ++k) {
          double term = left[m * K + k] * right[i * K + k];
          if (!Emulated && IsSame<Element, Float8>)
            float8.add(term, Sum[m * N + i]);
          Sum[m * N + i] += term;
          Size[m * N + i] += std::fabs(term);
        }
        Cut[m * N + i] = float8.finish(Sum[m * N + i]);
      }
  }

  /// `inexact` is by how much elements of A may be off, relative to themselves.
  void compare(Suite &suite, const std::string &title, const std::vector<Output> &got, float scale,
               double inexact = 0) const {
    std::vector<double> want(M * N), slack(M * N);
    for (int64_t i = 0; i < M * N; ++i) {
      want[i] = Sum[i] * scale + number(Bias[i % N]) - 0.125 * static_cast<double>(i / N);
      slack[i] = scale * (sumRounding<Element>(K, Size[i], Cut[i]) + Size[i] * inexact) +
                 4 * Rounding<float> * (std::fabs(Sum[i]) * scale + 1 + i / N);
    }
    suite.compare(title, got, want, slack);
  }
};

std::string titleOf(const std::string &kernel, const Sizes &s) {
  return kernel + " " + std::to_string(s.M) + "x" + std::to_string(s.N) + "x" + std::to_string(s.K) + " pad " +
         std::to_string(s.Pad) + " shift " + std::to_string(s.Shift);
}

template <class Kernel, class Element>
typename Kernel::Params paramsOf(const Buffer<Element> &a, const Sizes &s, int64_t blocks = 132) {
  typename Kernel::Params params{};
  params.A = a.data(), params.M = s.M, params.K = s.K, params.LdA = s.K + s.Pad;
  params.Blocks = blocks;
  return params;
}

template <class Kernel, class Element, class Output>
void runCase(Suite &suite, const std::string &kernel, const Sizes &s) {
  auto a = randomVector<InMemory<Element>>(s.M * (s.K + s.Pad));
  Buffer<InMemory<Element>> deviceA(a, s.Shift);
  Product<Element, Output> product(a, s, s.N);
  // Fewer blocks than tiles, so that the ring goes on from tile to tile.
  auto params = paramsOf<Kernel>(deviceA, s, 2);
  params.Parts[0] = {{product.Packed.data()}, product.C.data(), s.N, s.N};
  std::string title = titleOf(kernel, s);
  auto got = suite.twice(title, product.C, [&](int64_t blocks) {
    launch<Kernel>(params, BiasAndRow{product.DeviceBias.data(), 1.5f}, blocks);
  });
  product.compare(suite, title, got, 1.5f);
}

/// The rows that a product takes, rounded to Element, as normalized_rows.cuh says.
template <class Element, class Source, class Gain>
std::vector<Element> normalize(const std::vector<Source> &x, const std::vector<Gain> &gain, const Sizes &s,
                               float epsilon) {
  std::vector<Element> rows(s.M * (s.K + s.Pad));
  for (int64_t m = 0; m < s.M; ++m) {
    const Source *row = x.data() + m * (s.K + s.Pad);
    double sum = 0;
    for (int64_t k = 0; k < s.K; ++k)
      sum += number(row[k]) * number(row[k]);
    double scale = 1 / std::sqrt(sum / static_cast<double>(s.K) + epsilon);
    for (int64_t k = 0; k < s.K; ++k)
      rows[m * (s.K + s.Pad) + k] = element<Element>(number(row[k]) * scale * number(gain[k]));
  }
  return rows;
}

/// As runCase, with rows that the product normalizes. An element of theirs may be rounded to a neighbour.
template <class Kernel, class Element, class Output, class Source, class Gain>
void runNormalized(Suite &suite, const std::string &kernel, const Sizes &s) {
  constexpr float Epsilon = 0.01f;
  auto x = randomVector<Source>(s.M * (s.K + s.Pad));
  auto gain = randomVector<Gain>(s.K);
  Buffer<Source> deviceX(x, s.Shift);
  Buffer<Gain> deviceGain(gain, s.Shift);
  Product<Element, Output> product(normalize<Element>(x, gain, s, Epsilon), s, s.N);
  auto params = paramsOf<Kernel>(deviceX, s, 2);
  params.Parts[0] = {{product.Packed.data()}, product.C.data(), s.N, s.N};
  params.Norm = {deviceGain.data(), Epsilon};
  std::string title = titleOf(kernel, s);
  auto got = suite.twice(title, product.C, [&](int64_t blocks) {
    launch<Kernel>(params, BiasAndRow{product.DeviceBias.data(), 1.5f}, blocks);
  });
  product.compare(suite, title, got, 1.5f, 2 * Rounding<Element>);
}

/// Three products of one A, of N, 40 and 17 columns.
template <class Kernel, class Element, class O0, class O1, class O2>
void runJoined(Suite &suite, const std::string &kernel, const Sizes &s) {
  auto a = randomVector<InMemory<Element>>(s.M * (s.K + s.Pad));
  Buffer<InMemory<Element>> deviceA(a, s.Shift);
  Product<Element, O0> first(a, s, s.N);
  Product<Element, O1> second(a, s, 40);
  Product<Element, O2> third(a, s, 17);
  auto params = paramsOf<Kernel>(deviceA, s, 4);
  params.Parts[0] = {{first.Packed.data()}, first.C.data(), s.N, s.N};
  params.Parts[1] = {{second.Packed.data()}, second.C.data(), 40, 40};
  params.Parts[2] = {{third.Packed.data()}, third.C.data(), 17, 17};
  std::string title = titleOf(kernel, s);
  auto got = suite.twice(
      title, first.C,
      [&](int64_t blocks) {
        launch<Kernel>(params,
                       joinEpilogues(BiasAndRow{first.DeviceBias.data(), 1.5f},
                                     BiasAndRow{second.DeviceBias.data(), 0.5f},
                                     BiasAndRow{third.DeviceBias.data(), 3.0f}),
                       blocks);
      },
      [&] {
        first.C.poison();
        second.C.poison();
        third.C.poison();
      });
  first.compare(suite, title, got, 1.5f);
  suite.report(title + " guards", second.C.guardsIntact() && third.C.guardsIntact(), "wrote outside a result");
  second.compare(suite, title + " second", second.C.read(), 0.5f);
  third.compare(suite, title + " third", third.C.read(), 3.0f);
}

template <class Kernel, class Element, class Output>
void runDual(Suite &suite, const std::string &kernel, const Sizes &s) {
  auto a = randomVector<InMemory<Element>>(s.M * (s.K + s.Pad));
  Buffer<InMemory<Element>> deviceA(a, s.Shift);
  Product<Element, Output> gate(a, s, s.N), up(a, s, s.N);
  auto params = paramsOf<Kernel>(deviceA, s, 2);
  params.Parts[0] = {{gate.Packed.data(), up.Packed.data()}, gate.C.data(), s.N, s.N};
  std::string title = titleOf(kernel, s);
  auto got =
      suite.twice(title, gate.C, [&](int64_t blocks) { launch<Kernel>(params, Gate{gate.DeviceBias.data()}, blocks); });
  std::vector<double> want(s.M * s.N), slack(s.M * s.N);
  for (int64_t i = 0; i < s.M * s.N; ++i) {
    double x = gate.Sum[i] + number(gate.Bias[i % s.N]), y = up.Sum[i] - 0.125 * static_cast<double>(i / s.N);
    double dx = sumRounding<Element>(s.K, gate.Size[i], gate.Cut[i]) + 2 * Rounding<float> * (std::fabs(x) + 1);
    double dy = sumRounding<Element>(s.K, up.Size[i], up.Cut[i]) + 2 * Rounding<float> * (std::fabs(y) + i / s.N);
    want[i] = x * y;
    slack[i] = std::fabs(x) * dy + std::fabs(y) * dx + dx * dy + 2 * Rounding<float> * std::fabs(x * y);
  }
  suite.compare(title, got, want, slack);
}

template <class Element, class Output, int Rows> void fewRowsCases(Suite &suite, const std::string &name) {
  using Few = PackedMatmulFewRows<Element, Output, Rows>;
  for (const Sizes &s : {Sizes{1, 1, 1}, Sizes{Rows, 17, 65}, Sizes{(Rows + 1) / 2, 64, 64}, Sizes{Rows, 100, 520, 3},
                         Sizes{Rows, 63, 576, 0, 1}, Sizes{Rows, 200, 1032, 8}})
    runCase<Few, Element, Output>(suite, name + " few " + std::to_string(Rows), s);
  runCase<PackedMatmulFewRowsSm90<Element, Output, Rows, 1>, Element, Output>(suite, name + " few sm90", {1, 1, 1});
  runCase<PackedMatmulFewRowsSm90<Element, Output, Rows, 65>, Element, Output>(suite, name + " few sm90",
                                                                               {Rows, 17, 65});
  runCase<PackedMatmulFewRowsSm90<Element, Output, Rows, 520>, Element, Output>(suite, name + " few sm90",
                                                                                {(Rows + 1) / 2, 130, 520, 3});
  if constexpr (Rows == 1)
    runCase<PackedMatmulFewRowsSm90<Element, Output, 1, 520, AsIs, true>, Element, Output>(suite, name + " few alone",
                                                                                           {1, 130, 520, 3});
  runCase<PackedMatmulFewRowsSm90<Element, Output, Rows, 576>, Element, Output>(suite, name + " few sm90",
                                                                                {Rows, 63, 576, 0, 1});
  runCase<PackedMatmulFewRowsSm90<Element, Output, Rows, 4100>, Element, Output>(suite, name + " few sm90",
                                                                                 {Rows, 64, 4100});
}

/// Kernels that are to give a row the same bits, whatever rows are beside it: `Whole` computes 300 rows, each of
/// `Kernels` the rows from some row on.
template <class Element, class Output, class Whole, class... Kernels>
void sameBitsCases(Suite &suite, const std::string &name) {
  const Sizes all{large(300, 70), large(520, 72), large(4100, 330)};
  auto a = randomVector<InMemory<Element>>(all.M * all.K);
  Buffer<InMemory<Element>> deviceA(a);
  Product<Element, Output> product(a, all, all.N);
  auto compute = [&]<class Kernel>(int64_t first, int64_t count) {
    auto params = paramsOf<Kernel>(deviceA, {count, all.N, all.K});
    params.A += first * all.K;
    params.Parts[0] = {{product.Packed.data()}, product.C.data(), all.N, all.N};
    product.C.poison();
    launch<Kernel>(params, StoreAsIs{});
    synchronize();
    return product.C.read();
  };
  auto want = compute.template operator()<Whole>(0, all.M);
  auto check = [&]<class Kernel>(int kernel) {
    for (auto [first, count] : {std::pair<int64_t, int64_t>{69, 1}, {1, 7}, {3, 64}}) {
      auto got = compute.template operator()<Kernel>(first, count);
      bool same = std::memcmp(got.data(), want.data() + first * all.N, count * all.N * sizeof(Output)) == 0;
      suite.report(name + " same bits " + std::to_string(kernel) + ", " + std::to_string(count) + " rows", same,
                   "differs from the product of all rows");
    }
  };
  int kernel = 0;
  (check.template operator()<Kernels>(kernel++), ...);
}

template <class Kernel, class Element, class Output> void tileCases(Suite &suite, const std::string &name) {
  for (const Sizes &s :
       {Sizes{1, 1, 1}, Sizes{17, 33, 65}, Sizes{64, 64, 64}, Sizes{65, 257, 130, 3}, Sizes{127, 100, 520},
        Sizes{129, 130, 200, 8, 8}, Sizes{20, 300, 72, 1, 3}, Sizes{150, 264, 72}})
    runCase<Kernel, Element, Output>(suite, name, s);
  if constexpr (!Emulated)
    for (const Sizes &s : {Sizes{200, 520, 2048}, Sizes{515, 770, 330}})
      runCase<Kernel, Element, Output>(suite, name, s);
}

void float8Cases(Suite &suite) {
  fewRowsCases<Float8, float, 1>(suite, "f8");
  fewRowsCases<Float8, Half, 8>(suite, "f8");
  tileCases<PackedMatmul<Float8, float, PackedMediumTile>, Float8, float>(suite, "f8 medium");
  tileCases<PackedMatmul<Float8, BFloat16, PackedSmallTile>, Float8, BFloat16>(suite, "f8 small");
  tileCases<PackedMatmulWideSm90<Float8, float>, Float8, float>(suite, "f8 sm90 wide");
  tileCases<PackedMatmulSm90<Float8, float, PackedRowsTile>, Float8, float>(suite, "f8 sm90 rows");
  tileCases<PackedMatmulSm90<Float8, Half, PackedThinTile>, Float8, Half>(suite, "f8 sm90 thin");
  tileCases<PackedMatmulBatchSm90<Float8, float, BatchTile<64, 8, 2, 4, 4>>, Float8, float>(suite, "f8 batch");
  tileCases<PackedMatmulBatchSm90<Float8, float, BatchTile<16, 7, 1, 1, 3>>, Float8, float>(suite, "f8 batch");
  runCase<PackedMatmulWideSm90<Float8, float>, Float8, float>(suite, "f8 sm90 wide shared", {20, 200, 2100});
  runDual<PackedMatmulWideSm90<Float8, Dual<float>>, Float8, float>(suite, "f8 dual sm90 wide", {130, 152, 400});
  runJoined<PackedMatmulWideSm90<Float8, Joined<float, Half, float>>, Float8, float, Half, float>(
      suite, "f8 joined sm90 wide", {70, 292, 272});
}

void tf32Cases(Suite &suite) {
  fewRowsCases<Tf32, float, 1>(suite, "tf32");
  fewRowsCases<Tf32, Half, 8>(suite, "tf32");
  tileCases<PackedMatmul<Tf32, float, PackedMediumTile>, Tf32, float>(suite, "tf32 medium");
  tileCases<PackedMatmulWideSm90<Tf32, float>, Tf32, float>(suite, "tf32 sm90 wide");
  tileCases<PackedMatmulWideSm90<Tf32, float, 192>, Tf32, float>(suite, "tf32 sm90 192");
  tileCases<PackedMatmulSm90<Tf32, float, PackedRowsTile>, Tf32, float>(suite, "tf32 sm90 rows");
  tileCases<PackedMatmulSm90<Tf32, Half, PackedThinTile>, Tf32, Half>(suite, "tf32 sm90 thin");
  tileCases<PackedMatmulBatchSm90<Tf32, float, BatchTile<64, 8, 2, 4, 4>>, Tf32, float>(suite, "tf32 batch");
  tileCases<PackedMatmulBatchSm90<Tf32, float, BatchTile<16, 7, 1, 1, 3>>, Tf32, float>(suite, "tf32 batch");
  runCase<PackedMatmulFewRowsSm90<Tf32, float, 8, 4000>, Tf32, float>(suite, "tf32 few sm90 not resident",
                                                                      {8, 20, 4000});
  // Two blocks share a tile along K.
  runCase<PackedMatmulWideSm90<Tf32, float>, Tf32, float>(suite, "tf32 sm90 wide shared", {20, 200, 526});
  runDual<PackedMatmulWideSm90<Tf32, Dual<float>>, Tf32, float>(suite, "tf32 dual sm90 wide", {130, 152, 200});
  runDual<PackedMatmul<Tf32, Dual<float>, PackedMediumTile>, Tf32, float>(suite, "tf32 dual tiles", {70, 70, 200});
  runJoined<PackedMatmulWideSm90<Tf32, Joined<float, Half, float>>, Tf32, float, Half, float>(
      suite, "tf32 joined sm90 wide", {70, 292, 136});
  sameBitsCases<Tf32, float, PackedMatmulWideSm90<Tf32, float, 256, false>,
                PackedMatmulWideSm90<Tf32, float, 192, false>,
                PackedMatmulBatchSm90<Tf32, float, BatchTile<16, 7, 1, 1, 3>>,
                PackedMatmulBatchSm90<Tf32, float, BatchTile<64, 8, 2, 1, 4>>>(suite, "tf32 sm90");
}

#ifndef LATHE_EMULATED
/// Pairs of bf16 between -1/32 and 1/32.
__global__ void fillRandom(uint32_t *words, size_t count) {
  for (size_t i = blockIdx.x * size_t(blockDim.x) + threadIdx.x; i < count; i += size_t(gridDim.x) * blockDim.x) {
    uint32_t x = uint32_t(i) * 747796405u + 2891336453u;
    x = (x >> (x >> 28 | 4) ^ x) * 277803737u;
    words[i] = packBFloat16((float(x & 0xffff) - 32768) / (1 << 20), (float(x >> 16) - 32768) / (1 << 20));
  }
}

/// A product with random weights for timing: as many copies of the weights as exceed the L2.
template <class Kernel, class Element, class Output, class Body>
void timeCase(Suite &suite, const char *title, int64_t m, int64_t n, int64_t k, const Body &body,
              int64_t blocks = 132) {
  constexpr int Sums = Kernel::Form::Sums;
  double weightBytes = double(Sums) * (n + 63) / 64 * ceilDiv<int64_t>(k, PackedDepth<Element>) * PackedTileBytes;
  double bytes = weightBytes + double(m * k + m * n) * sizeof(InMemory<Element>);
  int copies = int(300e6 / bytes) + 2;
  Buffer<InMemory<Element>> a(randomVector<InMemory<Element>>(m * k));
  auto c = Buffer<Output>::poisoned(m * n);
  size_t each = size_t(weightBytes) / Sums;
  char *w = nullptr;
  check(cudaMalloc(reinterpret_cast<void **>(&w), copies * Sums * each), "cudaMalloc");
  fillRandom<<<1024, 256>>>(reinterpret_cast<uint32_t *>(w), copies * Sums * each / 4);
  auto params = paramsOf<Kernel>(a, Sizes{m, n, k}, blocks);
  suite.time(title, copies, bytes, 2.0 * Sums * double(m) * double(n) * double(k), [&](int i) {
    for (int s = 0; s < Sums; ++s)
      params.Parts[0].W[s] = reinterpret_cast<const InMemory<Element> *>(w + (i * Sums + s) * each);
    params.Parts[0].C = c.data(), params.Parts[0].N = n, params.Parts[0].LdC = n;
    launch<Kernel>(params, body);
  });
  cudaFree(w);
}

void timeTf32(Suite &suite) {
  auto title = [](int64_t m, int64_t n, int64_t k, const char *kernel) {
    return "tf32 " + std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) + " " + kernel;
  };
  auto time = [&]<class Kernel>(int64_t m, int64_t n, int64_t k, const char *kernel) {
    timeCase<Kernel, Tf32, float>(suite, title(m, n, k, kernel).c_str(), m, n, k, StoreAsIs{});
  };
  for (auto [m, n, k] : {std::tuple{4096, 4096, 4096}, {512, 4096, 4096}, {2048, 768, 768}, {2048, 3072, 768}}) {
    time.operator()<PackedMatmulWideSm90<Tf32, float>>(m, n, k, "256");
    time.operator()<PackedMatmulWideSm90<Tf32, float, 192>>(m, n, k, "192");
    time.operator()<PackedMatmulSm90<Tf32, float, PackedRowsTile>>(m, n, k, "rows");
  }
  time.operator()<PackedMatmul<Tf32, float, PackedLargeTile>>(4096, 4096, 4096, "sm_80 large");
  time.operator()<PackedMatmulFewRowsSm90<Tf32, float, 1, 4096>>(1, 4096, 4096, "few");
  time.operator()<PackedMatmulFewRowsSm90<Tf32, float, 1, 4096>>(1, 14336, 4096, "few");
  time.operator()<PackedMatmulFewRowsSm90<Tf32, float, 8, 4096>>(8, 4096, 4096, "few");
  time.operator()<PackedMatmulBatchSm90<Tf32, float, BatchTile<16, 8, 2, 4, 8>>>(16, 4096, 4096, "batch");
  time.operator()<PackedMatmulBatchSm90<Tf32, float, BatchTile<64, 8, 2, 4, 6>>>(64, 4096, 4096, "batch");
  time.operator()<PackedMatmulBatchSm90<Tf32, float, BatchTile<128, 8, 2, 2, 5>>>(128, 4096, 4096, "batch");
  time.operator()<PackedMatmulSm90<Tf32, float, PackedThinTile>>(64, 4096, 4096, "thin");
}

struct GateTimesUp {
  __device__ float operator()(float gate, float up, int64_t, int64_t) const { return gate / (1 + __expf(-gate)) * up; }
};

/// The products of a token of an 8B model, 129 of them, each of what the one before gave: 15 GB of random weights in a
/// graph of dependent launches.
class Chain {
public:
  using B = BFloat16;

  Chain(int rows) : Rows(rows) {
    check(cudaMalloc(&Weights, WeightBytes), "cudaMalloc");
    fillRandom<<<1024, 256>>>(Weights, WeightBytes / 4);
    for (B *&x : X)
      check(cudaMalloc(&x, 8 * 128256 * 2), "cudaMalloc");
    fillRandom<<<64, 256>>>(reinterpret_cast<uint32_t *>(X[0]), 8 * 14336 / 2);
    check(cudaStreamCreate(&Stream), "cudaStreamCreate");
    check(cudaDeviceSynchronize(), "fill");
  }
  ~Chain() {
    cudaFree(Weights);
    for (B *x : X)
      cudaFree(x);
  }

  template <int Capacity> void time(Suite &suite, const char *title) {
    check(cudaStreamBeginCapture(Stream, cudaStreamCaptureModeThreadLocal), "capture");
    Offset = Launches = 0;
    for (int layer = 0; layer < 32; ++layer) {
      using Qkv = PackedMatmulFewRowsSm90<B, Joined<B, B, B>, Capacity, 4096>;
      typename Qkv::Params qkv{X[0], Rows, 4096,
                               4096, 132,  {part(4096, 4096, 1), part(1024, 4096, 2), part(1024, 4096, 3)}};
      start<Qkv>(qkv, joinEpilogues(StoreAsIs{}, StoreAsIs{}, StoreAsIs{}));
      using Out = PackedMatmulFewRowsSm90<B, B, Capacity, 4096, AsIs, true>;
      start<Out>(typename Out::Params{X[1], Rows, 4096, 4096, 132, {part(4096, 4096, 0)}}, StoreAsIs{});
      using GateUp = PackedMatmulFewRowsSm90<B, Dual<B>, Capacity, 4096>;
      auto gate = part(14336, 4096, 4), up = part(14336, 4096, 4);
      start<GateUp>(
          typename GateUp::Params{X[0], Rows, 4096, 4096, 132, {{{gate.W[0], up.W[0]}, gate.C, 14336, 14336}}},
          GateTimesUp{});
      using Down = PackedMatmulFewRowsSm90<B, B, Capacity, 14336, AsIs, true>;
      start<Down>(typename Down::Params{X[4], Rows, 14336, 14336, 132, {part(4096, 14336, 0)}}, StoreAsIs{});
    }
    using Head = PackedMatmulFewRowsSm90<B, B, Capacity, 4096>;
    start<Head>(typename Head::Params{X[0], Rows, 4096, 4096, 132, {part(128256, 4096, 5)}}, StoreAsIs{});
    cudaGraph_t graph;
    cudaGraphExec_t program;
    check(cudaStreamEndCapture(Stream, &graph), "end of capture");
    check(cudaGraphInstantiate(&program, graph, 0), "instantiate");
    check(cudaGraphLaunch(program, Stream), "graph");
    check(cudaStreamSynchronize(Stream), "graph");
    suite.time(title, 1, double(Offset), 0, [&](int) { cudaGraphLaunch(program, nullptr); });
    cudaGraphExecDestroy(program);
    cudaGraphDestroy(graph);
  }

private:
  static constexpr size_t WeightBytes = size_t(16) << 30;
  int Rows, Launches = 0;
  size_t Offset = 0;
  uint32_t *Weights = nullptr;
  B *X[6] = {};
  cudaStream_t Stream;

  ProductPart<B, 1> part(int64_t n, int64_t k, int target) {
    auto *w = reinterpret_cast<const B *>(reinterpret_cast<char *>(Weights) + Offset);
    Offset += (n + 63) / 64 * (k / 64) * 8192;
    return {{w}, X[target], n, n};
  }

  template <class Kernel, class Body> void start(const typename Kernel::Params &params, const Body &body) {
    check(
        cudaFuncSetAttribute(runTiles<Kernel, Body>, cudaFuncAttributeMaxDynamicSharedMemorySize, Kernel::SharedBytes),
        "cudaFuncSetAttribute");
    cudaLaunchAttribute attribute{};
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(static_cast<unsigned>(Kernel::tiles(params)));
    config.blockDim = dim3(Kernel::Threads);
    config.dynamicSmemBytes = Kernel::SharedBytes;
    config.stream = Stream;
    config.attrs = &attribute;
    config.numAttrs = Launches++ > 0;
    check(cudaLaunchKernelEx(&config, runTiles<Kernel, Body>, params, body), "launch");
  }
};
#endif

} // namespace

int main(int argc, char **argv) {
  Suite suite("packed_matmul", argc, argv);
  fewRowsCases<BFloat16, float, 1>(suite, "bf16");
  fewRowsCases<Half, Half, 2>(suite, "f16");
  fewRowsCases<BFloat16, BFloat16, 4>(suite, "bf16");
  fewRowsCases<Half, float, 8>(suite, "f16");
  tileCases<PackedMatmul<Half, Half, PackedLargeTile>, Half, Half>(suite, "f16 large");
  tileCases<PackedMatmul<BFloat16, float, PackedMediumTile>, BFloat16, float>(suite, "bf16 medium");
  tileCases<PackedMatmul<Half, float, PackedSmallTile>, Half, float>(suite, "f16 small");
  tileCases<PackedMatmulWideSm90<BFloat16, BFloat16>, BFloat16, BFloat16>(suite, "bf16 sm90 wide");
  tileCases<PackedMatmulWideSm90<Half, Half, 192>, Half, Half>(suite, "f16 sm90 192");
  tileCases<PackedMatmulSm90<Half, float, WarpgroupTile<128, 128, 6, 2>>, Half, float>(suite, "f16 sm90 square");
  tileCases<PackedMatmulSm90<Half, Half, PackedRowsTile>, Half, Half>(suite, "f16 sm90 rows");
  tileCases<PackedMatmulSm90<BFloat16, float, PackedThinTile>, BFloat16, float>(suite, "bf16 sm90 thin");

  tileCases<PackedMatmulBatchSm90<BFloat16, float, BatchTile<64, 8, 2, 4, 4>>, BFloat16, float>(suite, "bf16 batch");
  tileCases<PackedMatmulBatchSm90<Half, Half, BatchTile<16, 7, 1, 1, 3>>, Half, Half>(suite, "f16 batch");
  tileCases<PackedMatmulBatchSm90<Half, float, BatchTile<32, 12, 3, 4, 4>>, Half, float>(suite, "f16 batch");
  runCase<PackedMatmulBatchSm90<BFloat16, BFloat16, BatchTile<256, 8, 2, 2, 3>>, BFloat16, BFloat16>(
      suite, "bf16 batch of 256", {150, 261, 776, 3, 1});

  // Stages of two tiles along K.
  runCase<PackedMatmulBatchSm90<BFloat16, float, BatchTile<64, 4, 1, 2, 6, 2>>, BFloat16, float>(suite, "bf16 deep",
                                                                                                 {64, 200, 1000});
  runCase<PackedMatmulBatchSm90<Half, Half, BatchTile<32, 6, 2, 2, 3, 2>>, Half, Half>(suite, "f16 deep",
                                                                                       {30, 300, 490, 3, 1});
  runDual<PackedMatmulBatchSm90<BFloat16, Dual<float>, BatchTile<16, 7, 2, 1, 3, 2>>, BFloat16, float>(
      suite, "dual deep", {13, 150, 380});
  runCase<PackedMatmulBatchSm90<Tf32, float, BatchTile<64, 8, 2, 4, 3, 2>>, Tf32, float>(suite, "tf32 deep",
                                                                                         {50, 200, 490});

  float8Cases(suite);
  tf32Cases(suite);

  // Sums of one block each: in any tile the same order.
  sameBitsCases<Half, float, PackedMatmulWideSm90<Half, float, 256, false>,
                PackedMatmulWideSm90<Half, float, 256, false>,
                PackedMatmulBatchSm90<Half, float, BatchTile<16, 7, 1, 1, 3>>,
                PackedMatmulBatchSm90<Half, float, BatchTile<64, 8, 2, 1, 4>>,
                PackedMatmulBatchSm90<Half, float, BatchTile<256, 4, 1, 1, 4>>>(suite, "f16 sm90");
  sameBitsCases<BFloat16, float, PackedMatmul<BFloat16, float, PackedLargeTile>,
                PackedMatmul<BFloat16, float, PackedMediumTile>, PackedMatmul<BFloat16, float, PackedSmallTile>>(
      suite, "bf16");

  // Rows that do not fit shared memory.
  runCase<PackedMatmulFewRowsSm90<Half, float, 8, 8000>, Half, float>(suite, "f16 few sm90 not resident",
                                                                      {8, 20, 8000});
  runCase<PackedMatmulFewRowsSm90<Half, float, 8, 7777>, Half, float>(suite, "f16 few sm90 not resident",
                                                                      {7, 20, 7777, 0, 1});

  // Rows that leave room for three stages, fewer than copies are in flight elsewhere.
  runCase<PackedMatmulFewRowsSm90<Half, float, 2, 14336>, Half, float>(suite, "f16 few sm90 short ring",
                                                                       {2, 20, 14336});

  using Norm = RmsNormalized<float, float>;
  runNormalized<PackedMatmulFewRows<Half, float, 1, Norm>, Half, float, float, float>(suite, "few normalized",
                                                                                      {1, 33, 520});
  runNormalized<PackedMatmulFewRows<BFloat16, Half, 8, RmsNormalized<BFloat16, Half>>, BFloat16, Half, BFloat16, Half>(
      suite, "few normalized", {7, 40, 131, 3, 1});
  runNormalized<PackedMatmulFewRowsSm90<Half, float, 1, 4100, Norm>, Half, float, float, float>(
      suite, "few sm90 normalized", {1, 33, 4100});
  runNormalized<PackedMatmulFewRowsSm90<BFloat16, float, 8, 4096, Norm>, BFloat16, float, float, float>(
      suite, "few sm90 normalized", {8, 17, 4096});
  runNormalized<PackedMatmulFewRowsSm90<Half, Half, 4, 131, RmsNormalized<Half, BFloat16>>, Half, Half, Half, BFloat16>(
      suite, "few sm90 normalized", {3, 40, 131, 3, 1});

  using Three = Joined<Half, float, Half>;
  runJoined<PackedMatmulFewRows<Half, Three, 2>, Half, Half, float, Half>(suite, "joined few", {2, 70, 200});
  runJoined<PackedMatmul<Half, Three, PackedMediumTile>, Half, Half, float, Half>(suite, "joined tiles", {70, 70, 200});
  runJoined<PackedMatmulFewRowsSm90<Half, Three, 4, 200>, Half, Half, float, Half>(suite, "joined few sm90",
                                                                                   {3, 70, 200});
  runJoined<PackedMatmulSm90<Half, Three, PackedRowsTile>, Half, Half, float, Half>(suite, "joined sm90",
                                                                                    {70, 130, 200});
  runJoined<PackedMatmulBatchSm90<Half, Three, BatchTile<64, 7, 2, 2, 4>>, Half, Half, float, Half>(
      suite, "joined batch", {70, 130, 200});
  runDual<PackedMatmulBatchSm90<BFloat16, Dual<float>, BatchTile<128, 4, 1, 4, 4>>, BFloat16, float>(
      suite, "dual batch", {130, 150, 328});
  runDual<PackedMatmulBatchSm90<Half, Dual<Half>, BatchTile<16, 7, 2, 1, 5>>, Half, Half>(suite, "dual batch",
                                                                                          {15, 300, 520});
  runDual<PackedMatmulFewRows<Half, Dual<Half>, 4>, Half, Half>(suite, "dual few", {4, 70, 300});
  runDual<PackedMatmul<Half, Dual<float>, PackedMediumTile>, Half, float>(suite, "dual tiles", {70, 70, 200});
  runDual<PackedMatmulFewRowsSm90<Half, Dual<Half>, 8, 300>, Half, Half>(suite, "dual few sm90", {7, 70, 300});
  // Two blocks share a tile along K.
  runCase<PackedMatmulWideSm90<Half, float>, Half, float>(suite, "f16 sm90 wide shared", {20, 200, 1030});
  runCase<PackedMatmulWideSm90<Half, float, 192>, Half, float>(suite, "f16 sm90 192 shared", {20, 150, 1030});
  runJoined<PackedMatmulWideSm90<Half, Three, 192>, Half, Half, float, Half>(suite, "joined sm90 192", {70, 292, 136});
  runDual<PackedMatmulWideSm90<Half, Dual<Half>>, Half, Half>(suite, "dual sm90 wide shared", {100, 100, 1090, 0, 1});
  runJoined<PackedMatmulWideSm90<Half, Three>, Half, Half, float, Half>(suite, "joined sm90 wide", {70, 292, 136});
  runDual<PackedMatmulWideSm90<BFloat16, Dual<float>>, BFloat16, float>(suite, "dual sm90 wide", {130, 152, 200});
  runDual<PackedMatmulSm90<Half, Dual<Half>, PackedThinTile>, Half, Half>(suite, "dual sm90 thin", {70, 70, 200});
#ifndef LATHE_EMULATED
  if (suite.Time) {
    using B = BFloat16;
    timeCase<PackedMatmulFewRowsSm90<B, B, 1, 4096>, B, B>(suite, "1x14336x4096", 1, 14336, 4096, StoreAsIs{});
    timeCase<PackedMatmulFewRowsSm90<B, B, 1, 14336>, B, B>(suite, "1x4096x14336", 1, 4096, 14336, StoreAsIs{});
    timeCase<PackedMatmulFewRowsSm90<B, B, 8, 4096>, B, B>(suite, "8x14336x4096", 8, 14336, 4096, StoreAsIs{});
    timeCase<PackedMatmulFewRows<B, B, 1>, B, B>(suite, "1x14336x4096 sm_80", 1, 14336, 4096, StoreAsIs{});
    auto medium = [&]<class Tile>(const char *name) {
      using Kernel = PackedMatmulSm90<B, B, Tile>;
      for (auto [m, n, k] : {std::tuple{16, 28672, 4096}, {16, 4096, 14336}, {64, 28672, 4096}, {64, 4096, 14336}})
        timeCase<Kernel, B, B>(suite,
                               (std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) + name).c_str(),
                               m, n, k, StoreAsIs{}, 132 * Kernel::MinBlocks);
    };
    medium.operator()<PackedThinTile>(" thin");
    medium.operator()<PackedRowsTile>(" rows");
    for (auto [m, n, k] : {std::tuple{256, 28672, 4096},
                           {2048, 28672, 4096},
                           {2048, 4096, 14336},
                           {2048, 6144, 4096},
                           {2048, 4096, 4096}})
      timeCase<PackedMatmulWideSm90<B, B>, B, B>(
          suite, (std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) + " wide").c_str(), m, n, k,
          StoreAsIs{});
    timeTf32(suite);
    timeCase<PackedMatmul<B, B, PackedLargeTile>, B, B>(suite, "2048x28672x4096 sm_80 large", 2048, 28672, 4096,
                                                        StoreAsIs{});
    Chain(1).time<1>(suite, "8B chain, 1 row");
    Chain(8).time<8>(suite, "8B chain, 8 rows");
  }
#endif
  return suite.finish();
}
