#include "runtime/gguf/Quantize.h"
#include "runtime/gguf/QuantizeBlocks.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>
#include <vector>

namespace lathe::gguf {
namespace {

/// What a format that can be written has to know beyond its size.
struct Writable {
  uint32_t id;
  int scale; ///< byte of the f16 that all values are multiplied with, or -1
};
constexpr Writable Formats[] = {{2, 0},  {3, 0},  {6, 0},    {7, 0},  {8, 0},  {10, 80}, {11, 108},
                                {12, 0}, {13, 0}, {14, 208}, {20, 0}, {23, 0}, {39, -1}, {40, -1}};

const Writable *findWritable(const BlockFormat &format) {
  const Writable *found = std::find_if(std::begin(Formats), std::end(Formats),
                                       [&](const Writable &writable) { return writable.id == format.id; });
  return found == std::end(Formats) ? nullptr : found;
}

QuantizeBlocks *findEncoders() {
#ifdef __x86_64__
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4"))
    return avx512::quantizeBlocks;
  if (__builtin_cpu_supports("x86-64-v3"))
    return avx2::quantizeBlocks;
#endif
  return baseline::quantizeBlocks;
}

bool allFinite(const float *values, int64_t count) {
  uint32_t largest = 0;
  for (int64_t i = 0; i < count; ++i)
    largest = std::max(largest, std::bit_cast<uint32_t>(values[i]) & 0x7FFFFFFFu);
  return largest < 0x7F800000u;
}

/// Blocks of which some have values that are not finite.
void quantizeUnusual(QuantizeBlocks *encode, const BlockFormat &format, const Writable &writable, const float *values,
                     int64_t count, const float *importance, uint8_t *blocks) {
  std::vector<float> finite(values, values + count);
  for (float &value : finite) {
    constexpr float Largest = std::numeric_limits<float>::max();
    value = std::isnan(value) ? 0.0f : std::clamp(value, -Largest, Largest);
  }
  encode(format.id, finite.data(), count, importance, blocks);
  if (writable.scale < 0)
    return;
  for (int64_t i = 0; i < count; i += format.weights, blocks += format.bytes)
    if (!allFinite(values + i, format.weights)) {
      constexpr uint8_t NaN[] = {0x00, 0x7E};
      std::copy_n(NaN, 2, blocks + writable.scale);
    }
}

} // namespace

bool canQuantize(const BlockFormat &format) { return findWritable(format); }

void quantize(const BlockFormat &format, const float *values, int64_t count, const float *importance, uint8_t *blocks) {
  static QuantizeBlocks *const encode = findEncoders();
  const Writable *writable = findWritable(format);
  assert(writable && "ask canQuantize first");
  assert(count % format.weights == 0 && "a row is whole blocks");
  // Small enough that a piece is still near when it is encoded.
  constexpr int64_t Piece = 4096;
  for (int64_t i = 0; i < count; i += Piece) {
    int64_t piece = std::min(Piece, count - i);
    const float *pieceImportance = importance ? importance + i : nullptr;
    uint8_t *target = blocks + i / format.weights * format.bytes;
    if (allFinite(values + i, piece))
      encode(format.id, values + i, piece, pieceImportance, target);
    else
      quantizeUnusual(encode, format, *writable, values + i, piece, pieceImportance, target);
  }
}

} // namespace lathe::gguf
