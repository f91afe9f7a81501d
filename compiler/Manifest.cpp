#include "compiler/Manifest.h"
#include "compiler/Cost.h"
#include "compiler/WeightMoves.h"
#include "compiler/WeightPieces.h"
#include "compiler/targets/HostProgram.h"
#include "dialects/lathe/BlockedFormats.h"
#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/SymbolicDims.h"
#include "passes/fusion/CloneSymbol.h"
#include "runtime/HostAbi.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <filesystem>

using namespace mlir;
using namespace lathe;
using Json = nlohmann::ordered_json;

std::string lathe::getElementName(Type type) {
  if (auto gguf = dyn_cast<GgufType>(type))
    return gguf.getFormat().str();
  if (auto panels = dyn_cast<GgufPanelsType>(type))
    return panels.getFormat().str();
  if (auto tiles = dyn_cast<GgufTilesType>(type))
    return tiles.getFormat().str();
  if (auto blocked = dyn_cast<BlockedType>(type))
    if (std::optional<StringRef> name = getBlockedName(blocked))
      return name->str();
  if (type.isInteger(1))
    return "bool";
  if (type.isUnsignedInteger())
    return "u" + std::to_string(type.getIntOrFloatBitWidth());
  std::string name;
  llvm::raw_string_ostream(name) << type;
  return name;
}

static std::string getAttribute(ModuleOp module, StringRef name, StringRef otherwise) {
  auto value = module->getAttrOfType<StringAttr>(name);
  return (value ? value.getValue() : otherwise).str();
}

static Json describeDims(AffineMap dims, plan::ProgramOp program) {
  Json shape = Json::array();
  std::vector<std::string> names;
  for (SymbolAttr symbol : program.getPortSymbols())
    names.push_back(symbol.getName().str());
  for (AffineExpr dim : dims.getResults())
    if (auto constant = dyn_cast<AffineConstantExpr>(dim))
      shape.push_back(constant.getValue());
    else
      shape.push_back(formatSize(dim, names));
  return shape;
}

static Json describeValues(ArrayAttr ports, plan::ProgramOp program) {
  Json values = Json::array();
  for (auto port : ports.getAsRange<plan::PortAttr>())
    values.push_back({{"name", port.getName().str()},
                      {"type", getElementName(port.getType())},
                      {"shape", describeDims(port.getDims(), program)},
                      {"role", port.getRole().str()}});
  return values;
}

static Json describeStates(plan::ProgramOp program) {
  Json states = Json::array();
  for (auto port : program.getStates().getAsRange<plan::PortAttr>()) {
    auto type = cast<StateType>(port.getType());
    Json state = {{"name", port.getName().str()},
                  {"kind", stringifyStateKind(type.getKind()).str()},
                  {"element", getElementName(type.getElement())},
                  {"shape", std::vector<int64_t>(type.getShape())}};
    if (type.getKind() == StateKind::Paged) {
      state["page_tokens"] = StateType::PageTokens;
      state["page_bytes"] = type.getUnitBytes();
      state["window"] = type.getWindow();
    }
    states.push_back(state);
  }
  return states;
}

/// A number, or the expression over s0, s1, ... as text (compiler/report/Expression.h reads it).
static Json describeFormula(AffineExpr expression) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return constant.getValue();
  std::string text;
  llvm::raw_string_ostream(text) << expression;
  return text;
}

/// The model's name of what an operation came from; of several that became one, the last.
static std::string getNodeName(Location location) {
  if (auto name = dyn_cast<NameLoc>(location))
    return name.getName().str();
  if (auto fused = dyn_cast<FusedLoc>(location); fused && !fused.getLocations().empty())
    return getNodeName(fused.getLocations().back());
  return "";
}

namespace {
/// The buffers and launches of a clone, as the report needs them.
class CloneDescriber {
public:
  CloneDescriber(plan::ProgramOp program, plan::CloneOp clone, const CudaCode &cuda, unsigned target)
      : Program(program), Clone(clone), Cuda(cuda), Target(target) {}
  Json describe();

private:
  void addPorts();
  void addBuffers(Operation *op);
  size_t getIndex(Value buffer) const { return Indices.lookup(buffer); }
  Json describeCall(const CudaCall &call, unsigned target);
  Json describeLaunch(plan::LaunchOp launch);
  Json describeCopy(plan::CopyOp copy);
  void use(Value buffer, size_t step);
  void add(Value buffer, Json json) {
    Indices[buffer] = Buffers.size();
    Buffers.push_back(std::move(json));
  }

