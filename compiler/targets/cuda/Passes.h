// The passes of the CUDA target, generated from Passes.td.
#ifndef LATHE_COMPILER_TARGETS_CUDA_PASSES_H
#define LATHE_COMPILER_TARGETS_CUDA_PASSES_H

#include "dialects/lathe/Lathe.h"
#include "mlir/Pass/Pass.h"

namespace lathe {
#define GEN_PASS_DECL
#include "compiler/targets/cuda/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/targets/cuda/Passes.h.inc"
} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CUDA_PASSES_H
