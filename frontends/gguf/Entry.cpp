#include "frontends/gguf/Entry.h"

#include "dialects/lathe/LoopOps.h"

#include <limits>

using namespace mlir;
using namespace lathe;

/// A tensor that goes in or comes out.
struct Entry::Input {
  StringRef name; ///< also its role
  SmallVector<Attribute> dims;
  Type element;
};

// So many of a row's logits a sampler needs at most, unless it keeps more: those of the usual top-k samplers.
static constexpr int64_t Candidates = 64;

namespace {

using SizeRange = std::pair<int64_t, int64_t>;

/// Bounds of the symbols: defaults, then what the options say. Encoders have neither pages nor rows.
struct Bounds {
  SizeRange tokens{1, 512}, sequences{1, 64}, pages{1, 1}, rows{1, 64};
};

} // namespace

/// A text stands in one call of an encoder: most models' texts fit into this many tokens.
static constexpr int64_t UsualTextTokens = 8192;

static Bounds readBounds(ModelReader &reader, int64_t length, bool isEncoder, const GgufImportOptions &options) {
  Bounds bounds;
  bounds.pages.second = llvm::divideCeil(length, StateType::PageTokens);
  if (isEncoder)
    bounds.tokens.second = std::max(bounds.tokens.second, std::min(length, UsualTextTokens));
  SmallVector<std::pair<StringRef, SizeRange *>> symbols = {{"tokens", &bounds.tokens},
                                                            {"sequences", &bounds.sequences}};
  if (!isEncoder)
    symbols.append({{"pages", &bounds.pages}, {"rows", &bounds.rows}});
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
      reader.emitError() << "'" << given.getKey() << "' is no dynamic size of "
                         << (isEncoder ? "an encoder; those are tokens and sequences"
                                       : "a language model; those are tokens, sequences, pages and rows");
  return bounds;
}

/// How hidden states become the embedding of a text.
static StringRef readPooling(ModelReader &reader) {
  static constexpr StringLiteral Kinds[] = {"none", "mean", "cls", "last"};
  int64_t kind = reader.getInteger("pooling_type", 0);
  if (kind >= 0 && kind < int64_t(std::size(Kinds)))
    return Kinds[kind];
  reader.emitError() << "'" << reader.fullKey("pooling_type") << "' is " << kind
                     << ", supported are 0 (none), 1 (mean), 2 (cls) and 3 (last); 4 ranks pairs of texts";
  return Kinds[0];
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
             const GgufImportOptions &options)
    : layers(shape.layers) {
  bool isEncoder = layers.empty();
  maxTokens = options.contextLength ? options.contextLength : shape.contextLength;
  if (maxTokens > shape.contextLength)
    reader.emitWarning() << "context length is " << maxTokens << " but the model was trained for "
                         << shape.contextLength;
  Bounds bounds = readBounds(reader, maxTokens, isEncoder, options);
  SmallVector<Attribute> symbols;
  auto addSymbol = [&](StringRef name, SizeRange range) -> Attribute {
    symbols.push_back(SymbolAttr::get(builder.getContext(), name, range.first, range.second));
    return builder.getStringAttr(name);
  };
  Attribute tokens = addSymbol("tokens", bounds.tokens);
  Attribute sequences = isEncoder ? Attribute() : addSymbol("sequences", bounds.sequences);
  Attribute offsets = addSymbol("offsets", {bounds.sequences.first + 1, bounds.sequences.second + 1});
  Type number = builder.getI32Type(), real = builder.getF32Type();
  SmallVector<Input> inputs = {{"tokens", {tokens}, number},
                               {"positions", {tokens, builder.getI64IntegerAttr(1)}, number},
                               {"row_offsets", {offsets}, number}};
  SmallVector<Input> results = {{"hidden_states", {tokens, builder.getI64IntegerAttr(shape.width)}, real}};
  if (!isEncoder) {
    Attribute pages = addSymbol("pages", bounds.pages), rows = addSymbol("rows", bounds.rows);
    inputs.push_back({"lengths", {sequences}, number});
    if (shape.kv)
      inputs.append({{"block_tables", {sequences, pages}, number}, {"slots", {tokens}, number}});
    if (shape.windowKv)
      inputs.append({{"window_block_tables", {sequences, pages}, number}, {"window_slots", {tokens}, number}});
    inputs.push_back({"rows", {rows}, number});
    results = {{"logits", {rows, builder.getI64IntegerAttr(shape.vocabulary)}, real}};
    if (options.likeliestTokens)
      results.push_back({"sampled_tokens", {rows}, builder.getI64Type()});
  }
  create(module, builder, reader, isEncoder ? "encode" : "forward", inputs, results, {shape.kv, shape.windowKv});
  function->setAttr(EntryAttrName, builder.getStringAttr(isEncoder ? "encoder" : "language_model"));
  function->setAttr(SymbolsAttrName, builder.getArrayAttr(symbols));
  if (!isEncoder && options.likeliestTokens)
    addCandidates(builder, shape.vocabulary, cast<SymbolAttr>(symbols.back()));
  if (isEncoder)
    module->setAttr(
        EncoderAttrName,
        builder.getDictionaryAttr({builder.getNamedAttr("max_tokens", builder.getI64IntegerAttr(maxTokens)),
                                   builder.getNamedAttr("pooling", builder.getStringAttr(readPooling(reader)))}));
}

