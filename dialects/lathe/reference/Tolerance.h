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

inline constexpr Tolerance RewriteF32 = {1e-5, 2e-6,
                                         "both sides sum in f64; a rewrite moves single roundings to f32, 6e-8 each"};
inline constexpr Tolerance KernelF32 = {
    1e-4, 1e-5, "f32 sums in another order: batched and stepwise evaluation of one model differ by 1e-5"};
inline constexpr Tolerance AnyF16 = {2e-2, 3e-3,
                                     "11 significant bits round each operand by up to 5e-4, and a few layers add up"};
inline constexpr Tolerance AnyBF16 = {1.6e-1, 2.4e-2, "as f16 with 3 significant bits less"};
inline constexpr Tolerance AnyEightBit = {2.5e-1, 4e-2,
                                          "8-bit activations: what llama.cpp's own 8-bit products differ by from f32"};

inline constexpr Tolerance AnyF8 = {
    6e-1, 8e-2, "4 significant bits round keys and values by up to 6e-2; softmax and sums average a part of it away"};

/// The tolerance where `narrowest` is the narrowest float type that values are rounded to on the way.
inline const Tolerance &getTolerance(mlir::Type narrowest, Comparison comparison) {
  if (narrowest.isF16())
    return AnyF16;
  if (narrowest.isBF16())
    return AnyBF16;
  if (llvm::isa<mlir::Float8E4M3FNType>(narrowest))
    return AnyF8;
  if (narrowest.getIntOrFloatBitWidth() <= 8)
    return AnyEightBit;
  return comparison == Comparison::Rewrite ? RewriteF32 : KernelF32;
}

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_REFERENCE_TOLERANCE_H
