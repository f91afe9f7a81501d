// Runs a model's CUDA code without a GPU, and compares with the reference: the host code as it is, the kernels from a
// library that a C++ compiler made of their text with EmulatedKernels.h.
//
//   cuda-print MODEL --emit=source > k.cu
//   clang++ -x c++ -std=c++20 -O1 -shared -fPIC -I<kernels> -include EmulatedKernels.h k.cu -o k.so
//   cuda-emulate MODEL --kernels=k.so
//
// Exit status 1 where an element of an output or a state differs by more than the tolerance.
#include "compiler/Dialects.h"
#include "compiler/targets/cuda/CudaLaunchLowering.h"
#include "compiler/targets/cuda/CudaTarget.h"
#include "dialects/lathe/reference/Evaluator.h"
#include "dialects/lathe/reference/RandomInputs.h"
#include "test/compiler/targets/cuda/ModelFile.h"
#include <CLI/CLI.hpp>
#include <dlfcn.h>
#include <sys/mman.h>

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

namespace {
struct Options {
  std::string File, Kernels, Ptx = "compute_80";
  std::vector<std::string> Symbols;
  double Tolerance = 1e-4;
  PipelineOptions Pipeline;
  RandomInputOptions Inputs;
};

constexpr unsigned MaxArguments = 64; // of EmulatedKernels.h

/// Memory of a call, aligned as a device's; what nobody has written is NaN.
class Memory {
public:
  explicit Memory(size_t bytes) : Address(static_cast<uint8_t *>(std::aligned_alloc(256, bytes / 256 * 256 + 256))) {
    std::memset(Address, 0xff, bytes);
  }
  explicit Memory(ArrayRef<uint8_t> bytes) : Memory(bytes.size()) { llvm::copy(bytes, Address); }
  Memory(Memory &&other) : Address(std::exchange(other.Address, nullptr)) {}
  ~Memory() { std::free(Address); }
  uint8_t *Address;
};

/// The kernels, as HostCall's context.
struct Device {
  explicit Device(const KernelTable &table) : Table(table) {}
  bool load(const std::string &path);

  const KernelTable &Table;
  std::vector<void *> Kernels;
  std::vector<unsigned> ArgumentCounts;
  void (*EmulateLaunch)(void *, unsigned, unsigned, unsigned, const uint64_t *) = nullptr;
  // Of the call: what its functions give and keep.
  ArrayRef<ReferenceValue> Wanted; ///< outputs, then states
  std::vector<void *> Outputs;
  std::map<int64_t, Memory> Slots;
  uint64_t Faults = 0;
  std::string Problem;
};
} // namespace

/// Parameters of a printed kernel.
static unsigned countParameters(const PrintedKernel &kernel) {
  StringRef list = StringRef(kernel.Variants.front().Source).split("    " + kernel.Name + "(").second.split(')').first;
  return list.count(',') + 1;
}

bool Device::load(const std::string &path) {
  void *library = dlopen(path.c_str(), RTLD_NOW);
  if (!library) {
    llvm::errs() << dlerror() << '\n';
    return false;
  }
  EmulateLaunch = reinterpret_cast<decltype(EmulateLaunch)>(dlsym(library, "emulateLaunch"));
  for (const PrintedKernel &kernel : Table.getKernels()) {
    Kernels.push_back(dlsym(library, kernel.Name.c_str()));
    ArgumentCounts.push_back(countParameters(kernel));
    if (!Kernels.back() || ArgumentCounts.back() > MaxArguments) {
      llvm::errs() << path << ": has no kernel '" << kernel.Name << "' of at most " << MaxArguments << " parameters\n";
      return false;
    }
  }
  return EmulateLaunch;
}

static int32_t launch(const runtime::HostCall *call, const runtime::CudaLaunch *launch, void *const *arguments) {
  auto &device = *static_cast<Device *>(call->context);
  uint64_t words[MaxArguments] = {};
  for (unsigned i = 0; i < device.ArgumentCounts[launch->kernel]; ++i)
    words[i] = *static_cast<const uint64_t *>(arguments[i]);
  device.EmulateLaunch(device.Kernels[launch->kernel], launch->grid[0], launch->block[0], launch->sharedBytes, words);
  return 0;
}

