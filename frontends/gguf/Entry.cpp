#include "frontends/gguf/Entry.h"

#include <limits>

using namespace mlir;
using namespace lathe;

namespace {

struct Input {
  StringRef name; ///< also its role
  SmallVector<Attribute> dims;
};

/// Bounds of the symbols: defaults, then what the options say.
struct Bounds {
  std::pair<int64_t, int64_t> tokens{1, 512}, sequences{1, 64}, pages{1, 1}, rows{1, 64};
};

} // namespace

static Bounds readBounds(ModelReader &reader, int64_t trainedLength, const GgufImportOptions &options) {
  Bounds bounds;
  int64_t length = options.contextLength ? options.contextLength : trainedLength;
  if (length > trainedLength)
    reader.emitWarning() << "context length is " << length << " but the model was trained for " << trainedLength;
  bounds.pages.second = llvm::divideCeil(length, StateType::PageTokens);
  std::pair<StringRef, std::pair<int64_t, int64_t> *> symbols[] = {
      {"tokens", &bounds.tokens}, {"sequences", &bounds.sequences}, {"pages", &bounds.pages}, {"rows", &bounds.rows}};
  for (auto &[name, range] : symbols) {
    auto given = options.dims.find(name);
    if (given == options.dims.end())
      continue;
    *range = given->second;
    if (range->first < 1 || range->second < range->first || range->second >= std::numeric_limits<int32_t>::max())
      reader.emitError() << "bounds of '" << name << "' are " << range->first << ".." << range->second
                         << ", needed MIN..MAX with 1 <= MIN <= MAX < 2147483647";
  }
  // Each sequence can return a row.
  if (!options.dims.contains("rows"))
    bounds.rows.second = bounds.sequences.second;
  for (const auto &given : options.dims)
    if (llvm::none_of(symbols, [&](const auto &symbol) { return symbol.first == given.getKey(); }))
      reader.emitError() << "'" << given.getKey() << "' is no dynamic size of a language model; those are tokens, "
                         << "sequences, pages and rows";
  return bounds;
}

static NamedAttrList describe(Builder &builder, StringRef name, StringRef role, ArrayRef<Attribute> dims) {
  NamedAttrList attributes;
  attributes.append(NameAttrName, builder.getStringAttr(name));
  attributes.append(RoleAttrName, builder.getStringAttr(role));
  if (!dims.empty())
    attributes.append(DimsAttrName, builder.getArrayAttr(dims));
  return attributes;
}

Entry::Entry(ModuleOp module, OpBuilder &builder, ModelReader &reader, const EntryShape &shape,
             const GgufImportOptions &options) {
  Bounds bounds = readBounds(reader, shape.contextLength, options);
  auto symbol = [&](StringRef name, std::pair<int64_t, int64_t> range) -> Attribute {
    return SymbolAttr::get(builder.getContext(), name, range.first, range.second);
  };
  Attribute symbols[] = {symbol("tokens", bounds.tokens), symbol("sequences", bounds.sequences),
                         symbol("offsets", {bounds.sequences.first + 1, bounds.sequences.second + 1}),
                         symbol("pages", bounds.pages), symbol("rows", bounds.rows)};
  Attribute tokens = builder.getStringAttr("tokens"), sequences = builder.getStringAttr("sequences"),
            offsets = builder.getStringAttr("offsets"), pages = builder.getStringAttr("pages"),
            rows = builder.getStringAttr("rows");
  Input inputs[] = {{"tokens", {tokens}},
                    {"positions", {tokens, builder.getI64IntegerAttr(1)}},
                    {"row_offsets", {offsets}},
                    {"lengths", {sequences}},
                    {"block_tables", {sequences, pages}},
                    {"slots", {tokens}},
                    {"rows", {rows}}};
  SmallVector<Type> types;
  SmallVector<DictionaryAttr> argumentAttributes;
  for (const Input &input : inputs) {
    SmallVector<int64_t> sizes = llvm::map_to_vector(input.dims, [](Attribute dim) {
      auto size = dyn_cast<IntegerAttr>(dim);
      return size ? size.getInt() : ShapedType::kDynamic;
    });
    types.push_back(RankedTensorType::get(sizes, builder.getI32Type()));
    argumentAttributes.push_back(
        describe(builder, input.name, input.name, input.dims).getDictionary(builder.getContext()));
  }
  types.push_back(shape.kv);
  DictionaryAttr kvAttributes = describe(builder, "kv", "state", {}).getDictionary(builder.getContext());
  argumentAttributes.push_back(kvAttributes);

  auto logits = RankedTensorType::get({ShapedType::kDynamic, shape.vocabulary}, builder.getF32Type());
  DictionaryAttr resultAttributes[] = {
      describe(builder, "logits", "logits", {rows, builder.getI64IntegerAttr(shape.vocabulary)})
          .getDictionary(builder.getContext()),
      kvAttributes};
  builder.setInsertionPointToEnd(module.getBody());
  function = func::FuncOp::create(builder, reader.getLocation("forward"), "forward",
                                  builder.getFunctionType(types, {logits, shape.kv}));
  function->setAttr(EntryAttrName, builder.getStringAttr("language_model"));
  function->setAttr(SymbolsAttrName, builder.getArrayAttr(symbols));
  function.setAllArgAttrs(argumentAttributes);
  function.setAllResultAttrs(resultAttributes);
  builder.setInsertionPointToStart(function.addEntryBlock());
  kv = function.getArgument(std::size(inputs));
}

void Entry::finish(OpBuilder &builder, Location location, Value logits) {
  func::ReturnOp::create(builder, location, ValueRange{logits, kv});
}
