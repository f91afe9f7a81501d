#include "frontends/onnx/OnnxImporter.h"

#include "dialects/lathe/SymbolicDims.h"
#include "frontends/onnx/GraphImporter.h"
#include "frontends/onnx/OnnxSignature.h"
#include "frontends/onnx/ops/Operators.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {

/// Makes the entry point: its arguments, what the graph computes, its results.
class EntryImporter {
public:
  EntryImporter(MLIRContext &context, const Model &model, const OnnxImportOptions &options)
      : context(context), model(model), options(options), graph(&context, model), builder(graph.builder) {}

  FailureOr<OwningOpRef<ModuleOp>> import();

private:
  LogicalResult report(ArrayRef<std::string> problems, StringRef what);
  void createEntry(ModuleOp module, const Signature &signature);
  void addSymbols(const Signature &signature, const EntryInput &input, BlockArgument argument);
  LogicalResult importOutputs();
  ArrayAttr nameDims(ArrayRef<AffineExpr> dims);
  std::string checkOutput(const ValueInfo &output, Value value);

  MLIRContext &context;
  const Model &model;
  const OnnxImportOptions &options;
  GraphImporter graph;
  OpBuilder &builder;
  func::FuncOp entry;
};

} // namespace

/// One error for all problems.
LogicalResult EntryImporter::report(ArrayRef<std::string> problems, StringRef what) {
  if (problems.empty())
    return success();
  if (problems.size() == 1)
    return emitError(graph.fileLocation) << problems[0];
  return emitError(graph.fileLocation) << problems.size() << " " << what << "\n  " << llvm::join(problems, "\n  ");
}

/// Dimensions as an entry point names them.
ArrayAttr EntryImporter::nameDims(ArrayRef<AffineExpr> dims) {
  SmallVector<mlir::Attribute> names;
  for (AffineExpr dim : dims) {
    if (auto constant = dyn_cast<AffineConstantExpr>(dim))
      names.push_back(builder.getI64IntegerAttr(constant.getValue()));
    else
      names.push_back(builder.getStringAttr(formatSize(dim, graph.symbolNames())));
  }
  return builder.getArrayAttr(names);
}

/// The symbols that stand first in `input`; they come in their order.
void EntryImporter::addSymbols(const Signature &signature, const EntryInput &input, BlockArgument argument) {
  for (auto [axis, dim] : llvm::enumerate(input.dims))
    if (auto symbol = dyn_cast<AffineSymbolExpr>(dim); symbol && symbol.getPosition() == graph.symbolNames().size())
      graph.addSymbol(signature.symbols[symbol.getPosition()], signature.bounds[symbol.getPosition()], argument, axis);
}

void EntryImporter::createEntry(ModuleOp module, const Signature &signature) {
  builder.setInsertionPointToEnd(module.getBody());
  SmallVector<Type> types;
  for (const EntryInput &input : signature.inputs)
    types.push_back(input.type);
  entry = func::FuncOp::create(builder, graph.fileLocation, "forward", builder.getFunctionType(types, {}));
  entry->setAttr(EntryAttrName, builder.getStringAttr("tensor"));
  SmallVector<mlir::Attribute> symbols;
  for (auto [name, bounds] : llvm::zip_equal(signature.symbols, signature.bounds))
    symbols.push_back(SymbolAttr::get(&context, name, bounds.first, bounds.second));
  entry->setAttr(SymbolsAttrName, builder.getArrayAttr(symbols));

  Block *body = entry.addEntryBlock();
  for (auto [i, input] : llvm::enumerate(signature.inputs)) {
    BlockArgument argument = body->getArgument(i);
    argument.setLoc(NameLoc::get(builder.getStringAttr(input.name), graph.fileLocation));
    addSymbols(signature, input, argument);
    entry.setArgAttr(i, NameAttrName, builder.getStringAttr(input.name));
    entry.setArgAttr(i, DimsAttrName, nameDims(input.dims));
    entry.setArgAttr(i, RoleAttrName, builder.getStringAttr("tensor"));
    graph.scope().values[input.name] = graph.newValue(argument);
    graph.dims[argument] = input.dims;
  }
  builder.setInsertionPointToEnd(body);
}

