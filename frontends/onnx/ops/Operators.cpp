#include "frontends/onnx/ops/Operators.h"

using namespace lathe::onnx;

static constexpr llvm::ArrayRef<Operator> (*Tables[])() = {
    activationOperators,
    attentionOperators,
    controlFlowOperators,
    elementwiseOperators,
    flexAttentionOperators,
    gradientOperators,
    indexingOperators,
    linearOperators,
    loopOperators,
    lossOperators,
    machineLearningOperators,
    microsoftAttentionOperators,
    microsoftCachedAttentionOperators,
    microsoftNormalizationOperators,
    microsoftProductOperators,
    microsoftQuantizationOperators,
    movementOperators,
    normalizationOperators,
    oldElementwiseOperators,
    pictureOperators,
    quantizationOperators,
    recurrentOperators,
    reductionOperators,
    selectionOperators,
    sequenceOperators,
    shapeOperators,
    signalOperators,
    sliceOperators,
    softmaxOperators,
    unfoldingOperators,
    windowOperators,
};

std::vector<const Operator *> lathe::onnx::listOperators() {
  std::vector<const Operator *> all;
  for (auto table : Tables)
    for (const Operator &op : table())
      all.push_back(&op);
  llvm::sort(all, [](const Operator *a, const Operator *b) {
    return std::tie(a->domain, a->name, a->minOpset) < std::tie(b->domain, b->name, b->minOpset);
  });
  return all;
}

std::string lathe::onnx::findOperator(llvm::StringRef domain, llvm::StringRef name, int64_t opset,
                                      const Operator *&op) {
  static const std::vector<const Operator *> all = listOperators();
  int64_t oldest = INT64_MAX, newest = 0;
  for (const Operator *each : all) {
    if (each->domain != domain || each->name != name)
      continue;
    oldest = std::min(oldest, each->minOpset);
    newest = std::max(newest, each->maxOpset);
    if (opset >= each->minOpset && opset <= each->maxOpset)
      op = each;
  }
  if (newest == 0)
    return "the operator is not supported";
  if (opset == 0)
    return "the model has no opset_import for its domain";
  if (!op)
    return llvm::formatv("only opsets {0} to {1} are supported; convert the model with onnx.version_converter", oldest,
                         newest);
  return "";
}
