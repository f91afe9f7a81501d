#include "dialects/plan/Plan.h"
#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/Sizes.h"
#include "dialects/plan/Lifetimes.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::plan;

#include "dialects/plan/PlanDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/plan/PlanAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/plan/PlanTypes.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.cpp.inc"

void PlanDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/plan/PlanTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/plan/PlanAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/plan/PlanOps.cpp.inc"
      >();
}

LogicalResult DataOp::verifyRegions() {
  // (C1)
  auto yield = dyn_cast<lathe::YieldOp>(getBody().front().getTerminator());
  if (!yield || yield.getNumOperands() != 1 || yield.getOperand(0).getType() != getType())
    return emitOpError() << "region must yield one value of type " << getType();
  // (C2)
  if (getOffset() % 256 != 0)
    return emitOpError() << "offset is " << getOffset() << ", needed a multiple of 256";
  return success();
}

/// The first value of a symbol that no clone serves, as `tokens = 9`, or nothing when all are served.
static std::string findGap(ProgramOp program) {
  StringRef name;
  SmallVector<std::pair<int64_t, int64_t>> ranges;
  for (auto clone : program.getBody().front().getOps<CloneOp>()) {
    if (clone.getRange().empty())
      return "";
    auto range = cast<SymbolAttr>(clone.getRange()[0]);
    if (!name.empty() && name != range.getName())
      return (range.getName() + ", where other clones have a range of " + name).str();
    name = range.getName();
    ranges.push_back({range.getMin(), range.getMax()});
  }
  llvm::sort(ranges);
  for (auto symbol : program.getSymbols().getAsRange<SymbolAttr>()) {
    if (symbol.getName() != name)
      continue;
    int64_t next = symbol.getMin();
    for (auto [min, max] : ranges)
      if (min <= next)
        next = std::max(next, max + 1);
    if (next <= symbol.getMax())
      return llvm::formatv("{0} = {1}", name, next);
  }
  return "";
}

LogicalResult ProgramOp::verifyRegions() {
  Block &block = getBody().front();
  // (C1)
  size_t ports = getInputs().size() + getOutputs().size() + getStates().size();
  if (block.getNumArguments() != ports || !llvm::all_of(block.getArgumentTypes(), llvm::IsaPred<BufferType>))
    return emitOpError() << "block takes (" << block.getArgumentTypes() << "), needed one !plan.buffer for each of "
                         << ports << " ports";
  // (C2)
  if (block.empty() || !llvm::all_of(block, llvm::IsaPred<CloneOp>))
    return emitOpError() << "region must hold 'plan.clone' alone, at least one";
  // (C3)
  if (std::string gap = findGap(*this); !gap.empty())
    return emitOpError() << "has no clone for " << gap;
  return success();
}

static std::string toText(AffineExpr expression) {
  std::string text;
  llvm::raw_string_ostream(text) << expression;
  return text;
}

/// Bytes of the memory that `value` is the address of; null where another operation says.
static AffineExpr getMemoryBytes(Value value) {
  if (auto buffer = value.getDefiningOp<BufferOp>())
    return buffer.getBytes().getResult(0);
  if (auto view = value.getDefiningOp<ViewOp>())
    return view.getBytes().getResult(0);
  if (auto allocation = value.getDefiningOp<AllocateOp>())
    return allocation.getBytes().getResult(0);
  return {};
}

/// Refuses `op` when it reaches over the end of one of its buffers, of which it uses the first `bytes` bytes.
static LogicalResult checkReach(Operation *op, Value value, AffineExpr bytes, const Bounds &bounds) {
  AffineExpr memory = getMemoryBytes(value);
  if (!memory || bounds.isNeverNegative(memory - bytes))
    return success();
  return op->emitOpError() << "uses " << toText(bytes) << " bytes of a buffer of " << toText(memory);
}

