// y[kept] = epilogue(combination over the reduced dimensions of x, row, col): sums, means, products, extremes, bits and
// the place of the largest or smallest element, over any dimensions and of any plain type.
//
//   Reduce<Kind, Input, Output, Groups, Lanes>
//   Kind    Sum, Mean, Prod, Max, Min, And, Or, ArgMax<SelectLast>, ArgMin<SelectLast> of namespace reductions
//   Groups  X's neighbouring dimensions that are all kept or all reduced are one: [K0, R0, K1, R1, ..., K<Groups>],
//   sizes
//           of 1 where there is none; the result is [K0, K1, ...]
//   Lanes   threads that share a result: 1 where neighbouring results read neighbouring elements, 32 or 256 otherwise
//
// Sizes: the groups' sizes, in order. Cols: the size of the result's last dimension, for the epilogue's (row, col).
// Floats add and multiply in f64, integers in 64 bits; a NaN is the extreme of what it is among. Elements meet in an
// order that the sizes and Lanes fix. Of no elements: 0 for sums, 1 for products, the type's own extremes, all bits.
// Grid: ceil(results * Lanes / 256). Block: 256. Shared: Lanes 256 ? 128 : 0.
#ifndef LATHE_KERNELS_REDUCE_CUH
#define LATHE_KERNELS_REDUCE_CUH

#include "tiles.cuh"

