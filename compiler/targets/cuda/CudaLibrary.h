// The libraries of the CUDA toolkit that compiling needs. They are found when they are needed, so that the compiler
// starts, and compiles for the CPU, where there is no CUDA.
#ifndef LATHE_COMPILER_TARGETS_CUDA_CUDALIBRARY_H
#define LATHE_COMPILER_TARGETS_CUDA_CUDALIBRARY_H

#include "llvm/Support/Error.h"
#include <dlfcn.h>

namespace lathe::cuda {

class CudaLibrary {
public:
  /// Loads the newest `name`.so.13, .so.12 or .so: from `cudaPath`, a folder that holds the library or is the root of a
  /// toolkit or of the `nvidia` folder of Python packages; or, when that is empty, from where the loader looks and from
  /// /usr/local/cuda. For the message: `purpose` is what
  /// it does, `package` what to install.
  static llvm::Expected<CudaLibrary> load(llvm::StringRef name, llvm::StringRef cudaPath, llvm::StringRef purpose,
                                          llvm::StringRef package);

  /// Looks a function up; fails when the library has none of that name.
  template <typename Function> llvm::Error find(Function *&function, const char *name) {
    function = reinterpret_cast<Function *>(dlsym(Library, name));
    if (function)
      return llvm::Error::success();
    return llvm::createStringError("%s: has no function '%s'; install CUDA 12.0 or newer", Path.c_str(), name);
  }

  /// The library as the loader was asked for it.
  llvm::StringRef getPath() const { return Path; }

private:
  void *Library = nullptr; ///< never closed: these libraries lose memory when they are unloaded
  std::string Path;
};

/// The log of a compilation, from a pair of functions `size(object, &bytes)` and `text(object, buffer)`.
template <typename Object>
std::string readText(int (*size)(Object *, size_t *), int (*text)(Object *, char *), Object *object) {
  size_t bytes = 0;
  if (size(object, &bytes) != 0 || bytes == 0)
    return "";
  std::string result(bytes, '\0');
  text(object, result.data());
  return llvm::StringRef(result.c_str()).str(); // up to the terminator
}

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_CUDALIBRARY_H
