#include "compiler/NativeRunner.h"
#include "compiler/Manifest.h"
#include "runtime/HostAbi.h"
#include "runtime/MathApi.h"
#include "llvm/Support/Process.h"
#include "llvm/TargetParser/Host.h"
#include <cstring>
#include <map>

using namespace mlir;
using namespace lathe;
using runtime::HostCall;

const HostImage *lathe::findRunnableImage(ArrayRef<HostImage> images) {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  const HostImage *best = nullptr;
  for (const HostImage &image : images) {
    StringRef level = image.Level;
    bool runs = level.starts_with("x86-64-v4") ? features["avx512f"] && features["avx512vl"] && features["avx512bw"] &&
                                                     features["avx512dq"] && features["avx512cd"]
                                               : features["avx2"] && features["fma"] && features["f16c"];
    runs &= !level.ends_with("-vnni") || features["avx512vnni"];
    if (runs)
      best = &image;
  }
  return best;
}

static int32_t runInOrder(const HostCall *call, runtime::CpuKernel kernel, void *const *buffers, const int64_t *dims,
                          int64_t count) {
  return kernel(call, buffers, dims, 0, count);
}

static int32_t copyBytes(const HostCall *, void *target, const void *source, int64_t bytes) {
  std::memmove(target, source, bytes);
  return 0;
}

namespace {
/// What the functions of a call know: HostCall::context.
struct NativeContext {
  plan::ProgramOp Program;
  std::vector<ReferenceValue> &Results;
  std::map<int64_t, std::vector<uint8_t>> Slots;
  std::string Problem;
};
} // namespace

static uint8_t *getAligned(std::vector<uint8_t> &memory) {
  return reinterpret_cast<uint8_t *>(llvm::alignTo(reinterpret_cast<uintptr_t>(memory.data()), 256));
}

static void *allocate(const HostCall *call, int64_t slot, int64_t bytes, int64_t keep) {
  if (bytes < 0 || bytes > int64_t(1) << 40)
    return nullptr;
  std::vector<uint8_t> &memory = static_cast<NativeContext *>(call->context)->Slots[slot];
  std::vector<uint8_t> next(bytes + 256, 0xA5);
  if (keep)
    std::memcpy(getAligned(next), getAligned(memory), keep);
  memory = std::move(next);
  return getAligned(memory);
}

static void *bindOutput(const HostCall *call, int64_t index, const int64_t *dims) {
  auto &context = *static_cast<NativeContext *>(call->context);
  auto port = cast<plan::PortAttr>(context.Program.getOutputs()[index]);
  ReferenceValue &result = context.Results[index];
  result = ReferenceValue::tensor(port.getType(), ArrayRef(dims, port.getDims().getNumResults()));
  static uint8_t nothing;
  return result.getBytes().empty() ? &nothing : result.mutableBytes().data();
}

static const void *readBytes(const HostCall *, const void *source, int64_t) { return source; }

static int32_t writeInteger(const HostCall *, void *target, int64_t value) {
  std::memcpy(target, &value, sizeof(value));
  return 0;
}

static void explain(const HostCall *call, int32_t fault, const char *node, int64_t found, int64_t min, int64_t max) {
  static_cast<NativeContext *>(call->context)->Problem =
      llvm::formatv(" at node '{0}' ({1}, found {2}, needed {3} to {4})", node, fault, found, min, max);
}

FailureOr<std::unique_ptr<NativeRunner>> NativeRunner::create(ModuleOp plan, const HostImage &image) {
  std::unique_ptr<NativeRunner> runner(new NativeRunner(plan, image));
  std::error_code error;
  runner->Code = llvm::sys::Memory::allocateMappedMemory(
      image.Bytes.size(), nullptr, llvm::sys::Memory::MF_READ | llvm::sys::Memory::MF_WRITE, error);
  if (error)
    return plan.emitError() << "--verify: no memory for the compiled code: " << error.message();
  std::memcpy(runner->Code.base(), image.Bytes.data(), image.Bytes.size());
  llvm::sys::Memory::protectMappedMemory(runner->Code, llvm::sys::Memory::MF_READ | llvm::sys::Memory::MF_EXEC);

  Evaluator evaluator;
  QuantizationLedger ledger; // nobody asks for it
  for (const artifact::WeightSource &weight : listWeights(plan, evaluator, ledger)) {
    runner->Weights.resize(weight.offset);
    std::string message = weight.write([&](const void *data, size_t bytes) {
      auto *begin = static_cast<const uint8_t *>(data);
      runner->Weights.insert(runner->Weights.end(), begin, begin + bytes);
    });
    if (!message.empty())
      return plan.emitError() << "--verify: " << message;
  }
  return runner;
}

