#include "test/compiler/targets/cpu/ImageRunner.h"
#include "compiler/targets/cpu/CpuTarget.h"
#include "mlir/Parser/Parser.h"
#include "runtime/MathApi.h"
#include "llvm/TargetParser/Host.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <sys/mman.h>

using namespace lathe;
using namespace lathe::test;
using runtime::CpuKernel;
using runtime::HostCall;

//===- Running ----------------------------------------------------------------------------------------------------===//

static bool isSupported(const std::string &level) {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  if (level == "x86-64-v4-vnni" && !features["avx512vnni"])
    return false;
  return level != "x86-64-v3" ? features["avx512vl"] && features["avx512bw"] && features["avx512dq"]
                              : features["avx2"] && features["fma"] && features["f16c"];
}

struct ImageRunner::State {
  struct Mapping {
    size_t Image;
    char *Address;
  };
  std::vector<HostImage> Images;
  std::vector<Mapping> Mappings;
};

ImageRunner::ImageRunner(const std::string &plan) : Impl(std::make_unique<State>()) {
  mlir::DialectRegistry registry;
  registry.insert<LatheDialect, plan::PlanDialect>();
  mlir::MLIRContext context(registry);
  context.allowUnregisteredDialects(false);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(plan, &context);
  if (!module) {
    ADD_FAILURE() << "the plan does not parse:\n" << plan;
    return;
  }
  CpuTargetOptions options;
  options.KeepLlvmIr = true;
  std::erase_if(options.Levels, [](const std::string &level) { return !isSupported(level); });
  auto images = compileHostImages(*module, options);
  if (failed(images)) {
    ADD_FAILURE() << "the plan does not compile:\n" << plan;
    return;
  }
  std::vector<HostImage> &Images = Impl->Images = std::move(*images);
  for (size_t i = 0; i < Images.size(); ++i)
    for (int copy = 0; copy < 2; ++copy) {
      size_t bytes = Images[i].Bytes.size();
      auto *address =
          static_cast<char *>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
      std::memcpy(address, Images[i].Bytes.data(), bytes);
      mprotect(address, bytes, PROT_READ | PROT_EXEC);
      Impl->Mappings.push_back({i, address});
    }
}

ImageRunner::~ImageRunner() {
  for (const State::Mapping &mapping : Impl->Mappings)
    munmap(mapping.Address, Impl->Images[mapping.Image].Bytes.size());
}

std::vector<std::pair<std::string, Bytes>> ImageRunner::getImages() const {
  std::vector<std::pair<std::string, Bytes>> images;
  for (const HostImage &image : Impl->Images)
    images.push_back({image.Level, image.Bytes});
  return images;
}

size_t ImageRunner::countKernels() const {
  llvm::StringRef text = Impl->Images.front().LlvmIr;
  size_t count = 0;
  for (llvm::StringRef line : llvm::split(text, '\n'))
    count += line.starts_with("define") && line.contains("@lathe_kernel") && !line.contains("_store");
  return count;
}

/// How a call's tiles are run: all at once, or one by one from the last to the first.
static int32_t runForward(const HostCall *call, CpuKernel kernel, void *const *buffers, const int64_t *dims,
                          int64_t count) {
  return kernel(call, buffers, dims, 0, count);
}
static int32_t runReversed(const HostCall *call, CpuKernel kernel, void *const *buffers, const int64_t *dims,
                           int64_t count) {
  for (int64_t i = count; i-- > 0;)
    if (int32_t result = kernel(call, buffers, dims, i, i + 1))
      return result;
  return 0;
}
static int32_t copyBuffer(const HostCall *, void *target, const void *source, int64_t bytes) {
  std::memcpy(target, source, bytes);
  return 0;
}

static const HostEntry &findEntry(const HostImage &image, const std::string &name) {
  for (const HostEntry &entry : image.Entries)
    if (entry.Name == name)
      return entry;
  throw std::logic_error("the image has no entry " + name);
}

static std::vector<void *> addresses(std::vector<Bytes> &buffers) {
  std::vector<void *> list;
  for (Bytes &buffer : buffers)
    list.push_back(buffer.data());
  return list;
}

