#include "test/compiler/targets/cuda/ModelFile.h"
#include "frontends/gguf/GgufImporter.h"
#include "frontends/onnx/OnnxImporter.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"

using namespace mlir;
using namespace lathe;

OwningOpRef<ModuleOp> test::readModel(const std::string &path, MLIRContext &context, llvm::SourceMgr &sources) {
  if (StringRef(path).ends_with(".gguf") || StringRef(path).ends_with(".onnx")) {
    FailureOr<OwningOpRef<ModuleOp>> module =
        StringRef(path).ends_with(".gguf") ? importGguf(context, path) : importOnnx(context, path);
    return succeeded(module) ? std::move(*module) : nullptr;
  }
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(path, &message);
  if (!buffer) {
    llvm::errs() << path << ": " << message << '\n';
    return nullptr;
  }
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  return parseSourceFile<ModuleOp>(sources, &context);
}

LogicalResult test::runPhases(ModuleOp module, const PipelineOptions &options, StringRef first, StringRef last) {
  PassManager manager(module.getContext());
  bool runs = false;
  for (const Phase &phase : buildPhases(options)) {
    runs = (runs || phase.name == first) && phase.name != last;
    if (runs)
      phase.build(manager);
  }
  return manager.run(module);
}
