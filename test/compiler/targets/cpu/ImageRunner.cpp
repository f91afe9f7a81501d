#include "test/compiler/targets/cpu/ImageRunner.h"
#include "compiler/targets/cpu/CpuTarget.h"
#include "dialects/lathe/reference/Evaluator.h"
#include "dialects/plan/Bounds.h"
#include "mlir/Parser/Parser.h"
#include "llvm/TargetParser/Host.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <sys/mman.h>

using namespace lathe;
using namespace lathe::test;
using runtime::CpuKernel;
using runtime::HostCall;

//===- Plans ------------------------------------------------------------------------------------------------------===//

static std::string join(size_t count, const std::function<std::string(size_t)> &item) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += (i ? ", " : "") + item(i);
  return text;
}

std::string test::makePlan(const LaunchText &launch) {
  std::string symbols = join(launch.Symbols, [](size_t i) { return "s" + std::to_string(i); });
  auto rawMap = [&](const std::string &dims) { return "()[" + symbols + "] -> (" + dims + ")"; };
  auto map = [&](const std::string &dims) { return "affine_map<" + rawMap(dims) + ">"; };
  auto isState = [](const Port &port) { return port.Type.starts_with("!lathe.state"); };
  auto element = [&](const Port &port) {
    if (isState(port))
      return port.Type;
    mlir::MLIRContext context;
    size_t start = port.Type.find('<') + 1, end = port.Type.size() - 1;
    std::string inner = port.Type.substr(start, end - start);
    size_t x = inner.find("!lathe") != std::string::npos ? inner.find("!lathe") : inner.rfind('x') + 1;
    return inner.substr(x);
  };
  auto port = [&](const std::string &name, const Port &p) {
    return "#plan.port<\"" + name + "\", \"tensor\", " + element(p) + ", " + rawMap(p.Dims) + ">";
  };
  std::vector<std::string> inputs, outputs, states, arguments, ins, outs;
  for (size_t i = 0; i < launch.Inputs.size(); ++i) {
    std::string name = "%p" + std::to_string(i);
    ins.push_back(name);
    (isState(launch.Inputs[i]) ? states : inputs).push_back(port("p" + std::to_string(i), launch.Inputs[i]));
    if (!isState(launch.Inputs[i]))
      arguments.push_back(name + ": !plan.buffer");
  }
  for (size_t i = 0; i < launch.Outputs.size(); ++i) {
    std::string name = "%q" + std::to_string(i);
    if (isState(launch.Outputs[i])) { // the state that came in
      for (size_t j = 0; j < launch.Inputs.size(); ++j)
        if (isState(launch.Inputs[j]))
          outs.push_back("%p" + std::to_string(j));
      continue;
    }
    outs.push_back(name);
    outputs.push_back(port("q" + std::to_string(i), launch.Outputs[i]));
    arguments.push_back(name + ": !plan.buffer");
  }
  for (size_t i = 0; i < launch.Inputs.size(); ++i)
    if (isState(launch.Inputs[i]))
      arguments.push_back("%p" + std::to_string(i) + ": !plan.buffer");
  auto list = [](const std::vector<std::string> &items) {
    return join(items.size(), [&](size_t i) { return items[i]; });
  };
  std::vector<Port> ports = launch.Inputs;
  ports.insert(ports.end(), launch.Outputs.begin(), launch.Outputs.end());
  return "plan.program @main \"tensor\" symbols [" +
         join(launch.Symbols, [](size_t i) { return "#lathe.symbol<\"s" + std::to_string(i) + "\", 0, 100000>"; }) +
         "] inputs [" + list(inputs) + "] outputs [" + list(outputs) + "] states [" + list(states) + "] {\n^bb0(" +
         list(arguments) + "):\n  plan.clone range [] arena " + map("0") +
         " {\n    plan.launch #lathe.kernel<\"test\", {}, \"test\"> ins(" + list(ins) + ") outs(" + list(outs) +
         ") shapes [" + join(ports.size(), [&](size_t i) { return map(ports[i].Dims); }) + "] {\n    ^bb0(" +
         join(launch.Inputs.size(), [&](size_t i) { return "%a" + std::to_string(i) + ": " + launch.Inputs[i].Type; }) +
         "):\n" + launch.Body + "\n    }\n  }\n}\n";
}

//===- Running ----------------------------------------------------------------------------------------------------===//

