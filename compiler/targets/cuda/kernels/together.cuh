// Several templates in one launch.
//
//   Together<Kernels...>
//     All tiles of the first, then all of the second, and so on: kernels that do not need each other.
//     Params {.Head = {...}, .Tail = {.Head = {...}, .Tail = ...}}; body together(body, body, ...). Where not all
//     wait for the kernels before themselves, nothing is done before.
//   MeetingProducts<First, Second>
//     Two products of one left operand and one shape [M, N], c[m, n] = epilogue(first sum, second sum, m, n), from two
//     templates of one product, of matmul.cuh or quantized_matmul.cuh, that differ in their weights alone; the output
//     of First is Nothing. Params {.First = {...}, .Second = {...}}.
//
// Grid: the sum of the kernels' tiles; for MeetingProducts those of Second. Block: the kernels' threads, which are the
// same. Shared: the largest of the kernels'; for MeetingProducts and 4 bytes for each sum of a tile.
#ifndef LATHE_KERNELS_TOGETHER_CUH
#define LATHE_KERNELS_TOGETHER_CUH

#include "tiles.cuh"

namespace lathe::kernels {

/// One value for each kernel of a launch.
template <class... T> struct Parts {};
template <class First, class... Rest> struct Parts<First, Rest...> {
  First Head;
  Parts<Rest...> Tail;
};

__host__ __device__ inline Parts<> together() { return {}; }
template <class First, class... Rest>
__host__ __device__ inline Parts<First, Rest...> together(const First &first, const Rest &...rest) {
  return {first, together(rest...)};
}

template <class First, class... Rest> struct Together {
  static_assert((... && (Rest::Threads == First::Threads)), "kernels of one launch must have the same Threads");
  static constexpr bool WaitsItself = kernels::WaitsItself<First> && (... && kernels::WaitsItself<Rest>);
  static constexpr int Threads = First::Threads;
  static constexpr int MinBlocks =
      Together<Rest...>::MinBlocks < First::MinBlocks ? Together<Rest...>::MinBlocks : First::MinBlocks;
  static constexpr int SharedBytes = larger<int>(First::SharedBytes, Together<Rest...>::SharedBytes);
  using Params = Parts<typename First::Params, typename Rest::Params...>;

  static __host__ __device__ int64_t tiles(const Params &p) {
    return First::tiles(p.Head) + Together<Rest...>::tiles(p.Tail);
  }

  template <class Bodies> static __device__ void run(const Params &p, int64_t tile, char *smem, const Bodies &bodies) {
    int64_t own = First::tiles(p.Head);
    if (tile < own)
      First::run(p.Head, tile, smem, bodies.Head);
    else
      Together<Rest...>::run(p.Tail, tile - own, smem, bodies.Tail);
  }
};

template <class Last> struct Together<Last> {
  static constexpr bool WaitsItself = kernels::WaitsItself<Last>;
  static constexpr int Threads = Last::Threads, MinBlocks = Last::MinBlocks, SharedBytes = Last::SharedBytes;
  using Params = Parts<typename Last::Params>;
  static __host__ __device__ int64_t tiles(const Params &p) { return Last::tiles(p.Head); }
  template <class Bodies> static __device__ void run(const Params &p, int64_t tile, char *smem, const Bodies &bodies) {
    Last::run(p.Head, tile, smem, bodies.Head);
  }
};

template <class FirstProduct, class SecondProduct> struct MeetingProducts {
  static_assert(FirstProduct::Threads == SecondProduct::Threads &&
                    FirstProduct::SumsOfThread == SecondProduct::SumsOfThread,
                "two products that meet must have the same tile");
  static constexpr int Threads = FirstProduct::Threads,
                       MinBlocks = smaller<int>(FirstProduct::MinBlocks, SecondProduct::MinBlocks);
  static constexpr int ProductBytes = larger<int>(FirstProduct::SharedBytes, SecondProduct::SharedBytes);
  static constexpr int SharedBytes = ProductBytes + Threads * FirstProduct::SumsOfThread * 4;
  struct Params {
    typename FirstProduct::Params First;
    typename SecondProduct::Params Second;
  };

  static __host__ __device__ int64_t tiles(const Params &p) { return SecondProduct::tiles(p.Second); }

  // A thread passes the sums of a tile through its epilogue in the same order in both products.
  struct Keep {
    mutable float *Next;
    __device__ float operator()(float sum, int64_t, int64_t) const {
      *Next = sum;
      Next += Threads;
      return 0;
    }
  };
  template <class Epilogue> struct Meet {
    mutable const float *Next;
    const Epilogue &Both;
    __device__ float operator()(float sum, int64_t row, int64_t col) const {
      float first = *Next;
      Next += Threads;
      return Both(first, sum, row, col);
    }
  };

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    float *sums = reinterpret_cast<float *>(smem + ProductBytes) + threadIdx.x;
    FirstProduct::run(p.First, tile, smem, Keep{sums});
    __syncthreads();
    SecondProduct::run(p.Second, tile, smem, Meet<Epilogue>{sums, epilogue});
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_TOGETHER_CUH
