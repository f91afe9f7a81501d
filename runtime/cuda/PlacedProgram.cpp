#include "runtime/cuda/PlacedProgram.h"

#include "runtime/Failure.h"
#include "runtime/artifact/MadeUpWeights.h"
#include "runtime/cuda/StagedUpload.h"
#include "runtime/cuda/SumKernel.h"

#include <algorithm>
#include <cstdlib>
#include <map>

namespace lathe::runtime::cuda {

/// Dynamic shared memory that a kernel gets without asking.
static constexpr int64_t UnaskedShared = 48 * 1024;

PlacedProgram::PlacedProgram(std::shared_ptr<const CudaDevice> target, std::shared_ptr<const Program> loaded)
    : device(std::move(target)), program(std::move(loaded)) {
  try {
    load();
  } catch (...) {
    unload();
    throw;
  }
}

PlacedProgram::~PlacedProgram() {
  ContextScope scope(*device, std::nothrow);
  unload();
  weightMemory = DeviceMemory();
}

void PlacedProgram::unload() {
  for (Module module : modules)
    (void)device->driver.moduleUnload.function(module);
}

void PlacedProgram::load() {
  if (!program->manifest.kernels.empty()) {
    loadModules();
    loadKernels();
  }
  uploadWeights();
}

/// No code is made for GPUs before sm_80.
static constexpr int OldestMajor = 8;

/// How well a GPU is served by a section; negative: not at all.
static int rankCode(const Section &section, int capability) {
  bool cubin = section.kind == SectionKind::Cubin, portable = section.name.starts_with("compute_");
  if (!(cubin || section.kind == SectionKind::Ptx) || !(portable || section.name.starts_with("sm_")))
    return -1;
  char *suffix = nullptr;
  int number = int(std::strtol(section.name.c_str() + (portable ? 8 : 3), &suffix, 10));
  bool older = number <= capability, family = number / 10 == capability / 10 && older;
  bool runs = *suffix == 'a' ? number == capability : cubin ? family : portable && older;
  int rank = number * 3 + (*suffix == 'a' ? 2 : *suffix == 'f' ? 1 : 0);
  return !runs ? -1 : cubin ? 1'000'000 + rank : rank;
}

const Section *chooseCode(const std::vector<Section> &sections, int major, int minor) {
  const Section *best = nullptr;
  int bestRank = -1;
  for (const Section &section : sections)
    if (int rank = rankCode(section, major * 10 + minor); rank > bestRank) {
      best = &section;
      bestRank = rank;
    }
  return best;
}

bool PlacedProgram::dependentLaunch() const {
  const std::vector<CudaTarget> &targets = program->manifest.cudaTargets;
  return device->dependentLaunch && !targets.empty() && targets[targetIndex].dependentLaunch;
}

void PlacedProgram::loadModules() {
  const Section *section = chooseCode(program->artifact.sections(), device->major, device->minor);
  if (!section)
    throw Failure(
        LATHE_UNSUPPORTED, program->artifact.where(), ": has neither PTX nor a cubin for ", device->description(),
        device->major < OldestMajor ? "; its kernels need sm_80 or newer: run it on such a GPU, or compile the "
                                      "model for the CPU"
                                    : "; compile it for this GPU");
  const std::vector<CudaTarget> &targets = program->manifest.cudaTargets;
  for (size_t i = 0; i != targets.size(); ++i)
    if (targets[i].name == section->name)
      targetIndex = i;
  auto placed = program->manifest.modules.find({section->kind, section->name});
  if (placed == program->manifest.modules.end())
    modules.push_back(loadModule(*section, 0));
  else
    for (size_t offset : placed->second)
      modules.push_back(loadModule(*section, offset));
}

Module PlacedProgram::loadModule(const Section &section, size_t offset) {
  const Driver &driver = device->driver;
  Module module = nullptr;
  char log[4096] = {};
  int options[] = {JitErrorLog, JitErrorLogBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log))};
  Result result = driver.moduleLoad.function(&module, section.bytes.data() + offset, 2, options, values);
  if (result == ErrorUnsupportedPtx)
    throw Failure(LATHE_UNSUPPORTED, program->artifact.where(), ": section '", section.name,
                  "' is of a newer CUDA than the driver: ", driver.describe(result),
                  "; install a newer driver of NVIDIA's, or compile the model for this GPU (--target=sm_",
                  device->major, device->minor, device->major == 9 ? "a" : "",
                  "), whose machine code needs no compiler in the driver");
  if (section.kind == SectionKind::Cubin && (result == ErrorInvalidImage || result == ErrorNoBinary)) {
    int version = 0;
    driver(driver.driverGetVersion, &version);
    throw Failure(LATHE_UNSUPPORTED, program->artifact.where(), ": section '", section.name,
                  "' is no machine code that the driver, which is of CUDA ", version / 1000, ".", version % 1000 / 10,
                  ", takes: ", driver.describe(result),
                  "; install a newer driver of NVIDIA's, or compile the model with an NVRTC that is no newer (lathec "
                  "--cuda-path)");
  }
  if (result)
    driver.fail(result, driver.moduleLoad.name,
                "section '" + section.name + "'" + (*log ? std::string(", which says: ") + log : std::string()));
  return module;
}

