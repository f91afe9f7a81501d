// Products of 8-bit integers: the loops of LoopInteger.td and of `lathe.integer_conv`. Differences of a code and its
// zero have 9 bits, so they are taken in 16, and products of neighbours along k are added in 32: what vector units
// multiply in one instruction.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_INTEGER_H
#define LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_INTEGER_H

#include "dialects/lathe/reference/loops/Tensor.h"

namespace lathe::loops {

/// Sizes of a tile, R rows and C columns of the result, and steps along k whose differences are kept while they meet.
constexpr int64_t IntegerRows = OneElementTiles ? 1 : 8, IntegerColumns = OneElementTiles ? 1 : 32;
constexpr int64_t IntegerSteps = OneElementTiles ? 32 : 512;

/// Rows of codes with their zeros taken off.
template <int64_t R> struct Differences {
  int16_t rows[R][IntegerSteps];

  /// Of `count` codes from `codes` on.
  template <typename Code> LATHE_LOOP_INLINE void take(int64_t row, const Code *codes, int64_t count, int64_t zero) {
    for (int64_t i = 0; i < count; ++i)
      rows[row][i] = int16_t(codes[i] - int16_t(zero));
  }
};

/// sums += the products of rows of both.
LATHE_LOOP_INLINE void addProducts(uint32_t (&sums)[IntegerRows][IntegerColumns], const Differences<IntegerRows> &left,
                                   int64_t rows, const Differences<IntegerColumns> &right, int64_t columns,
                                   int64_t count) {
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t r = 0; r < rows; ++r) {
      uint32_t sum = 0;
      for (int64_t i = 0; i < count; ++i)
        sum += uint32_t(int32_t(left.rows[r][i]) * int32_t(right.rows[c][i]));
      sums[r][c] += sum;
    }
}

LATHE_LOOP_INLINE int64_t takeAtMost(int64_t most, int64_t left) { return left < most ? left : most; }

/// Runs a loop for the types of its codes, inputs 0 and 2.
template <typename Loop> LATHE_LOOP_INLINE int32_t runCodes(const LoopCall &call) {
  bool left = call.inputs[0].type == Element::U8, right = call.inputs[2].type == Element::U8;
  if (left)
    return right ? Loop::template runTyped<uint8_t, uint8_t>(call) : Loop::template runTyped<uint8_t, int8_t>(call);
  return right ? Loop::template runTyped<int8_t, uint8_t>(call) : Loop::template runTyped<int8_t, int8_t>(call);
}

struct IntegerMatmul {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    const Tensor &output = outputs[0];
    return output.elements(0, output.rank - 2) * countTiles(output.shape[output.rank - 2], IntegerRows) *
           countTiles(output.shape[output.rank - 1], IntegerColumns);
  }

  /// Number of the operand's matrix that matrix `number` of the result is made from.
  LATHE_LOOP_INLINE static int64_t findMatrix(const Tensor &operand, const Tensor &output, int64_t number) {
    int64_t matrix = 0, step = 1;
    for (int64_t d = output.rank - 3, own = operand.rank - 3; own >= 0; --d, --own) {
      int64_t place = number % output.shape[d];
      number /= output.shape[d];
      if (operand.shape[own] != 1)
        matrix += place * step;
      step *= operand.shape[own];
    }
    return matrix;
  }

  /// Steps [first, first + count) of `rows` rows of a matrix.
  template <typename Code, int64_t R>
  LATHE_LOOP_INLINE static void take(Differences<R> &differences, const Tensor &codes, const Tensor &zeros,
                                     int64_t matrix, int64_t row, int64_t rows, int64_t first, int64_t count) {
    int64_t all = codes.shape[codes.rank - 2], k = codes.shape[codes.rank - 1];
    for (int64_t r = 0; r < rows; ++r) {
      int64_t number = matrix * all + row + r;
      int64_t zero = zeros.loadInt(zeros.rank == 0 ? 0 : zeros.rank == 1 ? row + r : number);
      differences.take(r, static_cast<const Code *>(codes.data) + number * k + first, count, zero);
    }
  }

  template <typename Left, typename Right> LATHE_LOOP_INLINE static int32_t runTyped(const LoopCall &call) {
    const Tensor &lhs = call.inputs[0], &rhs = call.inputs[2], &output = call.outputs[0];
    int64_t m = output.shape[output.rank - 2], n = output.shape[output.rank - 1], k = lhs.shape[lhs.rank - 1];
    int64_t rowTiles = countTiles(m, IntegerRows), columnTiles = countTiles(n, IntegerColumns);
    for (int64_t tile = call.begin; tile < call.end; ++tile) {
      int64_t matrix = tile / (rowTiles * columnTiles), row = tile % rowTiles * IntegerRows;
      int64_t column = tile / rowTiles % columnTiles * IntegerColumns;
      int64_t rows = takeAtMost(IntegerRows, m - row), columns = takeAtMost(IntegerColumns, n - column);
      int64_t lhsMatrix = findMatrix(lhs, output, matrix), rhsMatrix = findMatrix(rhs, output, matrix);
      uint32_t sums[IntegerRows][IntegerColumns] = {};
      for (int64_t first = 0; first < k; first += IntegerSteps) {
        int64_t count = takeAtMost(IntegerSteps, k - first);
        Differences<IntegerRows> left;
        Differences<IntegerColumns> right;
        take<Left>(left, lhs, call.inputs[1], lhsMatrix, row, rows, first, count);
        take<Right>(right, rhs, call.inputs[3], rhsMatrix, column, columns, first, count);
        addProducts(sums, left, rows, right, columns, count);
      }
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          output.at<uint32_t>((matrix * m + row + r) * n + column + c) = sums[r][c];
    }
    return runtime::HostDone;
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) { return runCodes<IntegerMatmul>(call); }
};