  plan::ProgramOp Program;
  plan::CloneOp Clone;
  const CudaCode &Cuda;
  unsigned Target; ///< of PtxTargets
  Json Buffers = Json::array(), Steps = Json::array();
  llvm::DenseMap<Value, size_t> Indices;
};
} // namespace

void CloneDescriber::addPorts() {
  unsigned argument = 0;
  auto addAll = [&](ArrayAttr ports, StringRef kind) {
    for (auto port : ports.getAsRange<plan::PortAttr>()) {
      AffineExpr bytes = getAffineConstantExpr(0, Program.getContext());
      if (!isa<StateType>(port.getType())) {
        bytes = bytes + getElementBytes(port.getType());
        for (AffineExpr dim : port.getDims().getResults())
          bytes = bytes * dim;
      }
      add(Program.getBody().getArgument(argument++),
          {{"kind", kind.str()}, {"name", port.getName().str()}, {"bytes", describeFormula(bytes)}});
    }
  };
  addAll(Program.getInputs(), "input");
  addAll(Program.getOutputs(), "output");
  addAll(Program.getStates(), "state");
}

/// Names what the results of an operation are: memory of their own, or that of an operand.
void CloneDescriber::addBuffers(Operation *op) {
  if (auto address = dyn_cast<plan::AddressOp>(op)) {
    auto data = SymbolTable::lookupNearestSymbolFrom<plan::DataOp>(Program, address.getDataAttr());
    add(address, {{"kind", "weight"},
                  {"name", data.getName().str()},
                  {"bytes", *getTensorBytes(cast<RankedTensorType>(data.getType()))}});
  } else if (auto buffer = dyn_cast<plan::BufferOp>(op)) {
    add(buffer, {{"kind", "arena"},
                 {"name", getNodeName(op->getLoc())},
                 {"bytes", describeFormula(buffer.getBytes().getResult(0))},
                 {"offset", describeFormula(buffer.getOffset().getResult(0))}});
  } else if (auto allocate = dyn_cast<plan::AllocateOp>(op)) {
    add(allocate, {{"kind", "pool"},
                   {"name", getNodeName(op->getLoc())},
                   {"bytes", describeFormula(allocate.getBytes().getResult(0))},
                   {"slot", allocate.getSlot()}});
  } else if (auto output = dyn_cast<plan::OutputOp>(op)) {
    Indices[output] = getIndex(Program.getBody().getArgument(Program.getInputs().size() + output.getIndex()));
  } else if (auto view = dyn_cast<plan::ViewOp>(op)) {
    Indices[view] = getIndex(view.getSource());
  } else if (auto null = dyn_cast<plan::NullOp>(op)) {
    add(null, {{"kind", "none"}, {"name", ""}, {"bytes", 0}});
  } else if (auto loop = dyn_cast<plan::LoopOp>(op)) {
    for (auto [argument, result, first] :
         llvm::zip_equal(loop.getBody().getArguments(), loop.getResults(), loop.getCarried())) {
      size_t index = getIndex(first);
      Indices[argument] = index;
      Indices[result] = index;
    }
  }
}

/// Notes the first and last step of a buffer of the arena.
void CloneDescriber::use(Value buffer, size_t step) {
  Json &json = Buffers[getIndex(buffer)];
  if (json["kind"] != "arena")
    return;
  if (!json.contains("first"))
    json["first"] = step;
  json["last"] = step;
}

/// As report::readWork reads it. What is as in most kernels is left out. Registers, which are known by now, leave room
/// for so many blocks.
static Json describeWork(const cuda::TemplateWork &work, const CudaVariant &variant) {
  static constexpr int64_t RegistersOfCore = 65536, RegistersTogether = 8; ///< a thread's are given out by eights
  report::KernelWork numbers = work.Numbers;
  if (int64_t registers = llvm::alignTo(variant.Registers, RegistersTogether) * variant.Threads)
    numbers.Resident = std::clamp<int64_t>(RegistersOfCore / registers, 1, numbers.Resident);
  Json json = report::describe(numbers);
  json["items"] = describeFormula(work.Items);
  json["steps"] = describeFormula(work.Steps);
  return json;
}

