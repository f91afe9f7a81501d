// See CloneByTokenCount in Passes.td.
#include "passes/Passes.h"
#include "passes/fusion/CloneSymbol.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_CLONEBYTOKENCOUNT
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

/// Ends of the ranges that `boundaries` cut out of min..max.
static SmallVector<std::pair<int64_t, int64_t>> cutRanges(int64_t min, int64_t max, ArrayRef<int64_t> boundaries) {
  SmallVector<std::pair<int64_t, int64_t>> ranges;
  for (int64_t end : boundaries)
    if (end >= min && end < max) {
      ranges.push_back({min, end});
      min = end + 1;
    }
  ranges.push_back({min, max});
  return ranges;
}

static void cloneEntry(func::FuncOp entry, SymbolAttr cut, ArrayRef<int64_t> boundaries) {
  auto symbols = entry->getAttrOfType<ArrayAttr>(SymbolsAttrName);
  auto ends = entry->getAttrOfType<DenseI64ArrayAttr>(CloneEndsAttrName);
  auto reasons = entry->getAttrOfType<ArrayAttr>(CloneReasonsAttrName);
  OpBuilder builder(entry);
  auto ranges = cutRanges(cut.getMin(), cut.getMax(), ends ? ends.asArrayRef() : boundaries);
  for (auto [i, bounds] : llvm::enumerate(ranges)) {
    auto [min, max] = bounds;
    auto range = SymbolAttr::get(entry.getContext(), cut.getName(), min, max);
    SmallVector<Attribute> bounded(symbols.getValue());
    for (Attribute &bound : bounded)
      if (bound == cut)
        bound = range;
      else if (!isTensorEntry(entry))
        bound = boundByTokens(cast<SymbolAttr>(bound), max);
    auto clone = cast<func::FuncOp>(builder.clone(*entry));
    clone.setName(llvm::formatv("{0}.{1}_{2}_{3}", entry.getName(), cut.getName(), min, max).str());
    clone->setAttr(SymbolsAttrName, builder.getArrayAttr(bounded));
    clone->setAttr(RangeAttrName, range);
    clone->setAttr(CloneOfAttrName, FlatSymbolRefAttr::get(entry.getNameAttr()));
    clone->removeAttr(CloneEndsAttrName);
    clone->removeAttr(CloneReasonsAttrName);
    if (reasons && reasons.size() == ranges.size())
      clone->setAttr(RangeReasonAttrName, reasons[i]);
  }
  entry.erase();
}

/// The name of the first dimension of the first input of an entry point with products, if it has no fixed size.
static StringRef findBatch(func::FuncOp entry) {
  if (entry.getNumArguments() == 0)
    return "";
  auto dims = entry.getArgAttrOfType<ArrayAttr>(0, DimsAttrName);
  auto batch = dims && !dims.empty() ? dyn_cast<StringAttr>(dims[0]) : StringAttr();
  WalkResult found = entry.walk(
      [](Operation *op) { return isa<ConvOp, MatmulOp>(op) ? WalkResult::interrupt() : WalkResult::advance(); });
  return batch && found.wasInterrupted() ? batch.getValue() : "";
}

bool lathe::isTensorEntry(func::FuncOp entry) {
  auto kind = entry->getAttrOfType<StringAttr>(EntryAttrName);
  return kind && kind.getValue() == "tensor";
}

SymbolAttr lathe::findCloneSymbol(func::FuncOp entry) {
  auto symbols = entry->getAttrOfType<ArrayAttr>(SymbolsAttrName);
  if (!entry->hasAttr(EntryAttrName) || !symbols || entry->hasAttr(RangeAttrName))
    return {};
  StringRef name = isTensorEntry(entry) ? findBatch(entry) : StringRef(TokensSymbolName);
  for (auto symbol : symbols.getAsRange<SymbolAttr>())
    if (symbol.getName() == name)
      return symbol;
  return {};
}

namespace {
struct CloneByTokenCount : lathe::impl::CloneByTokenCountBase<CloneByTokenCount> {
  using CloneByTokenCountBase::CloneByTokenCountBase;

  void runOnOperation() override {
    SmallVector<int64_t> tokens(boundaries.begin(), boundaries.end()), sizes(batches.begin(), batches.end());
    for (ArrayRef<int64_t> ends : {ArrayRef(tokens), ArrayRef(sizes)})
      if (!llvm::is_sorted(ends)) {
        getOperation().emitError() << "boundaries are [" << ends << "], needed ascending "
                                   << (ends.data() == tokens.data() ? "token counts" : "batches");
        return signalPassFailure();
      }
    for (auto entry : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      SymbolAttr symbol = findCloneSymbol(entry);
      if (symbol && (!isTensorEntry(entry) || !sizes.empty() || entry->hasAttr(CloneEndsAttrName)))
        cloneEntry(entry, symbol, isTensorEntry(entry) ? sizes : tokens);
    }
  }
};
} // namespace
