// Every block format of GGUF, in eights and in granules, against the reader's decoder: the same bits. Run under
// Emulation.h alone, because the decoder is host code; what it needs of a GPU is compiled from instances/blocks.cu.
#include "KernelTest.h"
#include "formats.cuh"
#include "lattice_formats.cuh"
#include "runtime/gguf/BlockFormat.h"

using namespace lathe;
using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

/// Elements of a row, unpacked by a thread for each eight.
template <class Format> struct Eights {
  static constexpr int Threads = 32, SharedBytes = 0;
  struct Params {
    const uint8_t *Row;
    float *Out;
    int64_t K;
  };
  static int64_t tiles(const Params &p) { return ceilDiv<int64_t>(p.K, Threads * 8); }
  static void run(const Params &p, int64_t tile, char *, NoBody) {
    int64_t k = (tile * Threads + threadIdx.x) * 8;
    float w[8];
    if (k >= p.K)
      return;
    unpackRow8<Format>(p.Row, k, w);
    storeVector(p.Out, k, w);
  }
};

/// Elements of a row, unpacked by a thread for each granule.
template <class Format> struct Granules {
  static constexpr int Threads = 32, SharedBytes = 0;
  using Params = typename Eights<Format>::Params;
  static int64_t tiles(const Params &p) { return ceilDiv<int64_t>(p.K, Threads * 32); }
  static void run(const Params &p, int64_t tile, char *, NoBody) {
    int64_t granule = tile * Threads + threadIdx.x, block = granule * 32 / Format::Block;
    float w[32];
    if (granule * 32 >= p.K)
      return;
    int within = int(granule % (Format::Block / 32));
    Format::unpackGranule(p.Row + block * Format::BlockBytes, within, w);
    constexpr int Run = 32 / Format::Runs;
    for (int i = 0; i < 32; ++i)
      p.Out[block * Format::Block + Format::granuleColumn(within, i / Run) + i % Run] = w[i];
  }
};

template <class Format> void compareFormat(Suite &suite, const char *name) {
  const gguf::BlockFormat &format = *gguf::findBlockFormat(std::string_view(name));
  if (format.weights != Format::Block || format.bytes != Format::BlockBytes)
    suite.compare(std::string(name) + " sizes", std::vector<float>{Format::Block, Format::BlockBytes},
                  std::vector<double>{double(format.weights), double(format.bytes)}, std::vector<double>{0, 0});
  const int64_t blocks = 40, count = blocks * Format::Block;
  std::vector<uint8_t> row(blocks * Format::BlockBytes);
  for (uint8_t &byte : row)
    byte = uint8_t(randomness()());
  std::vector<float> decoded(count);
  gguf::dequantize(format, row.data(), count, decoded.data());
  // Scales are random bits too; a NaN is like no other number, and 0 stands for it here.
  std::vector<double> want(decoded.begin(), decoded.end());
  for (double &value : want)
    value = std::isfinite(value) ? value : 0;
  Buffer<uint8_t> data(row);
  auto check = [&](const std::string &title, std::vector<float> got) {
    for (size_t i = 0; i < got.size(); ++i)
      if (!std::isfinite(got[i]) && !std::isfinite(decoded[i]))
        got[i] = 0;
    suite.compare(title, got, want, std::vector<double>(count));
  };
  auto eights = Buffer<float>::poisoned(count), granules = Buffer<float>::poisoned(count);
  typename Eights<Format>::Params first{data.data(), eights.data(), count}, second{data.data(), granules.data(), count};
  std::string title = name;
  check(title + " in eights",
        suite.twice(title, eights, [&](int64_t grid) { launch<Eights<Format>>(first, NoBody{}, grid); }));
  check(title + " in granules",
        suite.twice(title, granules, [&](int64_t grid) { launch<Granules<Format>>(second, NoBody{}, grid); }));
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("block_formats", argc, argv);
  compareFormat<Q4_0>(suite, "q4_0");
  compareFormat<Q4_1>(suite, "q4_1");
  compareFormat<Q5_0>(suite, "q5_0");
  compareFormat<Q5_1>(suite, "q5_1");
  compareFormat<Q8_0>(suite, "q8_0");
  compareFormat<Q8_1>(suite, "q8_1");
  compareFormat<Q1_0>(suite, "q1_0");
  compareFormat<Q2_0>(suite, "q2_0");
  compareFormat<Q2_K>(suite, "q2_k");
  compareFormat<Q3_K>(suite, "q3_k");
  compareFormat<Q4_K>(suite, "q4_k");
  compareFormat<Q5_K>(suite, "q5_k");
  compareFormat<Q6_K>(suite, "q6_k");
  compareFormat<Q8_K>(suite, "q8_k");
  compareFormat<TQ1_0>(suite, "tq1_0");
  compareFormat<TQ2_0>(suite, "tq2_0");
  compareFormat<MXFP4>(suite, "mxfp4");
  compareFormat<NVFP4>(suite, "nvfp4");
  compareFormat<IQ4_NL>(suite, "iq4_nl");
  compareFormat<IQ4_XS>(suite, "iq4_xs");
  compareFormat<IQ1_S>(suite, "iq1_s");
  compareFormat<IQ1_M>(suite, "iq1_m");
  compareFormat<IQ2_XXS>(suite, "iq2_xxs");
  compareFormat<IQ2_XS>(suite, "iq2_xs");
  compareFormat<IQ2_S>(suite, "iq2_s");
  compareFormat<IQ3_XXS>(suite, "iq3_xxs");
  compareFormat<IQ3_S>(suite, "iq3_s");
  return suite.finish();
}