/// The launch on `target` of PtxTargets.
Json CloneDescriber::describeCall(const CudaCall &call, unsigned target) {
  Json json = {{"blocks", describeFormula(call.Blocks[target])}};
  if (call.Works[target])
    json["work"] = describeWork(*call.Works[target], Cuda.Kernels[call.Kernel].Variants[target]);
  return json;
}

Json CloneDescriber::describeLaunch(plan::LaunchOp launch) {
  LaunchCost cost = computeCost(launch);
  Json reads = Json::array(), writes = Json::array();
  for (auto [buffer, bytes] : llvm::zip_equal(launch.getInputs(), cost.Reads))
    reads.push_back({getIndex(buffer), describeFormula(bytes)});
  for (auto [buffer, bytes] : llvm::zip_equal(launch.getOutputs(), cost.Writes))
    writes.push_back({getIndex(buffer), describeFormula(bytes)});
  Json json = {{"kernel", launch.getKernel().getKernelTemplate().str()},
               {"name", getNodeName(launch.getLoc())},
               {"ops", cost.Ops},
               {"reason", launch.getKernel().getReason().str()},
               {"math", cost.Math},
               {"flops", describeFormula(cost.Flops)},
               {"reads", reads},
               {"writes", writes}};
  if (Operation *collective = findCollective(launch))
    json.update({{"axis", getCollectiveAxis(collective).str()},
                 {"ranks", Grid::of(launch).getSize(getCollectiveAxis(collective))}});
  if (auto call = Cuda.Calls.find(launch); call != Cuda.Calls.end()) {
    json["function"] = call->second.Kernel;
    Json own = describeCall(call->second, Target);
    json.update(own);
    for (auto [i, target] : llvm::enumerate(PtxTargets))
      if (Json other = describeCall(call->second, i); other != own)
        json["elsewhere"][target.Name.str()] = other;
  }
  return json;
}

Json CloneDescriber::describeCopy(plan::CopyOp copy) {
  Json bytes = describeFormula(copy.getBytes().getResult(0));
  return {{"kernel", "copy"},
          {"name", getNodeName(copy.getLoc())},
          {"ops", Json::array()},
          {"reason", "the value has its place already"},
          {"math", "f32"},
          {"flops", 0},
          {"reads", Json::array({Json::array({getIndex(copy.getSource()), bytes})})},
          {"writes", Json::array({Json::array({getIndex(copy.getTarget()), bytes})})}};
}

Json CloneDescriber::describe() {
  addPorts();
  int64_t launches = 0;
  Clone.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    addBuffers(op);
    auto launch = dyn_cast<plan::LaunchOp>(op);
    auto copy = dyn_cast<plan::CopyOp>(op);
    if (launch)
      Steps.push_back(describeLaunch(launch));
    else if (copy)
      Steps.push_back(describeCopy(copy));
    else if (auto yield = dyn_cast<plan::YieldOp>(op); yield && isa<plan::IfOp>(op->getParentOp()))
      for (auto [result, address] : llvm::zip_equal(op->getParentOp()->getResults(), yield.getAddresses()))
        Indices[result] = size_t(getIndex(address));
    if (!launch && !copy)
      return WalkResult::advance();
    launches += launch ? 1 : 0;
    for (Value operand : op->getOperands())
      use(operand, Steps.size() - 1);
    return WalkResult::skip();
  });
  Json range = Json::array();
  for (auto symbol : Clone.getRange().getAsRange<SymbolAttr>())
    range.push_back({{"symbol", symbol.getName().str()}, {"min", symbol.getMin()}, {"max", symbol.getMax()}});
  AffineExpr arena = Clone.getArena().getResult(0);
  SmallVector<SymbolAttr> bounds = Clone.getAllSymbols();
  Json json = {{"range", range}};
  if (auto reason = Clone->getAttrOfType<StringAttr>(RangeReasonAttrName))
    json["reason"] = reason.getValue().str();
  json.update({{"launches", launches},
               {"arena", describeFormula(arena)},
               {"arena_max", Bounds(bounds).getRange(arena).second},
               {"buffers", Buffers},
               {"steps", Steps}});
  return json;
}

