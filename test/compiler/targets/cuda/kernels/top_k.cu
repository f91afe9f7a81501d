// The largest elements of rows by top_k.cuh against a sort.
#include "KernelTest.h"
#include "top_k.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

/// Where the largest elements are: NaN before all numbers, of equal ones the first.
std::vector<int64_t> sortRow(const std::vector<double> &row) {
  std::vector<int64_t> places(row.size());
  for (size_t i = 0; i < places.size(); ++i)
    places[i] = int64_t(i);
  std::sort(places.begin(), places.end(), [&](int64_t a, int64_t b) {
    bool none = std::isnan(row[a]), otherNone = std::isnan(row[b]);
    if (none != otherNone || (!none && row[a] != row[b]))
      return none != otherNone ? none : row[a] > row[b];
    return a < b;
  });
  return places;
}

template <class Kernel, class Element, int K>
void runCase(Suite &suite, const std::string &name, const std::vector<Element> &x, int64_t cols, size_t shift = 0) {
  int64_t rows = int64_t(x.size()) / cols;
  Buffer<Element> in(x, shift);
  auto values = Buffer<Element>::poisoned(rows * K);
  auto indices = Buffer<int64_t>::poisoned(rows * K);
  typename Kernel::Params params{in.data(), values.data(), indices.data(), rows, cols};
  std::string title = name + " " + std::to_string(K) + " of " + std::to_string(rows) + "x" + std::to_string(cols);
  auto places = suite.twice(
      title, indices, [&](int64_t blocks) { launch<Kernel>(params, NoBody{}, blocks); },
      [&] {
        values.poison();
        indices.poison();
      });
  auto got = values.read();
  std::vector<double> want(rows * K), wantPlaces(rows * K);
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<double> numbers(cols);
    for (int64_t i = 0; i < cols; ++i)
      numbers[i] = number(x[row * cols + i]);
    std::vector<int64_t> order = sortRow(numbers);
    for (int64_t k = 0; k < K; ++k) {
      want[row * K + k] = numbers[order[k]];
      wantPlaces[row * K + k] = double(order[k]);
    }
  }
  std::vector<double> exact(rows * K, 0);
  suite.compare(title + ": places", places, wantPlaces, exact);
  suite.compare(title + ": values", got, want, exact);
  suite.report(title + ": guards", values.guardsIntact(), "wrote outside the values");
}

/// `K` of random numbers, of numbers that rise and fall with their places, of equal ones and some that are no numbers,
/// and of numbers of which few threads have all that are large.
template <class Element, int K, int Cluster> void cases(Suite &suite, const std::string &name) {
  using Kernel = TopK<Element, K, Cluster>;
  for (int64_t cols : {int64_t(K), int64_t(K + 1), int64_t(700), int64_t(4099), large(128256, 9000)}) {
    auto random = randomVector<Element>(3 * cols);
    runCase<Kernel, Element, K>(suite, name + " random", random, cols, cols % 3);
    std::vector<Element> x(2 * cols);
    for (int64_t i = 0; i < cols; ++i)
      x[i] = element<Element>(double(i)), x[2 * cols - 1 - i] = element<Element>(double(i));
    runCase<Kernel, Element, K>(suite, name + " rising and falling", x, cols);
    for (int64_t i = 0; i < cols; ++i) {
      x[i] = element<Element>(i % 2 ? 0.0 : -0.0);
      x[cols + i] = element<Element>(i % 97 == 96 ? NAN : i % 5 == 1 ? INFINITY : -INFINITY);
    }
    runCase<Kernel, Element, K>(suite, name + " equal and no numbers", x, cols);
    // All that the first threads have is greater than what the others have: more than there is room for.
    for (int64_t i = 0; i < 2 * cols; ++i)
      x[i] = element<Element>(double(i % cols / 4 % (Cluster * 512) < 64));
    runCase<Kernel, Element, K>(suite, name + " crowded", x, cols);
  }
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("top_k", argc, argv);
  cases<float, 64, 8>(suite, "f32 cluster");
  cases<float, 5, 1>(suite, "f32");
  cases<Half, 64, 1>(suite, "f16");
  cases<BFloat16, 1, 2>(suite, "bf16 cluster");
  if (suite.Time)
    for (int64_t rows : {1, 64, 256})
      for (int64_t cols : {32000, 128256, 262144}) {
        int copies = int(std::max<int64_t>(2, int64_t(200e6) / (rows * cols * 4)));
        Buffer<float> in(randomVector<float>(rows * cols * copies));
        auto values = Buffer<float>::poisoned(rows * 64);
        auto indices = Buffer<int64_t>::poisoned(rows * 64);
        suite.time("64 of f32 " + std::to_string(rows) + "x" + std::to_string(cols), copies, 4.0 * double(rows * cols),
                   0, [&](int i) {
                     launch<TopK<float, 64, 8>>(
                         {in.data() + i * rows * cols, values.data(), indices.data(), rows, cols}, NoBody{});
                   });
      }
  return suite.finish();
}