namespace lathe::kernels {

namespace reductions {

template <class T> inline constexpr bool IsFloat = IsSame<T, float> || IsSame<T, double>;
template <class T> inline constexpr bool IsBool = IsSame<T, bool>;
template <class T> inline constexpr bool IsSigned = T(-1) < T(0);

/// What sums of T gather in.
template <class T> struct WideOf {
  using Type = uint64_t;
};
template <> struct WideOf<float> {
  using Type = double;
};
template <> struct WideOf<double> {
  using Type = double;
};

template <class T> __device__ inline T lowest() {
  if constexpr (IsSame<T, double>)
    return -double(Infinity);
  else if constexpr (IsFloat<T>)
    return -Infinity;
  else if constexpr (IsSigned<T>)
    return T(uint64_t(1) << (sizeof(T) * 8 - 1));
  else
    return T(0);
}
template <class T> __device__ inline T highest() {
  if constexpr (IsFloat<T>)
    return -lowest<T>();
  else if constexpr (IsBool<T>)
    return true;
  else
    return T(~lowest<T>());
}

// A kind for values of T: what it accumulates in, where it begins, how an element at place j comes in, how two meet
// (the first holds the elements in front), what comes out of `count` elements.
template <class T> struct Sum {
  using State = typename WideOf<T>::Type;
  static __device__ State begin() { return 0; }
  static __device__ State lift(T x, int64_t) { return State(x); }
  static __device__ State merge(State a, State b) { return a + b; }
  static __device__ T finish(State s, int64_t) { return T(s); }
};
template <class T> struct Mean : Sum<T> {
  static __device__ T finish(typename Sum<T>::State s, int64_t count) {
    if constexpr (IsFloat<T>)
      return T(s / double(count));
    else if constexpr (IsSigned<T>)
      return count ? T(int64_t(s) / count) : T(0);
    else
      return count ? T(s / uint64_t(count)) : T(0);
  }
};
template <class T> struct Prod {
  using State = typename WideOf<T>::Type;
  static __device__ State begin() { return 1; }
  static __device__ State lift(T x, int64_t) { return State(x); }
  static __device__ State merge(State a, State b) { return a * b; }
  static __device__ T finish(State s, int64_t) { return T(s); }
};
template <class T> struct Max {
  using State = T;
  static __device__ T begin() { return lowest<T>(); }
  static __device__ T lift(T x, int64_t) { return x; }
  static __device__ T merge(T a, T b) { return a > b || a != a ? a : b; }
  static __device__ T finish(T s, int64_t) { return s; }
};
template <class T> struct Min : Max<T> {
  static __device__ T begin() { return highest<T>(); }
  static __device__ T merge(T a, T b) { return a < b || a != a ? a : b; }
};
template <class T> struct And : Max<T> {
  static __device__ T begin() { return IsBool<T> ? T(1) : T(~T(0)); }
  static __device__ T merge(T a, T b) { return T(a & b); }
};
template <class T> struct Or : Max<T> {
  static __device__ T begin() { return T(0); }
  static __device__ T merge(T a, T b) { return T(a | b); }
};

template <class T, bool SelectLast, bool Largest> struct Arg {
  struct State {
    T Value;
    int64_t Place; ///< -1: no element yet
  };
  static __device__ State begin() { return {T(0), -1}; }
  static __device__ State lift(T x, int64_t place) { return {x, place}; }
  static __device__ bool isBeyond(T a, T b) { return a != a ? b == b : Largest ? a > b : a < b; }
  static __device__ State merge(State a, State b) {
    if (a.Place < 0 || b.Place < 0)
      return a.Place < 0 ? b : a;
    bool first = isBeyond(a.Value, b.Value), second = isBeyond(b.Value, a.Value);
    if (first != second)
      return first ? a : b;
    return (a.Place < b.Place) != SelectLast ? a : b;
  }
  static __device__ int64_t finish(State s, int64_t) { return s.Place < 0 ? 0 : s.Place; }
};
template <bool SelectLast> struct ArgMax {
  template <class T> using Of = Arg<T, SelectLast, true>;
};
template <bool SelectLast> struct ArgMin {
  template <class T> using Of = Arg<T, SelectLast, false>;
};

} // namespace reductions

template <class Kind, class Input, class Output, int Groups, int Lanes> struct Reduce {
  static_assert(Lanes == 1 || Lanes == 32 || Lanes == 256, "Lanes must be 1, 32 or 256");
  static constexpr int Threads = 256, MinBlocks = 2, SharedBytes = Lanes == 256 ? 128 : 0;
  using State = typename Kind::State;
  static_assert(sizeof(State) % 4 == 0 || sizeof(State) < 4, "a state is shuffled in words");
  static_assert(sizeof(State) <= 16, "eight warps leave a state each in 128 bytes");
  struct Params {
    const Input *X;
    Output *Y;
    int64_t Sizes[2 * Groups + 1];
    int64_t Cols;
  };

  static __host__ __device__ int64_t results(const Params &p) {
    int64_t count = 1;
    for (int i = 0; i <= Groups; ++i)
      count *= p.Sizes[2 * i];
    return count;
  }
  static __host__ __device__ int64_t tiles(const Params &p) { return ceilDiv<int64_t>(results(p) * Lanes, Threads); }

  /// Distance in X of the `index`-th combination of the kept (`first` 0) or reduced (1) groups from the first.
  static __device__ int64_t locate(const Params &p, int64_t index, int first) {
    int64_t offset = 0, stride = 1;
#pragma unroll
    for (int i = 2 * Groups; i >= 0; --i) {
      if (i % 2 == first) {
        offset += index % p.Sizes[i] * stride;
        index /= p.Sizes[i];
      }
      stride *= p.Sizes[i];
    }
    return offset;
  }

  /// merge over the lanes of a warp, the lower lane in front.
  static __device__ State mergeLanes(State mine) {
    constexpr int Words = (sizeof(State) + 3) / 4;
    union Bits {
      State Whole;
      uint32_t Word[Words];
      __device__ Bits() {}
    };
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
      Bits own, other;
      own.Word[0] = 0;
      own.Whole = mine;
#pragma unroll
      for (int i = 0; i < Words; ++i)
        other.Word[i] = __shfl_xor_sync(0xffffffffu, own.Word[i], distance);
      mine = threadIdx.x & distance ? Kind::merge(other.Whole, mine) : Kind::merge(mine, other.Whole);
    }
    return mine;
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    int lane = threadIdx.x % Lanes;
    int64_t index = tile * (Threads / Lanes) + threadIdx.x / Lanes, count = 1;
    if (index >= results(p))
      return;
    // 1. Each thread its share of the elements.
#pragma unroll
    for (int i = 0; i < Groups; ++i)
      count *= p.Sizes[2 * i + 1];
    const Input *x = p.X + locate(p, index, 0);
    State state = Kind::begin();
    for (int64_t j = lane; j < count; j += Lanes)
      state = Kind::merge(state, Kind::lift(toValue(x[locate(p, j, 1)]), j));
    // 2. Lanes, then warps in order.
    if constexpr (Lanes > 1)
      state = mergeLanes(state);
    if constexpr (Lanes > 32) {
      State *shared = reinterpret_cast<State *>(smem);
      if (threadIdx.x % 32 == 0)
        shared[threadIdx.x / 32] = state;
      __syncthreads();
      state = shared[0];
      for (int i = 1; i < Lanes / 32; ++i)
        state = Kind::merge(state, shared[i]);
    }
    // 3. Out.
    if (lane == 0)
      p.Y[index] = fromValue<Output>(epilogue(Kind::finish(state, count), index / p.Cols, index % p.Cols));
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_REDUCE_CUH
