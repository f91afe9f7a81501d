// Blocked types whose values a GGUF format holds too: CUDA's tuned kernels read these formats.
#ifndef LATHE_DIALECTS_LATHE_GGUFBLOCKS_H
#define LATHE_DIALECTS_LATHE_GGUFBLOCKS_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

struct GgufBlocks {
  llvm::StringRef format; ///< its name
  /// Whether each row is multiplied with a number besides: the scale of blocks that are whole rows, an outer scale.
  bool hasRowScales;
};

/// The GGUF format that holds the values of rows of `columns` to the bit, divided by the row's factor where there is
/// one; none where there is no such format.
///
///   signed codes of up to 4 bits, f16 scales, columns a multiple of 32     q4_0
///   signed codes of 8 bits, the same                                       q8_0
///   signed codes of 8 bits, f32 scales of whole rows or one of all         q8_0 with scales of 1, factors
///   f4E2M1FN, f8E8M0FNU scales, 32 columns                                 mxfp4
///   f4E2M1FN, f8E4M3FN scales, 16 columns, an f32 outer scale or none      nvfp4, the outer scale as factors
///
/// A scale of NaN, which packing never writes, becomes a number: 2^127 in mxfp4, 0 in nvfp4.
std::optional<GgufBlocks> findGgufBlocks(BlockedType type, int64_t columns);

/// Whether each row of `columns` has one f32 scale and nothing else, and codes of f8E4M3FN.
bool isFloat8Rows(BlockedType type, int64_t columns);

/// Writes the codes of such a tensor, row by row.
void writeFloat8Codes(BlockedType type, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<uint8_t> bytes,
                      llvm::MutableArrayRef<uint8_t> codes);

/// Writes the blocks of a tensor in the format of `findGgufBlocks`, which must be there, less its factors.
void writeGgufBlocks(BlockedType type, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<uint8_t> bytes,
                     llvm::MutableArrayRef<uint8_t> blocks);

/// The factors of all rows of a tensor that has a GGUF format with factors, or that isFloat8Rows.
void readRowScales(BlockedType type, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<uint8_t> bytes,
                   llvm::MutableArrayRef<float> scales);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_GGUFBLOCKS_H