static void *allocate(const runtime::HostCall *call, int64_t slot, int64_t bytes, int64_t keep) {
  auto &device = *static_cast<Device *>(call->context);
  Memory fresh{size_t(bytes)};
  auto old = device.Slots.find(slot);
  if (old != device.Slots.end())
    std::memcpy(fresh.Address, old->second.Address, keep);
  device.Slots.erase(slot);
  return device.Slots.emplace(slot, std::move(fresh)).first->second.Address;
}

/// Where there is room for the output, if it has the size that is wanted.
static void *bindOutput(const runtime::HostCall *call, int64_t index, const int64_t *dims) {
  auto &device = *static_cast<Device *>(call->context);
  ArrayRef<int64_t> wanted = device.Wanted[index].getShape();
  if (ArrayRef(dims, wanted.size()) == wanted)
    return device.Outputs[index];
  device.Problem = llvm::formatv(": output {0} has other sizes than wanted", index);
  return nullptr;
}

static const void *read(const runtime::HostCall *, const void *source, int64_t) { return source; }

static int32_t write(const runtime::HostCall *, void *target, int64_t value) {
  std::memcpy(target, &value, sizeof(value));
  return 0;
}

static void explain(const runtime::HostCall *call, int32_t fault, const char *node, int64_t found, int64_t min,
                    int64_t max) {
  static_cast<Device *>(call->context)->Problem =
      llvm::formatv(" at node '{0}' ({1}, found {2}, needed {3} to {4})", node, fault, found, min, max);
}

static int32_t copy(const runtime::HostCall *, void *target, const void *source, int64_t bytes) {
  std::memcpy(target, source, bytes);
  return 0;
}

/// The weights section: what every weight program gives.
static FailureOr<std::vector<uint8_t>> packWeights(ModuleOp plan, Evaluator &evaluator) {
  std::vector<uint8_t> section;
  for (auto data : plan.getOps<plan::DataOp>()) {
    FailureOr<SmallVector<ReferenceValue>> values = evaluator.evaluateBlock(data.getBody().front(), {});
    if (failed(values))
      return failure();
    ArrayRef<uint8_t> bytes = values->front().getBytes();
    section.resize(std::max<size_t>(section.size(), data.getOffset() + bytes.size()));
    llvm::copy(bytes, section.begin() + data.getOffset());
  }
  section.resize(section.size() + 256);
  return section;
}

/// Values of the program's symbols: sizes of the inputs that are a symbol.
static std::vector<int64_t> readSymbols(plan::ProgramOp program, ArrayRef<ReferenceValue> inputs) {
  std::vector<int64_t> symbols(program.getSymbols().size());
  for (auto [port, value] : llvm::zip(program.getInputs().getAsRange<plan::PortAttr>(), inputs))
    for (auto [size, dim] : llvm::zip_equal(value.getShape(), port.getDims().getResults()))
      if (auto symbol = dyn_cast<AffineSymbolExpr>(dim))
        symbols[symbol.getPosition()] = size;
  return symbols;
}

namespace {
/// The largest difference of one result, as multiples of the tolerance.
struct Difference {
  int64_t Index = 0;
  double Found = 0, Wanted = 0, Size = 0;
};
} // namespace

/// An element of any plain type as a number.
static double loadNumber(Type element, const uint8_t *bytes) {
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer)
    return loadFloat(element, bytes);
  uint64_t value = 0;
  int64_t size = getElementBytes(element);
  std::memcpy(&value, bytes, size);
  int shift = 64 - 8 * size;
  return integer.isUnsigned() ? double(value) : double(int64_t(value << shift) >> shift);
}

