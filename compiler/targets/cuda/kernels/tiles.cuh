// The loop over tiles, which stands outside every template so that a persistent program can call the same bodies.
#ifndef LATHE_KERNELS_TILES_CUH
#define LATHE_KERNELS_TILES_CUH

#include "types.cuh"

namespace lathe::kernels {

template <class T> __host__ __device__ constexpr T ceilDiv(T a, T b) { return (a + b - 1) / b; }
template <class T> __host__ __device__ constexpr T smaller(T a, T b) { return a < b ? a : b; }
template <class T> __host__ __device__ constexpr T larger(T a, T b) { return a < b ? b : a; }

/// Whether a template calls waitForPrevious() and startNext() in `run`, so that it can fetch weights before it waits.
template <class Kernel> inline constexpr bool WaitsItself = false;
template <class Kernel>
  requires(Kernel::WaitsItself)
inline constexpr bool WaitsItself<Kernel> = true;

/// Runs all tiles of `Kernel` over the blocks of the grid's x dimension. Any grid of at least one block is right; one
/// block a tile is the plain choice, fewer make the kernel persistent. Waits for the kernels before this one, unless
/// the template does.
template <class Kernel, class Body>
__device__ inline void gridTiles(const typename Kernel::Params &params, char *smem, const Body &body) {
  int64_t tiles = Kernel::tiles(params);
  // A block without a tile waits here whatever the template says: nobody else does it for that block.
  if (!WaitsItself<Kernel> || blockIdx.x >= tiles) {
    startNext();
    waitForPrevious();
  }
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    Kernel::run(params, tile, smem, body);
    // The next tile writes the shared memory that this one still reads.
    __syncthreads();
  }
}

/// The sum over the lanes of a warp, in every lane.
__device__ inline float sumLanes(float x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2)
    x += __shfl_xor_sync(0xffffffffu, x, distance);
  return x;
}

/// The body of a template that takes none.
struct NoBody {};

/// The epilogue of a product that stores what it accumulated.
struct StoreAsIs {
  template <class T> __device__ T operator()(T acc, int64_t, int64_t) const { return acc; }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_TILES_CUH