/// What is wrong with an output; empty if nothing.
std::string EntryImporter::checkOutput(const ValueInfo &output, Value value) {
  ArrayRef<AffineExpr> dims = graph.dims[value];
  if (output.type.element != DataType::Undefined &&
      convertType(&context, output.type.element) != cast<RankedTensorType>(value.getType()).getElementType())
    return llvm::formatv("output '{0}' is {1} in the model, but its node gives another type", output.name,
                         output.type.describe());
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
    emitWarning(graph.fileLocation) << "output '" << output.name << "' has other sizes in the model than "
                                    << graph.print(dims) << ", which its node gives and the program will";
  return "";
}

LogicalResult EntryImporter::importOutputs() {
  SmallVector<Value> values;
  SmallVector<Type> types;
  std::vector<std::string> problems;
  for (const ValueInfo &output : model.graph.outputs) {
    GraphValue *given = graph.scope().find(output.name);
    if (!given) {
      problems.push_back(llvm::formatv("output '{0}' is given by no node", output.name));
      continue;
    }
    llvm::Expected<Value> value =
        graph.materialize(*given, output.name, llvm::formatv("output '{0}'", output.name), graph.fileLocation);
    if (!value) {
      problems.push_back(llvm::toString(value.takeError()));
      continue;
    }
    values.push_back(*value);
    if (std::string why = checkOutput(output, values.back()); !why.empty())
      problems.push_back(why);
    else
      types.push_back(values.back().getType());
  }
  if (model.graph.outputs.empty())
    problems.push_back("graph has no outputs");
  if (failed(report(problems, "outputs cannot be imported")))
    return failure();
  func::ReturnOp::create(builder, graph.fileLocation, values);
  entry.setFunctionType(builder.getFunctionType(entry.getArgumentTypes(), types));
  for (auto [i, output] : llvm::enumerate(model.graph.outputs)) {
    entry.setResultAttr(i, NameAttrName, builder.getStringAttr(output.name));
    entry.setResultAttr(i, DimsAttrName, nameDims(graph.dims[values[i]]));
    entry.setResultAttr(i, RoleAttrName, builder.getStringAttr("tensor"));
  }
  return success();
}

FailureOr<OwningOpRef<ModuleOp>> EntryImporter::import() {
  std::vector<std::string> problems;
  Signature signature = readSignature(&context, model, options, problems);
  if (failed(report(problems, "problems with the inputs")))
    return failure();
  OwningOpRef<ModuleOp> module = ModuleOp::create(graph.fileLocation);
  SmallVector<StringRef> files(model.paths.begin(), model.paths.end());
  (*module)->setAttr(FilesAttrName, builder.getStrArrayAttr(files));
  (*module)->setAttr(NameAttrName, builder.getStringAttr(llvm::sys::path::stem(model.paths[0])));
  (*module)->setAttr("lathe.format", builder.getStringAttr("onnx"));
  Scope scope(model.graph, nullptr, model.opsets);
  LogicalResult imported = graph.inScope(scope, [&] {
    createEntry(*module, signature);
    graph.importGraph(model.graph);
    if (failed(report(graph.problems, "nodes cannot be imported")))
      return failure();
    return importOutputs();
  });
  if (failed(imported) || failed(verify(*module)))
    return failure();
  return module;
}

static FailureOr<OwningOpRef<ModuleOp>> importModel(MLIRContext &context, llvm::Expected<Model> model, StringRef path,
                                                    const OnnxImportOptions &options) {
  context.loadDialect<LatheDialect, func::FuncDialect>();
  if (!model)
    return emitError(FileLineColLoc::get(&context, path, 0, 0)) << llvm::toString(model.takeError());
  return EntryImporter(context, *model, options).import();
}

FailureOr<OwningOpRef<ModuleOp>> lathe::importOnnx(MLIRContext &context, StringRef path,
                                                   const OnnxImportOptions &options) {
  return importModel(context, readModel(path), path, options);
}

FailureOr<OwningOpRef<ModuleOp>> lathe::importOnnx(MLIRContext &context, std::unique_ptr<llvm::MemoryBuffer> bytes,
                                                   StringRef path, const OnnxImportOptions &options) {
  return importModel(context, readModel(std::move(bytes), path), path, options);
}

std::vector<OnnxOperatorInfo> lathe::listOnnxOperators() {
  std::vector<OnnxOperatorInfo> list;
  for (const Operator *op : listOperators())
    list.push_back({op->domain.empty() ? "ai.onnx" : op->domain, op->name, op->minOpset, op->maxOpset, op->limits});
  return list;
}

std::vector<StringRef> lathe::listOnnxShapeOperators() { return listEvaluators(); }
