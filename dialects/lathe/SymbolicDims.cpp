#include "dialects/lathe/SymbolicDims.h"
#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/DimArithmetic.h"

using namespace mlir;
using namespace lathe;

/// The text of `size`, in parentheses when it binds less tightly than what stands around it: 0 a sum, 1 a product, 2
/// the right side of a division.
static std::string formatSize(AffineExpr size, ArrayRef<std::string> names, int tightness) {
  if (auto constant = dyn_cast<AffineConstantExpr>(size))
    return std::to_string(constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(size))
    return names[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(size);
  AffineExpr rhs = binary.getRHS();
  if (binary.getKind() == AffineExprKind::Add) {
    auto constant = dyn_cast<AffineConstantExpr>(rhs);
    auto product = dyn_cast<AffineBinaryOpExpr>(rhs);
    auto factor = product && product.getKind() == AffineExprKind::Mul ? dyn_cast<AffineConstantExpr>(product.getRHS())
                                                                      : AffineConstantExpr();
    bool negative = (constant && constant.getValue() < 0) || (factor && factor.getValue() < 0);
    std::string text = formatSize(binary.getLHS(), names, 0) + (negative ? " - " : " + ") +
                       formatSize(negative ? -rhs : rhs, names, negative ? 1 : 0);
    return tightness > 0 ? "(" + text + ")" : text;
  }
  StringRef name = binary.getKind() == AffineExprKind::Mul        ? "*"
                   : binary.getKind() == AffineExprKind::FloorDiv ? " floordiv "
                   : binary.getKind() == AffineExprKind::CeilDiv  ? " ceildiv "
                                                                  : " mod ";
  std::string text = formatSize(binary.getLHS(), names, 1) + name.str() + formatSize(rhs, names, 2);
  return tightness > 1 ? "(" + text + ")" : text;
}

std::string lathe::formatSize(AffineExpr size, ArrayRef<std::string> names) { return ::formatSize(size, names, 0); }

static FailureOr<DimList> getArgumentDims(func::FuncOp function, unsigned index, ArrayRef<SymbolAttr> symbols) {
  auto type = dyn_cast<RankedTensorType>(function.getArgumentTypes()[index]);
  DimList dims;
  if (!type)
    return dims;
  auto named = function.getArgAttrOfType<ArrayAttr>(index, DimsAttrName);
  for (int64_t i = 0; i < type.getRank(); ++i) {
    if (!type.isDynamicDim(i)) {
      dims.push_back(getAffineConstantExpr(type.getDimSize(i), type.getContext()));
      continue;
    }
    auto name = named ? dyn_cast<StringAttr>(named[i]) : StringAttr();
    const auto *symbol = llvm::find_if(symbols, [&](SymbolAttr s) { return name && s.getName() == name.getValue(); });
    if (symbol == symbols.end())
      return function.emitOpError() << "argument " << index << " dimension " << i
                                    << " is dynamic but 'lathe.dims' names no symbol for it";
    dims.push_back(getAffineSymbolExpr(symbol - symbols.begin(), type.getContext()));
  }
  return dims;
}

/// True when a symbol from number `first` on is part of `size`.
static bool usesSymbolsFrom(AffineExpr size, size_t first) {
  bool found = false;
  size.walk([&](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    found |= symbol && symbol.getPosition() >= first;
  });
  return found;
}

namespace {
/// Walks the blocks of one function.
class DimInference {
public:
  DimInference(SmallVectorImpl<SymbolAttr> &symbols, llvm::DenseMap<Value, DimList> &dims,
               llvm::DenseMap<Operation *, LoopDims> &loops)
      : Symbols(symbols), Dims(dims), Loops(loops) {}

  LogicalResult inferBlock(Block &block);

private:
  LogicalResult inferOperation(Operation *op);
  LogicalResult inferIf(IfOp op);
  LogicalResult inferLoop(LoopOp op);
  LogicalResult inferRows(LoopOp op, size_t symbolsOutside, AffineExpr rounds);
  AffineExpr getLimit(LoopOp op);
  AffineExpr addSymbol(MLIRContext *context, int64_t min, int64_t max);

  SmallVectorImpl<SymbolAttr> &Symbols;
  llvm::DenseMap<Value, DimList> &Dims;
  llvm::DenseMap<Operation *, LoopDims> &Loops;
};
} // namespace

AffineExpr DimInference::addSymbol(MLIRContext *context, int64_t min, int64_t max) {
  if (min == max)
    return getAffineConstantExpr(min, context);
  Symbols.push_back(SymbolAttr::get(context, llvm::formatv("data{0}", Symbols.size()).str(), min, max));
  return getAffineSymbolExpr(Symbols.size() - 1, context);
}

LogicalResult DimInference::inferIf(IfOp op) {
  if (failed(inferBlock(op.getThenBody().front())) || failed(inferBlock(op.getElseBody().front())))
    return failure();
  auto yielded = llvm::zip_equal(op.getThenBody().front().getTerminator()->getOperands(),
                                 op.getElseBody().front().getTerminator()->getOperands());
  for (auto [result, pair] : llvm::zip_equal(op.getResults(), yielded)) {
    auto [a, b] = pair;
    DimList &dims = Dims[result];
    dims.clear();
    for (auto [x, y] : llvm::zip_equal(DimList(Dims[a]), DimList(Dims[b]))) {
      Bounds bounds(Symbols);
      auto [xMin, xMax] = bounds.getRange(x);
      auto [yMin, yMax] = bounds.getRange(y);
      Dims[result].push_back(isSameDim(x, y) ? x
                                             : addSymbol(op.getContext(), std::min(xMin, yMin), std::max(xMax, yMax)));
    }
  }
  return success();
}

/// The number of rounds that a loop makes unless its condition ends it before; null when nothing says it in advance.
AffineExpr DimInference::getLimit(LoopOp op) {
  if (!op.getScanned().empty())
    return Dims[op.getScanned()[0]][0];
  auto constant = op.getTrip() ? op.getTrip().getDefiningOp<ConstantOp>() : ConstantOp();
  if (!constant)
    return {};
  return getAffineConstantExpr(std::max<int64_t>(constant.getValue().getSplatValue<APInt>().getSExtValue(), 0),
                               op.getContext());
}

/// A size of a carried value is the one it begins with, if a round leaves it as it is; else it is a symbol, whose value
/// within the region is that of the round and behind the loop the last one.
LogicalResult DimInference::inferLoop(LoopOp op) {
  Block &body = op.getBody().front();
  MLIRContext *context = op.getContext();
  size_t outside = Symbols.size();
  AffineExpr limit = getLimit(op);
  int64_t mostRounds = limit ? Bounds(Symbols).getRange(limit).second : UnboundedSize;
  Symbols.push_back(SymbolAttr::get(context, llvm::formatv("data{0}", outside).str(), 0, mostRounds));
  AffineExpr round = getAffineSymbolExpr(outside, context);
  Loops[op] = {unsigned(outside), limit};
  Dims[op.getRound()] = {};
  for (auto [argument, value] : llvm::zip_equal(op.getCarriedArguments(), op.getCarried()))
    Dims[argument] = DimList(Dims[value]);
  for (auto [argument, value] : llvm::zip_equal(op.getScannedArguments(), op.getScanned()))
    Dims[argument] = DimList(ArrayRef(Dims[value]).drop_front());
  for (bool stable = false; !stable;) {
    size_t before = Symbols.size();
    if (failed(inferBlock(body)))
      return failure();
    SmallVector<std::pair<BlockArgument, unsigned>> changing;
    for (auto [argument, value] : llvm::zip_equal(op.getCarriedArguments(), op.getYieldedCarried()))
      for (unsigned d = 0; d < Dims[argument].size(); ++d)
        if (!isSameDim(Dims[argument][d], Dims[value][d]))
          changing.push_back({argument, d});
    stable = llvm::all_of(changing, [&](auto &place) {
      auto symbol = dyn_cast<AffineSymbolExpr>(Dims[place.first][place.second]);
      return symbol && symbol.getPosition() >= outside && symbol.getPosition() < before;
    });
    if (stable)
      break;
    Symbols.truncate(before); // those that the region defines get new numbers in the next attempt
    for (auto [argument, d] : changing) {
      auto symbol = dyn_cast<AffineSymbolExpr>(Dims[argument][d]);
      if (!symbol || symbol.getPosition() < outside)
        Dims[argument][d] = addSymbol(context, 0, UnboundedSize);
    }
  }
  for (auto [result, argument] : llvm::zip(op.getResults(), op.getCarriedArguments()))
    Dims[result] = DimList(Dims[argument]);
  return inferRows(op, outside, op.getCondition() || !limit ? round : limit);
}

LogicalResult DimInference::inferRows(LoopOp op, size_t outside, AffineExpr rounds) {
  for (auto [result, row] : llvm::zip_equal(op.getResults().drop_front(op.getCarried().size()), op.getYieldedRows())) {
    DimList dims = {rounds};
    for (AffineExpr size : Dims[row]) {
      if (usesSymbolsFrom(size, outside))
        return op.emitOpError() << "stacks rows in result " << result.getResultNumber()
                                << " whose size is found in the loop, needed a size that is known before it";
      dims.push_back(size);
    }
    Dims[result] = dims;
  }
  return success();
}

LogicalResult DimInference::inferOperation(Operation *op) {
  if (auto branch = dyn_cast<IfOp>(op))
    return inferIf(branch);
  if (auto loop = dyn_cast<LoopOp>(op))
    return inferLoop(loop);
  if (auto read = dyn_cast<ReadSizesOp>(op)) {
    Dims[read.getResult()] = {};
    for (auto [min, max] : llvm::zip_equal(read.getMin(), read.getMax()))
      Dims[read.getResult()].push_back(addSymbol(op->getContext(), min, max));
    return success();
  }
  auto shaped = dyn_cast<ShapeOpInterface>(op);
  SmallVector<DimList> operands, results;
  for (Value operand : op->getOperands())
    operands.push_back(Dims[operand]);
  if (!shaped || failed(shaped.inferResultDims(operands, results)))
    return op->emitOpError() << "has a result whose dimensions are no expression over the entry point's symbols";
  for (auto [result, dims] : llvm::zip_equal(op->getResults(), results)) {
    // An expression may have one value for all sizes that the symbols allow; then the type says so.
    if (auto type = dyn_cast<RankedTensorType>(result.getType()))
      for (auto [dim, size] : llvm::zip_equal(dims, type.getShape()))
        if (!ShapedType::isDynamic(size))
          dim = getAffineConstantExpr(size, op->getContext());
    Dims[result] = dims;
  }
  return success();
}

LogicalResult DimInference::inferBlock(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(inferOperation(&op)))
      return failure();
  return success();
}

FailureOr<SymbolicDims> SymbolicDims::compute(func::FuncOp function) {
  SymbolicDims all;
  all.Context = function.getContext();
  if (auto symbols = function->getAttrOfType<ArrayAttr>(SymbolsAttrName))
    llvm::append_range(all.Symbols, symbols.getAsRange<SymbolAttr>());
  all.EntrySymbols = all.Symbols.size();
  for (BlockArgument argument : function.getArguments()) {
    FailureOr<DimList> dims = getArgumentDims(function, argument.getArgNumber(), all.Symbols);
    if (failed(dims))
      return failure();
    all.Dims[argument] = *dims;
  }
  if (failed(DimInference(all.Symbols, all.Dims, all.Loops).inferBlock(function.getBody().front())))
    return failure();
  return all;
}

bool SymbolicDims::dependsOnData(AffineExpr size) const { return usesSymbolsFrom(size, EntrySymbols); }

AffineMap SymbolicDims::getMap(Value value) const { return AffineMap::get(0, Symbols.size(), (*this)[value], Context); }
