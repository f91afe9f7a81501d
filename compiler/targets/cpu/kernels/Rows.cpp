// Operations on whole rows: rms_norm, layer_norm, softmax, gather. A tile is one row.
#include "compiler/targets/cpu/kernels/Kernel.h"
#include "runtime/gguf/PanelPieces.h"

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

/// result[i] = (x[i] - mean) / sqrt(sum_j((x[j] - mean)^2) / length + epsilon) * scale[i] + bias[i]; either of scale
/// and bias may be null.
LATHE_TEMPLATE void lathe_layer_norm(const void *input, const void *scale, const void *bias, int64_t length,
                                     int64_t rowBytes, Unpack unpack, Unpack unpackScale, Unpack unpackBias,
                                     float epsilon, Store store, const Launch *launch, int64_t begin, int64_t end) {
  alignas(64) float values[Chunk], scales[Chunk], biases[Chunk];
  float count = static_cast<float>(length);
  for (int64_t tile = begin; tile < end; ++tile) {
    const char *row = static_cast<const char *>(input) + tile * rowBytes;
    Vector sums = {}, squares = {};
    for (int64_t first = 0; first < length; first += Chunk) {
      int64_t steps = unpackPadded(unpack, row, first, smaller(Chunk, length - first), values);
      for (int64_t step = 0; step < steps; ++step)
        sums += loadVector(values + step * Lanes);
    }
    float mean = sumLanes(sums) / count;
    for (int64_t first = 0; first < length; first += Chunk) {
      int64_t part = smaller(Chunk, length - first), steps = unpackPadded(unpack, row, first, part, values);
      for (int64_t i = part; i < steps * Lanes; ++i)
        values[i] = mean;
      for (int64_t step = 0; step < steps; ++step) {
        Vector x = loadVector(values + step * Lanes) - mean;
        squares = multiplyAdd(x, x, squares);
      }
    }
    float factor = 1.0f / __builtin_sqrtf(sumLanes(squares) / count + epsilon);
    for (int64_t first = 0; first < length; first += Chunk) {
      int64_t part = smaller(Chunk, length - first);
      unpack(row, first, part, values);
      for (int64_t i = 0; i < part; ++i)
        values[i] = (values[i] - mean) * factor;
      if (scale) {
        unpackScale(scale, first, part, scales);
        for (int64_t i = 0; i < part; ++i)
          values[i] *= scales[i];
      }
      if (bias) {
        unpackBias(bias, first, part, biases);
        for (int64_t i = 0; i < part; ++i)
          values[i] += biases[i];
      }
      store(launch, values, tile * length + first, part);
    }
  }
}

/// The largest of `steps` vectors and `largest`; NaN is passed over.
LATHE_INLINE float findLargest(const float *values, int64_t steps, float largest) {
  Vector lanes = broadcast(largest);
  for (int64_t step = 0; step < steps; ++step) {
    Vector x = loadVector(values + step * Lanes);
    lanes = x > lanes ? x : lanes;
  }
  return maxLanes(lanes);
}

/// Replaces x by e^(x - largest) in `steps` vectors and adds them to `sums`.
LATHE_INLINE Vector exponentiate(float *values, int64_t steps, float largest, Vector sums) {
  // Results that are not normal numbers are slow to compute; beside a sum of at least 1 they are 0.
  constexpr float Least = -87.0f;
  for (int64_t i = 0; i < steps * Lanes; ++i) {
    float x = values[i] - largest, power = exponential(x < Least ? Least : x);
    values[i] = x < Least ? 0.0f : power;
  }
  for (int64_t step = 0; step < steps; ++step)
    sums += loadVector(values + step * Lanes);
  return sums;
}