/// All elements, blocks unpacked.
static std::vector<double> loadNumbers(Type element, ArrayRef<uint8_t> bytes) {
  std::vector<double> numbers;
  if (auto blocks = dyn_cast<QuantizedTypeInterface>(element)) {
    std::vector<float> values(bytes.size() / blocks.getBlockBytes() * blocks.getBlockShape()[1]);
    (void)blocks.unpack({int64_t(values.size())}, bytes, values);
    numbers.assign(values.begin(), values.end());
    return numbers;
  }
  int64_t step = getElementBytes(element);
  for (size_t i = 0; i < bytes.size(); i += step)
    numbers.push_back(loadNumber(element, bytes.data() + i));
  return numbers;
}

static Difference compare(Type element, ArrayRef<uint8_t> foundBytes, ArrayRef<uint8_t> wantedBytes, double tolerance) {
  Difference worst;
  std::vector<double> found = loadNumbers(element, foundBytes), wanted = loadNumbers(element, wantedBytes);
  for (int64_t i = 0, n = wanted.size(); i < n; ++i) {
    double a = found[i], b = wanted[i];
    double size = std::fabs(a - b) / (tolerance * std::max(1.0, std::fabs(b)));
    if (!(size <= worst.Size))
      worst = {i, a, b, std::isnan(size) ? INFINITY : size};
  }
  return worst;
}

/// Prints one line a result; false when one is too far off.
static bool printDifference(StringRef name, const Difference &worst) {
  llvm::outs() << llvm::formatv("{0}: worst element {1} is {2:E6}, wanted {3:E6}, {4:F2} of the tolerance\n", name,
                                worst.Index, worst.Found, worst.Wanted, worst.Size);
  return worst.Size <= 1;
}

