// What every kernel test needs: buffers with guards, launches, comparison, timing. The same program runs on a GPU
// (nvcc) and on the CPU (Emulation.h).
//
//   program [--seed=N] [--time]     prints "name: N passed, N failed"; --time (GPU only) prints medians as well
#ifndef LATHE_TEST_KERNELS_KERNELTEST_H
#define LATHE_TEST_KERNELS_KERNELTEST_H

#include "Numbers.h"
#include "tiles.cuh"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>
#ifndef LATHE_EMULATED
#include <cuda_runtime.h>
#endif

namespace lathe::kernels::test {

#ifdef LATHE_EMULATED
inline constexpr bool Emulated = true;
#else
inline constexpr bool Emulated = false;
#endif

/// A size that is large on a GPU and still quick on a CPU.
constexpr int64_t large(int64_t onGpu, int64_t emulated) { return Emulated ? emulated : onGpu; }

#ifndef LATHE_EMULATED
inline void check(cudaError_t error, const char *what) {
  if (error == cudaSuccess)
    return;
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(error));
  std::exit(1);
}
#endif

template <class T> double number(T value) { return static_cast<double>(value); }
inline double number(Half value) { return halfValue(value.Bits); }
inline double number(BFloat16 value) { return bfloat16Value(value.Bits); }
inline double number(Float8 value) { return float8Value(value.Bits); }

template <class T> T element(double value) {
  if constexpr (IsSame<T, Half>)
    return Half{halfBits(static_cast<float>(value))};
  else if constexpr (IsSame<T, BFloat16>)
    return BFloat16{bfloat16Bits(static_cast<float>(value))};
  else if constexpr (IsSame<T, Float8>)
    return Float8{float8Bits(static_cast<float>(value))};
  else
    return static_cast<T>(value);
}

/// Half the distance between neighbours of T, relative to the value: what one rounding may cost.
template <class T> constexpr double Rounding = 0;
template <> inline constexpr double Rounding<float> = 1.0 / (1 << 24);
template <> inline constexpr double Rounding<Half> = 1.0 / (1 << 11);
template <> inline constexpr double Rounding<BFloat16> = 1.0 / (1 << 8);
template <> inline constexpr double Rounding<Float8> = 1.0 / (1 << 4);

/// What f32 accumulation of `count` terms may cost, relative to the sum of their magnitudes. Errors of random sign grow
/// with the square root; the constant covers the truncation in tensor cores.
inline double accumulation(int64_t count) { return (4 + std::sqrt(static_cast<double>(count))) / (1 << 23); }

inline std::mt19937_64 &randomness() {
  static std::mt19937_64 engine;
  return engine;
}

template <class T> std::vector<T> randomVector(size_t count, double low = -1, double high = 1) {
  std::uniform_real_distribution<double> uniform(low, high);
  std::vector<T> values(count);
  for (T &value : values)
    value = element<T>(uniform(randomness()));
  return values;
}

/// Device memory with a guard band on both sides. `shift` elements of the front band move the data off alignment.
template <class T> class Buffer {
public:
  explicit Buffer(const std::vector<T> &values, size_t shift = 0) : Count(values.size()), Shift(shift) {
    allocate();
    copyIn(values);
  }
  static Buffer poisoned(size_t count, size_t shift = 0) {
    std::vector<T> values(count);
    std::memset(static_cast<void *>(values.data()), 0xff, count * sizeof(T));
    return Buffer(values, shift);
  }
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;
  Buffer(Buffer &&other) : Count(other.Count), Shift(other.Shift), Base(std::exchange(other.Base, nullptr)) {}
  ~Buffer() {
#ifdef LATHE_EMULATED
    std::free(Base);
#else
    cudaFree(Base);
#endif
  }

  T *data() const { return reinterpret_cast<T *>(Base + Guard) + Shift; }
  size_t size() const { return Count; }

  void poison() {
    std::vector<T> values(Count);
    std::memset(static_cast<void *>(values.data()), 0xff, Count * sizeof(T));
    copyIn(values);
  }
  void copyIn(const std::vector<T> &values) { move(data(), values.data(), Count * sizeof(T)); }
  std::vector<T> read() const {
    std::vector<T> values(Count);
    move(values.data(), data(), Count * sizeof(T));
    return values;
  }
  bool guardsIntact() const {
    std::vector<unsigned char> all(bytes());
    move(all.data(), Base, all.size());
    size_t begin = Guard + Shift * sizeof(T), end = begin + Count * sizeof(T);
    for (size_t i = 0; i < all.size(); ++i)
      if ((i < begin || i >= end) && all[i] != GuardByte)
        return false;
    return true;
  }

private:
  // A host read past the end is an error that the sanitizer sees, so there the back band is short.
  static constexpr size_t Guard = 256;
  static constexpr unsigned char GuardByte = 0xa5;
  size_t Count, Shift;
  char *Base = nullptr;

  size_t bytes() const { return Guard + (Shift + Count) * sizeof(T) + (Emulated ? 0 : Guard); }
  void allocate() {
#ifdef LATHE_EMULATED
    if (void *memory = nullptr; posix_memalign(&memory, 256, bytes()) == 0)
      Base = static_cast<char *>(memory);
#else
    check(cudaMalloc(reinterpret_cast<void **>(&Base), bytes()), "cudaMalloc");
#endif
    std::vector<unsigned char> guard(bytes(), GuardByte);
    move(Base, guard.data(), guard.size());
  }
  static void move(void *target, const void *source, size_t count) {
#ifdef LATHE_EMULATED
    std::memcpy(target, source, count);
#else
    check(cudaMemcpy(target, source, count, cudaMemcpyDefault), "cudaMemcpy");
#endif
  }
};

