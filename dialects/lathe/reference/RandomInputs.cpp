#include "dialects/lathe/reference/RandomInputs.h"
#include "dialects/lathe/LoopOps.h"
#include "dialects/lathe/TokenSymbols.h"
#include <random>

using namespace mlir;
using namespace lathe;

namespace {
/// One step of a language model, as its arguments describe it; the texts of an encoder have no past and no pages.
struct Step {
  SmallVector<int64_t> NewTokens, Lengths;
  SmallVector<SmallVector<int64_t>> Pages; ///< Of each sequence, in order.
  int64_t PoolPages = 0;
};

class InputMaker {
public:
  InputMaker(func::FuncOp entry, const RandomInputOptions &options)
      : Entry(entry), Options(options), Engine(options.Seed) {}
  FailureOr<SmallVector<ReferenceValue>> run();

private:
  /// A number in [low, high]. The standard's distributions differ between libraries, hence the plain remainder.
  int64_t draw(int64_t low, int64_t high) { return low + int64_t(Engine() % uint64_t(high - low + 1)); }
  double drawFloat() { return double(Engine() >> 40) / (1 << 23) - 1; }

  LogicalResult chooseSymbols();
  LogicalResult chooseStep();
  LogicalResult chooseTexts();
  LogicalResult divideRows(int64_t rows, int64_t sequences, int64_t owners);
  std::optional<unsigned> findRole(StringRef role);
  /// The symbol that dimension `d` of an argument is, or an empty name when the dimension is static.
  StringRef getSymbol(unsigned argument, unsigned d);
  int64_t getSize(unsigned argument, unsigned d);
  LogicalResult setSize(unsigned argument, unsigned d, int64_t size);
  FailureOr<SmallVector<int64_t>> getShape(unsigned argument);
  int64_t findIndexBound(unsigned argument);
  ReferenceValue fillTensor(unsigned argument, ArrayRef<int64_t> shape);
  ReferenceValue fillState(StateType type);
  void fillRole(StringRef role, ReferenceValue &value);

  func::FuncOp Entry;
  const RandomInputOptions &Options;
  std::mt19937_64 Engine;
  llvm::StringMap<std::pair<int64_t, int64_t>> Bounds;
  llvm::StringMap<int64_t> Sizes;
  Step TheStep;
};
} // namespace

LogicalResult InputMaker::chooseSymbols() {
  auto symbols = Entry->getAttrOfType<ArrayAttr>(SymbolsAttrName);
  if (!symbols)
    return success();
  for (auto symbol : symbols.getAsRange<SymbolAttr>()) {
    int64_t low = symbol.getMin(), high = symbol.getMax();
    Bounds[symbol.getName()] = {low, high};
    auto chosen = Options.Symbols.find(symbol.getName().str());
    if (chosen == Options.Symbols.end()) {
      Sizes[symbol.getName()] = draw(low, std::max(low, std::min(high, Options.LargestSymbol)));
      continue;
    }
    if (chosen->second < low || chosen->second > high)
      return Entry.emitOpError() << "symbol '" << symbol.getName() << "' is " << chosen->second << ", needed " << low
                                 << " to " << high;
    Sizes[symbol.getName()] = chosen->second;
  }
  // Wanted rows are some of the tokens.
  auto rows = Sizes.find(RowsSymbolName), tokens = Sizes.find(TokensSymbolName);
  if (rows != Sizes.end() && tokens != Sizes.end() && !Options.Symbols.count(RowsSymbolName.str()))
    rows->second = std::min(rows->second, std::max(tokens->second, Bounds[RowsSymbolName].first));
  return success();
}

std::optional<unsigned> InputMaker::findRole(StringRef role) {
  for (unsigned i = 0; i < Entry.getNumArguments(); ++i)
    if (auto attribute = Entry.getArgAttrOfType<StringAttr>(i, RoleAttrName); attribute && attribute == role)
      return i;
  return std::nullopt;
}

StringRef InputMaker::getSymbol(unsigned argument, unsigned d) {
  auto dims = Entry.getArgAttrOfType<ArrayAttr>(argument, DimsAttrName);
  auto name = dims ? dyn_cast<StringAttr>(dims[d]) : StringAttr();
  return name ? name.getValue() : StringRef();
}

int64_t InputMaker::getSize(unsigned argument, unsigned d) {
  int64_t size = cast<RankedTensorType>(Entry.getArgumentTypes()[argument]).getDimSize(d);
  return ShapedType::isDynamic(size) ? Sizes.lookup(getSymbol(argument, d)) : size;
}

/// Sets the symbol of a dimension to the size that the step needs, if its bounds and the caller allow it.
LogicalResult InputMaker::setSize(unsigned argument, unsigned d, int64_t size) {
  StringRef name = getSymbol(argument, d);
  if (name.empty() || Options.Symbols.contains(name.str())) {
    if (getSize(argument, d) != size)
      return Entry.emitOpError() << "dimension " << d << " of argument " << argument << " is " << getSize(argument, d)
                                 << " but the step needs " << size;
    return success();
  }
  auto [low, high] = Bounds.lookup(name);
  if (size < low || size > high)
    return Entry.emitOpError() << "symbol '" << name << "' lies in " << low << " to " << high
                               << " but the step needs it to be " << size;
  Sizes[name] = size;
  return success();
}

