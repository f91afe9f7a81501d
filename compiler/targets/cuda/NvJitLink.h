// PTX to machine code for one GPU by nvJitLink, on any machine.
#ifndef LATHE_COMPILER_TARGETS_CUDA_NVJITLINK_H
#define LATHE_COMPILER_TARGETS_CUDA_NVJITLINK_H

#include "compiler/targets/cuda/CudaLibrary.h"
#include "llvm/ADT/StringMap.h"
#include <cstdint>
#include <string>

namespace lathe::cuda {

/// What the assembler says about one kernel.
struct KernelResources {
  int64_t Registers = 0;
  int64_t StaticSharedBytes = 0;
  int64_t StackBytes = 0; ///< local memory of a thread, spills included
};

struct Cubin {
  std::string Bytes;
  llvm::StringMap<KernelResources> Kernels; ///< by name
};

class NvJitLink {
public:
  static llvm::Expected<NvJitLink> load(llvm::StringRef cudaPath);

  /// Assembles `ptx` for `chip` ("sm_90a"). Fails with the linker's log.
  llvm::Expected<Cubin> link(const std::string &ptx, llvm::StringRef chip) const;

private:
  struct Linker; // nvJitLinkHandle
  int (*Create)(Linker **, uint32_t, const char **) = nullptr;
  int (*AddData)(Linker *, int, const void *, size_t, const char *) = nullptr;
  int (*Complete)(Linker *) = nullptr;
  int (*Destroy)(Linker **) = nullptr;
  int (*GetCubinSize)(Linker *, size_t *) = nullptr;
  int (*GetCubin)(Linker *, void *) = nullptr;
  int (*GetErrorLogSize)(Linker *, size_t *) = nullptr;
  int (*GetErrorLog)(Linker *, char *) = nullptr;
  int (*GetInfoLogSize)(Linker *, size_t *) = nullptr;
  int (*GetInfoLog)(Linker *, char *) = nullptr;
};

/// Reads what `ptxas -v` prints.
llvm::StringMap<KernelResources> parseResources(llvm::StringRef log);

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_NVJITLINK_H
