// The tables of operators that are imported, one for each file of this folder.
#ifndef LATHE_FRONTENDS_ONNX_OPS_OPERATORS_H
#define LATHE_FRONTENDS_ONNX_OPS_OPERATORS_H

#include "frontends/onnx/NodeImporter.h"

namespace lathe::onnx {

/// The newest operator set whose changes are known here.
inline constexpr int64_t NewestOpset = 28;

/// One operator, or its meaning in some versions of the operator set.
struct Operator {
  llvm::StringRef domain; ///< empty for ONNX's own
  llvm::StringRef name;
  int64_t minOpset, maxOpset; ///< versions of the operator set whose meaning is known
  llvm::StringRef limits;     ///< what is refused, in words, for the documentation
  mlir::LogicalResult (*import)(NodeImporter &node);
};

llvm::ArrayRef<Operator> activationOperators();
llvm::ArrayRef<Operator> attentionOperators();
llvm::ArrayRef<Operator> controlFlowOperators();
llvm::ArrayRef<Operator> elementwiseOperators();
llvm::ArrayRef<Operator> flexAttentionOperators();
llvm::ArrayRef<Operator> gradientOperators();
llvm::ArrayRef<Operator> indexingOperators();
llvm::ArrayRef<Operator> linearOperators();
llvm::ArrayRef<Operator> lossOperators();
llvm::ArrayRef<Operator> loopOperators();
llvm::ArrayRef<Operator> machineLearningOperators();
llvm::ArrayRef<Operator> microsoftAttentionOperators();
llvm::ArrayRef<Operator> microsoftCachedAttentionOperators();
llvm::ArrayRef<Operator> microsoftNormalizationOperators();
llvm::ArrayRef<Operator> microsoftProductOperators();
llvm::ArrayRef<Operator> microsoftQuantizationOperators();
llvm::ArrayRef<Operator> movementOperators();
llvm::ArrayRef<Operator> normalizationOperators();
llvm::ArrayRef<Operator> oldElementwiseOperators();
llvm::ArrayRef<Operator> pictureOperators();
llvm::ArrayRef<Operator> quantizationOperators();
llvm::ArrayRef<Operator> recurrentOperators();
llvm::ArrayRef<Operator> reductionOperators();
llvm::ArrayRef<Operator> selectionOperators();
llvm::ArrayRef<Operator> sequenceOperators();
llvm::ArrayRef<Operator> shapeOperators();
llvm::ArrayRef<Operator> signalOperators();
llvm::ArrayRef<Operator> sliceOperators();
llvm::ArrayRef<Operator> softmaxOperators();
llvm::ArrayRef<Operator> unfoldingOperators();
llvm::ArrayRef<Operator> windowOperators();

/// All of them, by domain, name and version.
std::vector<const Operator *> listOperators();

using EvaluateFunction = mlir::LogicalResult (*)(NodeImporter &node);
/// What an operator of ONNX's own gives on elements known while importing (Known.h); null if that is not asked.
EvaluateFunction findEvaluator(llvm::StringRef name, int64_t opset);
/// Names of the operators that have one.
std::vector<llvm::StringRef> listEvaluators();

/// Sets `op`, or gives the reason why there is none.
std::string findOperator(llvm::StringRef domain, llvm::StringRef name, int64_t opset, const Operator *&op);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_OPS_OPERATORS_H
