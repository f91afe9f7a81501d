#include "compiler/Manifest.h"
#include "compiler/WeightPieces.h"
#include "dialects/plan/Plan.h"
#include "runtime/HostAbi.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace lathe;
using Json = nlohmann::ordered_json;

std::string lathe::getElementName(Type type) {
  if (auto gguf = dyn_cast<GgufType>(type))
    return gguf.getFormat().str();
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
  for (AffineExpr dim : dims.getResults()) {
    if (auto constant = dyn_cast<AffineConstantExpr>(dim)) {
      shape.push_back(constant.getValue());
    } else if (auto symbol = dyn_cast<AffineSymbolExpr>(dim)) {
      shape.push_back(cast<SymbolAttr>(program.getSymbols()[symbol.getPosition()]).getName().str());
    } else {
      // A computed size: the image's output_dims gives it; the text is for people.
      std::string text;
      llvm::raw_string_ostream(text) << dim;
      shape.push_back(text);
    }
  }
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

static Json describeEntry(plan::ProgramOp program) {
  Json symbols = Json::array(), clones = Json::array();
  for (auto symbol : program.getSymbols().getAsRange<SymbolAttr>())
    symbols.push_back({{"name", symbol.getName().str()}, {"min", symbol.getMin()}, {"max", symbol.getMax()}});
  int64_t launches = 0;
  for (auto clone : program.getBody().front().getOps<plan::CloneOp>()) {
    auto ops = clone.getBody().front().getOps<plan::LaunchOp>();
    launches = std::max<int64_t>(launches, std::distance(ops.begin(), ops.end()));
    for (auto range : clone.getRange().getAsRange<SymbolAttr>())
      clones.push_back({{"symbol", range.getName().str()}, {"min", range.getMin()}, {"max", range.getMax()}});
  }
  return {{"name", program.getSymName().str()},
          {"kind", program.getKind().str()},
          {"symbols", symbols},
          {"inputs", describeValues(program.getInputs(), program)},
          {"outputs", describeValues(program.getOutputs(), program)},
          {"states", describeStates(program)},
          {"clones", clones},
          {"launches", launches}};
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

nlohmann::ordered_json lathe::buildManifest(ModuleOp plan, StringRef chip, ArrayRef<HostImage> images,
                                            ArrayRef<CudaKernel> kernels) {
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
  Json entries = Json::array(), kernelList = Json::array();
  for (auto program : plan.getOps<plan::ProgramOp>())
    entries.push_back(describeEntry(program));
  for (const CudaKernel &kernel : kernels)
    kernelList.push_back({{"name", kernel.Name},
                          {"template", kernel.Template},
                          {"config", kernel.Config},
                          {"threads", kernel.Threads},
                          {"registers", kernel.Registers},
                          {"shared_bytes", kernel.SharedBytes},
                          {"reason", kernel.Reason}});
  manifest["entries"] = entries;
  manifest["images"] = describeImages(images);
  manifest["kernels"] = kernelList;
  manifest["weights"] = Json::array();
  manifest["quantization"] = describeQuantization(plan);
  manifest["licences"] = Json::object();
  return manifest;
}

std::vector<artifact::WeightSource> lathe::listWeights(ModuleOp plan, Evaluator &evaluator) {
  std::vector<artifact::WeightSource> weights;
  for (auto data : plan.getOps<plan::DataOp>()) {
    auto type = cast<RankedTensorType>(data.getType());
    auto write = [data, &evaluator](const artifact::ByteSink &sink) mutable -> std::string {
      WeightPieces pieces(evaluator);
      Value value = data.getBody().front().getTerminator()->getOperand(0);
      if (failed(pieces.write(value, [&](ArrayRef<uint8_t> bytes) { sink(bytes.data(), bytes.size()); })))
        return "could not be computed";
      return "";
    };
    weights.push_back({data.getName().str(), getElementName(type.getElementType()), type.getShape().vec(),
                       uint64_t(data.getOffset()), uint64_t(*getTensorBytes(type)), write});
  }
  return weights;
}