NativeRunner::~NativeRunner() { llvm::sys::Memory::releaseMappedMemory(Code); }

/// The program's symbols as the shapes of its inputs give them; one that no input names has its smallest value.
static SmallVector<int64_t> bindSymbols(plan::ProgramOp program, ArrayRef<ReferenceValue> arguments) {
  SmallVector<int64_t> symbols;
  for (auto symbol : program.getSymbols().getAsRange<SymbolAttr>())
    symbols.push_back(symbol.getMin());
  for (auto [port, value] : llvm::zip(program.getInputs().getAsRange<plan::PortAttr>(), arguments))
    for (auto [dim, size] : llvm::zip_equal(port.getDims().getResults(), value.getShape()))
      if (auto symbol = dyn_cast<AffineSymbolExpr>(dim))
        symbols[symbol.getPosition()] = size;
  return symbols;
}

FailureOr<std::vector<ReferenceValue>> NativeRunner::run(StringRef name, ArrayRef<ReferenceValue> arguments) {
  auto program = Plan.lookupSymbol<plan::ProgramOp>(name);
  auto entry = llvm::find_if(Image.Entries, [&](const HostEntry &e) { return e.Name == name; });
  assert(program && entry != Image.Entries.end() && "the image holds every program of the plan");
  SmallVector<int64_t> symbols = bindSymbols(program, arguments);
  auto *code = static_cast<uint8_t *>(Code.base());

  size_t inputCount = program.getInputs().size();
  std::vector<ReferenceValue> values(arguments.begin(), arguments.end()), results;
  std::vector<int64_t> dims(1); // one more than needed, so that data() is never null
  for (auto port : program.getOutputs().getAsRange<plan::PortAttr>())
    dims.resize(dims.size() + port.getDims().getNumResults());
  reinterpret_cast<runtime::HostDimsFunction>(code + entry->OutputDims)(symbols.data(), dims.data());
  ArrayRef<int64_t> rest(dims);
  for (auto [i, port] : llvm::enumerate(program.getOutputs().getAsRange<plan::PortAttr>())) {
    results.push_back(program.isDataDependent(i)
                          ? ReferenceValue()
                          : ReferenceValue::tensor(port.getType(), rest.take_front(port.getDims().getNumResults())));
    rest = rest.drop_front(port.getDims().getNumResults());
  }
  std::vector<void *> inputs, outputs, states;
  for (size_t i = 0; i < values.size(); ++i)
    (i < inputCount ? inputs : states).push_back(values[i].mutableBytes().data());
  for (auto [i, output] : llvm::enumerate(results))
    outputs.push_back(program.isDataDependent(i) ? nullptr : output.mutableBytes().data());

  int64_t arenaBytes = reinterpret_cast<runtime::HostArenaFunction>(code + entry->ArenaBytes)(symbols.data());
  // Poisoned, so that a kernel which reads what nobody wrote gives itself away.
  std::vector<uint8_t> arena(arenaBytes + 256, 0xA5);
  auto *aligned = reinterpret_cast<uint8_t *>(llvm::alignTo(reinterpret_cast<uintptr_t>(arena.data()), 256));
  NativeContext context{program, results, {}, ""};
  runtime::HostApi api{runtime::HostAbiVersion,
                       sizeof(api),
                       runInOrder,
                       nullptr,
                       copyBytes,
                       allocate,
                       bindOutput,
                       readBytes,
                       writeInteger,
                       explain,
                       &runtime::MathFunctions,
                       nullptr};
  HostCall call{&api,    &context, symbols.data(), inputs.data(), outputs.data(), states.data(), Weights.data(),
                aligned, 0,        nullptr};
  int32_t result = reinterpret_cast<runtime::HostEntryFunction>(code + entry->Run)(&call);
  if (result != 0)
    return program.emitError() << "--verify: the compiled program returned " << result << context.Problem;
  results.insert(results.end(), values.begin() + inputCount, values.end());
  return results;
}
