// Weights to blocks: for each format an encoder that looks for the least squared error.
//
//   error = sum over values of importance * (value - decoded value)^2
//
// An encoder chooses scales (and minima) among several, and then by turns codes for the scales and scales, by least
// squares, for the codes. The bytes depend on nothing but the arguments.
#ifndef LATHE_RUNTIME_GGUF_QUANTIZE_H
#define LATHE_RUNTIME_GGUF_QUANTIZE_H

#include "runtime/gguf/BlockFormat.h"

namespace lathe::gguf {

/// Whether `quantize` can write blocks of `format`.
bool canQuantize(const BlockFormat &format);

/// Writes `count` values, a multiple of `format.weights`, as blocks. `importance` has a finite weight, zero or more,
/// for the error of each value, for example the mean square of what a column is multiplied with; null stands for ones.
///
/// A finite value that the format does not reach becomes the nearest that it does. A block with a value that is not
/// finite decodes to NaN; mxfp4 and nvfp4 have none, so that there an infinity becomes the largest number and NaN zero.
void quantize(const BlockFormat &format, const float *values, int64_t count, const float *importance, uint8_t *blocks);

} // namespace lathe::gguf

#endif // LATHE_RUNTIME_GGUF_QUANTIZE_H
