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
  auto cut = cast<SymbolAttr>(symbols[symbolIndex]);
  OpBuilder builder(entry);
  for (auto [min, max] : cutRanges(cut.getMin(), cut.getMax(), boundaries)) {
    auto range = SymbolAttr::get(entry.getContext(), cut.getName(), min, max);
    SmallVector<Attribute> bounded(symbols.getValue());
    bounded[symbolIndex] = range;
    if (cut.getName() == TokensSymbolName)
      for (Attribute &bound : bounded)
        bound = boundByTokens(cast<SymbolAttr>(bound), max);
    auto clone = cast<func::FuncOp>(builder.clone(*entry));
    clone.setName(llvm::formatv("{0}.{1}_{2}_{3}", entry.getName(), cut.getName(), min, max).str());
    clone->setAttr(SymbolsAttrName, builder.getArrayAttr(bounded));
    clone->setAttr(RangeAttrName, range);
    clone->setAttr(CloneOfAttrName, FlatSymbolRefAttr::get(entry.getNameAttr()));
  }
  entry.erase();
}

/// The name of the symbol that counts what an entry point of kind `tensor` computes at once: the first dimension of its
/// first input, if that has no fixed size and products depend on it.
static StringRef findBatch(func::FuncOp entry) {
  if (entry.getNumArguments() == 0)
    return "";
  auto dims = entry.getArgAttrOfType<ArrayAttr>(0, DimsAttrName);
  auto batch = dims && !dims.empty() ? dyn_cast<StringAttr>(dims[0]) : StringAttr();
  WalkResult found = entry.walk(
      [](Operation *op) { return isa<ConvOp, MatmulOp>(op) ? WalkResult::interrupt() : WalkResult::advance(); });
  return batch && found.wasInterrupted() ? batch.getValue() : "";
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
      auto kind = entry->getAttrOfType<StringAttr>(EntryAttrName);
      auto symbols = entry->getAttrOfType<ArrayAttr>(SymbolsAttrName);
      if (!kind || !symbols || entry->hasAttr(RangeAttrName))
        continue;
      bool tensors = kind.getValue() == "tensor";
      if (tensors && sizes.empty())
        continue;
      StringRef name = tensors ? findBatch(entry) : StringRef(TokensSymbolName);
      for (auto [i, symbol] : llvm::enumerate(symbols.getAsRange<SymbolAttr>()))
        if (symbol.getName() == name) {
          cloneEntry(entry, i, tensors ? sizes : tokens);
          break;
        }
    }
  }
};
} // namespace
