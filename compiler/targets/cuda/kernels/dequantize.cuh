// out = weights of a matrix [N, K], rounded to f16 or bf16, in the tiles that dense products read.
//
//   Dequantize<Format, Element>
//     Format    TiledQ4_K ... of packed_blocks.cuh, or a GGUF format of formats.cuh
//
// W blocks or tiles, 16-byte aligned; K a multiple of the format's block. Out: tiles of 64 rows x 64 columns, 8192
// bytes, row r at 128 r, its eight elements 8 c .. 8 c + 7 at 16 (c ^ r % 8); tile (n, k) is number n * ceil(K / 64) +
// k; rows and columns past the end are zeros.
//
// Grid ceil(N / 64) * ceil(K / 256), block 128: a warp takes 16 rows, 64 columns at a time; shared bytes 8192.
#ifndef LATHE_KERNELS_DEQUANTIZE_CUH
#define LATHE_KERNELS_DEQUANTIZE_CUH

#include "packed_row_blocks.cuh"

namespace lathe::kernels {

template <class Format, HalfElement Element> struct Dequantize {
  static constexpr int Threads = 128, MinBlocks = 8, SharedBytes = 4 * 2048;
  static constexpr int Columns = 256; ///< that a block takes
  struct Params {
    const uint8_t *W;
    Element *Out;
    int64_t N, K;
  };

  static __host__ __device__ int64_t tiles(const Params &p) {
    return ceilDiv<int64_t>(p.N, 64) * ceilDiv<int64_t>(p.K, Columns);
  }

  /// This lane's weights of rows row0 + g and row0 + g + 8 in columns column .. column + 31.
  static __device__ void unpack(uint32_t (&pairs)[2][4], const Params &p, int64_t row0, int64_t column, int lane) {
    float w[2][8] = {};
    if constexpr (TiledFormat<Format>) {
      if (row0 < p.N && column < p.K)
        Format::unpackLane(w, tileAt<Format>(p.W, p.K, row0, column), int(column % Format::Columns) / 32, lane);
    }
#pragma unroll
    for (int row = 0; row < 2; ++row)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        pairs[row][i] = packPair<Element>(w[row][i * 2], w[row][i * 2 + 1]);
  }

  static __device__ void run(const Params &p, int64_t tile, char *smem, const NoBody &) {
    int64_t parts = ceilDiv<int64_t>(p.K, Columns), wide = ceilDiv<int64_t>(p.K, 64);
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    int64_t row0 = tile / parts * 64 + warp * 16;
    char *rows = smem + warp * 2048; // this warp's 16 rows of a tile of the result
#pragma unroll 1
    for (int64_t k = tile % parts * (Columns / 64); k < smaller((tile % parts + 1) * (Columns / 64), wide); ++k) {
      // 1. The rows in the order of the result.
      if constexpr (TiledFormat<Format>) {
        int g = lane / 4, t = lane % 4;
#pragma unroll
        for (int group = 0; group < 2; ++group) {
          uint32_t pairs[2][4];
          unpack(pairs, p, row0, k * 64 + group * 32, lane);
#pragma unroll
          for (int row = 0; row < 2; ++row)
#pragma unroll
            for (int i = 0; i < 4; ++i)
              *reinterpret_cast<uint32_t *>(rows + (g + row * 8) * 128 + ((group * 4 + i) ^ g) * 16 + t * 4) =
                  pairs[row][i];
        }
      } else {
#pragma unroll
        for (int i = lane; i < 128; i += 32) {
          int row = i / 8, chunk = i % 8;
          int64_t column = k * 64 + chunk * 8;
          float w[8] = {};
          if (row0 + row < p.N && column < p.K)
            unpackRow8<Format>(p.W + (row0 + row) * (p.K / Format::Block * Format::BlockBytes), column, w);
          storeVector(reinterpret_cast<Element *>(rows + row * 128 + (chunk ^ row % 8) * 16), 0, w);
        }
      }
      __syncwarp();
      // 2. Out, 16 bytes a lane.
      char *out = reinterpret_cast<char *>(p.Out) + (tile / parts * wide + k) * 8192 + warp * 2048;
#pragma unroll
      for (int i = lane * 16; i < 2048; i += 512)
        *reinterpret_cast<uint4 *>(out + i) = *reinterpret_cast<const uint4 *>(rows + i);
      __syncwarp();
    }
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_DEQUANTIZE_CUH
