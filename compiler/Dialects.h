// Everything that the tools register with MLIR: dialects and passes.
#ifndef LATHE_COMPILER_DIALECTS_H
#define LATHE_COMPILER_DIALECTS_H

#include "mlir/IR/DialectRegistry.h"

namespace lathe {

/// Our dialects and the upstream ones that the compiler makes or reads.
void registerDialects(mlir::DialectRegistry &registry);

/// Our passes and the upstream ones that people reach for when they take a pipeline apart.
void registerPasses();

} // namespace lathe

#endif // LATHE_COMPILER_DIALECTS_H
