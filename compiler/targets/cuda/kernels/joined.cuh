// Several products of one left side in one launch: what a template computes, as its parameter `Outputs` says it.
//
//   Output                one product
//   Joined<O0, O1, ...>   several, each with its own weights, columns, output and epilogue; their tiles one behind the
//                         other
//   Dual<Output>          two of one size, whose epilogue gets both sums of an element: (first, second, row, col)
//
// A template has Parts, one for each output, and its body is one epilogue or what joinEpilogues makes of several.
#ifndef LATHE_KERNELS_JOINED_CUH
#define LATHE_KERNELS_JOINED_CUH

#include "tiles.cuh"

namespace lathe::kernels {

template <class... Outputs> struct Joined {};
template <class Output> struct Dual {};

template <int I, class First, class... Rest> struct TypeAt {
  using Type = typename TypeAt<I - 1, Rest...>::Type;
};
template <class First, class... Rest> struct TypeAt<0, First, Rest...> {
  using Type = First;
};

/// Parts and Sums of an `Outputs`, and the type of part I.
template <class Output_> struct OutputsOf {
  static constexpr int Parts = 1, Sums = 1;
  template <int I> using Output = Output_;
};
template <class Output_> struct OutputsOf<Dual<Output_>> {
  static constexpr int Parts = 1, Sums = 2;
  template <int I> using Output = Output_;
};
template <class... Outputs> struct OutputsOf<Joined<Outputs...>> {
  static constexpr int Parts = sizeof...(Outputs), Sums = 1;
  template <int I> using Output = typename TypeAt<I, Outputs...>::Type;
};

template <class First, class... Rest> struct JoinedEpilogues {
  First Epilogue;
  JoinedEpilogues<Rest...> Others;
};
template <class First> struct JoinedEpilogues<First> {
  First Epilogue;
};

template <class First, class... Rest>
__host__ __device__ inline JoinedEpilogues<First, Rest...> joinEpilogues(const First &first, const Rest &...rest) {
  if constexpr (sizeof...(Rest) == 0)
    return {first};
  else
    return {first, joinEpilogues(rest...)};
}

/// The epilogue of part I. A body that is no JoinedEpilogues is that of the only part.
template <int I, class Body> __device__ inline const auto &epilogueOf(const Body &body) {
  if constexpr (I > 0)
    return epilogueOf<I - 1>(body.Others);
  else if constexpr (requires { body.Epilogue; })
    return body.Epilogue;
  else
    return body;
}

/// Passes sums of the neighbouring elements (row, col ..) through an epilogue: all at once if it can,
/// `finish(sums, row, col, values)`, so that it reads its operands in wide words.
template <int Count, int Sums, class Epilogue>
__device__ inline void finishNeighbours(const Epilogue &epilogue, const float (&sums)[Count][Sums], int64_t row,
                                        int64_t col, float (&values)[Count]) {
  if constexpr (requires { epilogue.finish(sums, row, col, values); }) {
    epilogue.finish(sums, row, col, values);
  } else {
#pragma unroll
    for (int i = 0; i < Count; ++i) {
      if constexpr (Sums == 1)
        values[i] = epilogue(sums[i][0], row, col + i);
      else
        values[i] = epilogue(sums[i][0], sums[i][1], row, col + i);
    }
  }
}

} // namespace lathe::kernels

#endif // LATHE_KERNELS_JOINED_CUH
