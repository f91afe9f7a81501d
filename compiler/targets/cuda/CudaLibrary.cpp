#include "compiler/targets/cuda/CudaLibrary.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace lathe::cuda;

static constexpr StringLiteral Versions[] = {".so.13", ".so.12", ".so"};
static constexpr StringLiteral ToolkitFolder = "/usr/local/cuda/lib64";

/// Where libraries lie below a folder that somebody calls CUDA's: itself, a toolkit, or Python's `nvidia` folder.
static constexpr StringLiteral Subfolders[] = {"",         "lib64",          "lib",          "targets/x86_64-linux/lib",
                                               "cu13/lib", "cuda_nvrtc/lib", "nvjitlink/lib"};

/// Files that may be the library, best first. A name without a folder is for the loader to find.
static std::vector<std::string> listCandidates(StringRef name, StringRef cudaPath) {
  std::vector<std::string> candidates;
  auto add = [&](StringRef folder, StringRef subfolder) {
    for (StringRef version : Versions) {
      SmallString<128> path(folder);
      sys::path::append(path, subfolder, name + version);
      candidates.push_back(std::string(path));
    }
  };
  if (!cudaPath.empty()) {
    for (StringRef subfolder : Subfolders)
      add(cudaPath, subfolder);
    return candidates;
  }
  add("", "");
  add(ToolkitFolder, "");
  return candidates;
}

Expected<CudaLibrary> CudaLibrary::load(StringRef name, StringRef cudaPath, StringRef purpose, StringRef package) {
  for (const std::string &path : listCandidates(name, cudaPath)) {
    bool named = sys::path::has_parent_path(path);
    if (named && !sys::fs::exists(path))
      continue;
    CudaLibrary library;
    library.Library = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
    library.Path = path;
    if (library.Library)
      return library;
    if (named)
      return createStringError("%s: cannot be loaded: %s", path.c_str(), dlerror());
  }
  std::string where = cudaPath.empty() ? ("where the loader looks nor in '" + ToolkitFolder + "'").str()
                                       : ("'" + cudaPath + "' nor its library folders").str();
  return createStringError(
      "%s, which %s: neither version 13 nor 12 is in %s; install the CUDA toolkit, or '%s' (PyPI), and "
      "name its folder, or Python's folder 'nvidia', with --cuda-path",
      (name + ".so").str().c_str(), purpose.str().c_str(), where.c_str(), package.str().c_str());
}
