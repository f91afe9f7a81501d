#include "dialects/plan/Plan.h"
#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/Sizes.h"
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
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
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

/// The piece of a clone during which a buffer is in use, counted in operations.
namespace {
struct Lifetime {
  BufferOp buffer;
  unsigned first, last;
};
} // namespace

static SmallVector<Lifetime> getLifetimes(Block &block) {
  llvm::DenseMap<Operation *, unsigned> order;
  for (auto [i, op] : llvm::enumerate(block))
    order[&op] = i;
  SmallVector<Lifetime> lifetimes;
  for (auto buffer : block.getOps<BufferOp>()) {
    Lifetime lifetime{buffer, ~0u, 0};
    for (Operation *user : buffer->getUsers()) {
      lifetime.first = std::min(lifetime.first, order[user]);
      lifetime.last = std::max(lifetime.last, order[user]);
    }
    if (!buffer->use_empty())
      lifetimes.push_back(lifetime);
  }
  return lifetimes;
}

/// Refuses `op` when it reaches over the end of one of its buffers, of which it uses the first `bytes` bytes.
static LogicalResult checkReach(Operation *op, Value value, AffineExpr bytes, const Bounds &bounds) {
  auto buffer = value.getDefiningOp<BufferOp>();
  if (!buffer || bounds.isNeverNegative(buffer.getBytes().getResult(0) - bytes))
    return success();
  return op->emitOpError() << "uses " << toText(bytes) << " bytes of a buffer of "
                           << toText(buffer.getBytes().getResult(0));
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

LogicalResult CloneOp::verifyRegions() {
  auto program = (*this)->getParentOfType<ProgramOp>();
  SmallVector<SymbolAttr> symbols(program.getSymbols().getAsRange<SymbolAttr>());
  // (C1)
  if (getRange().size() > 1)
    return emitOpError() << "range has " << getRange().size() << " entries, needed at most one";
  for (auto range : getRange().getAsRange<SymbolAttr>()) {
    auto *symbol = llvm::find_if(symbols, [&](SymbolAttr s) { return s.getName() == range.getName(); });
    if (symbol == symbols.end())
      return emitOpError() << "range is over '" << range.getName() << "', which is no symbol of the program";
    *symbol = range;
  }
  // (C2)
  Bounds bounds(symbols);
  SmallVector<Lifetime> lifetimes = getLifetimes(getBody().front());
  AffineExpr arena = getArena().getResult(0);
  for (auto [i, a] : llvm::enumerate(lifetimes)) {
    AffineExpr begin = a.buffer.getOffset().getResult(0), end = begin + a.buffer.getBytes().getResult(0);
    if (!bounds.isNeverNegative(begin) || !bounds.isNeverNegative(arena - end))
      return a.buffer.emitOpError() << "at " << toText(begin) << " to " << toText(end)
                                    << " is not always inside of the arena of " << toText(arena) << " bytes";
    for (const Lifetime &b : ArrayRef(lifetimes).drop_front(i + 1)) {
      if (a.last < b.first || b.last < a.first)
        continue;
      BufferOp other = b.buffer;
      AffineExpr otherBegin = other.getOffset().getResult(0), otherEnd = otherBegin + other.getBytes().getResult(0);
      if (!bounds.isNeverNegative(otherBegin - end) && !bounds.isNeverNegative(begin - otherEnd))
        return other.emitOpError() << "at " << toText(otherBegin) << " to " << toText(otherEnd)
                                   << " may overlap the buffer at " << toText(begin) << " to " << toText(end)
                                   << ", which is in use at the same time";
    }
  }
  // (C3)
  for (Operation &op : getBody().front()) {
    auto launch = dyn_cast<LaunchOp>(op);
    auto copy = dyn_cast<CopyOp>(op);
    if ((launch && failed(checkReach(launch, bounds))) || (copy && failed(checkReach(copy, bounds))))
      return failure();
  }
  return success();
}

LogicalResult LaunchOp::verifyRegions() {
  Block &block = getBody().front();
  // (C1)
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
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
