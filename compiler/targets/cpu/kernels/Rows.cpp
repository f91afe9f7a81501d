// Operations on whole rows: rms_norm, softmax, gather. A tile is one row.
#include "compiler/targets/cpu/kernels/Kernel.h"

using namespace lathe::cpu;

/// result[i] = x[i] / sqrt(sum_j(x[j]^2) / length + epsilon) * weight[i].
LATHE_TEMPLATE void lathe_rms_norm(const void *input, const void *weight, int64_t length, int64_t rowBytes,
                                   Unpack unpack, Unpack unpackWeight, float epsilon, Store store, const Launch *launch,
                                   int64_t begin, int64_t end) {
  alignas(64) float values[Chunk], weights[Chunk];
  for (int64_t tile = begin; tile < end; ++tile) {
    const char *row = static_cast<const char *>(input) + tile * rowBytes;
    Vector squares = {};
    for (int64_t first = 0; first < length; first += Chunk) {
      int64_t steps = unpackPadded(unpack, row, first, smaller(Chunk, length - first), values);
      for (int64_t step = 0; step < steps; ++step) {
        Vector x = loadVector(values + step * Lanes);
        squares = multiplyAdd(x, x, squares);
      }
    }
    float scale = 1.0f / __builtin_sqrtf(sumLanes(squares) / static_cast<float>(length) + epsilon);
    for (int64_t first = 0; first < length; first += Chunk) {
      int64_t count = smaller(Chunk, length - first);
      unpack(row, first, count, values);
      unpackWeight(weight, first, count, weights);
      for (int64_t i = 0; i < count; ++i)
        values[i] = values[i] * scale * weights[i];
      store(launch, values, tile * length + first, count);
    }
  }
}

/// result[i] = e^(x[i] - max(x)) / sum_j e^(x[j] - max(x)).
LATHE_TEMPLATE void lathe_softmax(const void *input, int64_t length, int64_t rowBytes, Unpack unpack, Store store,
                                  const Launch *launch, int64_t begin, int64_t end) {
  alignas(64) float values[Chunk];
  for (int64_t tile = begin; tile < end; ++tile) {
    const char *row = static_cast<const char *>(input) + tile * rowBytes;
    float largest = -__builtin_inff();
    for (int64_t first = 0; first < length; first += Chunk) {
      int64_t count = smaller(Chunk, length - first);
      unpack(row, first, count, values);
      for (int64_t i = 0; i < count; ++i)
        largest = values[i] > largest ? values[i] : largest;
    }
    Vector sums = {};
    for (int64_t first = 0; first < length; first += Chunk) {
      int64_t count = smaller(Chunk, length - first), steps = (count + Lanes - 1) / Lanes;
      storeVector(values + (steps - 1) * Lanes, Vector{});
      unpack(row, first, count, values);
      for (int64_t i = 0; i < count; ++i)
        values[i] = exponential(values[i] - largest);
      for (int64_t step = 0; step < steps; ++step)
        sums += loadVector(values + step * Lanes);
    }
    float scale = 1.0f / sumLanes(sums);
    for (int64_t first = 0; first < length; first += Chunk) {
      int64_t count = smaller(Chunk, length - first);
      unpack(row, first, count, values);
      for (int64_t i = 0; i < count; ++i)
        values[i] = exponential(values[i] - largest) * scale;
      store(launch, values, tile * length + first, count);
    }
  }
}

/// result[i, j] = table[indices[i], j]; an index outside of the table reads row 0.
LATHE_TEMPLATE void lathe_gather(const void *table, const void *indices, bool wideIndices, int64_t tableRows,
                                 int64_t length, int64_t rowBytes, Unpack unpack, Store store, const Launch *launch,
                                 int64_t begin, int64_t end) {
  alignas(64) float values[Chunk];
  for (int64_t tile = begin; tile < end; ++tile) {
    int64_t index =
        wideIndices ? static_cast<const int64_t *>(indices)[tile] : static_cast<const int32_t *>(indices)[tile];
    index = index >= 0 && index < tableRows ? index : 0;
    const char *row = static_cast<const char *>(table) + index * rowBytes;
    for (int64_t first = 0; first < length; first += Chunk) {
      int64_t count = smaller(Chunk, length - first);
      unpack(row, first, count, values);
      store(launch, values, tile * length + first, count);
    }
  }
}
