// Reads bytes as a GGUF file and imports the model in it, which stops before anything is compiled: it ends with a
// module that verifies, or with an error.
#include "frontends/gguf/GgufImporter.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

static void require(bool holds) {
  if (!holds)
    __builtin_trap();
}

/// A file without a name that holds the bytes until the next call.
static std::string writeFile(const uint8_t *data, size_t size) {
  static int file = memfd_create("model.gguf", MFD_CLOEXEC);
  require(file >= 0 && ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == ssize_t(size));
  return "/proc/self/fd/" + std::to_string(file);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // One context for many runs: what it keeps of each is small.
  static auto *context = new mlir::MLIRContext(mlir::MLIRContext::Threading::DISABLED);
  std::string path = writeFile(data, size);
  for (bool embeddings : {false, true}) {
    bool hasError = false;
    mlir::ScopedDiagnosticHandler handler(context, [&](mlir::Diagnostic &diagnostic) {
      hasError |= diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
      return mlir::success();
    });
    lathe::GgufImportOptions options;
    options.embeddings = embeddings;
    require(failed(lathe::importGguf(*context, path, options)) == hasError);
  }
  return 0;
}