/// A second entry, behind this one: the largest logits of each row and their tokens, for those who draw among them.
void Entry::addCandidates(OpBuilder &builder, int64_t vocabulary, SymbolAttr rows) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfter(function);
  MLIRContext *context = builder.getContext();
  Location location = function.getLoc();
  int64_t count = std::min(Candidates, vocabulary);
  auto getType = [](int64_t columns, Type element) {
    return RankedTensorType::get({ShapedType::kDynamic, columns}, element);
  };
  RankedTensorType logits = getType(vocabulary, builder.getF32Type());
  Type results[] = {getType(count, builder.getF32Type()), getType(count, builder.getI64Type())};
  auto candidates = func::FuncOp::create(builder, location, "candidates", builder.getFunctionType(logits, results));
  auto describeRows = [&](StringRef name, int64_t columns) {
    Attribute dims[] = {builder.getStringAttr(rows.getName()), builder.getI64IntegerAttr(columns)};
    return describe(builder, name, name, dims).getDictionary(context);
  };
  candidates.setArgAttrs(0, describeRows("logits", vocabulary));
  candidates.setResultAttrs(0, describeRows("candidate_logits", count));
  candidates.setResultAttrs(1, describeRows("candidate_tokens", count));
  candidates->setAttr(EntryAttrName, builder.getStringAttr("tensor"));
  candidates->setAttr(SymbolsAttrName, builder.getArrayAttr(rows));
  builder.setInsertionPointToStart(candidates.addEntryBlock());
  AffineMap sizes =
      AffineMap::get(0, 2, {builder.getAffineSymbolExpr(0), builder.getAffineConstantExpr(count)}, context);
  auto top = TopKOp::create(builder, location, results, candidates.getArgument(0), ValueRange(), /*axis=*/1, sizes,
                            /*largest=*/true);
  func::ReturnOp::create(builder, location, top.getResults());
}

/// The function with its arguments and results, and their attributes; `builder` goes into it.
void Entry::create(ModuleOp module, OpBuilder &builder, ModelReader &reader, StringRef name, ArrayRef<Input> inputs,
                   ArrayRef<Input> results, ArrayRef<StateType> states) {
  auto getType = [&](const Input &value) -> Type {
    SmallVector<int64_t> sizes = llvm::map_to_vector(value.dims, [](Attribute dim) {
      auto size = dyn_cast<IntegerAttr>(dim);
      return size ? size.getInt() : ShapedType::kDynamic;
    });
    return RankedTensorType::get(sizes, value.element);
  };
  auto getAttributes = [&](StringRef name, StringRef role, ArrayRef<Attribute> dims) {
    return describe(builder, name, role, dims).getDictionary(builder.getContext());
  };
  SmallVector<Type> types, resultTypes;
  SmallVector<DictionaryAttr> attributes, resultAttributes;
  for (const Input &result : results) {
    resultTypes.push_back(getType(result));
    resultAttributes.push_back(getAttributes(result.name, result.name, result.dims));
  }
  for (const Input &input : inputs) {
    types.push_back(getType(input));
    attributes.push_back(getAttributes(input.name, input.name, input.dims));
  }
  static constexpr StringLiteral Names[] = {"kv", "window_kv"};
  for (auto [state, name] : llvm::zip_equal(states, Names)) {
    if (!state)
      continue;
    types.push_back(state);
    resultTypes.push_back(state);
    attributes.push_back(getAttributes(name, "state", {}));
    resultAttributes.push_back(attributes.back());
  }
  builder.setInsertionPointToEnd(module.getBody());
  function = func::FuncOp::create(builder, reader.getLocation(name), name, builder.getFunctionType(types, resultTypes));
  function.setAllArgAttrs(attributes);
  function.setAllResultAttrs(resultAttributes);
  builder.setInsertionPointToStart(function.addEntryBlock());
  rows = function.getArgument(inputs.size() - 1);
  // Block tables and slots stand behind the lengths, states behind all inputs.
  unsigned next = 4, nextState = inputs.size();
  LayerState *places[] = {&full, &windowed};
  for (auto [state, place] : llvm::zip_equal(states, places)) {
    if (!state)
      continue;
    *place = {function.getArgument(nextState++), function.getArgument(next), function.getArgument(next + 1)};
    next += 2;
  }
}

void Entry::finish(OpBuilder &builder, Location location, Value computed) {
  SmallVector<Value> results = {computed};
  if (function.getNumResults() > 1)
    if (auto likeliest = dyn_cast<RankedTensorType>(function.getResultTypes()[1]))
      results.push_back(ArgMaxOp::create(builder, location, likeliest, computed, builder.getI64IntegerAttr(1)));
  for (const LayerState &state : {full, windowed})
    if (state.kv)
      results.push_back(state.kv);
  func::ReturnOp::create(builder, location, results);
}
