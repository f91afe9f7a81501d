// The CPU target: every launch becomes a kernel of the host image itself.
//
// A kernel is one template of kernels/ (a product, a norm, attention) whose result runs through generated code for the
// rest of the fusion, or generated code alone. Launches that differ in nothing but buffers and layer share one kernel.
#ifndef LATHE_COMPILER_TARGETS_CPU_CPUTARGET_H
#define LATHE_COMPILER_TARGETS_CPU_CPUTARGET_H

#include "compiler/targets/HostImage.h"

namespace lathe {

using CpuTargetOptions = HostImageOptions;

/// Compiles all programs of a plan for the CPU: see buildHostImages.
llvm::FailureOr<std::vector<HostImage>> compileHostImages(mlir::ModuleOp plan, const CpuTargetOptions &options);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_CPUTARGET_H