template <class Kernel, class Body>
__global__ void __launch_bounds__(Kernel::Threads, Kernel::MinBlocks)
    runTiles(typename Kernel::Params params, Body body) {
#ifdef LATHE_EMULATED
  char *smem = Block::Current->Shared;
#else
  extern __shared__ __align__(1024) char smem[];
#endif
  gridTiles<Kernel>(params, smem, body);
}

/// Runs all tiles. `blocks` 0 is one block a tile.
template <class Kernel, class Body>
void launch(const typename Kernel::Params &params, const Body &body, int64_t blocks = 0) {
  int64_t grid = std::max<int64_t>(1, blocks ? std::min(blocks, Kernel::tiles(params)) : Kernel::tiles(params));
  if constexpr (requires { Kernel::Cluster; })
    grid = (grid + Kernel::Cluster - 1) / Kernel::Cluster * Kernel::Cluster;
#ifdef LATHE_EMULATED
  static bool reverse = false;
  runGrid(static_cast<unsigned>(grid), Kernel::Threads, Kernel::SharedBytes, reverse, nullptr,
          [&] { runTiles<Kernel, Body>(params, body); });
  reverse = !reverse;
#else
  static bool raised = false;
  if (!raised && Kernel::SharedBytes > 48 << 10)
    check(
        cudaFuncSetAttribute(runTiles<Kernel, Body>, cudaFuncAttributeMaxDynamicSharedMemorySize, Kernel::SharedBytes),
        "cudaFuncSetAttribute");
  raised = true;
  cudaLaunchConfig_t config{};
  config.gridDim = static_cast<unsigned>(grid);
  config.blockDim = Kernel::Threads;
  config.dynamicSmemBytes = Kernel::SharedBytes;
  cudaLaunchAttribute cluster{};
  if constexpr (requires { Kernel::Cluster; }) {
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim.x = Kernel::Cluster;
    cluster.val.clusterDim.y = cluster.val.clusterDim.z = 1;
    config.attrs = &cluster;
    config.numAttrs = 1;
  }
  check(cudaLaunchKernelEx(&config, runTiles<Kernel, Body>, params, body), "launch");
#endif
}

inline void synchronize() {
#ifndef LATHE_EMULATED
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
#endif
}

/// One program's cases: counts, prints the failures, then the sum.
class Suite {
public:
  bool Time = false;

