// The kernel templates of kernels/, and what they include from elsewhere, as part of the compiler.
#ifndef LATHE_COMPILER_TARGETS_CUDA_KERNELSOURCES_H
#define LATHE_COMPILER_TARGETS_CUDA_KERNELSOURCES_H

#include "llvm/ADT/ArrayRef.h"

namespace lathe::cuda {

struct KernelSource {
  const char *Name; ///< as `#include` says it: "matmul.cuh", or a path from the root of the tree
  const char *Text;
};

llvm::ArrayRef<KernelSource> getKernelSources();

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_KERNELSOURCES_H
