// How tensors are stored in a GGUF file: the type number, its name, and the size of one block.
//
// A block is the unit of storage: `weights` consecutive values of a row in `bytes` bytes. Plain types are blocks of one
// value. A row never shares a block with another row.
#ifndef LATHE_RUNTIME_GGUF_BLOCKFORMAT_H
#define LATHE_RUNTIME_GGUF_BLOCKFORMAT_H

#include <cstdint>
#include <span>
#include <string_view>

namespace lathe::gguf {

struct BlockFormat {
  uint32_t id;      ///< the number that stands in the file
  const char *name; ///< lower case, as in `!lathe.gguf<q4_k>`
  uint32_t weights; ///< values in one block
  uint32_t bytes;   ///< bytes of one block
  bool isBlocked;   ///< false for plain numbers
};

/// Every format a file can name, by ascending id.
std::span<const BlockFormat> blockFormats();

/// The format with this id or name, or null.
const BlockFormat *findBlockFormat(uint32_t id);
const BlockFormat *findBlockFormat(std::string_view name);

/// Decodes `count` values to f32, bit for bit as the format's authority computes them. `count` is a multiple of
/// `format.weights`; `bytes` has no alignment to keep.
void dequantize(const BlockFormat &format, const void *bytes, int64_t count, float *values);

/// The exact f32 value of an IEEE half, subnormals included.
float halfToFloat(uint16_t bits);

} // namespace lathe::gguf

#endif
