#include "frontends/onnx/GraphImporter.h"

#include "frontends/onnx/NodeImporter.h"
#include "frontends/onnx/ops/Operators.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// No model has as many; functions that call functions that call functions could go on for ever.
static constexpr int64_t MaximumNodes = 1 << 20;

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

bool Scope::isAbsent(StringRef name) const {
  for (const Scope *scope = this; scope; scope = scope->parent)
    if (scope->absent.contains(name))
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

bool GraphImporter::hasFailedInput(const Node &node) const {
  return llvm::any_of(node.inputs, [&](const std::string &input) { return current->hasFailed(input); });
}

std::string GraphImporter::checkNames(const Node &node) const {
  for (const std::string &input : node.inputs)
    if (!input.empty() && !current->find(input))
      return explainMissing(input);
  llvm::StringSet<> outputs;
  for (const std::string &output : node.outputs)
    if (!output.empty() && (current->values.contains(output) || !outputs.insert(output).second))
      return llvm::formatv("output '{0}' has been given before", output);
  return "";
}

std::string GraphImporter::importOperator(const Node &node, int64_t opset, Location location) {
  const Operator *op = nullptr;
  EvaluateFunction evaluate = node.domain.empty() ? findEvaluator(node.opType, opset) : nullptr;
  std::string unsupported = findOperator(node.domain, node.opType, opset, op);
  if (!op && !evaluate)
    return unsupported;
  if (hasFailedInput(node))
    return ""; // its cause is reported already
  if (std::string why = checkNames(node); !why.empty())
    return why;
  NodeImporter importer(*this, node, opset, location);
  if (evaluate && succeeded(evaluate(importer)) && succeeded(importer.finishNode()))
    return "";
  importer.forget();
  if (!op)
    return "the operator is supported on shapes and other values known while importing alone";
  LogicalResult imported = op->import(importer);
  if (succeeded(importer.finishNode()) && succeeded(imported))
    return "";
  assert((importer.isReported() || !importer.reason().empty()) && "an importer failed without a reason");
  contradicts = importer.isContradiction();
  return importer.reason();
}

const Function *GraphImporter::findFunction(const Node &node) const {
  for (const Function &function : model.functions)
    if (function.name == node.opType && function.domain == node.domain && function.overload == node.overload)
      return &function;
  return nullptr;
}

std::string GraphImporter::inlineFunction(const Node &call, const Function &function) {
  if (hasFailedInput(call))
    return "";
  if (std::string why = checkNames(call); !why.empty())
    return why;
  if (llvm::is_contained(calls, &function))
    return "the function calls itself";
  if (call.inputs.size() > function.inputs.size() || call.outputs.size() > function.outputs.size())
    return llvm::formatv("has {0} inputs and {1} outputs but the function has {2} and {3}", call.inputs.size(),
                         call.outputs.size(), function.inputs.size(), function.outputs.size());
  llvm::StringMap<const NodeAttribute *> attributes;
  for (const NodeAttribute &attribute : function.defaults)
    attributes[attribute.name] = &attribute;
  for (const NodeAttribute &attribute : call.attributes) {
    if (!attributes.contains(attribute.name) && !llvm::is_contained(function.attributes, attribute.name))
      return llvm::formatv("attribute '{0}' is none of the function's", attribute.name);
    attributes[attribute.name] = &attribute;
  }
  Scope inner(function.body, nullptr, function.opsets);
  inner.attributes = &attributes;
  inner.caller = llvm::formatv(" in function '{0}' called by node '{1}'", function.name, displayName(call));
  for (auto [i, name] : llvm::enumerate(function.inputs)) {
    if (i < call.inputs.size() && !call.inputs[i].empty())
      inner.values[name] = current->find(call.inputs[i]);
    else
      inner.absent.insert(name);
  }
  calls.push_back(&function);
  size_t before = problems.size();
  inScope(inner, [&] { importGraph(function.body); });
  calls.pop_back();
  contradicts = false;
  if (problems.size() > before)
    return "";
  for (auto [output, name] : llvm::zip(call.outputs, function.outputs)) {
    GraphValue *value = inner.find(name);
    if (!value)
      return llvm::formatv("the function gives no value to its output '{0}'", name);
    if (!output.empty())
      current->values[output] = value;
  }
  return "";
}

const Node &GraphImporter::resolve(const Node &node) {
  bool refers = llvm::any_of(node.attributes, [](const NodeAttribute &each) { return !each.reference.empty(); });
  if (!refers && llvm::none_of(node.inputs, [&](const std::string &input) { return current->isAbsent(input); }))
    return node;
  Node &copy = resolved.emplace_back(node);
  for (std::string &input : copy.inputs)
    if (current->isAbsent(input))
      input.clear();
  copy.attributes.clear();
  const llvm::StringMap<const NodeAttribute *> *known = nullptr;
  for (const Scope *scope = current; scope && !known; scope = scope->parent)
    known = scope->attributes;
  for (const NodeAttribute &attribute : node.attributes) {
    if (attribute.reference.empty()) {
      copy.attributes.push_back(attribute);
    } else if (const NodeAttribute *given = known ? known->lookup(attribute.reference) : nullptr) {
      copy.attributes.push_back(*given);
      copy.attributes.back().name = attribute.name;
    }
  }
  return copy;
}

std::string GraphImporter::tryNode(const Node &node, int64_t opset) {
  if (++nodesImported > MaximumNodes)
    return llvm::formatv("functions call each other for more than {0} nodes", MaximumNodes);
  if (const Function *function = findFunction(node))
    return inlineFunction(node, *function);
  return importOperator(node, opset, NameLoc::get(builder.getStringAttr(displayName(node)), fileLocation));
}

void GraphImporter::importNode(const Node &original) {
  const Node &node = resolve(original);
  auto opset = current->opsets->find(node.domain);
  int64_t version = opset == current->opsets->end() ? 0 : opset->second;
  std::string caller;
  for (const Scope *scope = current; scope && caller.empty(); scope = scope->parent)
    caller = scope->caller;
  contradicts = false;
  if (std::string reason = tryNode(node, version); !reason.empty()) {
    problems.push_back(llvm::formatv("node '{0}' ({1}, {2} opset {3}){4}: {5}", displayName(node), node.opType,
                                     node.domain.empty() ? "ai.onnx" : node.domain, version, caller, reason));
    contradictions += contradicts;
  }
  for (const std::string &output : node.outputs)
    if (!output.empty() && !current->values.contains(output))
      current->failed.insert(output);
}

void GraphImporter::importGraph(const Graph &graph) {
  for (const Tensor &tensor : graph.initializers) {
    GraphValue *value = newValue();
    value->tensor = &tensor;
    value->home = builder.getInsertionBlock();
    current->values[tensor.name] = value;
  }
  for (const std::string &name : graph.sparseInitializers)
    problems.push_back(llvm::formatv("initializer '{0}' is sparse, only dense ones are supported", name));
  for (const Node &node : graph.nodes)
    importNode(node);
}

std::optional<SmallVector<GraphValue *>> GraphImporter::importSubgraph(const Graph &graph,
                                                                       ArrayRef<GraphValue *> inputs) {
  assert(inputs.size() == graph.inputs.size() && "a subgraph gets a value for each input");
  Scope inner(graph, current, *current->opsets);
  for (auto [info, value] : llvm::zip_equal(graph.inputs, inputs))
    inner.values[info.name] = value;
  size_t before = problems.size();
  return inScope(inner, [&]() -> std::optional<SmallVector<GraphValue *>> {
    importGraph(graph);
    SmallVector<GraphValue *> outputs;
    for (const ValueInfo &info : graph.outputs) {
      outputs.push_back(inner.find(info.name));
      if (!outputs.back() && !inner.hasFailed(info.name))
        problems.push_back(llvm::formatv("graph '{0}': output '{1}' is given by no node", graph.name, info.name));
    }
    bool good = problems.size() == before && llvm::all_of(outputs, [](GraphValue *value) { return value != nullptr; });
    return good ? std::optional(outputs) : std::nullopt;
  });
}

llvm::Expected<SmallVector<GraphValue *>> GraphImporter::importSynthetic(Node node, ArrayRef<GraphValue *> inputs,
                                                                         int64_t version, Location location) {
  static const Graph None;
  Scope inner(None, nullptr, *current->opsets);
  for (auto [i, value] : llvm::enumerate(inputs)) {
    node.inputs.push_back(value ? "in" + std::to_string(i) : "");
    if (value)
      inner.values[node.inputs.back()] = value;
  }
  std::string why = inScope(inner, [&] { return importOperator(node, version, location); });
  if (!why.empty())
    return llvm::createStringError(why);
  SmallVector<GraphValue *> outputs;
  for (const std::string &output : node.outputs)
    outputs.push_back(inner.find(output));
  return outputs;
}
