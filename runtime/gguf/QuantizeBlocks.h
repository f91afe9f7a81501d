// The encoders, compiled once for each level of the host; Quantize.cpp picks one.
#ifndef LATHE_RUNTIME_GGUF_QUANTIZEBLOCKS_H
#define LATHE_RUNTIME_GGUF_QUANTIZEBLOCKS_H

#include <cstdint>

namespace lathe::gguf {

/// `quantize` of finite numbers, for the format with this id.
using QuantizeBlocks = void(uint32_t id, const float *values, int64_t count, const float *importance, uint8_t *blocks);

namespace baseline {
QuantizeBlocks quantizeBlocks;
}
#ifdef __x86_64__
namespace avx2 {
QuantizeBlocks quantizeBlocks;
}
namespace avx512 {
QuantizeBlocks quantizeBlocks;
}
#endif

} // namespace lathe::gguf

#endif // LATHE_RUNTIME_GGUF_QUANTIZEBLOCKS_H
