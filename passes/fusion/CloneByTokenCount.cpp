// See CloneByTokenCount in Passes.td.
#include "dialects/lathe/TokenSymbols.h"
#include "passes/Passes.h"

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

static void cloneEntry(func::FuncOp entry, size_t symbolIndex, ArrayRef<int64_t> boundaries) {
  auto symbols = entry->getAttrOfType<ArrayAttr>(SymbolsAttrName);
  auto tokens = cast<SymbolAttr>(symbols[symbolIndex]);
  OpBuilder builder(entry);
  for (auto [min, max] : cutRanges(tokens.getMin(), tokens.getMax(), boundaries)) {
    auto range = SymbolAttr::get(entry.getContext(), TokensSymbolName, min, max);
    SmallVector<Attribute> bounded(symbols.getValue());
    bounded[symbolIndex] = range;
    for (Attribute &bound : bounded)
      bound = boundByTokens(cast<SymbolAttr>(bound), max);
    auto clone = cast<func::FuncOp>(builder.clone(*entry));
    clone.setName(llvm::formatv("{0}.tokens_{1}_{2}", entry.getName(), min, max).str());
    clone->setAttr(SymbolsAttrName, builder.getArrayAttr(bounded));
    clone->setAttr(RangeAttrName, range);
    clone->setAttr(CloneOfAttrName, FlatSymbolRefAttr::get(entry.getNameAttr()));
  }
  entry.erase();
}

namespace {
struct CloneByTokenCount : lathe::impl::CloneByTokenCountBase<CloneByTokenCount> {
  using CloneByTokenCountBase::CloneByTokenCountBase;

  void runOnOperation() override {
    SmallVector<int64_t> ends(boundaries.begin(), boundaries.end());
    if (!llvm::is_sorted(ends)) {
      getOperation().emitError() << "boundaries are [" << ends << "], needed ascending token counts";
      return signalPassFailure();
    }
    for (auto entry : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      auto kind = entry->getAttrOfType<StringAttr>(EntryAttrName);
      auto symbols = entry->getAttrOfType<ArrayAttr>(SymbolsAttrName);
      if (!kind || kind.getValue() == "tensor" || !symbols || entry->hasAttr(RangeAttrName))
        continue;
      for (auto [i, symbol] : llvm::enumerate(symbols.getAsRange<SymbolAttr>()))
        if (symbol.getName() == TokensSymbolName) {
          cloneEntry(entry, i, ends);
          break;
        }
    }
  }
};
} // namespace
