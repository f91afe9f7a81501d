#include "compiler/targets/cuda/Nvrtc.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using namespace lathe::cuda;

Expected<Nvrtc> Nvrtc::load(StringRef cudaPath) {
  Expected<CudaLibrary> library = CudaLibrary::load("libnvrtc", cudaPath, "compiles kernels", "nvidia-cuda-nvrtc");
  if (!library)
    return library.takeError();
  Nvrtc nvrtc;
  Error error = Error::success();
  auto find = [&](auto *&function, const char *name) {
    if (!error)
      error = library->find(function, name);
  };
  find(nvrtc.CreateProgram, "nvrtcCreateProgram");
  find(nvrtc.CompileProgram, "nvrtcCompileProgram");
  find(nvrtc.DestroyProgram, "nvrtcDestroyProgram");
  find(nvrtc.GetLogSize, "nvrtcGetProgramLogSize");
  find(nvrtc.GetLog, "nvrtcGetProgramLog");
  find(nvrtc.GetPtxSize, "nvrtcGetPTXSize");
  find(nvrtc.GetPtx, "nvrtcGetPTX");
  find(nvrtc.GetCubinSize, "nvrtcGetCUBINSize");
  find(nvrtc.GetCubin, "nvrtcGetCUBIN");
  find(nvrtc.GetErrorString, "nvrtcGetErrorString");
  if (error)
    return std::move(error);
  return nvrtc;
}

Expected<CompiledSource> Nvrtc::compile(const std::string &source, ArrayRef<KernelSource> headers,
                                        StringRef architecture) const {
  auto names = map_to_vector(headers, [](const KernelSource &header) { return header.Name; });
  auto texts = map_to_vector(headers, [](const KernelSource &header) { return header.Text; });
  Program *program = nullptr;
  int result = CreateProgram(&program, source.c_str(), "kernels.cu", int(headers.size()), texts.data(), names.data());
  if (result != 0)
    return createStringError("nvrtc: cannot begin a compilation: %s", GetErrorString(result));
  std::string target = ("--gpu-architecture=" + architecture).str();
  bool assembles = architecture.starts_with("sm_");
  // The last option is for the assembler: what each kernel takes, in the log.
  const char *options[] = {target.c_str(), "--std=c++20", "--device-as-default-execution-space", "--ptxas-options=-v"};
  result = CompileProgram(program, assembles ? 4 : 3, options);
  CompiledSource compiled;
  std::string log = readText(GetLogSize, GetLog, program);
  if (result == 0)
    compiled.Ptx = readText(GetPtxSize, GetPtx, program);
  size_t bytes = 0;
  if (result == 0 && assembles) {
    result = GetCubinSize(program, &bytes);
    compiled.Cubin.resize(bytes);
    compiled.Log = log;
    if (result == 0)
      result = GetCubin(program, compiled.Cubin.data());
  }
  DestroyProgram(&program);
  if (result != 0)
    return createStringError("nvrtc: cannot compile the kernels for %s: %s\n%s", architecture.str().c_str(),
                             GetErrorString(result), log.c_str());
  return compiled;
}
