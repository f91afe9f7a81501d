// See QuantizeWeights in Passes.td.
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/quantization/QuantizableWeights.h"
#include "passes/quantization/WeightValues.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

static void replaceUses(QuantizableValue &candidate, Value blocks) {
  for (OpOperand *use : candidate.uses) {
    Value before = use->get();
    use->set(blocks);
    if (auto matmul = dyn_cast<MatmulOp>(use->getOwner()))
      matmul.setTransposeRhs(true);
    else if (auto gather = dyn_cast<GatherOp>(use->getOwner()))
      widenGather(gather);
    eraseUnused(before);
  }
}

static void applyFormat(QuantizableValue &candidate, const ChosenFormat &chosen) {
  auto options = remark::RemarkOpts::name("QuantizeWeights").category("quantization");
  Location location = candidate.values.getLoc();
  StringRef name = candidate.source.getName();
  SmallVector<int64_t> shape = candidate.getShape();
  if (!chosen.fallbackFrom.empty())
    remark::missed(location, options) << remark::add(
        "'{0}' has rows of {1}, which hold no whole blocks of {2}: {3}", name, shape.back(), chosen.fallbackFrom,
        chosen.format.empty() ? "it is kept" : "it becomes " + chosen.format);
  if (chosen.format.empty())
    return;
  QuantizedTypeInterface blocks = findQuantizedType(location.getContext(), chosen.format, shape);
  Type before = getElementTypeOrSelf(candidate.values.getType());
  if (before == blocks && !candidate.transposed)
    return;
  remark::passed(location, options) << remark::add("'{0}' becomes {1} from {2}", name, chosen.format, before);
  replaceUses(candidate, quantize(candidate, blocks));
}

namespace {
struct QuantizeWeights : lathe::impl::QuantizeWeightsBase<QuantizeWeights> {
  using QuantizeWeightsBase::QuantizeWeightsBase;

  /// Puts what was chosen before in the place of what the recipe says.
  llvm::Error applyChoices(ArrayRef<QuantizableWeight> weights, MutableArrayRef<ChosenFormat> formats) {
    llvm::StringMap<StringRef> chosen;
    for (const std::string &choice : choices) {
      auto [name, format] = StringRef(choice).rsplit('=');
      chosen[name] = format;
    }
    for (auto [weight, format] : llvm::zip_equal(weights, formats)) {
      auto found = chosen.find(weight.name);
      if (found == chosen.end()) {
        if (format.candidates.empty())
          continue;
        return llvm::createStringError("recipe '" + recipe + "' leaves the format of '" + weight.name +
                                       "' to a size, but none was given; add --max-size, or name a format");
      }
      format = {found->second == "keep" ? "" : found->second.str(), ""};
      if (!format.format.empty() && !findQuantizedType(&getContext(), format.format, weight.shape))
        return llvm::createStringError("'" + weight.name + "' cannot become '" + format.format +
                                       "': there is no such format, or its rows hold no whole blocks of it");
    }
    return llvm::Error::success();
  }

  void runOnOperation() override {
    auto fail = [&](llvm::Error error) {
      emitError(UnknownLoc::get(&getContext())) << llvm::toString(std::move(error));
      signalPassFailure();
    };
    llvm::Expected<QuantizationRecipe> read = QuantizationRecipe::read(recipe);
    if (!read)
      return fail(read.takeError());
    std::vector<QuantizableValue> candidates = findQuantizableValues(getOperation());
    std::vector<QuantizableWeight> weights;
    for (QuantizableValue &candidate : candidates)
      weights.push_back(candidate.describe());
    llvm::Expected<std::vector<ChosenFormat>> formats = read->choose(&getContext(), weights);
    if (!formats)
      return fail(formats.takeError());
    if (llvm::Error error = applyChoices(weights, *formats))
      return fail(std::move(error));
    if (choices.empty() && llvm::all_of(*formats, [](const ChosenFormat &chosen) { return chosen.format.empty(); }))
      return fail(llvm::createStringError(
          "recipe '" + recipe + "' quantizes none of the " + std::to_string(weights.size()) +
          " weights that products and gathers read; --remarks=quantization says why, another recipe may fit"));
    for (auto [candidate, chosen] : llvm::zip_equal(candidates, *formats))
      applyFormat(candidate, chosen);
  }
};
} // namespace
