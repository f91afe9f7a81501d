// Rows that are rounded to codes when the model runs, as RoundRows writes them: operations on floats, which any target
// computes and which say what the numbers are. A target that multiplies codes finds them again.
#ifndef LATHE_PASSES_QUANTIZATION_ROUNDROWS_H
#define LATHE_PASSES_QUANTIZATION_ROUNDROWS_H

#include "dialects/lathe/Lathe.h"
#include <optional>

namespace lathe {

/// Values of rounded rows, and what they come from.
struct RoundedRows {
  mlir::Value values; ///< codes times scales, f32
  mlir::Value input;  ///< the rows, f32
  mlir::Type code;    ///< f8E4M3FN
};

/// The values of `input` rounded to codes of type `code`, with a scale for each row: what `lathe.round_rows` gives, in
/// f32.
RoundedRows roundRows(mlir::OpBuilder &builder, mlir::Location location, mlir::Value input, mlir::Type code);

/// What `rows`, at most cast, are where `roundRows` has made them.
std::optional<RoundedRows> matchRoundedRows(mlir::Value rows);

} // namespace lathe

#endif // LATHE_PASSES_QUANTIZATION_ROUNDROWS_H
