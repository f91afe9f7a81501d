// The K largest elements of long rows, in descending order, and their places: lathe.top_k along the last dimension.
//
//   TopK<Element, K, Cluster>
//   Element  float, Half or BFloat16
//   K        1 to 64
//   Cluster  blocks that share a row: up to 8 on GPUs that have clusters, else 1
//
// Grid: Rows * Cluster, in clusters of Cluster. Block: 512. Shared: SharedBytes, aligned to 16. Cols: K to 2^32 - 2.
//
// Of equal elements the first comes first, and NaN comes before all numbers: an element and its place make up a 64-bit
// key, and no two keys are equal, so that the result does not depend on who is faster.
//   1. Each thread finds the greatest of its keys. The K-th greatest of those is a bound: at least K keys of the block
//      reach it, and they are those of K threads.
//   2. The keys that reach the bound are collected, as a rule few more than K. Where there is no room for them, which
//      takes a row whose elements rise with their places, the bound is raised until K keys reach it.
//   3. They are put in order by counting, for each, how many precede it.
//   4. The first block of a cluster joins the lists: a key's rank is its place in its own list and how many of each
//   other
//      list precede it.
// A row is read from memory once; what steps 2 reads comes from the cache.
#ifndef LATHE_KERNELS_TOP_K_CUH
#define LATHE_KERNELS_TOP_K_CUH

#include "tiles.cuh"