static Json describeEntry(plan::ProgramOp program, const CudaCode &cuda, unsigned target) {
  Json symbols = Json::array(), data = Json::array(), clones = Json::array();
  for (auto symbol : program.getSymbols().getAsRange<SymbolAttr>())
    symbols.push_back({{"name", symbol.getName().str()}, {"min", symbol.getMin()}, {"max", symbol.getMax()}});
  SmallVector<SymbolAttr> all = program.getPortSymbols();
  for (SymbolAttr symbol : ArrayRef(all).drop_front(program.getSymbols().size())) {
    data.push_back({{"name", symbol.getName().str()}, {"min", symbol.getMin()}});
    if (symbol.getMax() < UnboundedSize)
      data.back()["max"] = symbol.getMax();
  }
  int64_t launches = 0, arena = 0;
  for (auto clone : program.getBody().front().getOps<plan::CloneOp>()) {
    clones.push_back(CloneDescriber(program, clone, cuda, target).describe());
    launches = std::max(launches, clones.back()["launches"].get<int64_t>());
    arena = std::max(arena, clones.back()["arena_max"].get<int64_t>());
  }
  Json entry = {{"name", program.getSymName().str()}, {"kind", program.getKind().str()}};
  auto encoder = program->getParentOp()->getAttrOfType<DictionaryAttr>(EncoderAttrName);
  if (program.getKind() == "encoder" && encoder) {
    entry["pooling"] = encoder.getAs<StringAttr>("pooling").getValue().str();
    entry["max_tokens"] = encoder.getAs<IntegerAttr>("max_tokens").getInt();
  }
  entry.update({{"symbols", symbols},
                {"data_symbols", data},
                {"inputs", describeValues(program.getInputs(), program)},
                {"outputs", describeValues(program.getOutputs(), program)},
                {"states", describeStates(program)},
                {"launches", launches},
                {"arena_max", arena},
                {"clones", clones}});
  return entry;
}

static Json describeImages(ArrayRef<HostImage> images) {
  Json list = Json::array();
  for (const HostImage &image : images) {
    Json entries = Json::object();
    for (const HostEntry &entry : image.Entries)
      entries[entry.Name] = {{"run", entry.Run}, {"arena_bytes", entry.ArenaBytes}, {"output_dims", entry.OutputDims}};
    list.push_back({{"level", image.Level}, {"entries", entries}});
  }
  return list;
}

/// Which weights are stored in blocks, and how.
static Json describeQuantization(ModuleOp plan) {
  Json map = Json::object();
  for (auto data : plan.getOps<plan::DataOp>()) {
    Type element = cast<RankedTensorType>(data.getType()).getElementType();
    if (isa<QuantizedTypeInterface>(element))
      map[data.getName().str()] = {{"format", getElementName(element)}};
  }
  return map;
}

static Json describeKernel(const CudaKernel &kernel) {
  Json targets = Json::array();
  for (const CudaVariant &variant : kernel.Variants)
    targets.push_back({{"config", variant.Config},
                       {"choice", variant.Choice},
                       {"threads", variant.Threads},
                       {"registers", variant.Registers},
                       {"shared_bytes", variant.SharedBytes}});
  return {{"name", kernel.Name},
          {"template", kernel.Template},
          {"reason", kernel.Reason},
          {"module", kernel.Module},
          {"targets", std::move(targets)}};
}

/// Where the modules of each section begin.
static Json describeModules(const CudaCode &cuda) {
  Json modules = {{"ptx", Json::object()}, {"cubin", Json::object()}};
  for (const CudaText &text : cuda.Texts)
    modules["ptx"][text.Target] = placeModules(text.Ptx).Offsets;
  for (const CudaBinary &binary : cuda.Cubins)
    modules["cubin"][binary.Chip] = placeModules(binary.Modules).Offsets;
  return modules;
}

