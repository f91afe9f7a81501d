// What an artifact says about itself: the manifest and the list of its weights, read off the plan.
#ifndef LATHE_COMPILER_MANIFEST_H
#define LATHE_COMPILER_MANIFEST_H

#include "compiler/QuantizationLedger.h"
#include "compiler/artifact/ArtifactWriter.h"
#include "compiler/targets/HostImage.h"
#include "compiler/targets/cuda/CudaTarget.h"
#include "dialects/lathe/reference/Evaluator.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// The manifest without "weights", which the artifact writer fills. `chip` is empty for the CPU.
nlohmann::ordered_json buildManifest(mlir::ModuleOp plan, llvm::StringRef chip, llvm::ArrayRef<HostImage> images,
                                     const CudaCode &cuda);

/// One source for each `plan.data`, whose bytes are computed piece by piece when they are asked for, from files that
/// `evaluator` maps. Plan, evaluator and ledger, which gets what is quantized, must live until then. Sources may be
/// asked in parallel.
std::vector<artifact::WeightSource> listWeights(mlir::ModuleOp plan, Evaluator &evaluator, QuantizationLedger &ledger);

/// Marks the weights, and the sources of packed ones, that are in a file of the model as they are, so that the artifact
/// names their place instead of holding them (`lathec --weights=reference`); to be called after `packAtLoad`. Paths are
/// made relative to the artifact's folder. Returns "" or what is wrong.
std::string referenceWeights(mlir::ModuleOp plan, llvm::StringRef artifactPath, artifact::ArtifactSource &source);

/// Marks the weights that are only moved before kernels read them, into panels for instance, so that the artifact holds
/// what they are copied from, once, and the runtime copies (`lathec --pack=load`). Plan, evaluator and ledger as above.
void packAtLoad(mlir::ModuleOp plan, Evaluator &evaluator, QuantizationLedger &ledger,
                artifact::ArtifactSource &source);

/// Marks all but small weights and integers, which may be sizes and indices, as left out (`lathec --weights=none`).
void omitWeights(artifact::ArtifactSource &source);

/// The name of an element type in manifests and reports: "f32", "q4_k".
std::string getElementName(mlir::Type type);

} // namespace lathe

#endif // LATHE_COMPILER_MANIFEST_H
