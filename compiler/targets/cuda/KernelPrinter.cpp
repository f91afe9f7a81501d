#include "compiler/targets/cuda/KernelPrinter.h"
#include "compiler/targets/cuda/LaunchStep.h"
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

FailureOr<PrintedLeft> cuda::printLeft(const LaunchBody &body, Value lhs) {
  RmsNormOp norm = body.getNorm();
  FailureOr<std::string> a = getParameter(body, norm ? norm.getInput() : lhs);
  if (failed(a))
    return failure();
  if (!norm)
    return PrintedLeft{*a, "", ""};
  FailureOr<std::string> weight = getParameter(body, norm.getWeight()),
                         source = getElementType(norm, norm.getInput().getType()),
                         gain = getElementType(norm, norm.getWeight().getType());
  if (failed(weight) || failed(source) || failed(gain))
    return failure();
  return PrintedLeft{*a, "RmsNormalized<" + *source + ", " + *gain + ">",
                     "{.Weight = " + *weight + ", .Epsilon = " + printFloat(norm.getEpsilon().convertToFloat()) + "}"};
}

void TemplateUse::setWork(report::KernelWork numbers, AffineExpr items, AffineExpr steps) {
  static constexpr int64_t SharedBytesOfCore = 228 << 10, SharedBytesOfDriver = 1 << 10, ThreadsOfCore = 2048;
  numbers.Cluster = Cluster;
  numbers.Resident = std::clamp<int64_t>(
      std::min(SharedBytesOfCore / (SharedBytes + SharedBytesOfDriver), ThreadsOfCore / Threads), 1, MostResident);
  numbers.ItemThreads = numbers.ItemThreads ? numbers.ItemThreads : Threads;
  Work = {items, steps, numbers};
}

double cuda::predictUse(const TemplateUse &use, const report::Machine &machine,
                        llvm::function_ref<int64_t(AffineExpr)> size) {
  report::KernelWork work = use.Work->Numbers;
  work.Items = double(size(use.Work->Items));
  work.Blocks = double(size(use.Tiles));
  work.Steps = double(size(use.Work->Steps));
  return predictSeconds(machine, work);
}

TemplateUse cuda::chooseUse(const KernelChooser &chooser, unsigned target, StringRef key, ArrayRef<TemplateUse> uses,
                            llvm::function_ref<int64_t(AffineExpr)> size) {
  std::vector<Candidate> candidates;
  for (const TemplateUse &use : uses) {
    candidates.push_back({use.Config, use.OtherHeaders, predictUse(use, chooser.getMachine(target), size)});
    candidates.back().Headers.insert(use.Header);
  }
  KernelChooser::Choice choice = chooser.choose(target, key, candidates);
  TemplateUse use = uses[choice.Index];
  use.Choice = std::move(choice.Reason);
  return use;
}

