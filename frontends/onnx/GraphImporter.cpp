#include "frontends/onnx/GraphImporter.h"

#include "frontends/onnx/NodeImporter.h"
#include "frontends/onnx/ops/Operators.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

bool lathe::onnx::isTooLarge(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size < 1) // dynamic ones are negative too
      continue;
    if (size > MaximumElements / count)
      return true;
    count *= size;
  }
  return false;
}

GraphValue *Scope::find(StringRef name) const {
  for (const Scope *scope = this; scope; scope = scope->parent)
    if (auto found = scope->values.find(name); found != scope->values.end())
      return found->second;
  return nullptr;
}

bool Scope::hasFailed(StringRef name) const {
  for (const Scope *scope = this; scope; scope = scope->parent)
    if (scope->failed.contains(name))
      return true;
  return false;
}

AffineExpr GraphImporter::addSymbol(StringRef name, DimRange range, Value source, int64_t axis) {
  names.push_back(name.str());
  bounds.push_back(range);
  sources.push_back({source, axis});
  return getAffineSymbolExpr(names.size() - 1, builder.getContext());
}

std::string GraphImporter::uniqueSymbol(StringRef stem) const {
  std::string name = stem.str();
  for (int suffix = 2; llvm::is_contained(names, name); ++suffix)
    name = (stem + "_" + Twine(suffix)).str();
  return name;
}

std::string GraphImporter::print(AffineExpr expression) const {
  std::string text, named;
  llvm::raw_string_ostream(text) << expression;
  // MLIR writes symbols as s0, s1, ...; its operators hold no 's' before a digit.
  for (StringRef rest = text; !rest.empty();) {
    unsigned symbol = 0;
    StringRef after = rest;
    if (after.consume_front("s") && !after.consumeInteger(10, symbol)) {
      named += names[symbol];
      rest = after;
      continue;
    }
    named += rest.front();
    rest = rest.drop_front();
  }
  return named;
}

std::string GraphImporter::print(ArrayRef<AffineExpr> dims) const {
  return "[" + llvm::join(llvm::map_range(dims, [&](AffineExpr dim) { return print(dim); }), ", ") + "]";
}

static StringRef displayName(const Node &node) {
  return node.name.empty() && !node.outputs.empty() ? StringRef(node.outputs[0]) : StringRef(node.name);
}

/// Why there is no value of a name: nodes out of order and cycles are the usual cause.
std::string GraphImporter::explainMissing(StringRef name) const {
  for (const Node &node : current->graph->nodes)
    if (llvm::is_contained(node.outputs, name))
      return llvm::formatv("input '{0}' is given by node '{1}', which does not stand before it", name,
                           displayName(node));
  return llvm::formatv("input '{0}' is given by no input, initializer or node before it", name);
}

std::string GraphImporter::tryNode(const Node &node, int64_t opset) {
  const Operator *op = nullptr;
  EvaluateFunction evaluate = node.domain.empty() ? findEvaluator(node.opType, opset) : nullptr;
  std::string unsupported = findOperator(node.domain, node.opType, opset, op);
  if (!op && !evaluate)
    return unsupported;
  for (const std::string &input : node.inputs) {
    if (current->hasFailed(input))
      return ""; // its cause is reported already
    if (!input.empty() && !current->find(input))
      return explainMissing(input);
  }
  llvm::StringSet<> outputs;
  for (const std::string &output : node.outputs)
    if (!output.empty() && (current->values.contains(output) || !outputs.insert(output).second))
      return llvm::formatv("output '{0}' has been given before", output);

  Location location = NameLoc::get(builder.getStringAttr(displayName(node)), fileLocation);
  NodeImporter importer(*this, node, opset, location);
  if (evaluate && succeeded(evaluate(importer)) && succeeded(importer.finishNode()))
    return "";
  importer.forget();
  if (!op)
    return "the operator is supported on shapes and other values known while importing alone";
  LogicalResult imported = op->import(importer);
  if (succeeded(importer.finishNode()) && succeeded(imported))
    return "";
  assert(!importer.reason().empty() && "an importer failed without a reason");
  return importer.reason();
}

void GraphImporter::importNode(const Node &node) {
  auto opset = current->opsets->find(node.domain);
  int64_t version = opset == current->opsets->end() ? 0 : opset->second;
  if (std::string reason = tryNode(node, version); !reason.empty())
    problems.push_back(llvm::formatv("node '{0}' ({1}, {2} opset {3}): {4}", displayName(node), node.opType,
                                     node.domain.empty() ? "ai.onnx" : node.domain, version, reason));
  for (const std::string &output : node.outputs)
    if (!output.empty() && !current->values.contains(output))
      current->failed.insert(output);
}

void GraphImporter::importGraph(const Graph &graph) {
  for (const Tensor &tensor : graph.initializers) {
    GraphValue *value = newValue();
    value->tensor = &tensor;
    current->values[tensor.name] = value;
  }
  for (const std::string &name : graph.sparseInitializers)
    problems.push_back(llvm::formatv("initializer '{0}' is sparse, only dense ones are supported", name));
  for (const Node &node : graph.nodes)
    importNode(node);
}
