// Layer and RMS norms for the operators that have them.
#ifndef LATHE_FRONTENDS_ONNX_OPS_NORMS_H
#define LATHE_FRONTENDS_ONNX_OPS_NORMS_H

#include "frontends/onnx/ops/Terms.h"

namespace lathe::onnx {

/// `x` shifted and scaled to mean 0 and variance 1 over the dimensions from `axis` on, computed in type `computed`,
/// times `scale`, plus `bias` unless that is empty. One operation where that can be.
Term layerNorm(const Term &x, const Term &scale, const Term &bias, int64_t axis, float epsilon, mlir::Type computed);
/// `x` over the root of the mean of its squares over the dimensions from `axis` on, times `scale`.
Term rmsNorm(const Term &x, const Term &scale, int64_t axis, float epsilon, mlir::Type computed);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_OPS_NORMS_H
