// Starts kernels from host code: HostApi::launch with a geometry that follows from the sizes alone.
#ifndef LATHE_COMPILER_TARGETS_CUDA_CUDALAUNCHLOWERING_H
#define LATHE_COMPILER_TARGETS_CUDA_CUDALAUNCHLOWERING_H

#include "compiler/targets/HostProgram.h"
#include "compiler/targets/cuda/KernelPrinter.h"

namespace lathe::cuda {

/// `table` holds every launch that will be lowered, and lives as long as the result.
std::unique_ptr<LaunchLowering> createCudaLaunchLowering(llvm::Module &module, const KernelTable &table);

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_CUDALAUNCHLOWERING_H
