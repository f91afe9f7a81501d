#include "test/runtime/cuda/FakeCudaFixture.h"

#include "test/runtime/images/ToyModel.h"

#include <algorithm>
#include <dlfcn.h>
#include <numeric>
#include <stdexcept>

namespace lathe::test {

template <typename T> static T *pointer(uint64_t argument) { return reinterpret_cast<T *>(argument); }

/// The kernels of images/ToyCuda.cpp, in the order of their arguments there.
static void write(const FakeLaunch &launch) {
  const uint64_t *a = launch.arguments;
  toy::Arrays arrays = {};
  arrays.tokens = pointer<int32_t>(a[0]);
  arrays.positions = pointer<int32_t>(a[1]);
  arrays.slots = pointer<int32_t>(a[2]);
  toy::write(arrays, pointer<float>(a[3]), 0, launch.grid[0]);
}

static void attend(const FakeLaunch &launch) {
  const uint64_t *a = launch.arguments;
  toy::Arrays arrays = {};
  arrays.rowOffsets = pointer<int32_t>(a[0]);
  arrays.lengths = pointer<int32_t>(a[1]);
  arrays.blockTables = pointer<int32_t>(a[2]);
  arrays.rows = pointer<int32_t>(a[3]);
  toy::attend(arrays, pointer<float>(a[4]), pointer<float>(a[5]), int64_t(a[7]), int64_t(a[8]), pointer<float>(a[6]), 0,
              launch.grid[0]);
}

/// The third kernel of images/ToySampledCuda.cpp.
static void choose(const FakeLaunch &launch) {
  auto *logits = pointer<float>(launch.arguments[0]);
  for (size_t row = 0; row != launch.grid[0]; ++row) {
    const float *first = logits + int64_t(row) * toy::Vocabulary;
    pointer<int64_t>(launch.arguments[1])[row] = std::max_element(first, first + toy::Vocabulary) - first;
  }
}

/// The kernel of its second entry.
static void find(const FakeLaunch &launch) {
  for (size_t row = 0; row != launch.grid[0]; ++row) {
    const float *logits = pointer<float>(launch.arguments[0]) + int64_t(row) * toy::Vocabulary;
    int64_t order[toy::Vocabulary];
    std::iota(order, order + toy::Vocabulary, 0);
    std::sort(order, order + toy::Vocabulary,
              [&](int64_t a, int64_t b) { return logits[a] > logits[b] || (logits[a] == logits[b] && a < b); });
    for (size_t i = 0; i != toy::Candidates; ++i) {
      pointer<float>(launch.arguments[1])[row * toy::Candidates + i] = logits[order[i]];
      pointer<int64_t>(launch.arguments[2])[row * toy::Candidates + i] = order[i];
    }
  }
}

/// The kernel of images/ScaleCuda.cpp.
static void scale(const FakeLaunch &launch) {
  const uint64_t *a = launch.arguments;
  auto *x = pointer<float>(a[0]), *weight = pointer<float>(a[1]), *y = pointer<float>(a[2]);
  for (size_t row = 0; row != launch.grid[0]; ++row) {
    float sum = 0;
    for (size_t i = 0; i != 4; ++i)
      sum += y[row * 4 + i] = x[row * 4 + i] * weight[i];
    pointer<float>(a[3])[row] = sum;
  }
}

/// The kernels of images/PositiveCuda.cpp.
static void count(const FakeLaunch &launch) {
  const uint64_t *a = launch.arguments;
  auto *x = pointer<float>(a[0]);
  int64_t &found = *pointer<int64_t>(a[1]) = 0;
  for (size_t i = 0; i != a[4]; ++i) {
    found += x[i] > 0;
    if (x[i] == 99 && !*pointer<uint64_t>(a[2]))
      *pointer<uint64_t>(a[2]) = uint64_t(2) << 56 | a[3];
  }
}

static void pick(const FakeLaunch &launch) {
  const uint64_t *a = launch.arguments;
  auto *x = pointer<float>(a[0]), *y = pointer<float>(a[1]);
  uint64_t found = 0;
  for (size_t i = 0; i != a[2]; ++i)
    if (x[i] > 0 && found++ >= a[3] && found <= a[4])
      y[found - 1] = x[i];
}

void addKernels(void *library) {
  auto *add = reinterpret_cast<decltype(fakeCudaRegister) *>(dlsym(library, "fakeCudaRegister"));
  add("lathe_scale", "ppppi", scale);
  add("lathe_count", "ppiii", count);
  add("lathe_pick", "ppiii", pick);
  add("lathe_toy_write", "ppppi", write);
  add("lathe_toy_choose", "pp", choose);
  add("lathe_toy_find", "ppp", find);
  add("lathe_toy_attend", "pppppppiii", attend);
}

FakeCuda::FakeCuda() : library(dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)) {
  if (!library)
    throw std::runtime_error(dlerror());
  reset();
  addKernels(library);
}

void FakeCuda::TearDown() {
  EXPECT_EQ(violations(), "");
  EXPECT_EQ(alive(), 0u);
  EXPECT_EQ(contextDepth(), 0u);
}

void *FakeCuda::symbol(const char *name) {
  void *found = dlsym(library, name);
  if (!found)
    throw std::runtime_error(std::string("the fake driver has no ") + name);
  return found;
}

Outcome FakeCuda::createDevice(Device &device, int ordinal) {
  lathe_device_options options = {};
  options.struct_size = sizeof(options);
  options.kind = LATHE_DEVICE_CUDA;
  options.ordinal = ordinal;
  lathe_device *raw = nullptr;
  Outcome result = outcome(lathe_device_create(&options, &raw));
  device.reset(raw);
  return result;
}

} // namespace lathe::test
