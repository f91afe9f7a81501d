// What a template makes of a launch, for predictions.
#ifndef LATHE_COMPILER_TARGETS_CUDA_TEMPLATEWORK_H
#define LATHE_COMPILER_TARGETS_CUDA_TEMPLATEWORK_H

#include "compiler/report/KernelTime.h"
#include "mlir/IR/AffineExpr.h"

namespace lathe::cuda {

/// A report::KernelWork with sizes over the kernel's dims, or over a program's symbols.
struct TemplateWork {
  mlir::AffineExpr Items;          ///< null: clusters of blocks
  mlir::AffineExpr Steps;          ///< null: none
  report::KernelWork Numbers = {}; ///< the rest; Items, Blocks and Steps of it mean nothing
  TemplateWork replaceSymbols(llvm::ArrayRef<mlir::AffineExpr> values) const {
    return {Items.replaceSymbols(values), Steps.replaceSymbols(values), Numbers};
  }
};

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_TEMPLATEWORK_H
