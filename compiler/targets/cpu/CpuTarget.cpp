#include "compiler/targets/cpu/CpuTarget.h"
#include "compiler/targets/cpu/KernelEmitter.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Linker/Linker.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cpu;

extern "C" const char LatheTemplateBitcodeBegin[], LatheTemplateBitcodeEnd[];
extern "C" const char LatheMemoryBitcodeBegin[], LatheMemoryBitcodeEnd[];

/// Reads bitcode that was compiled into this program. Its functions get the target of `module` and none of their own,
/// so that each level can choose its instructions.
static std::unique_ptr<llvm::Module> readBitcode(const char *begin, const char *end, const llvm::Module &module) {
  llvm::Expected<std::unique_ptr<llvm::Module>> read =
      llvm::parseBitcodeFile(llvm::MemoryBufferRef(StringRef(begin, end - begin), "kernels"), module.getContext());
  if (!read)
    llvm::report_fatal_error(read.takeError()); // bitcode of our own build
  (*read)->setTargetTriple(module.getTargetTriple());
  (*read)->setDataLayout(module.getDataLayout());
  for (llvm::Function &function : **read)
    for (StringRef attribute : {"target-cpu", "target-features", "tune-cpu", "min-legal-vector-width",
                                "stack-protector-buffer-size", "frame-pointer"})
      function.removeFnAttr(attribute);
  return std::move(*read);
}

namespace {
class CpuLaunchLowering : public LaunchLowering {
public:
  explicit CpuLaunchLowering(llvm::Module &module)
      : Module(module), Abi(module.getContext()),
        Templates(readBitcode(LatheTemplateBitcodeBegin, LatheTemplateBitcodeEnd, module)),
        Library(*Templates, module) {}

  FailureOr<llvm::Value *> lower(plan::LaunchOp launch, HostLaunch &host) override;
  LogicalResult finish() override;

private:
  llvm::Module &Module;
  HostAbiTypes Abi;
  std::unique_ptr<llvm::Module> Templates;
  TemplateLibrary Library;
  llvm::StringMap<CpuKernelFunctions> Kernels; // by KernelBody::getKey
};
} // namespace

FailureOr<llvm::Value *> CpuLaunchLowering::lower(plan::LaunchOp launch, HostLaunch &host) {
  FailureOr<KernelBody> body = KernelBody::analyze(launch);
  if (failed(body))
    return failure();
  CpuKernelFunctions &kernel = Kernels[body->getKey()];
  if (!kernel.Kernel) {
    std::string name = llvm::formatv("lathe_kernel{0}_{1}", Kernels.size() - 1, launch.getKernel().getKernelTemplate());
    FailureOr<CpuKernelFunctions> emitted = emitKernel(*body, Library, name);
    if (failed(emitted)) {
      Kernels.erase(body->getKey());
      return failure();
    }
    kernel = *emitted;
  }
  llvm::IRBuilderBase &builder = host.Builder;
  SmallVector<llvm::Value *> dims = host.Dims;
  for (Operation *op : body->getLayered())
    dims.push_back(builder.getInt64(KernelBody::getLayer(op)));
  llvm::Value *buffersArray = host.createArray(0, host.Buffers), *dimsArray = host.createArray(1, dims);
  llvm::Value *tiles = builder.CreateCall(kernel.Tiles, {dimsArray});
  llvm::Type *pointer = builder.getPtrTy();
  auto *type =
      llvm::FunctionType::get(builder.getInt32Ty(), {pointer, pointer, pointer, pointer, builder.getInt64Ty()}, false);
  return builder.CreateCall(type, Abi.loadFunction(builder, host.Call, HostFunction::ParallelFor),
                            {host.Call, kernel.Kernel, buffersArray, dimsArray, tiles});
}

/// Takes in the templates that kernels call, and the memory functions, which the backend may call.
LogicalResult CpuLaunchLowering::finish() {
  std::unique_ptr<llvm::Module> memory = readBitcode(LatheMemoryBitcodeBegin, LatheMemoryBitcodeEnd, Module);
  bool broken = llvm::Linker::linkModules(Module, std::move(Templates), llvm::Linker::LinkOnlyNeeded) ||
                llvm::Linker::linkModules(Module, std::move(memory));
  assert(!broken && "templates and kernels agree on their names");
  (void)broken;
  return success();
}

FailureOr<std::vector<HostImage>> lathe::compileHostImages(ModuleOp plan, const CpuTargetOptions &options) {
  return buildHostImages(plan, options,
                         [](llvm::Module &module) { return std::make_unique<CpuLaunchLowering>(module); });
}
