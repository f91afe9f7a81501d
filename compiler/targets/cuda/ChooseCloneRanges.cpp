// See ChooseCloneRanges in Passes.td.
#include "compiler/targets/cuda/CloneRanges.h"
#include "compiler/targets/cuda/CudaTarget.h"
#include "compiler/targets/cuda/Passes.h"
#include "compiler/targets/cuda/StepTime.h"
#include "mlir/IR/Remarks.h"
#include "passes/fusion/CloneSymbol.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_CHOOSECLONERANGES
#include "compiler/targets/cuda/Passes.h.inc"
} // namespace lathe

using namespace lathe;
using namespace lathe::cuda;

/// Why nothing can be said of the calls of an entry point, or an empty string.
static std::string findObstacle(const StepTime &time) {
  if (time.getLaunches().empty())
    return "it has no products with weights";
  if (time.getUnknownBytes() > time.getKnownBytes())
    return llvm::formatv("of {0:F0} of {1:F0} MB of weights of products nothing is predicted",
                         time.getUnknownBytes() / 1e6, (time.getUnknownBytes() + time.getKnownBytes()) / 1e6);
  return "";
}

/// A time for each chip.
static std::vector<CloneTime> listTimes(const StepTime &time, ArrayRef<std::string> chips,
                                        std::vector<KernelChooser> &choosers) {
  std::vector<CloneTime> times;
  choosers.resize(chips.size());
  for (auto [chip, chooser] : llvm::zip_equal(chips, choosers)) {
    chooser.setChip(chip);
    unsigned target = findPtxTarget(chip);
    times.push_back([&time, &chooser, target](int64_t least, int64_t most, int64_t count) {
      return time.predict(chooser, target, least, most, count);
    });
  }
  return times;
}

namespace {
struct ChooseCloneRanges : lathe::impl::ChooseCloneRangesBase<ChooseCloneRanges> {
  using ChooseCloneRangesBase::ChooseCloneRangesBase;

  void runOnOperation() override {
    if (std::string error = checkChips(chips); !error.empty()) {
      getOperation().emitError() << error;
      return signalPassFailure();
    }
    for (auto entry : getOperation().getOps<func::FuncOp>())
      if (SymbolAttr symbol = findCloneSymbol(entry); symbol && failed(choose(entry, symbol)))
        return signalPassFailure();
  }

  LogicalResult choose(func::FuncOp entry, SymbolAttr symbol) {
    if (!(isTensorEntry(entry) ? tensors : texts))
      return success();
    FailureOr<StepTime> time = StepTime::create(entry, symbol.getName(), batchInvariant, tf32);
    if (failed(time))
      return failure();
    auto options = remark::RemarkOpts::name("ChooseCloneRanges").category("fusion");
    if (std::string obstacle = findObstacle(*time); !obstacle.empty()) {
      remark::missed(entry.getLoc(), options)
          << remark::add("'{0}' is cut into clones at the same counts as others: {1}", entry.getName(), obstacle);
      return success();
    }
    std::vector<KernelChooser> choosers;
    std::vector<std::string> names(chips.begin(), chips.end());
    // The next token of a text that is alone is what most calls are for, and predictions of the kernels that one row
    // has to itself are off by more than what they win: q8_0 with one row took 3.8 ms instead of 2.9 in a clone for
    // four. With batchInvariant one row has no kernels to itself, so that a clone of its own would be the same code
    // again.
    std::vector<CloneRange> ranges =
        chooseRanges(std::max<int64_t>(symbol.getMin(), 1), symbol.getMax(), listTimes(*time, names, choosers),
                     !isTensorEntry(entry) && !batchInvariant);
    SmallVector<int64_t> ends;
    SmallVector<Attribute> reasons;
    Builder builder(&getContext());
    for (const CloneRange &range : ranges) {
      remark::passed(entry.getLoc(), options)
          << remark::add("'{0}' has a clone for {1} {2} to {3}: {4}", entry.getName(), symbol.getName(), range.Min,
                         range.Max, range.Reason);
      ends.push_back(range.Max);
      reasons.push_back(builder.getStringAttr(range.Reason));
    }
    entry->setAttr(CloneEndsAttrName, builder.getDenseI64ArrayAttr(ArrayRef(ends).drop_back()));
    entry->setAttr(CloneReasonsAttrName, builder.getArrayAttr(reasons));
    return success();
  }
};
} // namespace
