#include "frontends/onnx/OnnxImporter.h"

#include "frontends/onnx/NodeImporter.h"
#include "frontends/onnx/OnnxReader.h"
#include "frontends/onnx/OnnxSignature.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {

class GraphImporter {
public:
  GraphImporter(MLIRContext &context, const Model &model, const OnnxImportOptions &options)
      : context(context), model(model), options(options), builder(&context),
        fileLocation(FileLineColLoc::get(&context, model.paths[0], 0, 0)), graph(model, builder) {}

  FailureOr<OwningOpRef<ModuleOp>> import();

private:
  LogicalResult report(ArrayRef<std::string> problems, StringRef what);
  void createEntry(ModuleOp module, const Signature &signature);
  void addInitializers(std::vector<std::string> &problems);
  void importNode(const Node &node, std::vector<std::string> &problems);
  /// Why the node cannot be imported; empty if it was.
  std::string tryNode(const Node &node, int64_t opset);
  LogicalResult importOutputs();
  std::optional<ArrayAttr> nameDims(ArrayRef<AffineExpr> dims);
  std::string checkOutput(const ValueInfo &output, Value value);

  MLIRContext &context;
  const Model &model;
  const OnnxImportOptions &options;
  OpBuilder builder;
  Location fileLocation;
  GraphState graph;
  func::FuncOp entry;
  llvm::StringSet<> failedValues; ///< names whose nodes could not be imported
};

} // namespace

static StringRef displayName(const Node &node) {
  return node.name.empty() && !node.outputs.empty() ? StringRef(node.outputs[0]) : StringRef(node.name);
}

/// One error for all problems.
LogicalResult GraphImporter::report(ArrayRef<std::string> problems, StringRef what) {
  if (problems.empty())
    return success();
  if (problems.size() == 1)
    return emitError(fileLocation) << problems[0];
  return emitError(fileLocation) << problems.size() << " " << what << "\n  " << llvm::join(problems, "\n  ");
}

/// Dimensions as an entry point names them; nothing if one is neither a number nor a symbol.
std::optional<ArrayAttr> GraphImporter::nameDims(ArrayRef<AffineExpr> dims) {
  SmallVector<mlir::Attribute> names;
  for (AffineExpr dim : dims) {
    if (auto constant = dyn_cast<AffineConstantExpr>(dim))
      names.push_back(builder.getI64IntegerAttr(constant.getValue()));
    else if (auto symbol = dyn_cast<AffineSymbolExpr>(dim))
      names.push_back(builder.getStringAttr(graph.symbols[symbol.getPosition()]));
    else
      return std::nullopt;
  }
  return builder.getArrayAttr(names);
}

void GraphImporter::createEntry(ModuleOp module, const Signature &signature) {
  builder.setInsertionPointToEnd(module.getBody());
  SmallVector<Type> types;
  for (const EntryInput &input : signature.inputs)
    types.push_back(input.type);
  entry = func::FuncOp::create(builder, fileLocation, "forward", builder.getFunctionType(types, {}));
  entry->setAttr(EntryAttrName, builder.getStringAttr("tensor"));
  SmallVector<mlir::Attribute> symbols;
  for (auto [name, bounds] : llvm::zip_equal(signature.symbols, signature.bounds))
    symbols.push_back(SymbolAttr::get(&context, name, bounds.first, bounds.second));
  entry->setAttr(SymbolsAttrName, builder.getArrayAttr(symbols));
  graph.symbols = signature.symbols;

  Block *body = entry.addEntryBlock();
  for (auto [i, input] : llvm::enumerate(signature.inputs)) {
    BlockArgument argument = body->getArgument(i);
    argument.setLoc(NameLoc::get(builder.getStringAttr(input.name), fileLocation));
    entry.setArgAttr(i, NameAttrName, builder.getStringAttr(input.name));
    entry.setArgAttr(i, DimsAttrName, *nameDims(input.dims));
    entry.setArgAttr(i, RoleAttrName, builder.getStringAttr("tensor"));
    graph.values[input.name] = {argument, nullptr};
    graph.dims[argument] = input.dims;
  }
  builder.setInsertionPointToEnd(body);
}

void GraphImporter::addInitializers(std::vector<std::string> &problems) {
  for (const Tensor &tensor : model.graph.initializers)
    graph.values[tensor.name] = {{}, &tensor};
  for (const std::string &name : model.graph.sparseInitializers)
    problems.push_back(llvm::formatv("initializer '{0}' is sparse, only dense ones are supported", name));
}

std::string GraphImporter::tryNode(const Node &node, int64_t opset) {
  const Operator *op = llvm::find_if(aiOperators(), [&](const Operator &each) { return each.name == node.opType; });
  if (!node.domain.empty() || op == aiOperators().end())
    return "the operator is not supported";
  if (opset == 0)
    return "the model has no opset_import for its domain";
  if (opset < op->minOpset || opset > op->maxOpset)
    return llvm::formatv("only opsets {0} to {1} are supported; convert the model with onnx.version_converter",
                         op->minOpset, op->maxOpset);
  for (const std::string &input : node.inputs) {
    if (failedValues.contains(input))
      return ""; // its cause is reported already
    if (!input.empty() && !graph.values.contains(input))
      return llvm::formatv("input '{0}' is given by no input, initializer or node before it", input);
  }
  for (const std::string &output : node.outputs)
    if (!output.empty() && graph.values.contains(output))
      return llvm::formatv("output '{0}' has been given before", output);

  Location location = NameLoc::get(builder.getStringAttr(displayName(node)), fileLocation);
  NodeImporter importer(graph, node, opset, location);
  LogicalResult imported = op->import(importer);
  if (succeeded(importer.finishNode()) && succeeded(imported))
    return "";
  assert(!importer.reason().empty() && "an importer failed without a reason");
  return importer.reason();
}

