// CUDA C++ to PTX and machine code by NVRTC, on any machine: no GPU, no driver, no headers of the toolkit.
#ifndef LATHE_COMPILER_TARGETS_CUDA_NVRTC_H
#define LATHE_COMPILER_TARGETS_CUDA_NVRTC_H

#include "compiler/targets/cuda/CudaLibrary.h"
#include "compiler/targets/cuda/KernelSources.h"
#include <string>
#include <vector>

namespace lathe::cuda {

/// What NVRTC makes of a source. The cubin and the log of its assembler are empty unless a GPU was named.
struct CompiledSource {
  std::string Ptx;
  std::string Cubin;
  std::string Log;
};

class Nvrtc {
public:
  static llvm::Expected<Nvrtc> load(llvm::StringRef cudaPath);

  /// Compiles `source`, which may include `headers` by their names, for a virtual architecture ("compute_80") or a GPU
  /// ("sm_90a"), for which it assembles it too. Fails with the compiler's log.
  llvm::Expected<CompiledSource> compile(const std::string &source, llvm::ArrayRef<KernelSource> headers,
                                         llvm::StringRef architecture) const;

private:
  struct Program; // nvrtcProgram
  int (*CreateProgram)(Program **, const char *, const char *, int, const char *const *, const char *const *) = nullptr;
  int (*CompileProgram)(Program *, int, const char *const *) = nullptr;
  int (*DestroyProgram)(Program **) = nullptr;
  int (*GetLogSize)(Program *, size_t *) = nullptr;
  int (*GetLog)(Program *, char *) = nullptr;
  int (*GetPtxSize)(Program *, size_t *) = nullptr;
  int (*GetPtx)(Program *, char *) = nullptr;
  int (*GetCubinSize)(Program *, size_t *) = nullptr;
  int (*GetCubin)(Program *, void *) = nullptr;
  const char *(*GetErrorString)(int) = nullptr;
};

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_NVRTC_H
