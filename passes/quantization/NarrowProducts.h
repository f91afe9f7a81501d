// Values in the types that products read.
#ifndef LATHE_PASSES_QUANTIZATION_NARROWPRODUCTS_H
#define LATHE_PASSES_QUANTIZATION_NARROWPRODUCTS_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

/// `value` with elements of type `element`: itself, what it was widened from, or a cast of that. What is reshaped is
/// cast before: there the cast can become part of the kernel that makes it.
mlir::Value castTo(mlir::OpBuilder &builder, mlir::Value value, mlir::Type element);

} // namespace lathe

#endif // LATHE_PASSES_QUANTIZATION_NARROWPRODUCTS_H