/// Divides token rows among `owners` of `sequences`, each of which gets at least one.
LogicalResult InputMaker::divideRows(int64_t rows, int64_t sequences, int64_t owners) {
  if (owners == 0 || rows < owners)
    return Entry.emitOpError() << rows << " token rows cannot go to " << owners << " sequences";
  TheStep.NewTokens.assign(sequences, 0);
  for (int64_t s = 0; s < owners; ++s)
    TheStep.NewTokens[s] = 1;
  for (int64_t row = owners; row < rows; ++row)
    ++TheStep.NewTokens[draw(0, owners - 1)];
  return success();
}

/// Divides the token rows among texts.
LogicalResult InputMaker::chooseTexts() {
  std::optional<unsigned> tokens = findRole("tokens"), offsets = findRole("row_offsets");
  if (!tokens || !offsets)
    return Entry.emitOpError() << "is an encoder, needed arguments with the roles 'tokens' and 'row_offsets'";
  int64_t rows = getSize(*tokens, 0), texts = getSize(*offsets, 0) - 1;
  if (StringRef name = getSymbol(*offsets, 0); !name.empty() && !Options.Symbols.contains(name.str()))
    texts = std::max<int64_t>(Bounds.lookup(name).first - 1, std::min<int64_t>({texts, rows, 4}));
  if (failed(setSize(*offsets, 0, texts + 1)) || failed(divideRows(rows, texts, texts)))
    return failure();
  TheStep.Lengths = TheStep.NewTokens;
  return success();
}

/// Divides the token rows among the sequences and gives each sequence a past and pages.
LogicalResult InputMaker::chooseStep() {
  std::optional<unsigned> tokens = findRole("tokens"), offsets = findRole("row_offsets"), lengths = findRole("lengths"),
                          tables = findRole("block_tables");
  if (!tables)
    tables = findRole("window_block_tables");
  if (!tokens || !offsets || !lengths || !tables)
    return Entry.emitOpError() << "is a language model, needed arguments with the roles 'tokens', 'row_offsets', "
                                  "'lengths' and 'block_tables'";
  int64_t rows = getSize(*tokens, 0), sequences = getSize(*lengths, 0), capacity = getSize(*tables, 1);
  if (StringRef name = getSymbol(*lengths, 0); !name.empty() && !Options.Symbols.contains(name.str()))
    sequences = std::max<int64_t>(Bounds.lookup(name).first, std::min<int64_t>({sequences, rows, 4}));
  if (failed(setSize(*lengths, 0, sequences)) || failed(setSize(*offsets, 0, sequences + 1)))
    return failure();
  int64_t owners = sequences > 2 ? sequences - 1 : sequences;
  if (failed(divideRows(rows, sequences, owners)))
    return failure();
  int64_t longest = 0;
  for (int64_t count : TheStep.NewTokens) {
    int64_t room = capacity * StateType::PageTokens - count;
    TheStep.Lengths.push_back(count == 0 ? 0 : count + draw(0, std::max<int64_t>(0, std::min<int64_t>(room, 40))));
    longest = std::max(longest, TheStep.Lengths.back());
  }
  if (int64_t needed = llvm::divideCeil(longest, StateType::PageTokens); needed > capacity)
    if (failed(setSize(*tables, 1, needed)))
      return failure();
  for (int64_t length : TheStep.Lengths) {
    TheStep.Pages.emplace_back();
    for (int64_t i = 0; i < length; i += StateType::PageTokens)
      TheStep.Pages.back().push_back(TheStep.PoolPages++);
  }
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, TheStep.PoolPages));
  for (int64_t i = TheStep.PoolPages - 1; i > 0; --i)
    std::swap(order[i], order[draw(0, i)]);
  for (auto &pages : TheStep.Pages)
    for (int64_t &page : pages)
      page = order[page];
  return success();
}

FailureOr<SmallVector<int64_t>> InputMaker::getShape(unsigned argument) {
  auto type = cast<RankedTensorType>(Entry.getArgumentTypes()[argument]);
  SmallVector<int64_t> shape(type.getShape());
  for (auto [d, size] : llvm::enumerate(shape)) {
    if (!ShapedType::isDynamic(size))
      continue;
    if (!Sizes.contains(getSymbol(argument, d))) {
      Entry.emitOpError() << "dimension " << d << " of argument " << argument << " is dynamic, needed a symbol in '"
                          << DimsAttrName << "'";
      return failure();
    }
    size = getSize(argument, d);
  }
  return shape;
}