static bool isSupported(const std::string &level) {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  return level == "x86-64-v4" ? features["avx512vl"] && features["avx512bw"] && features["avx512dq"]
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
  api.sinf = std::sin;
  api.cosf = std::cos;
  api.tanhf = std::tanh;
  auto arenaBytes = reinterpret_cast<runtime::HostArenaFunction>(image + entry.ArenaBytes);
  auto run = reinterpret_cast<runtime::HostEntryFunction>(image + entry.Run);
  Bytes arena(arenaBytes(call.Symbols.data()) + 256, 0xCD);
  std::vector<void *> inputs = addresses(call.Inputs), outputs = addresses(call.Outputs),
                      states = addresses(call.States);
  HostCall host{&api,           nullptr,       call.Symbols.data(), inputs.data(),
                outputs.data(), states.data(), call.Weights.data(), arena.data()};
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

void test::expectNear(const std::vector<float> &found, const std::vector<double> &wanted, double tolerance,
                      const std::string &what) {
  ASSERT_EQ(found.size(), wanted.size()) << what;
  for (size_t i = 0; i < found.size(); ++i)
    ASSERT_LE(std::fabs(found[i] - wanted[i]), tolerance * std::max(1.0, std::fabs(wanted[i])))
        << what << ", element " << i << ": found " << found[i] << ", wanted " << wanted[i];
}

//===- The reference ----------------------------------------------------------------------------------------------===//

namespace {
/// The first launch of a plan, evaluated by the reference.
class ReferenceRunner {
public:
  explicit ReferenceRunner(const std::string &plan) {
    Context.loadDialect<LatheDialect, plan::PlanDialect>();
    Module = mlir::parseSourceString<mlir::ModuleOp>(plan, &Context);
    Module->walk([&](plan::LaunchOp launch) { Launch = launch; });
    Types = Launch.getPortTypes();
  }

  size_t countInputs() { return Launch.getInputs().size(); }
  mlir::Type getType(size_t port) { return Types[port]; }
  std::vector<int64_t> getShape(size_t port, const std::vector<int64_t> &symbols) {
    std::vector<int64_t> shape;
    for (mlir::AffineExpr size : mlir::cast<mlir::AffineMapAttr>(Launch.getShapes()[port]).getValue().getResults())
      shape.push_back(plan::evaluate(size, symbols));
    return shape;
  }

  /// Outputs of the call; its states are replaced by the new ones.
  std::vector<ReferenceValue> evaluate(ImageRunner::Call &call) {
    std::vector<ReferenceValue> arguments;
    size_t input = 0, state = 0;
    for (size_t i = 0; i < countInputs(); ++i) {
      const Bytes &bytes = mlir::isa<StateType>(Types[i]) ? call.States[state++] : call.Inputs[input++];
      mlir::Type element = mlir::isa<StateType>(Types[i]) ? Types[i] : mlir::getElementTypeOrSelf(Types[i]);
      arguments.push_back(ReferenceValue::borrowed(element, getShape(i, call.Symbols), bytes));
    }
    Evaluator evaluator;
    auto results = evaluator.evaluateBlock(Launch.getBody().front(), arguments);
    if (failed(results)) {
      ADD_FAILURE() << "the reference does not evaluate the launch";
      return {};
    }
    std::vector<ReferenceValue> outputs;
    state = 0;
    for (auto [i, value] : llvm::enumerate(*results)) {
      mlir::Type type = Types[countInputs() + i];
      if (mlir::isa<StateType>(type))
        call.States[state++].assign(value.getBytes().begin(), value.getBytes().end());
      else
        outputs.push_back(roundToStored(value, type));
    }
    return outputs;
  }

  mlir::MLIRContext Context;

private:
  mlir::OwningOpRef<mlir::ModuleOp> Module;
  plan::LaunchOp Launch;
  llvm::SmallVector<mlir::Type> Types;
};
} // namespace

/// Adds the inputs that are left out, as random floats, and outputs full of rubbish.
static void completeCall(ReferenceRunner &reference, ImageRunner::Call &call, size_t outputs) {
  size_t tensors = 0;
  for (size_t i = 0; i < reference.countInputs(); ++i) {
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(reference.getType(i));
    if (!type || tensors++ < call.Inputs.size())
      continue;
    ReferenceValue value = ReferenceValue::tensor(type.getElementType(), reference.getShape(i, call.Symbols));
    std::vector<float> values = randomFloats(value.getNumElements(), uint32_t(i + 17));
    for (size_t j = 0; j < values.size(); ++j)
      value.setFloat(j, values[j]);
    call.Inputs.push_back(Bytes(value.getBytes().begin(), value.getBytes().end()));
  }
  for (size_t i = 0; i < outputs; ++i)
    if (auto type = mlir::dyn_cast<mlir::RankedTensorType>(reference.getType(reference.countInputs() + i))) {
      size_t bytes = getElementBytes(type.getElementType());
      for (int64_t size : reference.getShape(reference.countInputs() + i, call.Symbols))
        bytes *= size;
      call.Outputs.push_back(Bytes(bytes, 0xAB));
    }
}

void test::checkAgainstReference(const LaunchText &launch, std::vector<ImageRunner::Call> calls, double tolerance) {
  std::string plan = makePlan(launch);
  ReferenceRunner reference(plan);
  ImageRunner runner(plan);
  for (ImageRunner::Call &call : calls) {
    completeCall(reference, call, launch.Outputs.size());
    std::vector<ImageRunner::Call> found = runner.run(call);
    std::vector<ReferenceValue> wanted = reference.evaluate(call);
    for (const ImageRunner::Call &result : found) {
      EXPECT_EQ(result.States, call.States) << plan;
      for (size_t i = 0; i < wanted.size(); ++i) {
        if (!mlir::isa<mlir::FloatType>(wanted[i].getType())) {
          EXPECT_EQ(llvm::ArrayRef<uint8_t>(result.Outputs[i]), wanted[i].getBytes()) << plan;
          continue;
        }
        auto value = ReferenceValue::borrowed(wanted[i].getType(), wanted[i].getShape(), result.Outputs[i]);
        std::vector<float> values(value.getNumElements());
        std::vector<double> numbers(values.size());
        for (size_t j = 0; j < values.size(); ++j) {
          values[j] = value.getFloat(j);
          numbers[j] = wanted[i].getFloat(j);
        }
        expectNear(values, numbers, tolerance, plan);
      }
    }
  }
}

void test::checkAgainstReference(const LaunchText &launch, ImageRunner::Call call, double tolerance) {
  checkAgainstReference(launch, std::vector<ImageRunner::Call>{std::move(call)}, tolerance);
}