void PlacedProgram::loadKernels() {
  const Driver &driver = device->driver;
  for (const Kernel &kernel : program->manifest.kernels) {
    Function function = nullptr;
    auto call = [&](auto &entry, auto... arguments) {
      if (Result result = entry.function(arguments...))
        driver.fail(result, entry.name, "kernel '" + kernel.name + "'");
    };
    if (kernel.module >= modules.size())
      throw Failure(LATHE_CORRUPT, program->artifact.where(), ": kernel '", kernel.name, "' is in module ",
                    kernel.module, " but there are ", modules.size());
    call(driver.moduleGetFunction, &function, modules[kernel.module], kernel.name.c_str());
    int64_t shared = kernel.sharedBytes[targetIndex];
    if (shared > device->sharedBytes)
      throw Failure(LATHE_UNSUPPORTED, program->artifact.where(), ": kernel '", kernel.name, "' needs ", shared,
                    " bytes of shared memory but a block has ", device->sharedBytes, " on ", device->description(),
                    "; compile it for this GPU");
    if (shared > UnaskedShared)
      call(driver.functionSetAttribute, function, FunctionMaxDynamicShared, int(shared));
    if (driver.functionLoad.function)
      call(driver.functionLoad, function);
    functions.push_back(function);
  }
}

Function PlacedProgram::sumKernel(lathe_type type) const {
  const char *element = type == LATHE_F32 ? "f32" : type == LATHE_F16 ? "f16" : type == LATHE_BF16 ? "bf16" : "";
  std::string name = std::string(SumKernel::Prefix) + element;
  for (size_t i = 0; i != functions.size(); ++i)
    if (program->manifest.kernels[i].name == name)
      return functions[i];
  return nullptr;
}

/// Makes up weights that the artifact leaves out. The bytes of a type go up once; then the device copies them, and what
/// it has copied.
static void makeUp(const Driver &driver, const Manifest &manifest, const DeviceMemory &memory, Stream stream) {
  struct Known {
    std::vector<unsigned char> bytes; ///< must stay until they are on the device
    DeviceAddress place = 0;
    size_t filled = 0; ///< bytes at `place`
  };
  std::map<std::string, Known> types;
  for (const Weight &weight : manifest.weights) {
    if (weight.source != WeightSource::None)
      continue;
    Known &known = types[weight.type];
    if (known.bytes.empty())
      known.bytes = makeUpBytes(weight.type);
    DeviceAddress target = memory.at(size_t(weight.offset));
    size_t size = size_t(weight.bytes), period = known.bytes.size(), done = std::min(size, known.filled);
    if (done < std::min(size, period)) {
      done = std::min(size, period);
      driver(driver.copyToDevice, target, static_cast<const void *>(known.bytes.data()), done, stream);
    } else {
      driver(driver.copyOnDevice, target, known.place, done, stream);
    }
    for (size_t count; done != size; done += count) {
      count = std::min(done / period * period, size - done); // whole periods: the next one begins behind them
      driver(driver.copyOnDevice, target + done, target, count, stream);
    }
    if (size / period * period > known.filled || !known.filled) {
      known.place = target;
      known.filled = size < period ? size : size / period * period;
    }
  }
  driver(driver.streamSynchronize, stream);
}

/// The weights that are there.
void PlacedProgram::uploadPresent(std::span<const unsigned char> bytes, const DeviceMemory &memory, Stream stream) {
  const Driver &driver = device->driver;
  StagedUpload upload(driver, stream, bytes.size());
  auto copy = [&](size_t offset, size_t size) { upload.copy(memory.at(offset), bytes.data() + offset, size); };
  bool whole = !leavesWeightsOut(program->manifest);
  if (whole)
    copy(0, bytes.size());
  for (const Weight &weight : program->manifest.weights)
    if (!whole && weight.source != WeightSource::None && weight.bytes)
      copy(size_t(weight.offset), size_t(weight.bytes));
  if (!whole)
    makeUp(driver, program->manifest, memory, stream);
  driver(driver.streamSynchronize, stream); // before the buffers go
}

void PlacedProgram::uploadWeights() {
  const Driver &driver = device->driver;
  std::span<const unsigned char> bytes = program->weights();
  if (bytes.empty())
    return;
  DeviceMemory memory(driver, bytes.size());
  // A stream of its own: a copy on the default stream would wait for the caller's work.
  Stream stream = nullptr;
  driver(driver.streamCreate, &stream, StreamNonBlocking);
  try {
    uploadPresent(bytes, memory, stream);
  } catch (...) {
    (void)driver.streamSynchronize.function(stream);
    (void)driver.streamDestroy.function(stream);
    throw;
  }
  Result waited = driver.streamSynchronize.function(stream);
  (void)driver.streamDestroy.function(stream);
  if (waited)
    driver.fail(waited, driver.streamSynchronize.name, "the weights");
  weightMemory = std::move(memory);
}

} // namespace lathe::runtime::cuda