TemplateUse cuda::chooseUse(const LaunchBody &body, StringRef key, ArrayRef<TemplateUse> uses) {
  LaunchStep step(body);
  return chooseUse(body.getChooser(), body.getTarget(), key, uses,
                   [&](AffineExpr size) { return step.evaluate(size); });
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

/// The function of an epilogue that computes N neighbours at once, whose operands it reads in wide words. Products of
/// 16-bit rows alone have sums side by side.
static LogicalResult printNeighbours(const LaunchBody &body, unsigned split, Functor &functor, std::string &text) {
  ElementPrinter printer(body, {SmallVector<AffineExpr>(body.getDims(body.getRoot()->getResult(0))), split, true},
                         functor);
  ArrayRef<Operation *> roots = body.getRoots();
  for (auto [i, root] : llvm::enumerate(roots))
    printer.bind(root->getResult(0), "sums[i][" + std::to_string(i) + "]");
  if (failed(printer.assign(body.getYielded()[0], "values[i]")))
    return failure();
  for (unsigned i = 1; i < body.getYielded().size(); ++i)
    if (failed(printer.store(i)))
      return failure();
  text += llvm::formatv("  template <int N> __device__ void finish(const float (&sums)[N][{0}], int64_t row, int64_t "
                        "col, float (&values)[N]) const {{\n{1}  }\n",
                        roots.size(), printer.print(4));
  return success();
}

LogicalResult cuda::addEpilogue(const LaunchBody &body, unsigned split, TemplateUse &use) {
  Value acc = body.getRoot()->getResult(0);
  bool dual = body.getRoots().size() == 2;
  Value result = body.getYielded()[0];
  bool keepsClass =
      isa<FloatType>(getElementTypeOrSelf(acc.getType())) == isa<FloatType>(getElementTypeOrSelf(result.getType()));
  if (!dual && body.getYielded().size() == 1 && (result == acc || (skipCasts(result) == acc && keepsClass))) {
    use.Body = "StoreAsIs{}";
    return success();
  }
  FailureOr<std::string> from = getRegisterType(body.getRoot(), acc.getType()),
                         to = getRegisterType(body.getRoot(), result.getType());
  Functor functor(body);
  ElementPrinter printer(body, {SmallVector<AffineExpr>(body.getDims(acc)), split, /*Vector=*/false}, functor);
  printer.bind(acc, dual ? "second" : "acc");
  if (dual)
    printer.bind(body.getRoots()[0]->getResult(0), "first");
  FailureOr<std::string> first = printer.get(result);
  if (failed(from) || failed(to) || failed(first))
    return failure();
  for (unsigned i = 1; i < body.getYielded().size(); ++i)
    if (failed(printer.store(i)))
      return failure();
  std::string text = llvm::formatv("  __device__ {0} operator()({1}, int64_t row, int64_t col) const {{\n{2}"
                                   "    return {3};\n  }\n",
                                   *to, dual ? "float first, float second" : *from + " acc", printer.print(4), *first);
  if (isa<TileMatmulOp, TileConvOp>(body.getRoot()) && *to == "float" &&
      failed(printNeighbours(body, split, functor, text)))
    return failure();
  // One number more for each element has room beside the sums.
  if (isa<TileMatmulOp>(body.getRoot()) && !dual && body.getYielded().size() == 1 && printer.countLoads() == 1)
    text += printer.printFetching(*from + " acc", *to, *first);
  use.Functors = functor.printStruct("Epilogue", text);
  use.Body = functor.printValue("Epilogue");
  return success();
}

/// Attention behind the rotations of queries and keys, and the latter's way into the cache: see RotateInAttention.
static bool isRotatedAttention(ArrayRef<Operation *> roots) {
  auto count = [&](auto is) { return llvm::count_if(roots, is); };
  return roots.size() == 4 && isa<PagedAttentionOp>(roots[3]) && count(llvm::IsaPred<RopeOp>) == 2 &&
         count(llvm::IsaPred<AppendKvOp>) == 1;
}

/// Operations of one template: products of one left operand that an elementwise operation joins, keys that are rotated
/// on their way into the cache, attention with both, or a norm whose result is rounded.
static LogicalResult checkRoots(const LaunchBody &body) {
  ArrayRef<Operation *> roots = body.getRoots();
  if (roots.size() < 2 || isRotatedAttention(roots))
    return success();
  bool products = isa<MatmulOp, TileMatmulOp>(roots[0]) && roots[0]->getName() == roots[1]->getName();
  bool rotated = isa<RopeOp>(roots[0]) && isa<AppendKvOp>(roots[1]) &&
                 cast<AppendKvOp>(roots[1]).getKey() == roots[0]->getResult(0);
  auto rounding = dyn_cast<RoundRowsOp>(roots[1]);
  bool rounded = isa<RmsNormOp>(roots[0]) && rounding && rounding.getInput() == roots[0]->getResult(0);
  if (roots.size() == 2 && (products || rotated || rounded))
    return success();
  return roots[1]->emitOpError() << "shares a launch with '" << roots[0]->getName()
                                 << "', but one CUDA kernel computes one of them; put them into two fusions";
}

static FailureOr<TemplateUse> printRoot(const LaunchBody &body) {
  Operation *root = body.getRoot();
  if (!root)
    return printElementwise(body);
  if (failed(checkRoots(body)))
    return failure();
  return llvm::TypeSwitch<Operation *, FailureOr<TemplateUse>>(root)
      .Case([&](TransposeOp) { return printElementwise(body); })
      .Case([&](GatherOp op) { return printGather(body, op); })
      .Case<MatmulOp, TileMatmulOp>([&](auto op) { return printMatmul(body, op); })
      .Case([&](IntegerMatmulOp op) { return printIntegerMatmul(body, op); })
      .Case([&](UnpackTilesOp op) { return printUnpackTiles(body, op); })
      .Case([&](ExpertMatmulOp op) { return printExpertMatmul(body, op); })
      .Case([&](ConvOp op) { return printConvolution(body, op); })
      .Case([&](TileConvOp op) { return printTileConv(body, op); })
      .Case([&](ChannelMaxPoolOp op) { return printChannelMaxPool(body, op); })
      .Case([&](MaxPoolOp op) { return printMaxPool(body, op); })
      .Case([&](SoftmaxOp op) { return printSoftmax(body, op); })
      .Case([&](ArgMaxOp op) { return printArgMax(body, op); })
      .Case([&](LayerNormOp op) { return printLayerNorm(body, op); })
      .Case<ReduceOp, ArgMinOp>([&](auto op) { return printReduce(body, op); })
      .Case([&](RmsNormOp op) { return printRmsNorm(body, op); })
      .Case([&](RoundRowsOp op) { return printRoundRows(body, op); })
      .Case([&](RopeOp op) { return printRope(body, op); })
      .Case([&](AppendKvOp op) { return printAppendKv(body, op); })
      .Case([&](PagedAttentionOp op) { return printPagedAttention(body, op); })
      .Case([&](AttentionOp op) { return printAttention(body, op); })
      .Case([&](RaggedAttentionOp op) { return printRaggedAttention(body, op); })
      .Case([&](GatherAlongOp op) { return printGatherAlong(body, op); })
      .Case([&](LoopOpInterface op) { return printLoop(body, op); })
      .Default([](Operation *op) -> FailureOr<TemplateUse> {
        return op->emitOpError()
               << "has no CUDA kernel; compile for the CPU, or rewrite it in operations that have one";
      });
}

void cuda::addFaults(TemplateUse &use) {
  use.Faults = true;
  use.Params.push_back({"Faults", "{faults, node}"});
}

std::string cuda::printMembers(ArrayRef<std::pair<std::string, std::string>> members) {
  SmallVector<std::string> texts;
  for (const auto &[name, value] : members)
    texts.push_back("." + name + " = " + value);
  return "{" + llvm::join(texts, ", ") + "}";
}

/// Steps of an item, as far as they are known.
static int64_t getSteps(const TemplateWork &work) {
  auto steps = dyn_cast<AffineConstantExpr>(work.Steps);
  return steps ? steps.getValue() : std::numeric_limits<int64_t>::max();
}

/// What an item of several parts takes on average, where they have as many items each; else `longest`.
static AffineExpr averageSteps(ArrayRef<TemplateUse> parts, AffineExpr longest) {
  AffineExpr sum = getAffineConstantExpr(0, longest.getContext());
  for (const TemplateUse &part : parts) {
    if (!part.Work || part.Work->Items != parts.front().Tiles)
      return longest;
    sum = sum + part.Work->Steps;
  }
  return sum.ceilDiv(int64_t(parts.size()));
}

/// The template that runs the tiles of all of `parts`. Fails with a diagnostic when they differ in threads.
static FailureOr<TemplateUse> launchTogether(plan::LaunchOp launch, ArrayRef<TemplateUse> parts) {
  TemplateUse use;
  use.Header = "together.cuh";
  use.Threads = parts.front().Threads;
  use.Tiles = getAffineConstantExpr(0, launch.getContext());
  SmallVector<std::string> types, bodies;
  llvm::SetVector<StringRef> configs;
  for (const TemplateUse &part : parts) {
    if (part.Threads != use.Threads)
      return launch.emitOpError() << "has parts of " << use.Threads << " and of " << part.Threads
                                  << " threads a block, but a CUDA kernel has one number of them; put them into two "
                                     "fusions";
    if (!part.Layers.empty() && !use.Layers.empty())
      return launch.emitOpError() << "has two parts of a layer each, but its CUDA kernel takes one; put them into two "
                                     "fusions";
    types.push_back(part.Type);
    bodies.push_back(part.Body);
    configs.insert(part.Config);
    use.Functors += part.Functors;
    use.OtherHeaders.insert(part.Header);
    use.OtherHeaders.insert(part.OtherHeaders.begin(), part.OtherHeaders.end());
    use.SharedBytes = std::max(use.SharedBytes, part.SharedBytes);
    use.Tiles = use.Tiles + part.Tiles;
    use.Layers.append(part.Layers);
    use.Faults |= part.Faults;
    // As if all items were like those of the part with the longest.
    if (part.Work && (!use.Work || getSteps(*part.Work) > getSteps(*use.Work)))
      use.Work = part.Work;
    use.MostResident = std::min(use.MostResident, part.MostResident);
  }
  if (use.Work)
    use.setWork(use.Work->Numbers, use.Tiles, averageSteps(parts, use.Work->Steps));
  std::string tail; // of the parts' parameters, from the last on
  for (const TemplateUse &part : llvm::reverse(parts)) {
    use.Params = {{"Head", printMembers(part.Params)}};
    if (!tail.empty())
      use.Params.push_back({"Tail", tail});
    tail = printMembers(use.Params);
  }
  use.Type = "Together<" + llvm::join(types, ", ") + ">";
  use.Body = "together(" + llvm::join(bodies, ", ") + ")";
  use.Config = llvm::formatv("{0} parts: {1}", parts.size(), llvm::join(configs, "; "));
  return use;
}

/// The kernel's parameters. States are inputs that are written.
static FailureOr<std::string> printParameters(plan::LaunchOp launch, const TemplateUse &use) {
  SmallVector<std::string> parameters;
  for (auto [i, type] : llvm::enumerate(launch.getPortTypes())) {
    FailureOr<std::string> element = getMemoryType(launch, type);
    if (failed(element))
      return failure();
    bool input = i < launch->getRegion(0).getNumArguments();
    parameters.push_back(llvm::formatv("{0}{1} *p{2}", input ? "const " : "", *element, i));
  }
  for (unsigned i = 0, n = launch.getDynamicDims().size(); i < n; ++i)
    parameters.push_back("int64_t d" + std::to_string(i));
  for (unsigned i = 0; i < use.Layers.size(); ++i)
    parameters.push_back("int64_t l" + std::to_string(i));
  if (use.Faults)
    parameters.append({"uint64_t *faults", "uint64_t node"});
  return llvm::join(parameters, ", ");
}

/// The text of a kernel with "@" for its name. The numbers that the host code relies on are checked by NVRTC.
static FailureOr<std::string> printKernel(plan::LaunchOp launch, const TemplateUse &use) {
  FailureOr<std::string> parameters = printParameters(launch, use);
  if (failed(parameters))
    return failure();
  std::string text = "namespace @_parts {\n" + use.Functors + "using Template = " + use.Type + ";\n";
  text += llvm::formatv("static_assert(Template::Threads == {0} && Template::SharedBytes == {1});\n", use.Threads,
                        use.SharedBytes);
  text += "} // namespace @_parts\n";
  text += "extern \"C\" __global__ void __launch_bounds__(@_parts::Template::Threads, @_parts::Template::MinBlocks)" +
          (use.Cluster > 1 ? llvm::formatv(" __cluster_dims__({0}, 1, 1)", use.Cluster).str() : "") + "\n    @(" +
          *parameters + ") {\n";
  text += "  using namespace @_parts;\n  extern __shared__ __align__(1024) char smem[];\n";
  text += "  Template::Params params" + printMembers(use.Params) + ";\n";
  if (use.WaitsFirst)
    text += "  startNext();\n  waitForPrevious(); // another kernel writes what the template fetches first\n";
  return text + "  gridTiles<Template>(params, smem, " + use.Body + ");\n}\n";
}

/// `lathe_<template>_<types>_<number>`, the types in order of their first appearance.
static std::string makeName(plan::LaunchOp launch, unsigned number) {
  llvm::SetVector<StringRef> types;
  std::vector<std::string> texts;
  for (Type type : launch.getPortTypes()) {
    Type element = type;
    if (isa<SizesType>(getElementTypeOrSelf(type)))
      continue; // nothing is read
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      element = tensor.getElementType();
    else if (auto state = dyn_cast<StateType>(type))
      element = state.getElement();
    std::string text;
    if (auto gguf = dyn_cast<GgufType>(element))
      text = gguf.getFormat().str();
    else if (auto tiles = dyn_cast<GgufTilesType>(element))
      text = tiles.getFormat().str();
    else if (isa<BlockedType>(element))
      text = "blocked";
    else
      llvm::raw_string_ostream(text) << element;
    if (!llvm::is_contained(texts, text))
      texts.push_back(text);
  }
  return llvm::formatv("lathe_{0}_{1}_{2}", launch.getKernel().getKernelTemplate(), llvm::join(texts, "_"), number);
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

/// What templates may fetch before they wait for the kernels before them, as no kernel writes it as a rule: weights,
/// and what says which rows attention has.
static SmallVector<Value> listEarlyOperands(const LaunchBody &body) {
  SmallVector<Value> values;
  if (body.getNorm())
    values.push_back(body.getNorm().getWeight());
  bool rotated = isRotatedAttention(body.getRoots());
  for (Operation *root : body.getRoots())
    llvm::TypeSwitch<Operation *>(root)
        .Case([&](TileMatmulOp op) { values.push_back(op.getRhs()); })
        .Case([&](TileConvOp op) { values.push_back(op.getFilter()); })
        .Case([&](PagedAttentionOp op) { values.append({op.getRowOffsets(), op.getLengths(), op.getBlockTables()}); })
        .Case([&](RopeOp op) { // alone it knows for itself
          if (rotated)
            values.push_back(op.getPositions());
          if (rotated && op.getFactors())
            values.push_back(op.getFactors());
        })
        .Case([&](AppendKvOp op) {
          if (rotated)
            values.push_back(op.getSlots());
        });
  return values;
}

/// One template, or one that runs those of all parts.
static FailureOr<TemplateUse> printParts(plan::LaunchOp launch, unsigned target, const KernelChooser &chooser) {
  FailureOr<std::vector<LaunchBody>> parts = LaunchBody::analyze(launch, target, chooser);
  if (failed(parts))
    return failure();
  std::vector<TemplateUse> uses;
  if (areOneTileProduct(*parts)) {
    FailureOr<TemplateUse> use = printTileMatmuls(*parts);
    if (failed(use))
      return failure();
    uses.push_back(*use);
  } else {
    for (const LaunchBody &part : *parts) {
      FailureOr<TemplateUse> use = printRoot(part);
      if (failed(use))
        return failure();
      uses.push_back(*use);
    }
  }
  FailureOr<TemplateUse> use = uses.size() == 1 ? uses.front() : launchTogether(launch, uses);
  if (succeeded(use))
    use->WaitsFirst = llvm::any_of(*parts, [](const LaunchBody &part) {
      return !llvm::all_of(listEarlyOperands(part), [&](Value value) { return part.isNeverWritten(value); });
    });
  return use;
}

LogicalResult KernelTable::add(plan::LaunchOp launch) {
  PrintedKernel printed;
  KernelCall call;
  std::string texts, name;
  for (unsigned target = 0; target < PtxTargetCount; ++target) {
    FailureOr<TemplateUse> use = printParts(launch, target, Chooser);
    if (failed(use))
      return failure();
    FailureOr<std::string> text = printKernel(launch, *use);
    if (failed(text))
      return failure();
    texts += *text;
    use->OtherHeaders.insert(use->Header);
    printed.Variants[target] = {use->Config,  use->Choice,      use->OtherHeaders, *text,
                                use->Threads, use->SharedBytes, use->Cluster};
    call.Tiles[target] = use->Tiles;
    call.Works[target] = use->Work;
    assert((target == 0 || (call.Layers == use->Layers && call.Faults == use->Faults)) &&
           "a kernel has the same parameters on all targets");
    call.Layers = use->Layers;
    call.Faults = use->Faults;
    name = makeName(launch, Kernels.size());
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

unsigned KernelTable::getModuleCount() const {
  // Enough for the cores of a machine. Each takes a moment to load, and the number may not depend on the machine.
  static constexpr size_t MaxModules = 32;
  return std::clamp<size_t>(Kernels.size(), 1, MaxModules);
}

std::string KernelTable::printSource(unsigned target) const {
  return printUnit(llvm::map_to_vector(Kernels, [](const PrintedKernel &kernel) { return &kernel; }), target);
}

std::string KernelTable::printModule(unsigned target, unsigned module) const {
  SmallVector<const PrintedKernel *> kernels;
  for (unsigned i = module; i < Kernels.size(); i += getModuleCount())
    kernels.push_back(&Kernels[i]);
  return printUnit(kernels, target);
}

std::string KernelTable::printUnit(ArrayRef<const PrintedKernel *> list, unsigned target) {
  std::string source, kernels;
  std::set<StringRef> headers = {"tiles.cuh"}; // a model may have no kernel at all
  for (const PrintedKernel *kernel : list) {
    const std::set<std::string> &own = kernel->Variants[target].Headers;
    headers.insert(own.begin(), own.end());
    kernels += "\n" + kernel->Variants[target].Source;
  }
  for (StringRef format : {"IQ1_", "IQ2_", "IQ3_"})
    if (StringRef(kernels).contains(format))
      headers.insert("lattice_formats.cuh"); // apart from the others: its tables take time to compile
  if (StringRef(kernels).contains("Blocked<"))
    headers.insert("blocked_formats.cuh");
  for (StringRef header : headers)
    source += ("#include \"" + header + "\"\n").str();
  std::string functions = printScalarFunctions(kernels);
  if (!functions.empty())
    source += "#include \"scalar_math.cuh\"\n";
  return source + "using namespace lathe::kernels;\n" + functions + kernels;
}
