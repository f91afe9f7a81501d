// The GPUs that kernels are compiled for. A launch has one kernel index and one name on all of them; its template,
// tile, threads and shared memory may differ.
#ifndef LATHE_COMPILER_TARGETS_CUDA_PTXTARGETS_H
#define LATHE_COMPILER_TARGETS_CUDA_PTXTARGETS_H

#include "llvm/ADT/StringRef.h"

namespace lathe {

struct PtxTarget {
  llvm::StringRef Name;         ///< of its section; a cubin of this name is assembled from it
  llvm::StringRef Architecture; ///< as NVRTC calls it
  bool DependentLaunch;         ///< whether waitForPrevious() of instructions.cuh waits
};

/// The PTX that every artifact carries, by HostCall.target: for all GPUs from sm_80 on, and for sm_90a, whose
/// instructions for tensor cores and bulk copies no other GPU has.
inline constexpr PtxTarget PtxTargets[] = {{"compute_80", "compute_80", false}, {"sm_90a", "compute_90a", true}};
inline constexpr unsigned PortableTarget = 0, HopperTarget = 1, PtxTargetCount = 2;

/// The target that machine code for `chip` is assembled from.
inline unsigned findPtxTarget(llvm::StringRef chip) {
  return chip == PtxTargets[HopperTarget].Name ? HopperTarget : PortableTarget;
}

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CUDA_PTXTARGETS_H