static LogicalResult checkReach(LaunchOp launch, const Bounds &bounds) {
  SmallVector<Value> buffers(launch.getInputs());
  llvm::append_range(buffers, launch.getOutputs());
  for (auto [buffer, type, shape] : llvm::zip(buffers, launch.getPortTypes(), launch.getShapes())) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !tensor.getElementType().isIntOrFloat())
      continue;
    AffineExpr bytes = getAffineConstantExpr(getElementBytes(tensor.getElementType()), launch.getContext());
    for (AffineExpr dim : cast<AffineMapAttr>(shape).getValue().getResults())
      bytes = bytes * dim;
    if (failed(checkReach(launch, buffer, bytes, bounds)))
      return failure();
  }
  return success();
}

static LogicalResult checkReach(CopyOp copy, const Bounds &bounds) {
  AffineExpr bytes = copy.getBytes().getResult(0);
  if (failed(checkReach(copy, copy.getSource(), bytes, bounds)))
    return failure();
  return checkReach(copy, copy.getTarget(), bytes, bounds);
}

SmallVector<SymbolAttr> CloneOp::getAllSymbols() {
  auto program = (*this)->getParentOfType<ProgramOp>();
  SmallVector<SymbolAttr> symbols(program.getSymbols().getAsRange<SymbolAttr>());
  for (auto range : getRange().getAsRange<SymbolAttr>())
    for (SymbolAttr &symbol : symbols)
      if (symbol.getName() == range.getName())
        symbol = range;
  if (ArrayAttr data = getDataAttr())
    llvm::append_range(symbols, data.getAsRange<SymbolAttr>());
  return symbols;
}

SmallVector<SymbolAttr> ProgramOp::getPortSymbols() {
  SmallVector<SymbolAttr> symbols(getSymbols().getAsRange<SymbolAttr>());
  auto first = dyn_cast<CloneOp>(getBody().front().front());
  if (ArrayAttr data = first ? first.getDataAttr() : ArrayAttr())
    llvm::append_range(symbols, data.getAsRange<SymbolAttr>());
  return symbols;
}

bool ProgramOp::isDataDependent(unsigned index) {
  for (AffineExpr size : cast<PortAttr>(getOutputs()[index]).getDims().getResults()) {
    bool found = false;
    size.walk([&](AffineExpr part) {
      auto symbol = dyn_cast<AffineSymbolExpr>(part);
      found |= symbol && symbol.getPosition() >= getSymbols().size();
    });
    if (found)
      return true;
  }
  return false;
}

static LogicalResult checkBuffers(CloneOp clone, ArrayRef<Lifetime> lifetimes, const Bounds &bounds) {
  AffineExpr arena = clone.getArena().getResult(0);
  for (auto [i, a] : llvm::enumerate(lifetimes)) {
    auto buffer = dyn_cast<BufferOp>(a.memory);
    if (!buffer)
      continue;
    AffineExpr begin = buffer.getOffset().getResult(0), end = begin + buffer.getBytes().getResult(0);
    if (!bounds.isNeverNegative(begin) || !bounds.isNeverNegative(arena - end))
      return buffer.emitOpError() << "at " << toText(begin) << " to " << toText(end)
                                  << " is not always inside of the arena of " << toText(arena) << " bytes";
    for (const Lifetime &b : lifetimes.drop_front(i + 1)) {
      auto other = dyn_cast<BufferOp>(b.memory);
      if (!other || areApart(a, b))
        continue;
      AffineExpr otherBegin = other.getOffset().getResult(0), otherEnd = otherBegin + other.getBytes().getResult(0);
      if (!bounds.isNeverNegative(otherBegin - end) && !bounds.isNeverNegative(begin - otherEnd))
        return other.emitOpError() << "at " << toText(otherBegin) << " to " << toText(otherEnd)
                                   << " may overlap the buffer at " << toText(begin) << " to " << toText(end)
                                   << ", which is in use at the same time";
    }
  }
  return success();
}

static LogicalResult checkSlots(ArrayRef<Lifetime> lifetimes) {
  for (auto [i, a] : llvm::enumerate(lifetimes))
    for (const Lifetime &b : lifetimes.drop_front(i + 1)) {
      auto first = dyn_cast<AllocateOp>(a.memory), second = dyn_cast<AllocateOp>(b.memory);
      if (!first || !second || areApart(a, b) || first.getKeep() || second.getKeep())
        continue;
      int64_t begin = std::max<int64_t>(first.getSlot(), second.getSlot());
      if (begin < int64_t(first.getSlot()) + first.getNumSlots() &&
          begin < int64_t(second.getSlot()) + second.getNumSlots())
        return second.emitOpError() << "takes slot " << begin << ", which an allocation in use at the same time has";
    }
  return success();
}

