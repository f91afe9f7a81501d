// Element types as loops number them.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_LOOPTENSOR_H
#define LATHE_DIALECTS_LATHE_REFERENCE_LOOPTENSOR_H

#include "dialects/lathe/reference/loops/Tensor.h"
#include "mlir/IR/Types.h"

namespace lathe {

/// None for types that no loop takes.
loops::Element getLoopElement(mlir::Type type);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_REFERENCE_LOOPTENSOR_H
