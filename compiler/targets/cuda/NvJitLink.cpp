#include "compiler/targets/cuda/NvJitLink.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Regex.h"

using namespace llvm;
using namespace lathe::cuda;

// NVJITLINK_INPUT_PTX of nvJitLink.h.
static constexpr int InputPtx = 2;

Expected<NvJitLink> NvJitLink::load(StringRef cudaPath) {
  Expected<CudaLibrary> library =
      CudaLibrary::load("libnvJitLink", cudaPath, "assembles kernels for GPUs other than sm_90a", "nvidia-nvjitlink");
  if (!library)
    return library.takeError();
  NvJitLink link;
  Error error = Error::success();
  auto find = [&](auto *&function, const char *name) {
    if (!error)
      error = library->find(function, name);
  };
  find(link.Create, "nvJitLinkCreate");
  find(link.AddData, "nvJitLinkAddData");
  find(link.Complete, "nvJitLinkComplete");
  find(link.Destroy, "nvJitLinkDestroy");
  find(link.GetCubinSize, "nvJitLinkGetLinkedCubinSize");
  find(link.GetCubin, "nvJitLinkGetLinkedCubin");
  find(link.GetErrorLogSize, "nvJitLinkGetErrorLogSize");
  find(link.GetErrorLog, "nvJitLinkGetErrorLog");
  find(link.GetInfoLogSize, "nvJitLinkGetInfoLogSize");
  find(link.GetInfoLog, "nvJitLinkGetInfoLog");
  if (error)
    return std::move(error);
  return link;
}

Expected<Cubin> NvJitLink::link(const std::string &ptx, StringRef chip) const {
  std::string target = ("-arch=" + chip).str();
  const char *options[] = {target.c_str(), "-verbose", "-Xptxas=-v"};
  Linker *linker = nullptr;
  if (int result = Create(&linker, std::size(options), options))
    return createStringError(
        "nvjitlink: refuses '%s' (error %d), needed a GPU like sm_80 or sm_90a that its version knows",
        chip.str().c_str(), result);
  Cubin cubin;
  size_t bytes = 0;
  bool good = AddData(linker, InputPtx, ptx.c_str(), ptx.size() + 1, "kernels") == 0 && Complete(linker) == 0 &&
              GetCubinSize(linker, &bytes) == 0;
  if (good) {
    cubin.Bytes.resize(bytes);
    good = GetCubin(linker, cubin.Bytes.data()) == 0;
  }
  std::string log =
      good ? readText(GetInfoLogSize, GetInfoLog, linker) : readText(GetErrorLogSize, GetErrorLog, linker);
  Destroy(&linker);
  if (!good)
    return createStringError("nvjitlink: cannot assemble the kernels for %s:\n%s", chip.str().c_str(), log.c_str());
  cubin.Kernels = parseResources(log);
  return cubin;
}

StringMap<KernelResources> lathe::cuda::parseResources(StringRef log) {
  static const Regex entry("Compiling entry function '([A-Za-z0-9_]+)'"), stack("([0-9]+) bytes stack frame"),
      registers("Used ([0-9]+) registers"), shared("([0-9]+) bytes smem");
  StringMap<KernelResources> kernels;
  KernelResources *kernel = nullptr;
  SmallVector<StringRef> lines, match;
  log.split(lines, '\n');
  for (StringRef line : lines) {
    // After ptxas the linker speaks of each kernel again, and counts shared memory that the driver takes for itself.
    if (line.starts_with("info"))
      break;
    if (entry.match(line, &match))
      kernel = &kernels[match[1]];
    if (!kernel)
      continue;
    if (stack.match(line, &match))
      match[1].getAsInteger(10, kernel->StackBytes);
    if (registers.match(line, &match))
      match[1].getAsInteger(10, kernel->Registers);
    if (shared.match(line, &match))
      match[1].getAsInteger(10, kernel->StaticSharedBytes);
  }
  return kernels;
}