static int32_t runImage(const HostImage &image, StringRef name, runtime::HostCall &call) {
  void *code = mmap(nullptr, image.Bytes.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::memcpy(code, image.Bytes.data(), image.Bytes.size());
  mprotect(code, image.Bytes.size(), PROT_READ | PROT_EXEC);
  const HostEntry &entry = *llvm::find_if(image.Entries, [&](const HostEntry &each) { return each.Name == name; });
  auto *base = static_cast<char *>(code);
  Memory arena(reinterpret_cast<runtime::HostArenaFunction>(base + entry.ArenaBytes)(call.symbols));
  call.arena = arena.Address;
  int32_t result = reinterpret_cast<runtime::HostEntryFunction>(base + entry.Run)(&call);
  munmap(code, image.Bytes.size());
  return result;
}

/// Runs one program of the plan on `arguments` and compares with `wanted`.
static bool runAndCompare(const Options &options, plan::ProgramOp program, const HostImage &image,
                          ArrayRef<uint8_t> packed, Device &device, ArrayRef<ReferenceValue> arguments,
                          ArrayRef<ReferenceValue> wanted) {
  std::vector<int64_t> symbols = readSymbols(program, arguments);
  std::vector<Memory> memories;
  auto place = [&](auto &&content) { return memories.emplace_back(content).Address; };
  std::vector<void *> inputs, states, &outputs = device.Outputs;
  outputs.clear();
  device.Wanted = wanted;
  for (const ReferenceValue &value : arguments)
    (isa<StateType>(value.getType()) ? states : inputs).push_back(place(value.getBytes()));
  for (const ReferenceValue &value : wanted)
    if (!isa<StateType>(value.getType()))
      outputs.push_back(place(value.getBytes().size()));
  runtime::HostApi api{};
  api.launch = launch;
  api.copy = copy;
  api.allocate = allocate;
  api.bindOutput = bindOutput;
  api.read = read;
  api.write = write;
  api.explain = explain;
  runtime::HostCall call{&api,          &device,        symbols.data(),
                         inputs.data(), outputs.data(), states.data(),
                         place(packed), nullptr,        findPtxTarget(options.Ptx),
                         &device.Faults};
  if (int32_t result = runImage(image, program.getSymName(), call)) {
    llvm::errs() << "the host code returns " << result << device.Problem << '\n';
    return false;
  }
  if (device.Faults) {
    llvm::errs() << "kernels report fault " << (device.Faults >> runtime::FaultShift) << '\n';
    return false;
  }
  bool good = true;
  size_t output = 0, state = 0;
  for (const ReferenceValue &value : wanted) {
    auto type = dyn_cast<StateType>(value.getType());
    std::string name = (type ? "state " : "output ") + std::to_string(type ? state : output);
    auto *found = static_cast<const uint8_t *>(type ? states[state++] : outputs[output++]);
    good &=
        printDifference(name, compare(type ? type.getElement() : value.getType(),
                                      ArrayRef(found, value.getBytes().size()), value.getBytes(), options.Tolerance));
  }
  return good;
}

namespace {
/// What an entry point is given, and what it gives.
struct Example {
  std::string Name;
  SmallVector<ReferenceValue> Arguments, Wanted;
};
} // namespace

static bool runAll(const Options &options, ModuleOp plan, ArrayRef<Example> examples) {
  KernelTable table;
  plan.walk([&](plan::LaunchOp launch) { (void)table.add(launch); });
  Device device(table);
  auto images = buildHostImages(plan, {.Levels = {"x86-64-v3"}, .KeepLlvmIr = false},
                                [&](llvm::Module &llvm) { return createCudaLaunchLowering(llvm, table); });
  Evaluator evaluator;
  FailureOr<std::vector<uint8_t>> packed = packWeights(plan, evaluator);
  if (failed(images) || failed(packed) || !device.load(options.Kernels))
    return false;
  bool good = true;
  for (const Example &example : examples) {
    if (examples.size() > 1)
      llvm::outs() << example.Name << '\n';
    good &= runAndCompare(options, plan.lookupSymbol<plan::ProgramOp>(example.Name), images->front(), *packed, device,
                          example.Arguments, example.Wanted);
  }
  return good;
}

static bool run(Options &options) {
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  for (const std::string &symbol : options.Symbols) {
    auto [name, value] = StringRef(symbol).split('=');
    value.getAsInteger(10, options.Inputs.Symbols[name.str()]);
  }
  OwningOpRef<ModuleOp> module = test::readModel(options.File, context, sources);
  if (!module || failed(test::runPhases(*module, options.Pipeline, "cleanup", "fuse")))
    return false;
  std::vector<Example> examples;
  for (auto entry : module->getOps<func::FuncOp>()) {
    FailureOr<SmallVector<ReferenceValue>> arguments = makeRandomInputs(entry, options.Inputs);
    if (failed(arguments))
      return false;
    FailureOr<SmallVector<ReferenceValue>> wanted = Evaluator().evaluateFunction(entry, *arguments);
    if (failed(wanted))
      return false;
    examples.push_back({entry.getSymName().str(), std::move(*arguments), std::move(*wanted)});
  }
  return succeeded(test::runPhases(*module, options.Pipeline, "fuse", "")) && runAll(options, *module, examples);
}

int main(int argc, char **argv) {
  Options options;
  options.Pipeline.cuda = true;
  options.Pipeline.tokenBoundaries = {1, 8, 64, 256}; // whatever the model is, so that all kernels run
  options.Pipeline.batchBoundaries = {1, 8};
  CLI::App app("Runs a model's CUDA code without a GPU and compares with the reference");
  app.add_option("file", options.File)->required();
  app.add_option("--kernels", options.Kernels, "the library of the printed kernels")->required();
  app.add_option("--ptx", options.Ptx, "which target the kernels were printed for")
      ->check(CLI::IsMember({"compute_80", "sm_90a"}));
  app.add_option("--activations", options.Pipeline.activations);
  app.add_option("--kv", options.Pipeline.kv);
  app.add_option("--seed", options.Inputs.Seed);
  app.add_option("--symbol", options.Symbols, "NAME=VALUE");
  app.add_option("--tolerance", options.Tolerance, "of an element, relative to it or to 1, whichever is larger");
  CLI11_PARSE(app, argc, argv);
  return run(options) ? 0 : 1;
}
