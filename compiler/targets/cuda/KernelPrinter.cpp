#include "compiler/targets/cuda/KernelPrinter.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

FailureOr<std::string> cuda::getParameter(const LaunchBody &body, Value operand) {
  FailureOr<unsigned> port = body.getInputPort(body.getRoot(), operand);
  if (failed(port))
    return failure();
  return "p" + std::to_string(*port);
}

static Value skipCasts(Value value) {
  while (auto cast = value.getDefiningOp<CastOp>())
    value = cast.getInput();
  return value;
}

LogicalResult cuda::checkNoEpilogue(const LaunchBody &body) {
  for (Value value : body.getYielded())
    if (skipCasts(value).getDefiningOp() != body.getRoot())
      return body.getRoot()->emitOpError() << "shares a launch with '" << value.getDefiningOp()->getName()
                                           << "', but its CUDA kernel takes nothing in; put them into two fusions";
  if (body.getYielded().size() != 1)
    return body.getRoot()->emitOpError() << "gives " << body.getYielded().size()
                                         << " results, but its CUDA kernel gives one";
  return success();
}

LogicalResult cuda::addEpilogue(const LaunchBody &body, unsigned split, TemplateUse &use) {
  Value acc = body.getRoot()->getResult(0);
  if (body.getYielded().size() == 1 && skipCasts(body.getYielded()[0]) == acc) {
    use.Body = "StoreAsIs{}";
    return success();
  }
  Functor functor(body);
  ElementPrinter printer(body, {SmallVector<AffineExpr>(body.getDims(acc)), split, /*Vector=*/false}, functor);
  printer.bind(acc, "acc");
  FailureOr<std::string> first = printer.get(body.getYielded()[0]);
  if (failed(first))
    return failure();
  for (unsigned i = 1; i < body.getYielded().size(); ++i)
    if (failed(printer.store(i)))
      return failure();
  std::string text = "  __device__ float operator()(float acc, int64_t row, int64_t col) const {\n" + printer.print(4) +
                     "    return " + *first + ";\n  }\n";
  use.Functors = functor.printStruct("Epilogue", text);
  use.Body = functor.printValue("Epilogue");
  return success();
}

static FailureOr<TemplateUse> printRoot(const LaunchBody &body) {
  Operation *root = body.getRoot();
  if (!root)
    return printElementwise(body);
  return llvm::TypeSwitch<Operation *, FailureOr<TemplateUse>>(root)
      .Case([&](TransposeOp) { return printElementwise(body); })
      .Case([&](GatherOp op) { return printGather(body, op); })
      .Case([&](MatmulOp op) { return printMatmul(body, op); })
      .Case([&](ConvOp op) { return printConvolution(body, op); })
      .Case([&](MaxPoolOp op) { return printMaxPool(body, op); })
      .Case([&](SoftmaxOp op) { return printSoftmax(body, op); })
      .Case([&](RmsNormOp op) { return printRmsNorm(body, op); })
      .Case([&](RopeOp op) { return printRope(body, op); })
      .Case([&](AppendKvOp op) { return printAppendKv(body, op); })
      .Case([&](PagedAttentionOp op) { return printPagedAttention(body, op); })
      .Default([](Operation *op) -> FailureOr<TemplateUse> {
        return op->emitOpError()
               << "has no CUDA kernel; compile for the CPU, or rewrite it in operations that have one";
      });
}

/// The kernel's parameters. States are inputs that are written.
static FailureOr<std::string> printParameters(const LaunchBody &body, const TemplateUse &use) {
  SmallVector<std::string> parameters;
  for (auto [i, type] : llvm::enumerate(body.getPortTypes())) {
    FailureOr<std::string> element = getMemoryType(body.getLaunch(), type);
    if (failed(element))
      return failure();
    bool input = i < body.getBlock().getNumArguments();
    parameters.push_back(llvm::formatv("{0}{1} *p{2}", input ? "const " : "", *element, i));
  }
  for (unsigned i = 0; i < body.getNumDims(); ++i)
    parameters.push_back("int64_t d" + std::to_string(i));
  for (unsigned i = 0; i < use.Layers.size(); ++i)
    parameters.push_back("int64_t l" + std::to_string(i));
  return llvm::join(parameters, ", ");
}

