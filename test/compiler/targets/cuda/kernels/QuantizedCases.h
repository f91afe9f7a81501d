// Cases of the products on blocks: unpacking to the bit, products against a loop in f64.
#ifndef LATHE_TEST_KERNELS_QUANTIZEDCASES_H
#define LATHE_TEST_KERNELS_QUANTIZEDCASES_H

#include "GgufBlocks.h"
#include "quantized_matmul.cuh"

namespace lathe::kernels::test {

/// Both ways of unpacking, element by element where they belong.
template <class Format, bool Granules> struct Unpack {
  static constexpr int Threads = 64, MinBlocks = 1, SharedBytes = 0;
  struct Params {
    const uint8_t *Blocks;
    float *Out;
    int64_t Count;
  };
  static __host__ __device__ int64_t tiles(const Params &p) { return ceilDiv<int64_t>(p.Count, Threads); }
  static __device__ void run(const Params &p, int64_t tile, char *, const NoBody &) {
    int64_t block = tile * Threads + threadIdx.x;
    if (block >= p.Count)
      return;
    const uint8_t *source = p.Blocks + block * Format::BlockBytes;
    float *out = p.Out + block * Format::Block;
    if constexpr (Granules) {
      for (int g = 0; g < Format::Block / 32; ++g) {
        float w[32];
        Format::unpackGranule(source, g, w);
        for (int i = 0; i < 32; ++i)
          out[Format::granuleColumn(g, i / (32 / Format::Runs)) + i % (32 / Format::Runs)] = w[i];
      }
    } else {
      for (int k = 0; k < Format::Block; k += 8) {
        float w[8];
        Format::unpack8(source, k, w);
        for (int i = 0; i < 8; ++i)
          out[k + i] = w[i];
      }
    }
  }
};

/// `want`: the values of `bytes`.
template <class Format, bool Granules>
void unpackCase(Suite &suite, const std::string &title, const Blocks &bytes, const std::vector<float> &want) {
  Buffer<uint8_t> blocks(bytes);
  auto out = Buffer<float>::poisoned(want.size());
  using Kernel = Unpack<Format, Granules>;
  auto got = suite.twice(title, out, [&](int64_t grid) {
    launch<Kernel>({blocks.data(), out.data(), int64_t(bytes.size() / Format::BlockBytes)}, NoBody{}, grid);
  });
  suite.report(title, !got.empty() && std::memcmp(got.data(), want.data(), want.size() * 4) == 0,
               "a weight differs in bits");
}

/// `Rounded` is what weights are rounded to before the product, float for not at all; `stored` the blocks or tiles
/// whose values are `w`.
template <class Kernel, class A, class Output, class Rounded>
void productCase(Suite &suite, const std::string &name, int64_t m, int64_t n, int64_t k, int64_t pad, size_t shift,
                 const Blocks &stored, const std::vector<float> &w) {
  auto a = randomVector<A>(m * (k + pad));
  auto bias = randomVector<float>(n);
  Buffer<A> deviceA(a, shift);
  Buffer<uint8_t> deviceW(stored);
  Buffer<float> deviceBias(bias);
  auto out = Buffer<Output>::poisoned(m * n);
  typename Kernel::Params params{deviceA.data(), deviceW.data(), out.data(), m, n, k, k + pad, n};
  std::string title = name + " " + std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) + " pad " +
                      std::to_string(pad) + " shift " + std::to_string(shift);
  auto got =
      suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, BiasAndRow{deviceBias.data()}, blocks); });
  std::vector<double> want(m * n), slack(m * n);
  std::vector<double> weights(w.size());
  for (size_t i = 0; i < w.size(); ++i)
    weights[i] = number(element<Rounded>(w[i]));
  for (int64_t row = 0; row < m; ++row)
    for (int64_t col = 0; col < n; ++col) {
      double sum = 0, size = 0;
      for (int64_t i = 0; i < k; ++i) {
        double term = number(a[row * (k + pad) + i]) * weights[col * k + i];
        sum += term;
        size += std::fabs(term);
      }
      want[row * n + col] = sum + bias[col] - 0.125 * double(row);
      slack[row * n + col] = size * accumulation(k) + 4 * Rounding<float> * (2 + std::fabs(sum) + double(row));
    }
  suite.compare(title, got, want, slack);
}

} // namespace lathe::kernels::test

#endif // LATHE_TEST_KERNELS_QUANTIZEDCASES_H