/// The number of values that an integer argument may take: the rows of the tables that it indexes, or 10.
int64_t InputMaker::findIndexBound(unsigned argument) {
  int64_t bound = INT64_MAX;
  auto mayIndex = [&](Value indices, RankedTensorType table, int64_t axis) {
    if (indices == Entry.getArgument(argument) && !table.isDynamicDim(axis))
      bound = std::min(bound, table.getDimSize(axis));
  };
  for (Operation *user : Entry.getArgument(argument).getUsers())
    if (auto gather = dyn_cast<GatherOp>(user))
      mayIndex(gather.getIndices(), gather.getTable().getType(), 0);
    else if (auto along = dyn_cast<GatherAlongOp>(user))
      mayIndex(along.getIndices(), along.getInput().getType(), along.getAxis());
  if (bound != INT64_MAX)
    return bound;
  for (unsigned i = 0; i < Entry.getNumResults(); ++i)
    if (auto role = Entry.getResultAttrOfType<StringAttr>(i, RoleAttrName); role && role == "logits")
      return cast<RankedTensorType>(Entry.getResultTypes()[i]).getShape().back();
  return 10;
}

ReferenceValue InputMaker::fillTensor(unsigned argument, ArrayRef<int64_t> shape) {
  Type element = getElementTypeOrSelf(Entry.getArgumentTypes()[argument]);
  ReferenceValue value = ReferenceValue::tensor(element, shape);
  auto role = Entry.getArgAttrOfType<StringAttr>(argument, RoleAttrName);
  if (role && role != "tensor" && role != "tokens") {
    fillRole(role, value);
    return value;
  }
  int64_t bound = element.isInteger(1) ? 2 : isa<FloatType>(element) ? 0 : findIndexBound(argument);
  for (int64_t i = 0, n = value.getNumElements(); i < n; ++i)
    if (isa<FloatType>(element))
      value.setFloat(i, drawFloat());
    else
      value.setInt(i, draw(0, bound - 1));
  return value;
}

ReferenceValue InputMaker::fillState(StateType type) {
  int64_t units = type.getKind() == StateKind::Paged ? TheStep.PoolPages : TheStep.Lengths.size();
  ReferenceValue value(type, {}, units * type.getUnitBytes());
  std::vector<double> elements(units * ShapedType::getNumElements(type.getShape()) *
                               (type.getKind() == StateKind::Paged ? StateType::PageTokens : 1));
  for (double &element : elements)
    element = drawFloat();
  storeElements(type.getElement(), elements, value.mutableBytes());
  return value;
}

/// Writes what the step says into an argument that describes it.
void InputMaker::fillRole(StringRef role, ReferenceValue &value) {
  role.consume_front("window_"); // states with a window have the same pages
  int64_t row = 0, perRow = value.getShape().size() > 1 ? value.getShape()[1] : 1;
  for (auto [s, length] : llvm::enumerate(TheStep.Lengths)) {
    int64_t count = TheStep.NewTokens[s];
    if (role == "row_offsets")
      value.setInt(s + 1, row + count);
    else if (role == "lengths")
      value.setInt(s, length);
    else if (role == "block_tables")
      for (auto [i, page] : llvm::enumerate(TheStep.Pages[s]))
        value.setInt(s * perRow + i, page);
    for (int64_t position = length - count; position < length; ++position, ++row) {
      if (role == "slots")
        value.setInt(row, TheStep.Pages[s][position / StateType::PageTokens] * StateType::PageTokens +
                              position % StateType::PageTokens);
      else if (role == "positions")
        for (int64_t i = 0; i < perRow; ++i)
          value.setInt(row * perRow + i, position);
    }
  }
  if (role == "rows")
    for (int64_t i = 0, n = value.getNumElements(); i < n; ++i)
      value.setInt(i, draw(0, row - 1));
}

FailureOr<SmallVector<ReferenceValue>> InputMaker::run() {
  if (failed(chooseSymbols()))
    return failure();
  auto kind = Entry->getAttrOfType<StringAttr>(EntryAttrName);
  if (kind && kind == "language_model" && failed(chooseStep()))
    return failure();
  if (kind && kind == "encoder" && failed(chooseTexts()))
    return failure();
  SmallVector<ReferenceValue> values;
  for (auto [i, type] : llvm::enumerate(Entry.getArgumentTypes())) {
    if (auto state = dyn_cast<StateType>(type)) {
      values.push_back(fillState(state));
      continue;
    }
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !tensor.getElementType().isIntOrFloat()) {
      Entry.emitOpError() << "argument " << i << " is " << type << ", needed a state or a tensor of numbers";
      return failure();
    }
    FailureOr<SmallVector<int64_t>> shape = getShape(i);
    if (failed(shape))
      return failure();
    values.push_back(fillTensor(i, *shape));
  }
  return values;
}

FailureOr<SmallVector<ReferenceValue>> lathe::makeRandomInputs(func::FuncOp entry, const RandomInputOptions &options) {
  return InputMaker(entry, options).run();
}
