#include "frontends/onnx/OnnxSignature.h"

#include "frontends/onnx/GraphImporter.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {

class SignatureReader {
public:
  SignatureReader(MLIRContext *context, const Model &model, const OnnxImportOptions &options,
                  std::vector<std::string> &problems)
      : context(context), model(model), options(options), problems(problems) {}

  Signature read();

private:
  template <typename... Ts> void problem(const char *format, Ts &&...values) {
    problems.push_back(llvm::formatv(format, std::forward<Ts>(values)...).str());
  }
  void collectInputs();
  void nameDims(ValueInfo &input);
  void fixSizes(const ValueInfo &input);
  void fixSize(const std::string &symbol, int64_t size, StringRef option);
  AffineExpr resolve(const Dim &dim, Signature &signature);
  void checkOptions();

  MLIRContext *context;
  const Model &model;
  const OnnxImportOptions &options;
  std::vector<std::string> &problems;
  std::vector<ValueInfo> inputs; ///< every dimension has a size or a name
  llvm::StringSet<> names;       ///< of all symbols
  llvm::StringMap<int64_t> fixed;
};

} // namespace

void SignatureReader::nameDims(ValueInfo &input) {
  for (auto [axis, dim] : llvm::enumerate(*input.dims)) {
    // Exporters write -1 where they know no size.
    if (dim.size && *dim.size < 0)
      dim.size.reset();
    if (!dim.size && dim.name.empty()) {
      dim.name = llvm::formatv("{0}_{1}", input.name, axis);
      while (names.contains(dim.name))
        dim.name += "_";
    }
    if (!dim.size)
      names.insert(dim.name);
  }
}

void SignatureReader::collectInputs() {
  llvm::StringSet<> initialized;
  for (const Tensor &tensor : model.graph.initializers)
    initialized.insert(tensor.name);
  for (const ValueInfo &input : model.graph.inputs) {
    // Old models list their weights as inputs too.
    if (initialized.contains(input.name))
      continue;
    ValueInfo &added = inputs.emplace_back(input);
    if (input.type.kind != ValueType::TensorKind || !convertType(context, input.type.element))
      problem("input '{0}' is {1}, only tensors of numbers and bool are supported", input.name, input.type.describe());
    auto shape = options.shapes.find(input.name);
    if (!added.dims && shape != options.shapes.end())
      added.dims.emplace(shape->second.size());
    if (!added.dims) {
      problem("input '{0}' has no rank in the model; give its sizes with --shape", input.name);
      added.dims.emplace();
    }
    for (const Dim &dim : *added.dims)
      if (!dim.size && !dim.name.empty())
        names.insert(dim.name);
  }
  for (ValueInfo &input : inputs)
    nameDims(input);
}

void SignatureReader::fixSize(const std::string &symbol, int64_t size, StringRef option) {
  auto [entry, inserted] = fixed.try_emplace(symbol, size);
  if (!inserted && entry->second != size)
    problem("{0} makes '{1}' {2}, but it is {3} elsewhere", option, symbol, size, entry->second);
}

void SignatureReader::fixSizes(const ValueInfo &input) {
  auto shape = options.shapes.find(input.name);
  if (shape == options.shapes.end())
    return;
  std::string option = llvm::formatv("--shape {0}", input.name);
  if (shape->second.size() != input.dims->size())
    return problem("{0} gives {1} sizes but the input has rank {2}", option, shape->second.size(), input.dims->size());
  for (auto [axis, dim] : llvm::enumerate(*input.dims)) {
    int64_t size = shape->second[axis];
    if (size == -1)
      continue;
    if (size < 1)
      problem("{0} gives size {1} for dimension {2}, needed at least 1", option, size, axis);
    else if (!dim.size)
      fixSize(dim.name, size, option);
    else if (*dim.size != size)
      problem("{0} gives size {1} for dimension {2}, which is {3} in the model", option, size, axis, *dim.size);
  }
}

void SignatureReader::checkOptions() {
  std::vector<StringRef> known;
  for (const auto &name : names)
    known.push_back(name.getKey());
  llvm::sort(known);
  for (const auto &entry : options.dims) {
    SymbolBounds bounds = entry.getValue();
    if (!names.contains(entry.getKey()))
      problem("--dim {0}: no input has a dynamic size of that name; there {1}", entry.getKey(),
              known.empty() ? "are none" : "are '" + llvm::join(known, "', '") + "'");
    else if (bounds.first < 0 || bounds.second < bounds.first)
      problem("--dim {0}: bounds are {1}..{2}, needed 0 <= min <= max", entry.getKey(), bounds.first, bounds.second);
    else if (bounds.first == bounds.second)
      fixSize(entry.getKey().str(), bounds.first, "--dim " + entry.getKey().str());
  }
  for (const auto &entry : options.shapes)
    if (llvm::none_of(inputs, [&](const ValueInfo &input) { return input.name == entry.getKey(); }))
      problem("--shape {0}: the model has no input of that name", entry.getKey());
}

AffineExpr SignatureReader::resolve(const Dim &dim, Signature &signature) {
  if (dim.size)
    return getAffineConstantExpr(*dim.size, context);
  if (auto size = fixed.find(dim.name); size != fixed.end())
    return getAffineConstantExpr(size->second, context);
  auto *known = llvm::find(signature.symbols, dim.name);
  if (known == signature.symbols.end()) {
    auto given = options.dims.find(dim.name);
    SymbolBounds bounds = given == options.dims.end() ? SymbolBounds(1, 64) : given->second;
    if (given == options.dims.end() && options.reportDefaultBounds)
      options.reportDefaultBounds(dim.name, bounds);
    signature.bounds.push_back(bounds);
    signature.symbols.push_back(dim.name);
    known = &signature.symbols.back();
  }
  return getAffineSymbolExpr(known - signature.symbols.begin(), context);
}

Signature SignatureReader::read() {
  collectInputs();
  for (const ValueInfo &input : inputs)
    fixSizes(input);
  checkOptions();
  Signature signature;
  if (!problems.empty())
    return signature;
  for (const ValueInfo &input : inputs) {
    EntryInput &entry = signature.inputs.emplace_back();
    entry.name = input.name;
    SmallVector<int64_t> shape;
    for (const Dim &dim : *input.dims) {
      entry.dims.push_back(resolve(dim, signature));
      auto constant = dyn_cast<AffineConstantExpr>(entry.dims.back());
      shape.push_back(constant ? constant.getValue() : ShapedType::kDynamic);
    }
    if (isTooLarge(shape))
      problem("input '{0}' has more than 2^40 elements", input.name);
    entry.type = RankedTensorType::get(shape, convertType(context, input.type.element));
  }
  return signature;
}

Signature lathe::onnx::readSignature(MLIRContext *context, const Model &model, const OnnxImportOptions &options,
                                     std::vector<std::string> &problems) {
  return SignatureReader(context, model, options, problems).read();
}
