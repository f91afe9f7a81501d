// The architectures that GGUF files can be imported from. Each builds `@forward` from what the reader gives, and
// reports through it what the file has that the architecture does not.
#ifndef LATHE_FRONTENDS_GGUF_ARCHITECTURES_ARCHITECTURES_H
#define LATHE_FRONTENDS_GGUF_ARCHITECTURES_ARCHITECTURES_H

#include "frontends/gguf/GgufImporter.h"
#include "frontends/gguf/ModelReader.h"

namespace lathe {

using BuildArchitecture = void (*)(mlir::ModuleOp module, ModelReader &reader, const GgufImportOptions &options);

void buildLlama(mlir::ModuleOp module, ModelReader &reader, const GgufImportOptions &options);

} // namespace lathe

#endif