namespace lathe::kernels {

template <class Element, int K, int Cluster_> struct TopK {
  static constexpr int Cluster = Cluster_, Threads = 512, MinBlocks = 2, Warps = Threads / 32, Vector = 4;
  static constexpr int Room = 1024; ///< for keys that reach the bound
  static_assert(K >= 1 && K <= 64, "lists of more than 64 keys take too long to join");
  static_assert(Cluster * K <= Threads, "a thread ranks one key of the cluster's lists");
  struct Params {
    const Element *X; ///< [Rows, Cols]
    Element *Values;  ///< [Rows, K]
    int64_t *Indices; ///< [Rows, K]
    int64_t Rows, Cols;
  };
  using Key = uint64_t; ///< an element, its place from the end of the row; 0 is no element's

  struct Shared {
    Key Found[Room];        ///< in any order
    Key Sorted[K];          ///< descending, then zeros
    Key Lists[Cluster * K]; ///< of all blocks, in the first
    int Sums[Warps];
    int Next; ///< place in Found
  };
  static constexpr int SharedBytes = int(sizeof(Shared));

  static __host__ __device__ int64_t tiles(const Params &p) { return p.Rows * Cluster; }

  /// Of a greater element a greater number.
  static __device__ uint32_t rankOf(float x) {
    // Adding 0 makes -0 of the same rank as 0.
    uint32_t bits = __builtin_bit_cast(uint32_t, x + 0.0f);
    return x != x ? 0xffffffffu : bits ^ (uint32_t(int32_t(bits) >> 31) | 0x80000000u);
  }
  static __device__ Key keyOf(uint32_t rank, int64_t col) { return Key(rank) << 32 | (0xffffffffu - uint32_t(col)); }
  static __device__ int64_t colOf(Key key) { return int64_t(0xffffffffu - uint32_t(key)); }

  /// Calls `take` with the rank and the place of each element of this thread, in the order of the places.
  template <class Take> static __device__ void forElements(const Params &p, int64_t tile, const Take &take) {
    constexpr int Stride = Cluster * Threads, Ahead = 4; // loads that are on their way together
    const Element *row = p.X + tile / Cluster * p.Cols;
    int64_t whole = p.Cols / Vector, mine = tile % Cluster * Threads + threadIdx.x;
#pragma unroll 1
    for (int64_t vector = mine; vector < whole; vector += Ahead * Stride) {
      float x[Ahead][Vector];
#pragma unroll
      for (int i = 0; i < Ahead; ++i)
        if (vector + i * Stride < whole)
          loadVector(row, (vector + i * Stride) * Vector, x[i]);
#pragma unroll
      for (int i = 0; i < Ahead; ++i)
#pragma unroll
        for (int j = 0; j < Vector; ++j)
          if (vector + i * Stride < whole)
            take(rankOf(x[i][j]), (vector + i * Stride) * Vector + j);
    }
    if (int64_t tail = whole * Vector + mine; tail < p.Cols) { // fewer than Vector elements remain
      float x[1];
      loadVector(row, tail, x);
      take(rankOf(x[0]), tail);
    }
  }

  /// The sum over the block's threads.
  static __device__ int sumThreads(int count, Shared &shared) {
    __syncthreads(); // nobody reads the sums before
    if (int sum = int(sumLanes(float(count))); threadIdx.x % 32 == 0)
      shared.Sums[threadIdx.x / 32] = sum;
    __syncthreads();
    int sum = 0;
#pragma unroll
    for (int i = 0; i < Warps; ++i)
      sum += shared.Sums[i];
    return sum;
  }

  /// The greatest bound from `low` on that K keys reach, or one that K keys reach exactly. `count` is how many do.
  template <class Count> static __device__ Key findBound(Key low, const Count &count) {
    Key high = ~Key(0); // no key reaches it
#pragma unroll 1
    while (high - low > 1) {
      Key middle = low + (high - low) / 2;
      int reached = count(middle);
      if (reached == K)
        return middle;
      (reached > K ? low : high) = middle;
    }
    return low;
  }

  /// Collects the keys of threads whose greatest reaches the bound; returns how many there are, which may be more than
  /// fit.
  static __device__ int collect(const Params &p, int64_t tile, Key greatest, Key bound, Shared &shared) {
    if (threadIdx.x == 0)
      shared.Next = 0;
    __syncthreads();
    if (greatest >= bound)
      forElements(p, tile, [&](uint32_t rank, int64_t col) {
        if (Key key = keyOf(rank, col); key >= bound)
          if (int place = atomicAdd(&shared.Next, 1); place < Room)
            shared.Found[place] = key;
      });
    __syncthreads();
    return shared.Next;
  }

  /// Steps 1 and 2: returns how many keys are in Found.
  static __device__ int collect(const Params &p, int64_t tile, Shared &shared) {
    uint32_t highest = 0; // no element's
    int64_t place = 0;
    forElements(p, tile, [&](uint32_t rank, int64_t col) {
      place = rank > highest ? col : place; // of equal ones the first
      highest = larger(highest, rank);
    });
    Key greatest = highest == 0 ? 0 : keyOf(highest, place);
    Key bound = findBound(1, [&](Key middle) { return __syncthreads_count(greatest >= middle); });
    int count = collect(p, tile, greatest, bound, shared);
    if (count <= Room)
      return count;
    bound = findBound(bound, [&](Key middle) {
      int reached = 0;
      forElements(p, tile, [&](uint32_t rank, int64_t col) { reached += keyOf(rank, col) >= middle; });
      return sumThreads(reached, shared);
    });
    return collect(p, tile, greatest, bound, shared);
  }

  /// Step 3.
  static __device__ void sort(int count, Shared &shared) {
    if (threadIdx.x < K)
      shared.Sorted[threadIdx.x] = 0;
    __syncthreads();
#pragma unroll 1
    for (int i = int(threadIdx.x); i < count; i += Threads) {
      Key key = shared.Found[i];
      int rank = 0;
#pragma unroll 8
      for (int j = 0; j < count; ++j)
        rank += shared.Found[j] > key;
      if (rank < K)
        shared.Sorted[rank] = key;
    }
    __syncthreads();
  }

  static __device__ Key loadKey(const Key *key, int rank) {
    auto *halves = reinterpret_cast<const float *>(key);
    auto low = __builtin_bit_cast(uint32_t, loadPeer(halves, rank)),
         high = __builtin_bit_cast(uint32_t, loadPeer(halves + 1, rank));
    return Key(high) << 32 | low;
  }

  /// How many keys of a descending list precede `key`.
  static __device__ int countBefore(const Key *list, Key key) {
    int first = 0, last = K;
#pragma unroll 1
    while (first < last) {
      int middle = (first + last) / 2;
      if (list[middle] > key)
        first = middle + 1;
      else
        last = middle;
    }
    return first;
  }

  static __device__ void store(const Params &p, int64_t row, int rank, Key key) {
    int64_t col = colOf(key);
    p.Values[row * K + rank] = p.X[row * p.Cols + col];
    p.Indices[row * K + rank] = col;
  }

  template <class Body> static __device__ void run(const Params &p, int64_t tile, char *smem, const Body &) {
    Shared &shared = *reinterpret_cast<Shared *>(smem);
    int64_t row = tile / Cluster;
    sort(collect(p, tile, shared), shared);
    int place = int(threadIdx.x);
    if constexpr (Cluster == 1) {
      if (place < K && shared.Sorted[place] != 0)
        store(p, row, place, shared.Sorted[place]);
    } else {
      clusterBarrier(Cluster);
      if (tile % Cluster == 0) {
        if (place < Cluster * K)
          shared.Lists[place] = loadKey(shared.Sorted + place % K, place / K);
        __syncthreads();
        if (Key key = place < Cluster * K ? shared.Lists[place] : 0; key != 0) {
          int rank = 0;
#pragma unroll 1
          for (int list = 0; list < Cluster; ++list)
            rank += list == place / K ? place % K : countBefore(shared.Lists + list * K, key);
          if (rank < K)
            store(p, row, rank, key);
        }
      }
      clusterBarrier(Cluster); // nobody leaves, or goes on to the next tile, while its list is read
    }
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_TOP_K_CUH
