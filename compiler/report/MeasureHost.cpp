// What this machine can do at best: multiply-adds in registers, bytes from memory, bytes from cache.
#include "compiler/report/Machine.h"

#include "runtime/cpu/AvailableCpus.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <ctime>
#include <fstream>
#include <functional>
#include <thread>
#include <vector>

namespace lathe::report {

namespace {

constexpr double Seconds = 0.05;         // of each measurement, repeated Repeats times
constexpr int Repeats = 3;               // the best counts: other work on the machine only slows
constexpr size_t MemoryBytes = 96 << 20; // read from memory by each thread: more than its share of any cache
constexpr size_t CacheBytes = 192 << 10; // read from cache: within every second-level cache

typedef float Vector8 __attribute__((vector_size(32)));
typedef float Loaded8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef float Vector16 __attribute__((vector_size(64)));

/// Independent chains, enough to fill two pipelines of latency 4.
constexpr int Chains = 10;

template <typename Vector> [[gnu::always_inline]] inline double multiplyAdds(int64_t rounds, float seed) {
  Vector sums[Chains], factor = Vector{} + seed, step = Vector{} + seed * 0.5f;
  for (Vector &sum : sums)
    sum = Vector{} + seed;
  for (int64_t i = 0; i < rounds; ++i)
#pragma clang loop unroll(full)
    for (int chain = 0; chain < Chains; ++chain)
      sums[chain] = sums[chain] * factor + step;
  Vector total{};
  for (const Vector &sum : sums)
    total += sum;
  return total[0];
}

[[gnu::target("avx512f,fma")]] double multiplyAdds512(int64_t rounds, float seed) {
  return multiplyAdds<Vector16>(rounds, seed);
}
[[gnu::target("avx2,fma")]] double multiplyAdds256(int64_t rounds, float seed) {
  return multiplyAdds<Vector8>(rounds, seed);
}

[[gnu::target("avx2,fma")]] double readAll(const std::vector<float> &data) {
  constexpr size_t Sums = 8;
  Vector8 sums[Sums] = {}, total = {};
  for (size_t i = 0; i + Sums * 8 <= data.size(); i += Sums * 8)
#pragma clang loop unroll(full)
    for (size_t part = 0; part < Sums; ++part)
      sums[part] += *reinterpret_cast<const Loaded8 *>(&data[i + part * 8]);
  for (const Vector8 &sum : sums)
    total += sum;
  return total[0];
}

/// What the calling thread has had of a processor: what others do on the machine must not count.
double processorSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

/// Runs `work` again and again on all threads at once; returns calls a second of all together.
double measure(int threads, int repeats, const std::function<double(int)> &work) {
  double best = 0;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    std::atomic<int> waiting = threads;
    std::atomic<double> rate = 0, sink = 0;
    auto body = [&](int thread) {
      double result = work(thread); // warm
      --waiting;
      while (waiting > 0)
        std::this_thread::yield();
      double start = processorSeconds(), passed = 0;
      int64_t calls = 0;
      do {
        result += work(thread);
        ++calls;
        passed = processorSeconds() - start;
      } while (passed < Seconds);
      rate += double(calls) / passed;
      sink += result; // so that the work is not left out
    };
    std::vector<std::thread> team;
    for (int i = 1; i < threads; ++i)
      team.emplace_back(body, i);
    body(0);
    for (std::thread &thread : team)
      thread.join();
    best = std::max(best, rate.load());
  }
  return best;
}

double measureReads(int threads, size_t bytes, int repeats = Repeats) {
  std::vector<std::vector<float>> data(size_t(threads), std::vector<float>(bytes / sizeof(float), 1.0f));
  return measure(threads, repeats, [&](int thread) { return readAll(data[size_t(thread)]); }) * double(bytes);
}

double measureFlops(int threads, bool wide) {
  constexpr int64_t Rounds = 20000;
  double calls = measure(threads, Repeats,
                         [&](int) { return wide ? multiplyAdds512(Rounds, 0.5f) : multiplyAdds256(Rounds, 0.5f); });
  return calls * double(Rounds) * Chains * 2 * (wide ? 16 : 8);
}

/// What the cache holds of a kernel's results until the next one reads them. The system's number is of no use: a
/// virtual machine shows the cache of the whole host. So: the largest size that is read faster than memory by half the
/// way.
double measureCacheBytes(const Machine &machine, int threads) {
  size_t bytes = CacheBytes;
  for (size_t next = size_t(1) << 20; next < MemoryBytes; next *= 2) {
    if (measureReads(threads, next, 1) < std::sqrt(machine.CacheRate * machine.MemoryRate))
      break;
    bytes = next;
  }
  return double(bytes) * threads;
}

std::string processorName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name") && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  return "this machine";
}

} // namespace

Machine measureHost() {
  Machine machine;
  int threads = runtime::availableCpus();
  machine.Name = processorName();
  machine.Source = "measured";
  machine.Cores = threads;
  if (__builtin_cpu_supports("avx512f"))
    machine.Flops = measureFlops(threads, true);
  else if (__builtin_cpu_supports("avx2"))
    machine.Flops = measureFlops(threads, false);
  // CPU kernels widen 16-bit values and compute in f32.
  machine.Flops16 = machine.Flops8 = machine.Flops;
  machine.MemoryRate = measureReads(threads, MemoryBytes);
  machine.CacheRate = measureReads(threads, CacheBytes);
  machine.CacheBytes = measureCacheBytes(machine, threads);
  machine.LaunchSeconds = 2e-6; // a fork and join of the runtime's pool
  return machine;
}

} // namespace lathe::report