LogicalResult CloneOp::verifyRegions() {
  auto program = (*this)->getParentOfType<ProgramOp>();
  // (C1)
  if (getRange().size() > 1)
    return emitOpError() << "range has " << getRange().size() << " entries, needed at most one";
  for (auto range : getRange().getAsRange<SymbolAttr>())
    if (llvm::none_of(program.getSymbols().getAsRange<SymbolAttr>(),
                      [&](SymbolAttr s) { return s.getName() == range.getName(); }))
      return emitOpError() << "range is over '" << range.getName() << "', which is no symbol of the program";
  // (C2)
  SmallVector<SymbolAttr> symbols = getAllSymbols();
  Bounds bounds(symbols);
  SmallVector<Lifetime> lifetimes = getLifetimes(*this);
  if (failed(checkBuffers(*this, lifetimes, bounds)))
    return failure();
  // (C3)
  WalkResult reach = getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    auto launch = dyn_cast<LaunchOp>(op);
    auto copy = dyn_cast<CopyOp>(op);
    if ((launch && failed(checkReach(launch, bounds))) || (copy && failed(checkReach(copy, bounds))))
      return WalkResult::interrupt();
    return launch ? WalkResult::skip() : WalkResult::advance();
  });
  if (reach.wasInterrupted())
    return failure();
  // (C4)
  return checkSlots(lifetimes);
}

LogicalResult LaunchOp::verifyRegions() {
  Block &block = getBody().front();
  // (C1)
  auto yield = dyn_cast<lathe::YieldOp>(block.getTerminator());
  if (!yield || block.getNumArguments() != getInputs().size() || yield.getNumOperands() != getOutputs().size())
    return emitOpError() << "region takes " << block.getNumArguments() << " values and yields "
                         << (yield ? yield.getNumOperands() : 0) << ", needed " << getInputs().size() << " and "
                         << getOutputs().size();
  // (C2)
  SmallVector<Type> types = getPortTypes();
  if (getShapes().size() != types.size())
    return emitOpError() << "has " << getShapes().size() << " shapes, needed " << types.size();
  for (auto [i, type, attribute] : llvm::enumerate(types, getShapes())) {
    AffineMap map = cast<AffineMapAttr>(attribute).getValue();
    SmallVector<int64_t> sizes = getShapeOf(type);
    if (map.getNumResults() != sizes.size())
      return emitOpError() << "shape " << i << " has " << map.getNumResults() << " sizes but the value is " << type;
    for (unsigned d = 0; d < map.getNumResults(); ++d) {
      auto constant = dyn_cast<AffineConstantExpr>(map.getResult(d));
      bool agrees = ShapedType::isDynamic(sizes[d]) || (constant && constant.getValue() == sizes[d]);
      if (!agrees)
        return emitOpError() << "shape " << i << " is " << attribute << " but the value is " << type;
    }
  }
  return success();
}

SmallVector<Type> LaunchOp::getPortTypes() {
  SmallVector<Type> types(getBody().front().getArgumentTypes());
  llvm::append_range(types, getBody().front().getTerminator()->getOperandTypes());
  return types;
}

SmallVector<AffineExpr> LaunchOp::getDynamicDims(SmallVectorImpl<SmallVector<int64_t>> *indices) {
  SmallVector<AffineExpr> dims;
  for (auto [type, attribute] : llvm::zip_equal(getPortTypes(), getShapes())) {
    SmallVector<int64_t> places;
    for (auto [size, expression] :
         llvm::zip_equal(getShapeOf(type), cast<AffineMapAttr>(attribute).getValue().getResults())) {
      if (!ShapedType::isDynamic(size)) {
        places.push_back(-1);
        continue;
      }
      auto *known = llvm::find(dims, expression);
      places.push_back(known - dims.begin());
      if (known == dims.end())
        dims.push_back(expression);
    }
    if (indices)
      indices->push_back(std::move(places));
  }
  return dims;
}
