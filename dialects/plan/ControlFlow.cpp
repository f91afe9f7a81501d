// Verifiers of the operations that choose, repeat and define symbols.
#include "dialects/plan/Plan.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::plan;

LogicalResult OutputOp::verify() {
  // (C1)
  auto program = (*this)->getParentOfType<ProgramOp>();
  size_t count = program ? program.getOutputs().size() : 0;
  if (getIndex() < 0 || uint64_t(getIndex()) >= count)
    return emitOpError() << "is output " << getIndex() << " but the program has " << count;
  auto port = cast<PortAttr>(program.getOutputs()[getIndex()]);
  if (port.getDims().getNumResults() != getSizes().getNumResults())
    return emitOpError() << "has " << getSizes().getNumResults() << " sizes but output " << getIndex() << " has "
                         << port.getDims().getNumResults() << " dimensions";
  return success();
}

/// Refuses `symbols` that are no data symbols of the clone around `op`; -1 is none where `mayBeNone`.
static LogicalResult checkDataSymbols(Operation *op, ArrayRef<int64_t> symbols, bool mayBeNone) {
  auto clone = op->getParentOfType<CloneOp>();
  auto program = clone ? clone->getParentOfType<ProgramOp>() : ProgramOp();
  int64_t begin = program ? program.getSymbols().size() : 0, end = clone ? clone.getAllSymbols().size() : 0;
  for (int64_t symbol : symbols)
    if ((symbol < begin || symbol >= end) && !(mayBeNone && symbol == -1))
      return op->emitOpError() << "defines symbol " << symbol << ", needed a data symbol: " << begin << " to "
                               << end - 1;
  return success();
}

LogicalResult plan::ReadSizesOp::verify() {
  // (C1)
  if (getMin().size() != getSymbols().size() || getMax().size() != getSymbols().size())
    return emitOpError() << "has " << getSymbols().size() << " symbols, " << getMin().size() << " least and "
                         << getMax().size() << " greatest values, needed as many of each";
  return checkDataSymbols(*this, getSymbols(), /*mayBeNone=*/true);
}

/// Refuses a region that does not yield this many addresses and sizes.
static LogicalResult checkYield(Operation *op, Region &region, size_t addresses, size_t sizes) {
  auto yield = dyn_cast<plan::YieldOp>(region.front().getTerminator());
  size_t foundAddresses = yield ? yield.getAddresses().size() : 0;
  size_t foundSizes = yield && yield.getSizes() ? yield.getSizes()->getNumResults() : 0;
  if (!yield || foundAddresses != addresses || foundSizes != sizes)
    return op->emitOpError() << "region " << region.getRegionNumber() << " yields " << foundAddresses
                             << " addresses and " << foundSizes << " sizes, needed " << addresses << " and " << sizes;
  return success();
}

LogicalResult plan::IfOp::verifyRegions() {
  // (C1)
  for (Region *region : getRegions())
    if (failed(checkYield(*this, *region, getNumResults(), getDefines().size())))
      return failure();
  return checkDataSymbols(*this, getDefines(), /*mayBeNone=*/false);
}

LogicalResult plan::LoopOp::verifyRegions() {
  // (C1)
  size_t carried = getCarried().size();
  if (getBody().getNumArguments() != carried || getNumResults() != carried)
    return emitOpError() << "carries " << carried << " addresses but its region takes " << getBody().getNumArguments()
                         << " and it has " << getNumResults() << " results";
  // (C2)
  size_t sizes = getSizes() ? getSizes()->getNumResults() : 0;
  if (sizes != getDefines().size())
    return emitOpError() << "defines " << getDefines().size() << " symbols from " << sizes << " sizes";
  if (failed(checkYield(*this, getBody(), carried + (getCondition() ? 1 : 0), sizes)))
    return failure();
  SmallVector<int64_t> symbols(getDefines());
  symbols.push_back(getRound());
  return checkDataSymbols(*this, symbols, /*mayBeNone=*/false);
}