/// attributes: groups, strides, pads, dilations. A product of patches of the image, rows of a tile, with the filters of
/// a group; a patch is gathered once for all of the tile's filters.
struct IntegerConv {
  struct Sizes {
    int64_t images, groups, filters, places; ///< filters of a group, places of the result's image

    LATHE_LOOP_INLINE Sizes(const Tensor &output, const int64_t *attributes)
        : images(output.shape[0]), groups(attributes[0]), filters(output.shape[1] / attributes[0]),
          places(output.elements(2, output.rank)) {}
    LATHE_LOOP_INLINE int64_t placeTiles() const { return countTiles(places, IntegerRows); }
    LATHE_LOOP_INLINE int64_t filterTiles() const { return countTiles(filters, IntegerColumns); }
  };

  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *attributes) {
    Sizes sizes(outputs[0], attributes);
    return sizes.images * sizes.groups * sizes.placeTiles() * sizes.filterTiles();
  }

  /// Steps [first, first + count) of the patch that place number `place` of the result is made from; 0 outside.
  template <typename Code>
  LATHE_LOOP_INLINE static void gather(int16_t *patch, const LoopCall &call, const Code *channels, int64_t place,
                                       int64_t first, int64_t count) {
    const Tensor &input = call.inputs[0], &filter = call.inputs[2], &output = call.outputs[0];
    int64_t dims = input.rank - 2, zero = call.inputs[1].loadInt(0);
    const int64_t *strides = call.attributes + 1, *pads = strides + dims, *dilations = pads + dims;
    int64_t corner[MaxRank];
    for (int64_t d = dims - 1; d >= 0; place /= output.shape[d + 2], --d)
      corner[d] = place % output.shape[d + 2] * strides[d] - pads[d];
    forEach(filter.shape + 1, dims + 1, first, first + count, [&](int64_t step, const int64_t *tap) {
      int64_t offset = tap[0];
      bool inside = true;
      for (int64_t d = 0; d < dims; ++d) {
        int64_t coordinate = corner[d] + tap[d + 1] * dilations[d];
        inside &= coordinate >= 0 && coordinate < input.shape[d + 2];
        offset = offset * input.shape[d + 2] + coordinate;
      }
      patch[step - first] = inside ? int16_t(channels[offset] - zero) : int16_t(0);
    });
  }

  template <typename Image, typename Filter> LATHE_LOOP_INLINE static int32_t runTyped(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &filter = call.inputs[2], &zeros = call.inputs[3], &output = call.outputs[0];
    Sizes sizes(output, call.attributes);
    int64_t k = filter.elements(1, filter.rank), channels = filter.shape[1] * input.elements(2, input.rank);
    for (int64_t tile = call.begin; tile < call.end; ++tile) {
      int64_t rest = tile, first = rest % sizes.placeTiles() * IntegerRows;
      rest /= sizes.placeTiles();
      int64_t group = rest / sizes.filterTiles(); // of all images
      int64_t own = rest % sizes.filterTiles() * IntegerColumns;
      int64_t rows = takeAtMost(IntegerRows, sizes.places - first);
      int64_t columns = takeAtMost(IntegerColumns, sizes.filters - own);
      int64_t firstFilter = group % sizes.groups * sizes.filters + own;
      const Image *image = static_cast<const Image *>(input.data) + group * channels;
      uint32_t sums[IntegerRows][IntegerColumns] = {};
      for (int64_t step = 0; step < k; step += IntegerSteps) {
        int64_t count = takeAtMost(IntegerSteps, k - step);
        Differences<IntegerRows> left;
        Differences<IntegerColumns> right;
        for (int64_t r = 0; r < rows; ++r)
          gather(left.rows[r], call, image, first + r, step, count);
        for (int64_t c = 0; c < columns; ++c)
          right.take(c, static_cast<const Filter *>(filter.data) + (firstFilter + c) * k + step, count,
                     zeros.loadInt(zeros.rank == 0 ? 0 : firstFilter + c));
        addProducts(sums, left, rows, right, columns, count);
      }
      for (int64_t c = 0; c < columns; ++c)
        for (int64_t r = 0; r < rows; ++r)
          output.at<uint32_t>((group * sizes.filters + own + c) * sizes.places + first + r) = sums[r][c];
    }
    return runtime::HostDone;
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) { return runCodes<IntegerConv>(call); }
};

} // namespace lathe::loops

#endif // LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_INTEGER_H