nlohmann::ordered_json lathe::buildManifest(ModuleOp plan, StringRef chip, ArrayRef<HostImage> images,
                                            const CudaCode &cuda) {
  Json model = {{"name", getAttribute(plan, "lathe.name", "model")},
                {"format", getAttribute(plan, "lathe.format", "")}};
  if (auto architecture = plan->getAttrOfType<StringAttr>("lathe.architecture"))
    model["architecture"] = architecture.getValue().str();
  Json manifest = {{"format", runtime::FormatVersion},
                   {"host_abi", runtime::HostAbiVersion},
                   {"producer", "lathec " LATHE_VERSION},
                   {"model", model},
                   {"target", chip.empty() ? "cpu" : "cuda"}};
  if (!chip.empty())
    manifest["chip"] = chip.str();
  if (!chip.empty())
    for (const PtxTarget &target : PtxTargets)
      manifest["cuda_targets"].push_back({{"name", target.Name.str()}, {"dependent_launch", target.DependentLaunch}});
  Json entries = Json::array(), kernelList = Json::array();
  for (auto program : plan.getOps<plan::ProgramOp>())
    entries.push_back(describeEntry(program, cuda, findPtxTarget(chip)));
  for (const CudaKernel &kernel : cuda.Kernels)
    kernelList.push_back(describeKernel(kernel));
  manifest["entries"] = entries;
  manifest["images"] = describeImages(images);
  manifest["kernels"] = kernelList;
  if (!chip.empty())
    manifest["cuda_modules"] = describeModules(cuda);
  manifest["weights"] = Json::array();
  manifest["quantization"] = describeQuantization(plan);
  manifest["licences"] = Json::object();
  return manifest;
}

static Value getValue(plan::DataOp data) { return data.getBody().front().getTerminator()->getOperand(0); }

static constexpr int64_t PieceBytes = 1 << 20;

/// Writes what a rank has of `value`.
static std::string writePart(Value value, int64_t rank, Evaluator &evaluator, QuantizationLedger::Page &page,
                             const artifact::ByteSink &sink) {
  WeightPieces pieces(evaluator, PieceBytes, [&](QuantizeOp op, ArrayRef<float> before, ArrayRef<float> after) {
    page.add(op, before, after);
  });
  pieces.setRank(rank);
  if (failed(pieces.write(value, [&](ArrayRef<uint8_t> bytes) { sink(bytes.data(), bytes.size()); })))
    return "could not be computed";
  return "";
}

/// A tensor whose bytes are those of `value`.
static artifact::WeightSource makeSource(Value value, StringRef name, uint64_t offset, Evaluator &evaluator,
                                         QuantizationLedger &ledger) {
  auto type = cast<RankedTensorType>(value.getType());
  QuantizationLedger::Page &page = ledger.addPage();
  auto write = [value, &evaluator, &page](const artifact::ByteSink &sink) {
    return writePart(value, /*rank=*/0, evaluator, page, sink);
  };
  return {name.str(), getElementName(type.getElementType()), type.getShape().vec(),
          offset,     uint64_t(*getTensorBytes(type)),       write};
}

std::vector<artifact::WeightSource> lathe::listWeights(ModuleOp plan, Evaluator &evaluator,
                                                       QuantizationLedger &ledger) {
  std::vector<artifact::WeightSource> weights;
  for (auto data : plan.getOps<plan::DataOp>()) {
    weights.push_back(makeSource(getValue(data), data.getName(), uint64_t(data.getOffset()), evaluator, ledger));
    if (data.getBody().getOps<TakeShardOp>().empty())
      continue;
    SmallVector<QuantizationLedger::Page *> pages;
    for (int64_t rank = 0, ranks = Grid::of(data).getNumRanks(); rank < ranks; ++rank)
      pages.push_back(&ledger.addPage(pages.empty() ? nullptr : pages.front()));
    weights.back().writeSlice = [value = getValue(data), &evaluator, pages](size_t rank,
                                                                            const artifact::ByteSink &sink) {
      return writePart(value, int64_t(rank), evaluator, *pages[rank], sink);
    };
  }
  return weights;
}

namespace {
/// The sources of packed weights: the same tensor of a model's file is one source, however many weights it is packed
/// into.
class SourceList {
public:
  SourceList(Evaluator &evaluator, QuantizationLedger &ledger, std::vector<artifact::WeightSource> &list)
      : TheEvaluator(evaluator), Ledger(ledger), List(list) {}

