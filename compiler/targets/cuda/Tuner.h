// Measures the ways that there are to compute the launches of a plan: lathec --tune.
#ifndef LATHE_COMPILER_TARGETS_CUDA_TUNER_H
#define LATHE_COMPILER_TARGETS_CUDA_TUNER_H

#include "compiler/targets/cuda/CudaTarget.h"

namespace lathe {

/// Measures on the GPU of this machine, for each launch of `plan` whose kernel is a choice, the candidates that are
/// expected to be fastest. `known` has what was measured before: launches whose kernels are still the same are not
/// measured again, and what is of other models stays. `note` is told what was found.
///
/// Attention is given a step as LaunchStep describes it. Other launches that read integers are left as predicted: their
/// time depends on what these say.
///
/// Fails with a diagnostic on the module: no driver, no GPU, another GPU than the chips of `options`.
llvm::FailureOr<cuda::TuningFile> tuneCuda(mlir::ModuleOp plan, const CudaTargetOptions &options,
                                           cuda::TuningFile known, llvm::function_ref<void(llvm::StringRef)> note);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CUDA_TUNER_H
