// How far two evaluations of the same model may be apart: the only place where tolerances stand.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_TOLERANCE_H
#define LATHE_DIALECTS_LATHE_REFERENCE_TOLERANCE_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringRef.h"

namespace lathe {

/// What is compared with the reference evaluation.
enum class Comparison {
  Rewrite, ///< the reference evaluation of the same model after a pass
  Kernel,  ///< compiled code, which sums in another order
};

struct Tolerance {
  /// Largest difference of one element, in units of the largest expected magnitude or of 1 where that is smaller.
  double MaxAbsolute;
  /// Root mean square of the differences over that of the expected values.
  double RelativeRms;
  llvm::StringLiteral Reason;
};

/// The tolerance where `narrowest` is the narrowest float type that values are rounded to on the way.
inline Tolerance getTolerance(mlir::Type narrowest, Comparison comparison) {
  if (narrowest.isF16())
    return {2e-2, 3e-3, "11 significant bits round each operand by up to 5e-4, and a few layers add up"};
  if (narrowest.isBF16())
    return {1.6e-1, 2.4e-2, "as f16 with 3 significant bits less"};
  if (narrowest.getIntOrFloatBitWidth() <= 8)
    return {2.5e-1, 4e-2, "8-bit activations: what llama.cpp's own 8-bit products differ by"};
  if (comparison == Comparison::Rewrite)
    return {1e-5, 2e-6, "both sides sum in f64; a rewrite moves single roundings to f32, 6e-8 each"};
  return {1e-4, 1e-5, "f32 sums in another order: batched and stepwise evaluation of one model differ by 1e-5"};
}

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_REFERENCE_TOLERANCE_H