  /// The number of the source that holds `value`, which is added if there is none.
  size_t add(Value value, StringRef name) {
    auto weight = value.getDefiningOp<WeightOp>();
    if (std::optional<size_t> known = find(weight))
      return *known;
    if (weight)
      Places[getKey(weight)] = List.size();
    List.push_back(makeSource(value, weight ? weight.getName() : name, 0, TheEvaluator, Ledger));
    return List.size() - 1;
  }
  std::optional<size_t> find(WeightOp weight) const {
    auto found = weight ? Places.find(getKey(weight)) : Places.end();
    return found == Places.end() ? std::nullopt : std::optional(found->second);
  }

private:
  using Key = std::tuple<uint64_t, uint64_t, uint64_t>; ///< file, offset, bytes
  static Key getKey(WeightOp weight) { return {weight.getFile(), weight.getOffset(), weight.getBytes()}; }

  Evaluator &TheEvaluator;
  QuantizationLedger &Ledger;
  std::vector<artifact::WeightSource> &List;
  std::map<Key, size_t> Places;
};
} // namespace

void lathe::packAtLoad(ModuleOp plan, Evaluator &evaluator, QuantizationLedger &ledger,
                       artifact::ArtifactSource &source) {
  SourceList sources(evaluator, ledger, source.sources);
  for (auto [data, weight] : llvm::zip_equal(plan.getOps<plan::DataOp>(), source.weights)) {
    std::optional<WeightMove> move = findMove(getValue(data));
    if (!move)
      continue;
    weight.place = artifact::WeightPlace::Packed;
    weight.packing = std::move(move->packing);
    weight.packing.from = sources.add(move->source, data.getName());
  }
  // A weight that is read as it is, and packed elsewhere, is copied from the same source.
  for (auto [data, weight] : llvm::zip_equal(plan.getOps<plan::DataOp>(), source.weights)) {
    std::optional<size_t> shared = sources.find(getValue(data).getDefiningOp<WeightOp>());
    if (!shared || source.sources[*shared].bytes != weight.bytes)
      continue;
    weight.place = artifact::WeightPlace::Packed;
    weight.packing = {*shared, 1, {int64_t(weight.bytes)}, {1}};
  }
}

/// Leaves a tensor in its file, if its value is there as it is.
static void placeInFile(Value value, artifact::WeightSource &tensor) {
  auto inFile = value.getDefiningOp<WeightOp>();
  if (!inFile || inFile.getBytes() != tensor.bytes)
    return;
  tensor.place = artifact::WeightPlace::File;
  tensor.file = size_t(inFile.getFile());
  tensor.fileOffset = uint64_t(inFile.getOffset());
}

/// What a packed weight is copied from: itself, if it is only copied.
static Value findSource(Value value) {
  std::optional<WeightMove> move = findMove(value);
  return move ? move->source : value;
}

std::string lathe::referenceWeights(ModuleOp plan, StringRef artifactPath, artifact::ArtifactSource &source) {
  auto files = plan->getAttrOfType<ArrayAttr>(FilesAttrName);
  if (!files)
    return "";
  for (auto file : files.getAsRange<StringAttr>()) {
    namespace fs = std::filesystem;
    std::error_code error;
    uint64_t bytes = fs::file_size(file.str(), error);
    fs::path folder = fs::absolute(fs::path(artifactPath.str())).parent_path();
    fs::path path = error ? fs::path() : fs::proximate(file.str(), folder, error);
    if (error)
      return file.str() + ": cannot be read: " + error.message();
    source.files.push_back({path.string(), bytes});
  }
  for (auto [data, weight] : llvm::zip_equal(plan.getOps<plan::DataOp>(), source.weights)) {
    if (weight.place == artifact::WeightPlace::Packed)
      placeInFile(findSource(getValue(data)), source.sources[weight.packing.from]);
    else
      placeInFile(getValue(data), weight);
  }
  return "";
}

void lathe::omitWeights(artifact::ArtifactSource &source) {
  constexpr uint64_t SmallBytes = 4096;
  for (artifact::WeightSource &weight : source.weights) {
    bool whole = weight.type == "bool" || ((weight.type[0] == 'i' || weight.type[0] == 'u') &&
                                           llvm::isDigit(weight.type[1]) && weight.type.find('_') == std::string::npos);
    if (!whole && weight.bytes >= SmallBytes)
      weight.place = artifact::WeightPlace::None;
  }
}
