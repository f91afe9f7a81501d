#include "runtime/artifact/PackWeight.h"

#include "runtime/gguf/BlockPanels.h"
#include "runtime/gguf/BlockTiles.h"
#include "runtime/gguf/MatrixTiles.h"

#include <algorithm>
#include <cstring>

namespace lathe::runtime {

namespace {

struct Job {
  const Packing &packing;
  const unsigned char *source;
  unsigned char *target;
};

/// Copies `count` elements of `Bytes` bytes that lie `stride` elements apart.
template <size_t Bytes> void gather(const unsigned char *source, int64_t stride, unsigned char *target, int64_t count) {
  for (int64_t i = 0; i != count; ++i, source += stride * int64_t(Bytes), target += Bytes)
    std::memcpy(target, source, Bytes);
}

void copyRow(const unsigned char *source, int64_t stride, unsigned char *target, int64_t count, int64_t bytes) {
  if (stride == 1) {
    std::memcpy(target, source, size_t(count * bytes));
    return;
  }
  switch (bytes) {
  case 1:
    return gather<1>(source, stride, target, count);
  case 2:
    return gather<2>(source, stride, target, count);
  case 4:
    return gather<4>(source, stride, target, count);
  case 8:
    return gather<8>(source, stride, target, count);
  default:
    for (int64_t i = 0; i != count; ++i)
      std::memcpy(target + i * bytes, source + i * stride * bytes, size_t(bytes));
  }
}

/// Rows [begin, end): runs of the last dimension.
void packRows(void *argument, int64_t begin, int64_t end) {
  const auto &[packing, source, target] = *static_cast<Job *>(argument);
  size_t outer = packing.sizes.size() - 1;
  int64_t width = packing.sizes[outer], bytes = packing.elementBytes, offset = 0;
  std::vector<int64_t> index(outer);
  for (int64_t d = int64_t(outer) - 1, left = begin; d >= 0; left /= packing.sizes[size_t(d)], --d) {
    index[size_t(d)] = left % packing.sizes[size_t(d)];
    offset += index[size_t(d)] * packing.strides[size_t(d)];
  }
  for (int64_t row = begin; row != end; ++row) {
    int64_t count = width;
    if (packing.panels)
      count = std::clamp<int64_t>(packing.columns - index[*packing.panels] * width, 0, width);
    copyRow(source + offset * bytes, packing.strides[outer], target + row * width * bytes, count, bytes);
    for (size_t d = outer; d-- > 0;) {
      offset += packing.strides[d];
      if (++index[d] != packing.sizes[d])
        break;
      offset -= packing.strides[d] * packing.sizes[d];
      index[d] = 0;
    }
  }
}

/// Rows of panels or tiles [begin, end).
void packMatrix(void *argument, int64_t begin, int64_t end) {
  const auto &[packing, source, target] = *static_cast<Job *>(argument);
  const auto &[name, rows, columns, tiles] = *packing.matrix;
  const gguf::BlockFormat *format = gguf::findBlockFormat(name);
  if (auto dense = gguf::findMatrixTiles(name)) {
    int64_t rowOfTiles = dense->count(columns) * gguf::MatrixTiles::Bytes;
    gguf::packMatrixTiles(*dense, rows, columns, source, target + begin * rowOfTiles, begin, end);
  } else if (tiles) {
    const gguf::BlockTiles &layout = *gguf::findBlockTiles(*format);
    gguf::packTiles(layout, rows, columns, source, target + begin * layout.rowBytes(columns), begin, end);
  } else {
    int64_t panelBytes = columns / format->weights * format->bytes * gguf::BlockPanels::Rows;
    gguf::packPanels(*gguf::findBlockPanels(*format), rows, columns, source, target + begin * panelBytes, begin, end);
  }
}

} // namespace

void packWeight(const Packing &packing, const unsigned char *source, unsigned char *target, const ParallelLoop &loop) {
  Job job{packing, source, target};
  if (packing.matrix) {
    int64_t height = gguf::findMatrixTiles(packing.matrix->format) ? gguf::MatrixTiles::Rows : gguf::BlockPanels::Rows;
    loop((packing.matrix->rows + height - 1) / height, packMatrix, &job);
    return;
  }
  int64_t rows = 1;
  for (size_t d = 0; d + 1 < packing.sizes.size(); ++d)
    rows *= packing.sizes[d];
  loop(rows, packRows, &job);
}

} // namespace lathe::runtime
