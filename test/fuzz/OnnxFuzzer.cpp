// Reads bytes as an ONNX model and imports it, which stops before anything is compiled: it ends with a module that
// verifies, or with an error.
#include "frontends/onnx/OnnxImporter.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/MemoryBuffer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // One context for many runs: what it keeps of each is small.
  static auto *context = new mlir::MLIRContext(mlir::MLIRContext::Threading::DISABLED);
  bool hasError = false;
  mlir::ScopedDiagnosticHandler handler(context, [&](mlir::Diagnostic &diagnostic) {
    hasError |= diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
    return mlir::success();
  });
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  auto module = lathe::importOnnx(*context, llvm::MemoryBuffer::getMemBufferCopy(bytes), "/nonexistent/m.onnx");
  if (failed(module) != hasError)
    __builtin_trap();
  return 0;
}
