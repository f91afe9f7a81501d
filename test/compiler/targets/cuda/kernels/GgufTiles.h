// Random matrices in tiles of blocks, for the tests of kernels that read them.
#ifndef LATHE_TEST_KERNELS_GGUFTILES_H
#define LATHE_TEST_KERNELS_GGUFTILES_H

#include "GgufBlocks.h"
#include "packed_table_blocks.cuh"
#include "runtime/gguf/BlockTiles.h"

namespace lathe::kernels::test {

template <class Tiled> struct BlocksOf;
template <> struct BlocksOf<TiledQ4_0> {
  using Format = Q4_0;
  static constexpr const char *Name = "q4_0";
};
template <> struct BlocksOf<TiledQ8_0> {
  using Format = Q8_0;
  static constexpr const char *Name = "q8_0";
};
template <> struct BlocksOf<TiledQ4_K> {
  using Format = Q4_K;
  static constexpr const char *Name = "q4_k";
};
template <> struct BlocksOf<TiledQ6_K> {
  using Format = Q6_K;
  static constexpr const char *Name = "q6_k";
};
template <> struct BlocksOf<TiledIQ4_NL> {
  using Format = IQ4_NL;
  static constexpr const char *Name = "iq4_nl";
};
template <> struct BlocksOf<TiledMXFP4> {
  using Format = MXFP4;
  static constexpr const char *Name = "mxfp4";
};
template <> struct BlocksOf<TiledNVFP4> {
  using Format = NVFP4;
  static constexpr const char *Name = "nvfp4";
};

/// A random matrix in tiles on the device, and its values.
template <class Tiled> struct Weights {
  using Format = typename BlocksOf<Tiled>::Format;
  std::vector<float> Values;
  Buffer<uint8_t> Device;

  Weights(int64_t n, int64_t k) : Weights(n, k, randomBlocks<Format>(n * k / Format::Block)) {}
  Weights(int64_t n, int64_t k, const Blocks &blocks) : Values(unpackAll<Format>(blocks)), Device(pack(n, k, blocks)) {}

  static Blocks pack(int64_t n, int64_t k, const Blocks &blocks) {
    const gguf::BlockTiles &tiles = *gguf::findBlockTiles(*gguf::findBlockFormat(BlocksOf<Tiled>::Name));
    int64_t rows = ceilDiv<int64_t>(n, 16);
    Blocks packed(rows * tiles.rowBytes(k));
    gguf::packTiles(tiles, n, k, blocks.data(), packed.data(), 0, rows);
    return packed;
  }
};

} // namespace lathe::kernels::test

#endif // LATHE_TEST_KERNELS_GGUFTILES_H
