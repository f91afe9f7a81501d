// CUDA C++ to PTX by NVRTC, on any machine: no GPU, no driver, no headers of the toolkit.
#ifndef LATHE_COMPILER_TARGETS_CUDA_NVRTC_H
#define LATHE_COMPILER_TARGETS_CUDA_NVRTC_H

#include "compiler/targets/cuda/CudaLibrary.h"
#include "compiler/targets/cuda/KernelSources.h"

namespace lathe::cuda {

class Nvrtc {
public:
  static llvm::Expected<Nvrtc> load(llvm::StringRef cudaPath);

  /// Compiles `source`, which may include `headers` by their names, for a virtual architecture ("compute_80"). Fails
  /// with the compiler's log.
  llvm::Expected<std::string> compile(const std::string &source, llvm::ArrayRef<KernelSource> headers,
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
  const char *(*GetErrorString)(int) = nullptr;
};

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_NVRTC_H
