// The largest element of a row, with what its index is stored as; after row_reduction.cuh.
#pragma once

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

template <class Index> struct ArgMax {
  static constexpr bool Stores = false;
  struct Row {};
  const float *X;
  Index *Y;
  int64_t Cols;
  template <int N> __device__ void load(int64_t row, int64_t col, float (&x)[N]) const {
    loadVector(X, row * Cols + col, x);
  }
  __device__ Row finish(const ArgMaxReduction::Summary &s, int64_t row, bool leader) const {
    if (leader)
      Y[row] = s.Index;
    return {};
  }
};
