// Matrices that a model keeps as codes, scales and zeros apart, for operators that dequantize them. They become blocks
// that are cast to floats, so that products can read the blocks as they are.
#ifndef LATHE_FRONTENDS_ONNX_OPS_CODEDWEIGHTS_H
#define LATHE_FRONTENDS_ONNX_OPS_CODEDWEIGHTS_H

#include "frontends/onnx/ops/Terms.h"

namespace lathe::onnx {

/// Codes of 2, 4 or 8 bits, the low ones of a byte first, apart along the last dimension: uint8 with a code each.
Term unpackCodes(const Term &bytes, int64_t bits);

/// `codes` of 2 or 4 bits in uint8 as int8, the highest of their bits taken as a sign.
Term extendSign(const Term &codes, int64_t bits);

/// A matrix [rows, columns] of codes with a scale, and a zero where there is one, for each block.
struct CodedMatrix {
  mlir::Type code;
  int64_t rows, columns;
  int64_t blockRows, blockColumns;
  /// Codes that lie together in rows may stay packed.
  bool keepsPacked() const;
};

/// The values as f32, by way of blocks. `codes`, `scales` and `zeros` are those of `lathe.join_blocks`; no zeros:
/// empty.
Term castFromBlocks(const CodedMatrix &matrix, const Term &codes, const Term &scales, const Term &zeros);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_OPS_CODEDWEIGHTS_H