static ImageRunner::Call runOnce(ImageRunner::Call call, char *image, const HostEntry &entry, bool reversed) {
  runtime::HostApi api{};
  api.version = runtime::HostAbiVersion;
  api.bytes = sizeof(api);
  api.parallelFor = reversed ? runReversed : runForward;
  api.copy = copyBuffer;
  api.read = [](const HostCall *, const void *source, int64_t) { return source; };
  api.write = [](const HostCall *, void *target, int64_t value) {
    std::memcpy(target, &value, sizeof(value));
    return 0;
  };
  api.math = &runtime::MathFunctions;
  api.explain = [](const HostCall *, int32_t, const char *, int64_t, int64_t, int64_t) {};
  auto arenaBytes = reinterpret_cast<runtime::HostArenaFunction>(image + entry.ArenaBytes);
  auto run = reinterpret_cast<runtime::HostEntryFunction>(image + entry.Run);
  Bytes arena(arenaBytes(call.Symbols.data()) + 256, 0xCD);
  std::vector<void *> inputs = addresses(call.Inputs), outputs = addresses(call.Outputs),
                      states = addresses(call.States);
  HostCall host{&api,
                nullptr,
                call.Symbols.data(),
                inputs.data(),
                outputs.data(),
                states.data(),
                call.Weights.data(),
                arena.data(),
                0,
                nullptr};
  EXPECT_EQ(run(&host), 0);
  return call;
}

std::vector<ImageRunner::Call> ImageRunner::run(const Call &call, const std::string &entry) {
  std::vector<Call> results;
  for (size_t i = 0; i < Impl->Mappings.size(); ++i) {
    const HostImage &image = Impl->Images[Impl->Mappings[i].Image];
    Call result = runOnce(call, Impl->Mappings[i].Address, findEntry(image, entry), i % 2);
    if (i % 2 == 0) {
      results.push_back(std::move(result));
      continue;
    }
    EXPECT_EQ(result.Outputs, results.back().Outputs) << image.Level << " depends on its address or the order of tiles";
    EXPECT_EQ(result.States, results.back().States) << image.Level << " depends on its address or the order of tiles";
  }
  return results;
}

std::vector<int64_t> ImageRunner::getOutputDims(const std::vector<int64_t> &symbols, size_t count) {
  std::vector<int64_t> dims(count);
  const State::Mapping &mapping = Impl->Mappings.front();
  auto function = mapping.Address + findEntry(Impl->Images[mapping.Image], "main").OutputDims;
  reinterpret_cast<runtime::HostDimsFunction>(function)(symbols.data(), dims.data());
  return dims;
}

int64_t ImageRunner::getArenaBytes(const std::vector<int64_t> &symbols) {
  const State::Mapping &mapping = Impl->Mappings.front();
  auto function = mapping.Address + findEntry(Impl->Images[mapping.Image], "main").ArenaBytes;
  return reinterpret_cast<runtime::HostArenaFunction>(function)(symbols.data());
}

//===- Values -----------------------------------------------------------------------------------------------------===//

std::vector<float> test::randomFloats(size_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<float> values(count);
  for (float &value : values)
    value = float(int32_t(engine() >> 8) - (1 << 23)) / float(1 << 23);
  return values;
}

static mlir::Type parseElement(mlir::MLIRContext &context, const std::string &type) {
  if (type == "f16")
    return mlir::Float16Type::get(&context);
  if (type == "bf16")
    return mlir::BFloat16Type::get(&context);
  return mlir::Float32Type::get(&context);
}

Bytes test::toBytes(const std::vector<float> &values, const std::string &type) {
  mlir::MLIRContext context;
  mlir::Type element = parseElement(context, type);
  int64_t size = getElementBytes(element);
  Bytes bytes(values.size() * size);
  for (size_t i = 0; i < values.size(); ++i)
    storeFloat(element, bytes.data() + i * size, values[i]);
  return bytes;
}

std::vector<float> test::fromBytes(const Bytes &bytes, const std::string &type) {
  mlir::MLIRContext context;
  mlir::Type element = parseElement(context, type);
  int64_t size = getElementBytes(element);
  std::vector<float> values(bytes.size() / size);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = float(loadFloat(element, bytes.data() + i * size));
  return values;
}

std::vector<float> test::roundTo(const std::vector<float> &values, const std::string &type) {
  return fromBytes(toBytes(values, type), type);
}

void test::expectNear(const std::vector<double> &found, const std::vector<double> &wanted, double tolerance,
                      const std::string &what) {
  ASSERT_EQ(found.size(), wanted.size()) << what;
  for (size_t i = 0; i < found.size(); ++i) {
    bool same = found[i] == wanted[i] || (std::isnan(found[i]) && std::isnan(wanted[i]));
    ASSERT_TRUE(same || std::fabs(found[i] - wanted[i]) <= tolerance * std::max(1.0, std::fabs(wanted[i])))
        << what << ", element " << i << ": found " << found[i] << ", wanted " << wanted[i];
  }
}