/// result[i] = e^(x[i] - max(x)) / sum_j e^(x[j] - max(x)). Rows of up to `Whole` elements stay on the stack; of longer
/// ones exponentials are computed twice.
LATHE_TEMPLATE void lathe_softmax(const void *input, int64_t length, int64_t rowBytes, Unpack unpack, Store store,
                                  const Launch *launch, int64_t begin, int64_t end) {
  constexpr int64_t Whole = 4096;
  alignas(64) float values[Whole];
  for (int64_t tile = begin; tile < end; ++tile) {
    const char *row = static_cast<const char *>(input) + tile * rowBytes;
    // The last vector is filled with what becomes zero.
    auto read = [&](int64_t first, int64_t count) {
      int64_t steps = (count + Lanes - 1) / Lanes;
      if (count % Lanes)
        storeVector(values + (steps - 1) * Lanes, Vector{} - __builtin_inff());
      unpack(row, first, count, values);
      return steps;
    };
    float largest = -__builtin_inff();
    Vector sums = {};
    bool whole = length <= Whole;
    int64_t steps = 0;
    for (int64_t first = 0; first < length; first += Whole) {
      steps = read(first, smaller(Whole, length - first));
      largest = findLargest(values, steps, largest);
    }
    for (int64_t first = 0; first < length; first += Whole) {
      if (!whole)
        steps = read(first, smaller(Whole, length - first));
      sums = exponentiate(values, steps, largest, sums);
    }
    float scale = 1.0f / sumLanes(sums);
    for (int64_t first = 0; first < length; first += Whole) {
      int64_t count = smaller(Whole, length - first);
      if (!whole)
        exponentiate(values, read(first, count), largest, sums);
      for (int64_t i = 0; i < count; ++i)
        values[i] *= scale;
      store(launch, values, tile * length + first, count);
    }
  }
}

/// An index into a table; row 0 for one outside of it.
LATHE_INLINE int64_t readIndex(const void *indices, bool isWide, int64_t i, int64_t rows) {
  int64_t index = isWide ? static_cast<const int64_t *>(indices)[i] : static_cast<const int32_t *>(indices)[i];
  return index >= 0 && index < rows ? index : 0;
}

/// result[i, j] = table[indices[i], j]; an index outside of the table reads row 0. Where rows have no address of their
/// own, `unpack` counts `rowElements` for each.
LATHE_TEMPLATE void lathe_gather(const void *table, const void *indices, bool wideIndices, int64_t tableRows,
                                 int64_t length, int64_t rowBytes, int64_t rowElements, Unpack unpack, Store store,
                                 const Launch *launch, int64_t begin, int64_t end) {
  alignas(64) float values[Chunk];
  for (int64_t tile = begin; tile < end; ++tile) {
    int64_t index = readIndex(indices, wideIndices, tile, tableRows);
    const char *row = static_cast<const char *>(table) + index * rowBytes;
    for (int64_t first = 0; first < length; first += Chunk) {
      int64_t count = smaller(Chunk, length - first);
      unpack(row, first + index * rowElements, count, values);
      store(launch, values, tile * length + first, count);
    }
  }
}

/// The same with a table in panels of blocks. The blocks of a row are put together before they are unpacked.
template <const auto &Pieces, int64_t Weights, int64_t Bytes>
LATHE_INLINE void gatherPanels(const void *table, const void *indices, bool wideIndices, int64_t tableRows,
                               int64_t length, Unpack unpack, Store store, const Launch *launch, int64_t begin,
                               int64_t end) {
  constexpr int64_t Rows = lathe::gguf::BlockPanels::Rows, CellBytes = Rows * Bytes;
  alignas(64) float values[Chunk];
  uint8_t blocks[Chunk / Weights * Bytes];
  for (int64_t tile = begin; tile < end; ++tile) {
    int64_t index = readIndex(indices, wideIndices, tile, tableRows);
    const auto *cell = static_cast<const uint8_t *>(table) + index / Rows * (length / Weights) * CellBytes;
    for (int64_t first = 0; first < length; first += Chunk) {
      int64_t count = smaller(Chunk, length - first);
      for (uint8_t *block = blocks; block < blocks + count / Weights * Bytes; block += Bytes, cell += CellBytes)
        lathe::gguf::panels::walkBlock(Pieces, size_t(index % Rows), [&](size_t from, size_t to, auto bytes) {
          __builtin_memcpy(block + to, cell + from, bytes);
        });
      unpack(blocks, 0, count, values);
      store(launch, values, tile * length + first, count);
    }
  }
}

#define LATHE_GATHER_PANELS(format, Pieces, weights, bytes)                                                            \
  LATHE_TEMPLATE void lathe_gather_panels_##format(const void *table, const void *indices, bool wideIndices,           \
                                                   int64_t tableRows, int64_t length, Unpack unpack, Store store,      \
                                                   const Launch *launch, int64_t begin, int64_t end) {                 \
    gatherPanels<lathe::gguf::panels::Pieces, weights, bytes>(table, indices, wideIndices, tableRows, length, unpack,  \
                                                              store, launch, begin, end);                              \
  }
LATHE_GATHER_PANELS(q4_0, Q4_0, 32, 18)
LATHE_GATHER_PANELS(q8_0, Q8_0, 32, 34)
LATHE_GATHER_PANELS(q4_k, Q4K, 256, 144)
LATHE_GATHER_PANELS(q6_k, Q6K, 256, 210)