void GraphImporter::importNode(const Node &node, std::vector<std::string> &problems) {
  auto opset = model.opsets.find(node.domain);
  int64_t version = opset == model.opsets.end() ? 0 : opset->second;
  if (std::string reason = tryNode(node, version); !reason.empty())
    problems.push_back(llvm::formatv("node '{0}' ({1}, {2} opset {3}): {4}", displayName(node), node.opType,
                                     node.domain.empty() ? "ai.onnx" : node.domain, version, reason));
  for (const std::string &output : node.outputs)
    if (!output.empty() && !graph.values.contains(output))
      failedValues.insert(output);
}

/// What is wrong with an output; empty if nothing.
std::string GraphImporter::checkOutput(const ValueInfo &output, Value value) {
  if (!value)
    return llvm::formatv("output '{0}' is given by no node", output.name);
  ArrayRef<AffineExpr> dims = graph.dims[value];
  if (!nameDims(dims))
    return llvm::formatv("output '{0}' has sizes {1}, only numbers and names of input sizes are supported; give sizes "
                         "with --shape",
                         output.name, graph.print(dims));
  if (output.type != DataType::Undefined &&
      convertType(&context, output.type) != cast<RankedTensorType>(value.getType()).getElementType())
    return llvm::formatv("output '{0}' is {1} in the model, but its node gives another type", output.name,
                         dataTypeName(output.type));
  if (!output.dims)
    return "";
  bool agrees = output.dims->size() == dims.size();
  for (size_t i = 0; agrees && i < dims.size(); ++i) {
    auto constant = dyn_cast<AffineConstantExpr>(dims[i]);
    agrees = !constant || !(*output.dims)[i].size || *(*output.dims)[i].size < 1 ||
             *(*output.dims)[i].size == constant.getValue();
  }
  // Shape inference of exporters errs more often than nodes: what is computed counts.
  if (!agrees)
    emitWarning(fileLocation) << "output '" << output.name << "' has other sizes in the model than "
                              << graph.print(dims) << ", which its node gives and the program will";
  return "";
}

LogicalResult GraphImporter::importOutputs() {
  SmallVector<Value> values;
  SmallVector<Type> types;
  std::vector<std::string> problems;
  for (const ValueInfo &output : model.graph.outputs) {
    values.push_back(graph.materialize(output.name, fileLocation));
    if (std::string why = checkOutput(output, values.back()); !why.empty())
      problems.push_back(why);
    else
      types.push_back(values.back().getType());
  }
  if (values.empty())
    problems.push_back("graph has no outputs");
  if (failed(report(problems, "outputs cannot be imported")))
    return failure();
  func::ReturnOp::create(builder, fileLocation, values);
  entry.setFunctionType(builder.getFunctionType(entry.getArgumentTypes(), types));
  for (auto [i, output] : llvm::enumerate(model.graph.outputs)) {
    entry.setResultAttr(i, NameAttrName, builder.getStringAttr(output.name));
    entry.setResultAttr(i, DimsAttrName, *nameDims(graph.dims[values[i]]));
    entry.setResultAttr(i, RoleAttrName, builder.getStringAttr("tensor"));
  }
  return success();
}

FailureOr<OwningOpRef<ModuleOp>> GraphImporter::import() {
  std::vector<std::string> problems;
  Signature signature = readSignature(&context, model, options, problems);
  if (failed(report(problems, "problems with the inputs")))
    return failure();
  OwningOpRef<ModuleOp> module = ModuleOp::create(fileLocation);
  SmallVector<StringRef> files(model.paths.begin(), model.paths.end());
  (*module)->setAttr(FilesAttrName, builder.getStrArrayAttr(files));
  (*module)->setAttr(NameAttrName, builder.getStringAttr(llvm::sys::path::stem(model.paths[0])));
  createEntry(*module, signature);
  addInitializers(problems);
  for (const Node &node : model.graph.nodes)
    importNode(node, problems);
  if (failed(report(problems, "nodes cannot be imported")) || failed(importOutputs()) || failed(verify(*module)))
    return failure();
  return module;
}

FailureOr<OwningOpRef<ModuleOp>> lathe::importOnnx(MLIRContext &context, StringRef path,
                                                   const OnnxImportOptions &options) {
  context.loadDialect<LatheDialect, func::FuncDialect>();
  llvm::Expected<Model> model = readModel(path);
  if (!model)
    return emitError(FileLineColLoc::get(&context, path, 0, 0)) << llvm::toString(model.takeError());
  return GraphImporter(context, *model, options).import();
}

std::vector<OnnxOperatorInfo> lathe::listOnnxOperators() {
  std::vector<OnnxOperatorInfo> list;
  for (const Operator &op : aiOperators())
    list.push_back({"ai.onnx", op.name, op.minOpset, op.maxOpset, op.limits});
  return list;
}