  Suite(const char *name, int argc, char **argv) : Name(name) {
    uint64_t seed = std::random_device{}();
    for (int i = 1; i < argc; ++i) {
      std::string argument = argv[i];
      if (argument.starts_with("--seed="))
        seed = std::strtoull(argument.c_str() + 7, nullptr, 10);
      else if (argument == "--time")
        Time = !Emulated;
      else
        usage(argv[0]);
    }
    randomness().seed(seed);
    std::printf("%s: seed %llu\n", name, static_cast<unsigned long long>(seed));
#ifndef LATHE_EMULATED
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
      std::printf("%s: skipped, no CUDA device\n", name);
      std::exit(77);
    }
#endif
  }

  void report(const std::string &title, bool good, const std::string &why = "") {
    ++(good ? Passed : Failed);
    if (!good)
      std::printf("%s: FAILED %s: %s\n", Name.c_str(), title.c_str(), why.c_str());
  }

  /// Runs `work(blocks)` twice, one block a tile and then persistently on three blocks, and checks that nothing but
  /// `out` was written and that both gave the same bits. Returns what is in `out`, or nothing after a failure.
  template <class T, class Work>
  std::vector<T> twice(const std::string &title, Buffer<T> &out, const Work &work,
                       const std::function<void()> &prepare = {}) {
    std::vector<T> results[2];
    for (int round = 0; round < 2; ++round) {
      prepare ? prepare() : out.poison();
      work(round == 0 ? 0 : 3);
      synchronize();
      results[round] = out.read();
    }
    if (!out.guardsIntact())
      report(title, false, "wrote outside the result");
    else if (std::memcmp(results[0].data(), results[1].data(), results[0].size() * sizeof(T)) != 0)
      report(title, false, "two runs differ");
    else
      return results[0];
    return {};
  }

  /// |got - want| <= slack[i] + one rounding of T, for every element; NaN where and only where NaN is wanted.
  template <class T>
  void compare(const std::string &title, const std::vector<T> &got, const std::vector<double> &want,
               const std::vector<double> &slack) {
    if (got.size() != want.size()) {
      if (!got.empty())
        report(title, false, "the test itself compares vectors of different lengths");
      return;
    }
    for (size_t i = 0; i < got.size(); ++i) {
      double value = number(got[i]);
      double limit = slack[i] + Rounding<T> * (std::fabs(want[i]) + slack[i]) + smallest<T>();
      bool good = std::isnan(want[i])   ? std::isnan(value)
                  : std::isinf(want[i]) ? value == want[i]
                                        : std::fabs(value - want[i]) <= limit;
      if (!good) {
        char why[160];
        std::snprintf(why, sizeof(why), "element %zu is %.9g, want %.9g within %.3g", i, value, want[i], limit);
        return report(title, false, why);
      }
    }
    report(title, true);
  }

  int finish() {
    std::printf("%s: %d passed, %d failed\n", Name.c_str(), Passed, Failed);
    return Failed || !Passed ? 1 : 0;
  }

  /// Median time of `work(copy)` over rotating copies of its buffers; the caller makes enough copies to exceed the L2.
  void time(const std::string &title, int copies, double bytes, double flops, const std::function<void(int)> &work) {
#ifndef LATHE_EMULATED
    if (!Time)
      return;
    cudaEvent_t begin, end;
    check(cudaEventCreate(&begin), "cudaEventCreate");
    check(cudaEventCreate(&end), "cudaEventCreate");
    std::vector<float> times;
    for (int i = 0; i < 8 + 31; ++i) {
      check(cudaEventRecord(begin), "cudaEventRecord");
      work(i % copies);
      check(cudaEventRecord(end), "cudaEventRecord");
      check(cudaEventSynchronize(end), "cudaEventSynchronize");
      float milliseconds = 0;
      check(cudaEventElapsedTime(&milliseconds, begin, end), "cudaEventElapsedTime");
      if (i >= 8)
        times.push_back(milliseconds);
    }
    std::sort(times.begin(), times.end());
    double median = times[times.size() / 2];
    std::printf("%s: %-52s %9.2f us %8.0f GB/s %8.2f TFLOP/s\n", Name.c_str(), title.c_str(), median * 1e3,
                bytes / median * 1e-6, flops / median * 1e-9);
#else
    (void)title, (void)copies, (void)bytes, (void)flops, (void)work;
#endif
  }

private:
  std::string Name;
  int Passed = 0, Failed = 0;

  template <class T> static constexpr double smallest() {
    return IsSame<T, Half> ? 1.0 / (1 << 25) : IsSame<T, Float8> ? 1.0 / (1 << 10) : 0; // half the smallest subnormal
  }
  [[noreturn]] static void usage(const char *program) {
    std::fprintf(stderr, "usage: %s [--seed=N] [--time]\n", program);
    std::exit(2);
  }
};

} // namespace lathe::kernels::test

#endif // LATHE_TEST_KERNELS_KERNELTEST_H