/// The text of a kernel with "@" for its name. The numbers that the host code relies on are checked by NVRTC.
static FailureOr<std::string> printKernel(const LaunchBody &body, const TemplateUse &use) {
  FailureOr<std::string> parameters = printParameters(body, use);
  if (failed(parameters))
    return failure();
  SmallVector<std::string> members;
  for (const auto &[name, value] : use.Params)
    members.push_back("." + name + " = " + value);
  std::string text = "namespace @_parts {\n" + use.Functors + "using Template = " + use.Type + ";\n";
  text += llvm::formatv("static_assert(Template::Threads == {0} && Template::SharedBytes == {1});\n", use.Threads,
                        use.SharedBytes);
  text += "} // namespace @_parts\n";
  text += "extern \"C\" __global__ void __launch_bounds__(@_parts::Template::Threads, @_parts::Template::MinBlocks)\n  "
          "  @(" +
          *parameters + ") {\n";
  text += "  using namespace @_parts;\n  extern __shared__ __align__(1024) char smem[];\n";
  text += "  Template::Params params{" + llvm::join(members, ", ") + "};\n";
  return text + "  gridTiles<Template>(params, smem, " + use.Body + ");\n}\n";
}

/// `lathe_<template>_<types>_<number>`, the types in order of their first appearance.
static std::string makeName(const LaunchBody &body, unsigned number) {
  llvm::SetVector<StringRef> types;
  std::vector<std::string> texts;
  for (Type type : body.getPortTypes()) {
    Type element = type;
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      element = tensor.getElementType();
    else if (auto state = dyn_cast<StateType>(type))
      element = state.getElement();
    std::string text;
    if (auto gguf = dyn_cast<GgufType>(element))
      text = gguf.getFormat().str();
    else
      llvm::raw_string_ostream(text) << element;
    if (!llvm::is_contained(texts, text))
      texts.push_back(text);
  }
  return llvm::formatv("lathe_{0}_{1}_{2}", body.getLaunch().getKernel().getKernelTemplate(), llvm::join(texts, "_"),
                       number);
}

static std::string replaceName(StringRef text, StringRef name) {
  std::string result;
  for (char c : text)
    if (c == '@')
      result += name;
    else
      result += c;
  return result;
}

LogicalResult KernelTable::add(plan::LaunchOp launch) {
  PrintedKernel printed;
  KernelCall call;
  std::string texts, name;
  for (unsigned target = 0; target < PtxTargetCount; ++target) {
    FailureOr<LaunchBody> body = LaunchBody::analyze(launch, target);
    if (failed(body))
      return failure();
    FailureOr<TemplateUse> use = printRoot(*body);
    if (failed(use))
      return failure();
    FailureOr<std::string> text = printKernel(*body, *use);
    if (failed(text))
      return failure();
    texts += *text;
    printed.Variants[target] = {use->Config, use->Header, *text, use->Threads, use->SharedBytes};
    call.Tiles[target] = use->Tiles;
    assert((target == 0 || call.Layers == use->Layers) && "a kernel has the same parameters on all targets");
    call.Layers = use->Layers;
    name = makeName(*body, Kernels.size());
  }
  auto [entry, isNew] = Known.try_emplace(texts, Kernels.size());
  call.Kernel = entry->second;
  Calls[launch] = std::move(call);
  if (!isNew)
    return success();
  printed.Name = name;
  printed.Template = launch.getKernel().getKernelTemplate().str();
  printed.Reason = launch.getKernel().getReason().str();
  for (KernelVariant &variant : printed.Variants)
    variant.Source = replaceName(variant.Source, name);
  Kernels.push_back(std::move(printed));
  return success();
}

std::string KernelTable::printSource(unsigned target) const {
  std::string source, kernels;
  std::set<StringRef> headers;
  for (const PrintedKernel &kernel : Kernels) {
    headers.insert(kernel.Variants[target].Header);
    kernels += "\n" + kernel.Variants[target].Source;
  }
  for (StringRef header : headers)
    source += ("#include \"" + header + "\"\n").str();
  std::string functions = printScalarFunctions(kernels);
  if (!functions.empty())
    source += "#include \"scalar_math.cuh\"\n";
  return source + "using namespace lathe::kernels;\n" + functions + kernels;
}
